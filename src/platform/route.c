// SPDX-License-Identifier: Apache-2.0
#include "platform/route.h"

#include <string.h>

#include "base/base64.h"

enum { PORT_HTTP = 80, PORT_MAX = 65535 };

/* "8443", and nothing behind it. */
static bool read_port(struct slice text, uint16_t *out_port) {
    unsigned port = 0;
    for (size_t i = 0; i < text.count; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9' || port > PORT_MAX) {
            return false;
        }
        port = port * 10 + (unsigned)(text.bytes[i] - '0');
    }
    *out_port = (uint16_t)port;
    return port > 0 && port <= PORT_MAX;
}

/* Of names and of addresses; what else stands there would be meant for something else. */
static bool is_host(struct slice host, bool bracketed) {
    for (size_t i = 0; i < host.count; i++) {
        const char c = host.bytes[i];
        const char low = (char)(c | 0x20);
        const bool common = (c >= '0' && c <= '9') || (low >= 'a' && low <= 'z') || c == '.';
        if (!common && (bracketed ? c != ':' : c != '-' && c != '_')) {
            return false;
        }
    }
    return host.count > 0 && host.count <= DIAL_HOST_BYTES_MAX;
}

/* "host:port", "[address]:port"; without a port `port_else`, if that is not 0. */
static bool read_place(struct slice text, uint16_t port_else, struct dial_place *out_place) {
    const bool bracketed = slice_starts(text, "[");
    const size_t end = bracketed ? slice_find(text, ']') : slice_find(text, ':');
    const struct slice host = slice_part(text, bracketed ? 1 : 0, end);
    const struct slice rest = slice_part(text, end + (bracketed ? 1 : 0), text.count);
    struct dial_place place = {.port = port_else};
    if (!is_host(host, bracketed) || (bracketed && end == text.count)) {
        return false;
    }
    if (rest.count > 0 &&
        (rest.bytes[0] != ':' || !read_port(slice_part(rest, 1, rest.count), &place.port))) {
        return false;
    }
    memcpy(place.host, host.bytes, host.count);
    *out_place = place;
    return place.port > 0;
}

/* Without the word that says what it is, and the stroke that may end it. */
static struct slice bare(const char *text, const char *scheme) {
    struct slice place = slice_of(text);
    if (slice_starts(place, scheme)) {
        place = slice_part(place, strlen(scheme), place.count);
    }
    return slice_ends(place, "/") ? slice_part(place, 0, place.count - 1) : place;
}

static int hex(char c) {
    const char low = (char)(c | 0x20);
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* %40 becomes @; false for a % that is none, and for a zero. */
static bool decode(struct slice text, struct buffer *out) {
    for (size_t i = 0; i < text.count; i++) {
        int byte = (unsigned char)text.bytes[i];
        if (byte == '%') {
            const int high = i + 2 < text.count ? hex(text.bytes[i + 1]) : -1;
            const int low = i + 2 < text.count ? hex(text.bytes[i + 2]) : -1;
            byte = high < 0 || low < 0 ? 0 : high * 16 + low;
            i += 2;
        }
        if (byte == 0) {
            return false;
        }
        buffer_add_byte(out, (uint8_t)byte);
    }
    return out->failed == STATUS_OK;
}

/* Leaves no copy of the password behind. */
static void wipe(struct buffer *buffer) {
    if (buffer->bytes != NULL) {
        explicit_bzero(buffer->bytes, buffer->room);
    }
    buffer_done(buffer);
}

static status read_login(struct slice login, struct route *route, struct error *err) {
    CLEANUP(wipe) struct buffer plain;
    CLEANUP(wipe) struct buffer word;
    buffer_init(&plain, ROUTE_LOGIN_BYTES_MAX);
    buffer_init(&word, sizeof route->login - 1);
    /* Reserved at once: what grows leaves copies. */
    (void)buffer_reserve(&plain, ROUTE_LOGIN_BYTES_MAX);
    (void)buffer_reserve(&word, sizeof route->login - 1);
    if (!decode(login, &plain)) {
        return fail(err, STATUS_INVALID,
                    "the proxy's user and password are not percent-encoded, or have more than "
                    "%d bytes",
                    ROUTE_LOGIN_BYTES_MAX);
    }
    if (slice_find(buffer_slice(&plain), ':') == plain.count) {
        buffer_add_byte(&plain, ':');
    }
    base64_write(&word, buffer_slice(&plain));
    TRY(buffer_status(&word, err));
    memcpy(route->login, word.bytes, word.count);
    route->login[word.count] = '\0';
    return STATUS_OK;
}

static status read_proxy(const char *proxy, struct route *route, struct error *err) {
    struct slice place = bare(proxy, "http://");
    for (size_t i = place.count; i > 0; i--) {
        if (place.bytes[i - 1] == '@') {
            TRY(read_login(slice_part(place, 0, i - 1), route, err));
            place = slice_part(place, i, place.count);
            break;
        }
    }
    if (!read_place(place, PORT_HTTP, &route->proxy)) {
        return fail(err, STATUS_INVALID, "the proxy '%.*s' is not http://host:port",
                    SLICE_ARGS(slice_part(place, 0, DIAL_HOST_BYTES_MAX)));
    }
    route->has_proxy = true;
    return STATUS_OK;
}

status route_check_proxy(const char *proxy, struct error *err) {
    CLEANUP(route_done) struct route route = {0};
    return read_proxy(proxy, &route, err);
}

status route_read(const char *const *hubs, const char *proxy, struct route *out_route,
                  struct error *err) {
    CLEANUP(route_done) struct route route = {0};
    for (; hubs != NULL && hubs[route.hub_count] != NULL; route.hub_count++) {
        const char *hub = hubs[route.hub_count];
        if (route.hub_count == DIAL_PLACES_MAX) {
            return fail(err, STATUS_INVALID, "there are more than %d hubs", DIAL_PLACES_MAX);
        }
        if (!read_place(bare(hub, "https://"), 0, &route.hubs[route.hub_count])) {
            return fail(err, STATUS_INVALID, "the hub '%.200s' is not https://host:port", hub);
        }
    }
    if (route.hub_count == 0) {
        return fail(err, STATUS_INVALID, "no hub is named");
    }
    if (proxy != NULL) {
        TRY(read_proxy(proxy, &route, err));
    }
    *out_route = route;
    return STATUS_OK;
}

void route_done(struct route *route) {
    explicit_bzero(route, sizeof *route);
}

void route_write_place(const struct dial_place *place, struct buffer *out) {
    const bool bracketed = strchr(place->host, ':') != NULL;
    buffer_print(out, "%s%s%s:%u", bracketed ? "[" : "", place->host, bracketed ? "]" : "",
                 place->port);
}

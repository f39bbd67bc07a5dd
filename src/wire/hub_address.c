// SPDX-License-Identifier: Apache-2.0
#include "wire/hub_address.h"

#include <stdio.h>
#include <string.h>

enum { SHOWN_MAX = 80, PORT_MAX = 65535 };

static const char SCHEME[] = "https://";

static status refuse(struct slice text, const char *why, struct error *err) {
    return fail(err, STATUS_INVALID,
                "'%.*s' is no address of a hub (HOST, HOST:PORT or [IPv6]:PORT): %s",
                SLICE_ARGS(slice_part(text, 0, SHOWN_MAX)), why);
}

static bool read_port(struct slice text, uint16_t *out_port) {
    uint32_t port = 0;
    for (size_t i = 0; i < text.count; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9' || port > PORT_MAX) {
            return false;
        }
        port = port * 10 + (uint32_t)(text.bytes[i] - '0');
    }
    *out_port = (uint16_t)port;
    return text.count > 0 && port > 0 && port <= PORT_MAX;
}

static bool is_host(struct slice host, bool in_brackets) {
    for (size_t i = 0; i < host.count; i++) {
        const char c = host.bytes[i];
        const bool is_word =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
        if (!is_word && !(in_brackets ? c == ':' || c == '%' : c == '-' || c == '_')) {
            return false;
        }
    }
    return host.count > 0 && (!in_brackets || slice_find(host, ':') < host.count);
}

/* What stands before the port, and the port, empty where none is said. */
static bool take_apart(struct slice text, struct slice *out_host, struct slice *out_port,
                       bool *out_brackets) {
    *out_brackets = slice_starts(text, "[");
    if (!*out_brackets) {
        const size_t colon = slice_find(text, ':');
        *out_host = slice_part(text, 0, colon);
        *out_port = slice_part(text, colon + 1, text.count);
        return colon == text.count || out_port->count > 0;
    }
    const size_t end = slice_find(text, ']');
    *out_host = slice_part(text, 1, end);
    const struct slice behind = slice_part(text, end + 1, text.count);
    *out_port = slice_part(behind, 1, behind.count);
    return end < text.count &&
           (behind.count == 0 || (behind.bytes[0] == ':' && out_port->count > 0));
}

status hub_address_read(struct slice text, struct hub_address *out_address, struct error *err) {
    struct slice rest = slice_trim(text);
    struct slice host, port;
    bool in_brackets = false;
    struct hub_address address = {.port = HUB_PORT};
    if (slice_starts(rest, SCHEME)) {
        rest = slice_part(rest, sizeof(SCHEME) - 1, rest.count);
        rest.count -= slice_ends(rest, "/") ? 1 : 0;
    }
    if (!take_apart(rest, &host, &port, &in_brackets)) {
        return refuse(text, "what follows the host is no port", err);
    }
    if (port.count > 0 && !read_port(port, &address.port)) {
        return refuse(text, "a port is a number from 1 to 65535", err);
    }
    if (host.count > HUB_HOST_BYTES_MAX || !is_host(host, in_brackets)) {
        return refuse(text, "there is no such host", err);
    }
    (void)memcpy(address.host, host.bytes, host.count);
    *out_address = address;
    return STATUS_OK;
}

void hub_address_write(const struct hub_address *address, char out_text[HUB_ADDRESS_BYTES_MAX]) {
    const bool in_brackets = strchr(address->host, ':') != NULL;
    (void)snprintf(out_text, HUB_ADDRESS_BYTES_MAX, in_brackets ? "[%s]:%u" : "%s:%u",
                   address->host, (unsigned)address->port);
}

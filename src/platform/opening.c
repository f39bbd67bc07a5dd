// SPDX-License-Identifier: Apache-2.0
#include "platform/opening.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

static_assert((int)LINK_HUBS_MAX == (int)DIAL_PLACES_MAX, "each hub is a place that is dialled");

enum {
    ADDRESSES_IN_TIME = 6, /* so many silent addresses fit into the time for all */
    SECRET_BYTES_MAX = 64 << 10
};

static void wipe(struct buffer *buffer) {
    if (buffer->bytes != NULL) {
        explicit_bzero(buffer->bytes, buffer->room);
    }
    buffer_done(buffer);
}

void opening_close(struct opening *opening) {
    if (opening != NULL) {
        dial_close(opening->dial);
        route_done(&opening->route);
        wipe(&opening->pin);
        wipe(&opening->certificate);
        wipe(&opening->key);
        memory_free(opening);
    }
}

static status keep(struct buffer *buffer, struct slice bytes, struct error *err) {
    buffer_init(buffer, SECRET_BYTES_MAX);
    buffer_add(buffer, bytes);
    return buffer_status(buffer, err);
}

status opening_make_tls(const struct opening *opening, struct tls **out_tls, struct error *err) {
    const struct tls_options options = {.pin = buffer_slice(&opening->pin),
                                        .certificate = buffer_slice(&opening->certificate),
                                        .key = buffer_slice(&opening->key),
                                        .clock_floor_ms = opening->clock_floor_ms,
                                        .name = opening->route.hubs[opening->place].host};
    return tls_create(&options, out_tls, err);
}

static status keep_options(struct opening *opening, const struct link_options *options,
                           struct error *err) {
    struct tls *tls = NULL;
    opening->clock_floor_ms = options->clock_floor_ms;
    opening->connect_ms = options->connect_ms > 0 ? options->connect_ms : LINK_CONNECT_MS;
    TRY(route_read(options->hubs, options->proxy, &opening->route, err));
    TRY(keep(&opening->pin, options->pin, err));
    TRY(keep(&opening->certificate, options->certificate, err));
    TRY(keep(&opening->key, options->key, err));
    TRY(opening_make_tls(opening, &tls, err)); /* what is wrong with them is said at once */
    tls_destroy(tls);
    return STATUS_OK;
}

/* By a proxy, it is dialled once for each hub. */
static status dial_hubs(struct loop *loop, struct opening *opening,
                        const struct dial_events *events, void *owner, struct error *err) {
    const struct route *route = &opening->route;
    struct dial_place places[DIAL_PLACES_MAX];
    for (int i = 0; i < route->hub_count; i++) {
        places[i] = route->has_proxy ? route->proxy : route->hubs[i];
    }
    const struct dial_options options = {.places = places,
                                         .place_count = route->hub_count,
                                         .address_ms = opening->connect_ms / ADDRESSES_IN_TIME,
                                         .silence_ms = LINK_SILENCE_MS,
                                         .unsent_bytes_max = LINK_KERNEL_BYTES};
    return dial_open(loop, &options, events, owner, &opening->dial, err);
}

status opening_open(struct loop *loop, const struct link_options *options,
                    const struct dial_events *events, void *owner, struct opening **out_opening,
                    struct error *err) {
    struct opening *opening = memory_new(1, sizeof *opening);
    if (opening == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory to connect");
    }
    status code = keep_options(opening, options, err);
    if (code == STATUS_OK) {
        code = dial_hubs(loop, opening, events, owner, err);
    }
    if (code != STATUS_OK) {
        opening_close(opening);
        return code;
    }
    *out_opening = opening;
    return STATUS_OK;
}

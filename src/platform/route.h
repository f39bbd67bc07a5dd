/*
 * route: where the hub is and by which proxy it is reached, read from what a person wrote.
 *
 * A hub is "https://host:port" or "host:port", a proxy "http://user:password@host:port", of which
 * the part before @ is optional and percent-encoded. An IPv6 address stands in brackets. Nothing is
 * looked up and nobody is asked here: platform/dial does that.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "platform/dial.h"

enum {
    ROUTE_LOGIN_BYTES_MAX = 256,
    ROUTE_WORD_BYTES_MAX = ROUTE_LOGIN_BYTES_MAX / 3 * 4 + 8 /* the same in base64 */
};

struct route {
    struct dial_place hubs[DIAL_PLACES_MAX];
    int hub_count;
    bool has_proxy;
    struct dial_place proxy;
    char login[ROUTE_WORD_BYTES_MAX]; /* "user:password" in base64; or "": the proxy wants none */
};

/* `hubs` is ended by NULL, `proxy` may be NULL. INVALID names what is wrong; a password never. */
status route_read(const char *const *hubs, const char *proxy, struct route *out_route,
                  struct error *err);

/* Whether that is a proxy. INVALID says what is wrong with it, and never a password. */
status route_check_proxy(const char *proxy, struct error *err);

/* Overwrites the password. */
void route_done(struct route *route);

/* "host:port", as a request names it. */
void route_write_place(const struct dial_place *place, struct buffer *out);

/*
 * webhook: what a file says of a URL to which results are posted: the URL, what signs a body, more
 * headers. Of a device's destinations and of a hub's.
 *
 * Who reads it is wire/webhook_keys, who sends src/carriers. A signature's key and headers that
 * are secret stand here by the names of their secrets alone.
 *
 * Plain data in an arena of the caller's; any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum { WEBHOOK_HEADERS_MAX = 32 };

struct webhook_header {
    struct slice name, value;
    bool is_secret; /* the value is a secret's name: secret_read when it is sent */
};

/* All texts are ended by a zero. */
struct webhook {
    struct slice url;  /* http:// or https:// */
    struct slice sign; /* name of the secret that keys the HMAC-SHA256 of the body; empty: it goes
                          unsigned */
    const struct webhook_header *headers;
    uint32_t header_count;
};

/*
 * dial: TCP to the first of several places that takes it.
 *
 * Each place may have several addresses. They are tried one after another; one that is silent gets
 * `address_ms` as long as others are left, and so does a name server, so that a dead first address
 * does not use up the caller's patience. How long all of it may take is for the caller.
 *
 * Connections do not linger on a link that is gone: small pieces go out at once, what is sent must
 * be acknowledged within `silence_ms`, idle ones are probed, and the kernel holds little that it
 * has not sent.
 *
 * Thread: loop; nothing is told inside a call of ours.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "platform/loop.h"

enum {
    DIAL_PLACES_MAX = 8,
    DIAL_HOST_BYTES_MAX = 255,
    DIAL_ADDRESS_TEXT_BYTES = 64,
    DIAL_PROBE_AFTER_S = 120 /* of silence */
};

struct dial;

struct dial_place {
    char host[DIAL_HOST_BYTES_MAX + 1]; /* a name or an address, without brackets */
    uint16_t port;
};

struct dial_options {
    const struct dial_place *places; /* copied */
    int place_count;
    int64_t address_ms; /* for one that is silent, when others are left */
    int silence_ms;
    int unsent_bytes_max; /* in the kernel, about */
};

struct dial_events {
    /* One of them took it; the descriptor is the caller's from here on. `place` is its index. */
    void (*connected)(void *owner, int descriptor, int place);

    /* None is left; the error is that of the last. */
    void (*failed)(void *owner, const struct error *error);
};

status dial_open(struct loop *loop, const struct dial_options *options,
                 const struct dial_events *events, void *owner, struct dial **out_dial,
                 struct error *err);

/* Who answered was not who was sought, for that reason: on to the next. Told as from dial_open. */
void dial_next(struct dial *dial, const struct error *error);

/* What is tried, or was taken: "203.0.113.7:8443", "[2001:db8::1]:8443", a name while that is
 * looked up; or "". */
const char *dial_address(const struct dial *dial);

void dial_close(struct dial *dial); /* NULL is fine, also in what is told */

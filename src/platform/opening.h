/*
 * opening: what a link needs until its connection stands: the way to the hub, and what proves who
 * is who.
 *
 * Secrets lie here, in memory alone, and are overwritten when it is closed: a link that stands for
 * hours has none of them but what GnuTLS keeps for itself.
 *
 * Thread: loop; what is told is told by its dial.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "platform/dial.h"
#include "platform/link.h"
#include "platform/route.h"
#include "platform/tls.h"

struct opening {
    struct route route;
    struct dial *dial; /* owned */
    int place;         /* the hub that is tried: an index of route.hubs */
    struct buffer pin, certificate, key;
    int64_t clock_floor_ms;
    int64_t connect_ms;
    struct error alarm; /* the first sign that who answers is not our hub */
};

/* Copies the options and begins to dial. INVALID names what is wrong with them. */
status opening_open(struct loop *loop, const struct link_options *options,
                    const struct dial_events *events, void *owner, struct opening **out_opening,
                    struct error *err);

/* The client's end of TLS with the hub that is tried. */
status opening_make_tls(const struct opening *opening, struct tls **out_tls, struct error *err);

void opening_close(struct opening *opening); /* NULL is fine, also in what its dial tells */

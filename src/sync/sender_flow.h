/*
 * sender_flow: how many bytes the next body may have, and when it may begin.
 *
 * A body is about a second of what the link carried last; it begins small and at most doubles from
 * one to the next. What the hub grants bounds it; beyond that one frame goes unasked. A hub that
 * said how large a body or a frame may be is believed, one that did not gets half of what it
 * refused. While the hub's disk is full only lanes 0 and 1 are tried.
 *
 * Plain data, pure: time is handed in.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sync/messages.h"

enum {
    FLOW_BODY_BYTES_FIRST = 16 << 10,
    FLOW_BODY_BYTES_LEAST = 4 << 10,
    FLOW_BODY_BYTES_MOST = 1 << 20,
    FLOW_FULL_MS = 60 * 1000,       /* a hub that is full and does not say for how long */
    FLOW_FULL_URGENT_MS = 10 * 1000 /* lanes 0 and 1 are tried again after at most so long */
};

struct sender_flow {
    int64_t bytes_per_s;           /* goodput; 0: not known */
    int64_t body_bytes;            /* of about a second */
    int64_t round_trip_ms;         /* the least of this connection; 0: not known */
    int64_t frame_bytes;           /* that a hub takes at once; 0: it has refused none */
    int64_t grant_bytes, grant_ms; /* how many, and from when on */
    int64_t full_until_ms;
};

void sender_flow_init(struct sender_flow *flow);

/* A new connection: nothing is granted yet. */
void sender_flow_begin(struct sender_flow *flow);
void sender_flow_grant(struct sender_flow *flow, struct grant grant, int64_t now_ms);

/* An answer came so long after what it answers. */
void sender_flow_round_trip(struct sender_flow *flow, int64_t ms);

/* A body went out and was answered. `whole`: it was as large as it was allowed to be. */
void sender_flow_measure(struct sender_flow *flow, int64_t bytes, int64_t elapsed_ms, bool whole);

/* So many bytes were too many for the hub, which takes at most `bytes_max` (0: it did not say). */
void sender_flow_refuse(struct sender_flow *flow, int64_t bytes, int64_t bytes_max);

/* The hub's disk is full. */
void sender_flow_full(struct sender_flow *flow, int64_t retry_after_ms, int64_t now_ms);

/* A body may have so many bytes; the first frame goes even when that is fewer than it has. */
int64_t sender_flow_allowance(const struct sender_flow *flow, int64_t now_ms);

/* Before this nothing but lanes 0 and 1 may be sent. */
int64_t sender_flow_begin_ms(const struct sender_flow *flow);

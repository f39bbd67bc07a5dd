/*
 * sender_retry: when a sender without a connection tries again.
 *
 * The first attempt is made at once. After a loss the wait is drawn between SENDER_RETRY_MS_LEAST
 * and three times the last wait, and at most SENDER_RETRY_MS_MOST (decorrelated jitter): many
 * devices that lost the same hub spread out by themselves. The hub may say over how long the first
 * of these waits is to be spread, and a time that it names (Retry-After) is taken as it stands.
 * Waits begin anew after a connection that was of use.
 *
 * Plain data, pure: time is handed in, chance is seeded.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct sender_retry {
    uint64_t chance;
    int64_t wait_ms;    /* the last one that was drawn; 0: none since a connection was of use */
    int64_t spread_ms;  /* as the hub said last */
    int64_t attempt_ms; /* not before this */
    uint64_t losses;
};

void sender_retry_init(struct sender_retry *retry, uint64_t seed);

/* Even in least .. most. */
int64_t sender_retry_draw(struct sender_retry *retry, int64_t least, int64_t most);

/* What the hub said of the first wait; beyond an hour is cut. */
void sender_retry_spread(struct sender_retry *retry, int64_t spread_ms);

/* The connection was of use: the next loss is a first one. */
void sender_retry_useful(struct sender_retry *retry);

/* `retry_after_ms` <= 0: the hub did not say. */
void sender_retry_lost(struct sender_retry *retry, int64_t retry_after_ms, int64_t now_ms);

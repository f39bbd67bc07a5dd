// SPDX-License-Identifier: Apache-2.0
#include "sync/sender_retry.h"

#include "sync/sender.h"

static const int64_t SPREAD_MS_MOST = 60 * 60 * 1000;
static const int64_t RETRY_AFTER_MS_MOST = 24 * 60 * 60 * 1000;

void sender_retry_init(struct sender_retry *retry, uint64_t seed) {
    *retry = (struct sender_retry){.chance = seed};
}

/* splitmix64 */
static uint64_t next_chance(struct sender_retry *retry) {
    retry->chance += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = retry->chance;
    mixed = (mixed ^ mixed >> 30U) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27U) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31U;
}

int64_t sender_retry_draw(struct sender_retry *retry, int64_t least, int64_t most) {
    const uint64_t width = most > least ? (uint64_t)(most - least) + 1 : 1;
    return least + (int64_t)(next_chance(retry) % width);
}

void sender_retry_spread(struct sender_retry *retry, int64_t spread_ms) {
    const int64_t spread = spread_ms < SPREAD_MS_MOST ? spread_ms : SPREAD_MS_MOST;
    retry->spread_ms = spread > 0 ? spread : 0;
}

void sender_retry_useful(struct sender_retry *retry) {
    retry->wait_ms = 0;
}

void sender_retry_lost(struct sender_retry *retry, int64_t retry_after_ms, int64_t now_ms) {
    retry->losses++;
    const int64_t last = retry->wait_ms > 0 ? retry->wait_ms : SENDER_RETRY_MS_LEAST;
    const int64_t drawn = sender_retry_draw(retry, SENDER_RETRY_MS_LEAST, 3 * last);
    const bool first = retry->wait_ms == 0;
    retry->wait_ms = drawn < SENDER_RETRY_MS_MOST ? drawn : SENDER_RETRY_MS_MOST;
    int64_t wait = retry->wait_ms;
    if (retry_after_ms > 0) {
        wait = retry_after_ms < RETRY_AFTER_MS_MOST ? retry_after_ms : RETRY_AFTER_MS_MOST;
    } else if (first && retry->spread_ms > 0) {
        wait = sender_retry_draw(retry, 0, retry->spread_ms);
    }
    retry->attempt_ms = now_ms + wait;
}

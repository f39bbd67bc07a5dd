// SPDX-License-Identifier: Apache-2.0
#include "sync/sender_flow.h"

static const int64_t WAIT_MS_MOST = 24 * 60 * 60 * 1000;

static int64_t clamp(int64_t number, int64_t least, int64_t most) {
    const int64_t low = number < most ? number : most;
    return low > least ? low : least;
}

void sender_flow_init(struct sender_flow *flow) {
    *flow = (struct sender_flow){.body_bytes = FLOW_BODY_BYTES_FIRST};
}

void sender_flow_begin(struct sender_flow *flow) {
    flow->grant_bytes = 0;
    flow->grant_ms = 0;
    flow->round_trip_ms = 0;
}

void sender_flow_grant(struct sender_flow *flow, struct grant grant, int64_t now_ms) {
    flow->grant_bytes = grant.bytes > 0 ? grant.bytes : 0;
    flow->grant_ms = now_ms + clamp(grant.after_ms, 0, WAIT_MS_MOST);
}

void sender_flow_round_trip(struct sender_flow *flow, int64_t ms) {
    const int64_t least = ms > 0 ? ms : 1;
    if (flow->round_trip_ms == 0 || least < flow->round_trip_ms) {
        flow->round_trip_ms = least;
    }
}

/* What a link carries is counted without the way there and back, on which a small body spends
 * most of its time; a round trip that was measured too long cannot make a link look faster than
 * fourfold. */
void sender_flow_measure(struct sender_flow *flow, int64_t bytes, int64_t elapsed_ms, bool whole) {
    whole = whole && bytes >= flow->body_bytes / 2; /* else the hub's grant was the bound */
    if (!whole && bytes < FLOW_BODY_BYTES_FIRST) {
        return;
    }
    const int64_t elapsed = clamp(elapsed_ms - flow->round_trip_ms, elapsed_ms / 4 + 1, INT64_MAX);
    const int64_t now = bytes * 1000 / elapsed;
    flow->bytes_per_s = flow->bytes_per_s == 0 ? now : (flow->bytes_per_s * 3 + now) / 4;
    const int64_t twice = whole ? flow->body_bytes * 2 : flow->body_bytes;
    flow->body_bytes =
        clamp(now < twice ? now : twice, FLOW_BODY_BYTES_LEAST, FLOW_BODY_BYTES_MOST);
}

void sender_flow_refuse(struct sender_flow *flow, int64_t bytes, int64_t bytes_max) {
    const int64_t half = bytes / 2;
    flow->frame_bytes = clamp(bytes_max > 0 && bytes_max < bytes ? bytes_max : half, 1, INT64_MAX);
}

void sender_flow_full(struct sender_flow *flow, int64_t retry_after_ms, int64_t now_ms) {
    flow->full_until_ms =
        now_ms + (retry_after_ms > 0 ? clamp(retry_after_ms, 0, WAIT_MS_MOST) : FLOW_FULL_MS);
}

int64_t sender_flow_allowance(const struct sender_flow *flow, int64_t now_ms) {
    int64_t bytes = flow->body_bytes;
    bytes = flow->frame_bytes > 0 && flow->frame_bytes < bytes ? flow->frame_bytes : bytes;
    const int64_t granted = now_ms >= flow->grant_ms ? flow->grant_bytes : 0;
    return granted < bytes ? granted : bytes;
}

int64_t sender_flow_begin_ms(const struct sender_flow *flow) {
    return flow->grant_ms > flow->full_until_ms ? flow->grant_ms : flow->full_until_ms;
}

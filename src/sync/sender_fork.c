// SPDX-License-Identifier: Apache-2.0
#include "sync/sender_fork.h"

#include <assert.h>

/* Nothing stands at or below it. */
static uint64_t floor_of(const struct hello_lane *lane) {
    return lane->lowest_kept > 0 ? lane->lowest_kept - 1 : lane->highest_durable;
}

void sender_fork_begin(struct sender_fork *fork, const struct hello_stream *stream,
                       const uint64_t tops[SYNC_LANES], const uint64_t highest[SYNC_LANES]) {
    *fork = (struct sender_fork){.stream = stream->id};
    for (int i = 0; i < SYNC_LANES; i++) {
        const struct hello_lane *ours = &stream->lanes[i];
        const uint64_t both = tops[i] < ours->highest_durable ? tops[i] : ours->highest_durable;
        struct fork_lane *lane = &fork->lanes[i];
        lane->low = floor_of(ours);
        lane->high = (both > lane->low ? both : lane->low) + 1;
        lane->differs = highest[i] > ours->highest_durable;
    }
}

/* --- a round --------------------------------------------------------------------------------- */

static bool is_open(const struct fork_lane *lane) {
    return lane->high - lane->low > 1;
}

static void ask(struct sender_fork *fork, int lane, uint64_t seq) {
    assert(fork->position_count < MESSAGE_POSITIONS_MAX);
    fork->positions[fork->position_count++] =
        (struct position){.lane = (enum lane)lane, .seq = seq};
}

/* At most `share` positions, evenly over what is open, its last one among them. */
static void ask_lane(struct sender_fork *fork, int index, uint64_t share, uint64_t acked) {
    const struct fork_lane *lane = &fork->lanes[index];
    const uint64_t width = lane->high - lane->low - 1;
    if (width > share && fork->rounds == 0 && acked > lane->low && acked < lane->high) {
        ask(fork, index, acked); /* there they agreed once, wherever else is a gap */
        share--;
    }
    const uint64_t count = width < share ? width : share;
    for (uint64_t i = 1; i <= count; i++) {
        ask(fork, index, lane->low + width / count * i + width % count * i / count);
    }
}

bool sender_fork_round(struct sender_fork *fork, const struct hello_stream *stream) {
    int open = 0;
    for (int i = 0; i < SYNC_LANES; i++) {
        open += is_open(&fork->lanes[i]) ? 1 : 0;
    }
    fork->position_count = 0;
    for (int i = 0; i < SYNC_LANES; i++) {
        if (is_open(&fork->lanes[i])) {
            ask_lane(fork, i, (uint64_t)(MESSAGE_POSITIONS_MAX / open), stream->lanes[i].acked_seq);
        }
    }
    fork->rounds++;
    return open > 0;
}

/* --- what was answered ----------------------------------------------------------------------- */

/* Zero: not known. */
static struct id chain_at(const struct position *positions, int count,
                          const struct position *wanted) {
    for (int i = 0; i < count; i++) {
        if (positions[i].lane == wanted->lane && positions[i].seq == wanted->seq) {
            return positions[i].chain;
        }
    }
    return (struct id){0};
}

void sender_fork_ours(struct sender_fork *fork, const struct position *positions, int count) {
    for (int i = 0; i < fork->position_count; i++) {
        fork->positions[i].chain = chain_at(positions, count, &fork->positions[i]);
    }
}

static bool is_common(const struct position *ours, struct id theirs) {
    return !id_is_zero(ours->chain) && id_equal(ours->chain, theirs);
}

void sender_fork_theirs(struct sender_fork *fork, const struct position *positions, int count) {
    for (int i = 0; i < fork->position_count; i++) {
        const struct position *ours = &fork->positions[i];
        struct fork_lane *lane = &fork->lanes[ours->lane];
        if (ours->seq > lane->low && is_common(ours, chain_at(positions, count, ours))) {
            lane->low = ours->seq;
            lane->chain = ours->chain;
        }
    }
    for (int i = 0; i < fork->position_count; i++) {
        const struct position *ours = &fork->positions[i];
        struct fork_lane *lane = &fork->lanes[ours->lane];
        const struct id theirs = chain_at(positions, count, ours);
        const bool known = !id_is_zero(ours->chain) && !id_is_zero(theirs);
        lane->differs = lane->differs || (known && !id_equal(ours->chain, theirs));
        if (ours->seq > lane->low && ours->seq < lane->high) {
            lane->high = ours->seq;
        }
    }
    for (int i = 0; i < SYNC_LANES; i++) { /* its last position is common: so is all */
        struct fork_lane *lane = &fork->lanes[i];
        lane->high = lane->high > lane->low ? lane->high : lane->low + 1;
    }
    fork->position_count = 0;
}

bool sender_fork_is_real(const struct sender_fork *fork) {
    bool real = false;
    for (int i = 0; i < SYNC_LANES; i++) {
        real = real || fork->lanes[i].differs;
    }
    return real;
}

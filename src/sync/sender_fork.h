/*
 * sender_fork: finds up to where a stream and the hub's copy of it are the same.
 *
 * Two histories that are equal at a seq are equal before it, since each chain value covers all
 * before. So the last common seq of each lane lies between one that is known to be common and one
 * that is known not to be, and up to 64 positions a round, over all lanes together, narrow that
 * down: four rounds for ten million records. Where either side does not know its chain value (in a
 * gap, after a purge) the position counts as not common: a few records more are sent than the hub
 * lacks, never fewer.
 *
 *     begin, then as long as there is a round: ask the store for its positions, ask the hub, learn
 *
 * Plain data, pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "sync/messages.h"

/* Common up to `low`; at `high` no more. */
struct fork_lane {
    uint64_t low, high;
    struct id
        chain;    /* of both at `low`; zero: it is the store's lower end, which nobody compared */
    bool differs; /* both know a position, and their chain values there are not the same */
};

struct sender_fork {
    struct id stream;
    struct fork_lane lanes[SYNC_LANES];
    struct position positions[MESSAGE_POSITIONS_MAX]; /* of this round, with the store's values */
    int position_count;
    int rounds;
};

/* `tops`: up to where the hub holds all of each lane; `highest`: and what it holds beyond. */
void sender_fork_begin(struct sender_fork *fork, const struct hello_stream *stream,
                       const uint64_t tops[SYNC_LANES], const uint64_t highest[SYNC_LANES]);

/* The positions of the next round; false: all is known. */
bool sender_fork_round(struct sender_fork *fork, const struct hello_stream *stream);

/* The store's chain values, then the hub's, which ends the round. What was not answered is not
 * known. */
void sender_fork_ours(struct sender_fork *fork, const struct position *positions, int count);
void sender_fork_theirs(struct sender_fork *fork, const struct position *positions, int count);

/* Whether any lane has really gone another way. */
bool sender_fork_is_real(const struct sender_fork *fork);

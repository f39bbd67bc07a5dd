/*
 * sender_standing: what a sender knows of its streams: how each lane stands in the store, what the
 * hub holds of it, and so what is to be sent next.
 *
 * The store's side comes with each look at it (SENDER_PEEK), the hub's with hello and every answer.
 * An acknowledgement is due where the hub holds more than the store has noted; it goes out only
 * when the store's chain value at that seq is known and is the hub's.
 *
 * Not here: when anything is sent. Thread: that of the owner. Foreign numbers: what the hub says it
 * holds is believed only up to what the store has.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "sync/ranges.h"
#include "sync/sender.h"

/* A lane. The store's side is in the stream's hello. */
struct standing_lane {
    uint64_t top;    /* the hub holds all up to here */
    struct id chain; /* the hub's there */
    uint64_t anchored;
    bool unsure;      /* whether the store's chain value at `top` is the hub's is not known yet */
    bool acknowledge; /* it is, and the store is to hear it */
    uint64_t highest; /* the highest that the hub holds */
    int forks;        /* answers in a row that it does not match the hub's */
    int futile;       /* bodies in a row that the hub held nothing more after */
    int64_t begin_ms; /* not sent before this */
};

struct standing {
    struct standing_lane lanes[SYNC_LANES];
    struct ranges telemetry; /* that the hub holds of lane 5 */
    enum verdict verdict;
    bool greeted; /* the hub has said what it holds */
    bool closed;  /* it has forked, and what the hub lacked was moved: nothing more is sent in it */
    bool accused; /* the hub, or a chain value, says that it has forked */
    bool alarmed; /* people were told of its quarantine */
};

struct sender_standings {
    struct hello_stream *streams; /* owned; the oldest first */
    struct standing *standings;   /* owned; one for each */
    int64_t (*bytes)[SYNC_LANES]; /* owned; that stand behind what is acknowledged */
    int count;
    uint64_t noted[SYNC_LANES]; /* durable in the stream that is written to, since the last look */
    int64_t telemetry_each;     /* bytes of a record of lane 5, as of late; 0: none was sent */
    bool stale;                 /* it is not known which stream was noted: look again */
};

/* A run of seqs of a lane. */
struct lane_run {
    uint64_t first, last;
};

void sender_standings_done(struct sender_standings *standings);

/* What a look at the store has found. What the hub said of a stream that was known is kept.
 * NO_MEMORY: nothing has changed. */
status sender_standings_take(struct sender_standings *standings,
                             const struct sender_stream *streams, int count, struct error *err);

/* A record of the stream that is written to became durable. */
void sender_standings_note(struct sender_standings *standings, enum lane lane, uint64_t seq,
                           int64_t bytes);

/* A new connection: nothing is known of the hub. */
void sender_standings_forget(struct sender_standings *standings);

/* -1: it is not there. */
int sender_standings_find(const struct sender_standings *standings, struct id stream);

/* What the hub says of a lane; true when it holds more than before. `ours` is the store's chain
 * value at the end of what was sent last (seq 0: nothing was). A lane of which the hub holds
 * what the store never had, or other records than the store, makes the stream accused. */
bool sender_standing_hear(struct sender_standings *standings, int index, enum lane lane,
                          const struct answer_lane *answer, const struct position *ours);

/* The store's chain value at the lane's top is `chain` (zero: not known, so nothing follows). */
void sender_standing_compare(struct sender_standings *standings, int index, enum lane lane,
                             struct id chain);

/* Whether anything may be sent in it. */
bool sender_standing_is_open(const struct sender_standings *standings, int index);

/* What is to be sent next of a lane; false: nothing. */
bool sender_standing_next(const struct sender_standings *standings, int index, enum lane lane,
                          int64_t bytes_wanted, struct lane_run *out_run);

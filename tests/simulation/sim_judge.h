/*
 * sim_judge: the invariants of the design, each a question that is asked whenever it may be broken.
 *
 * It keeps its own book: every record that was made, every chain value that was ever committed, how
 * far each lane of each device had come. Nothing is asked of the engine itself. The first breach
 * ends the world.
 *
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "sim_outbox.h"
#include "sync/receiver.h"

struct sim_device;
struct sim_shelf;
struct sim_shelf_lane;
struct sim_kept;

/* A record, from the moment when the application handed it in. */
struct sim_made {
    int device;
    enum lane lane;
    size_t fill_bytes;
    enum sim_kind kind;
    bool committed;
    bool refused;  /* the store had no room for it */
    bool promised; /* the application was told that it is durable */
    bool excused;  /* it was in no image that a device was put back to, or its store lost it */
    bool dropped;  /* a gap stands for it */
    bool purged;   /* it went after an acknowledgement */
    bool held;     /* the hub had it once */
    int found;     /* places on the hub */
    struct id stream;
    uint64_t seq;       /* the first place that it was given */
    uint64_t digest;    /* of its bytes */
    int64_t durable_us; /* of a record whose way is timed; 0: it is not */
    int64_t bound_us;
};

/* How far a device has come in a lane. */
struct sim_height {
    struct id stream;
    uint64_t seq[SYNC_LANES];
};

enum { SIM_HEIGHTS_MAX = 256, SIM_BREACH_BYTES = 300, SIM_SENDER_BYTES_MAX = 4 << 20 };

struct sim_judge {
    struct sim_made *made; /* owned; the record of number n is the one before n */
    uint64_t made_count, made_room;
    uint64_t *chains; /* owned; a set of what was committed: stream, lane, seq and value as one */
    size_t chain_count, chain_room;
    struct sim_height heights[SIM_HEIGHTS_MAX];
    int height_devices[SIM_HEIGHTS_MAX];
    int height_count;
    const char *invariant; /* that was broken; NULL: none */
    char breach[SIM_BREACH_BYTES];
    uint64_t questions;   /* asked */
    int64_t memory_bytes; /* the most that a sender had */
};

void sim_judge_done(struct sim_judge *judge);

/* The first one stays. */
void sim_breach(struct sim_world *world, const char *invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* NULL for a number that was never given. */
struct sim_made *sim_made(struct sim_world *world, uint64_t number);

/* --- on a device ----------------------------------------------------------------------------- */

/* The number of a new record. */
uint64_t sim_judge_made(struct sim_world *world, const struct sim_made *made);

/* I2: seqs are given once and in order. */
void sim_judge_committed(struct sim_world *world, int device, struct id stream, enum lane lane,
                         const struct sim_row *row);

/* I2: what a lane gives next, after a power cut. */
void sim_judge_next(struct sim_world *world, int device, struct id stream, enum lane lane,
                    uint64_t seq);

/* It stands in a store that was copied. */
void sim_judge_known(struct sim_world *world, struct id stream, enum lane lane,
                     const struct sim_row *row);

/* The device is put back to what is in `box`: what it does not have is nobody's fault. */
void sim_judge_put_back(struct sim_world *world, const struct sim_outbox *before,
                        const struct sim_outbox *box);

/* A copy of a device begins to live. */
void sim_judge_cloned(struct sim_world *world, const struct sim_outbox *box);

/* I3: what is handed to the sender is committed. I16: and it is no more than was asked for. */
void sim_judge_read(struct sim_world *world, int device, const struct sim_lane *lane,
                    const struct sender_action *action, const struct sender_batch *batch);

/* I16: a sender has bounded memory, whatever waits. */
void sim_judge_memory(struct sim_world *world, int device, int64_t bytes);

/* I8, I12: a gap stands for records; a row goes from the bottom; a full lane took one. */
void sim_judge_dropped(struct sim_world *world, const struct sim_gone *gone);
void sim_judge_purged(struct sim_world *world, int device, enum lane lane,
                      const struct sim_row *row, uint64_t acked_seq);
void sim_judge_evicted(struct sim_world *world, int device, enum lane lane);

/* --- on the hub ------------------------------------------------------------------------------ */

/* I5, I6, I11, I15: something was committed. */
void sim_judge_stored(struct sim_world *world, struct id stream, enum lane lane,
                      const struct sim_kept *kept, const struct sim_kept *before);

/* I4, I9: what a lane says that it holds is what is stored. */
void sim_judge_lane(struct sim_world *world, struct id stream, enum lane number,
                    const struct sim_shelf_lane *lane);

/* I4, I7: an answer says no more than is committed. */
void sim_judge_answer(struct sim_world *world, struct id stream, enum lane number,
                      const struct sim_shelf_lane *lane, const struct answer_lane *answer);

/* --- at the end ------------------------------------------------------------------------------ */

/* I7 to I10, I13, and what an application wants: what it was promised is there, once, as it was. */
void sim_judge_drained(struct sim_world *world);

/* Why a device did not come to its end. */
void sim_judge_stuck(struct sim_world *world, struct sim_device *device);

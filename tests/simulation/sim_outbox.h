/*
 * sim_outbox: a device's store in memory, with the rules of src/storage.
 *
 * Streams, lanes, seqs without holes, chain values, floors, gaps, acknowledgements that are written
 * with the next commit. What was put and not committed is gone after a power cut, its seqs with it.
 * Records of lane 7 are nobody's business here, so there are none.
 *
 * Bytes are in the world's arena and outlive every copy of an outbox. Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "sim_record.h"
#include "storage/outbox_reader.h"
#include "sync/sender.h"

struct sim_disk;
struct sim_world;

enum { SIM_STREAMS_MAX = 48 };

/* The records that a gap stands for. */
struct sim_gone {
    uint64_t number;
    struct sim_gone *next;
};

struct sim_row {
    uint64_t seq, last_seq; /* equal but for gaps */
    struct slice bytes;
    struct id chain, first_id;
    uint64_t number; /* of the record; 0: a gap */
    uint32_t key;    /* what supersedes it; 0: nothing does */
    int64_t wall_ms;
    struct gap gap;
    struct sim_gone *gone;
    bool damaged, is_committed;
};

struct sim_lane {
    struct sim_row *rows; /* owned */
    int count, room;
    uint64_t floor_seq;
    struct id floor_chain;
    uint64_t next_seq, durable_seq;
    struct id chain; /* of the last row */
    uint64_t acked_seq, acked_durable, anchored_seq;
    uint64_t sent_seq; /* handed out up to here: not replaced any more */
    int64_t bytes;
};

struct sim_stream {
    struct id id;
    struct sim_lane lanes[SYNC_LANES];
};

struct sim_outbox {
    struct sim_world *world; /* not owned */
    int device;
    struct sim_disk *disk; /* not owned: the real store whose mirror this is; NULL: there is none */
    struct sim_stream *streams[SIM_STREAMS_MAX]; /* owned; the last is written to */
    int stream_count;
};

void sim_outbox_init(struct sim_outbox *box, struct sim_world *world, int device);
void sim_outbox_done(struct sim_outbox *box);

/* Adds a stream without an id. */
struct sim_stream *sim_outbox_add_stream(struct sim_outbox *box);

/* Asks the judge about every row that is new; in a copy of another store none is. */
void sim_outbox_judge(struct sim_outbox *box, bool is_copy);

/* Begins a stream, which is written to from now on. */
struct sim_stream *sim_outbox_new_stream(struct sim_outbox *box);
struct sim_stream *sim_outbox_stream(struct sim_outbox *box); /* that is written to */
struct sim_stream *sim_outbox_find(const struct sim_outbox *box, struct id id); /* NULL: not here */

/* What is durable of it. `to` is not yet in use. */
void sim_outbox_copy(struct sim_outbox *to, const struct sim_outbox *from, int device);

/* The row that holds a seq, or NULL. */
struct sim_row *sim_lane_row(const struct sim_lane *lane, uint64_t seq);

/* The chain value after `seq`; false: it is not known (any more). */
bool sim_lane_chain(const struct sim_lane *lane, uint64_t seq, struct id *out_chain);

/* Up to here nothing is replaced, since somebody may have it. */
uint64_t sim_lane_border(const struct sim_lane *lane);

/* Adds a row at the end of a lane: seq and chain are given here. */
struct sim_row *sim_lane_add(struct sim_lane *lane, const struct sim_row *row);

/* Everything behind `after` goes, and its seqs with it. */
void sim_lane_cut(struct sim_lane *lane, uint64_t after);

/* The bytes of a gap's row. */
void sim_outbox_write_gap(struct sim_outbox *box, struct sim_row *row);

/* --- what the application and time do ------------------------------------------------------- */

/* In the open transaction; `key` 0: nothing supersedes it. */
void sim_outbox_put(struct sim_outbox *box, enum lane lane, const struct sim_draft *draft,
                    uint32_t key);
void sim_outbox_commit(struct sim_outbox *box);
void sim_outbox_power_cut(struct sim_outbox *box);

/* One unsent row or a few become a gap, in a transaction of their own; false: there is none. */
bool sim_outbox_drop(struct sim_outbox *box, enum gap_reason reason, uint64_t pick);

/* Room for `bytes` in a lane of the stream that is written to: acknowledged rows go first, then
 * unsent ones by a gap, but never of control and urgent. false: there is none. */
bool sim_outbox_make_room(struct sim_outbox *box, enum lane lane, int64_t bytes);

/* Acknowledged rows go: from the bottom, or one in the middle by a gap. */
void sim_outbox_purge(struct sim_outbox *box, uint64_t pick);

/* A bit of a waiting record flips. */
void sim_outbox_damage(struct sim_outbox *box, uint64_t pick);

/* Puts a gap in the place of whole rows. */
void sim_outbox_gap(struct sim_outbox *box, struct sim_lane *lane, struct seq_range range,
                    enum gap_reason reason);

/* --- what the sender asks for --------------------------------------------------------------- */

enum { SIM_BATCH_MAX = 256 };

struct sim_batch {
    struct frame_item items[SIM_BATCH_MAX];
    struct sender_batch batch;
    struct error err;
};

/* All streams that have records, at most SENDER_STREAMS_MAX. */
int sim_outbox_peek(struct sim_outbox *box, const struct sender_action *action,
                    struct sender_stream *out_streams);

status sim_outbox_read(struct sim_outbox *box, const struct sender_action *action,
                       struct sim_batch *out_batch);
status sim_outbox_acknowledge(struct sim_outbox *box, const struct sender_action *action);
status sim_outbox_mend(struct sim_outbox *box, const struct sender_action *action);
status sim_outbox_renumber(struct sim_outbox *box, const struct sender_action *action);

/*
 * sim_shelf: a hub's store in memory: transactions, a crash, a backup that it is put back to.
 *
 * Cursors and records change together and are committed together. Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "sync/receiver.h"

struct sim_world;

enum { SIM_SHELF_STREAMS_MAX = 256 };

struct sim_kept {
    uint64_t seq, last_seq;
    struct slice bytes; /* in the world's arena */
    struct id chain, first_id;
    enum receiver_kind kind;
    uint64_t number; /* of a record; 0: a gap */
};

struct sim_shelf_lane {
    struct lane_cursor cursor, committed;
    struct lane_cursor saved;  /* as the backup has it */
    struct lane_cursor before; /* as it was before it was put back */
    struct sim_kept *kept;     /* owned; in the order of arrival */
    int count, committed_count, saved_count, room;
    int *places; /* owned; by seq: the index of what holds it, and one more; 0: nothing */
    uint64_t place_room;
    bool changed, put_back;
};

struct sim_shelf_stream {
    struct id id;
    int owner; /* whose certificate delivered it first */
    bool claimed_committed, claimed_saved;
    struct sim_shelf_lane lanes[SYNC_LANES];
};

struct sim_shelf {
    struct sim_world *world; /* not owned */
    struct id store_id;
    struct sim_shelf_stream *streams[SIM_SHELF_STREAMS_MAX]; /* owned */
    int stream_count;
    int losses; /* how often it was put back or lost */
};

void sim_shelf_init(struct sim_shelf *shelf, struct sim_world *world);
void sim_shelf_done(struct sim_shelf *shelf);

/* NULL: nothing of it was ever here. */
struct sim_shelf_stream *sim_shelf_find(const struct sim_shelf *shelf, struct id id);

/* Makes it the owner's when it is nobody's. */
struct sim_shelf_stream *sim_shelf_claim(struct sim_shelf *shelf, struct id id, int owner);

/* What holds a seq, or NULL. */
const struct sim_kept *sim_shelf_kept(const struct sim_shelf_lane *lane, uint64_t seq);

/* For a receiver: `owner` is what sim_shelf_store was given. */
struct sim_desk {
    struct sim_world *world;
    struct id stream;
    enum lane number;
    struct sim_shelf_lane *lane;
};
struct receiver_store sim_shelf_store(struct sim_desk *desk);

void sim_shelf_commit(struct sim_shelf *shelf);
void sim_shelf_roll_back(struct sim_shelf *shelf);

/* What is committed now is what a restore comes back to. */
void sim_shelf_back_up(struct sim_shelf *shelf);

/* With the tools that restore: a new store id. */
void sim_shelf_put_back(struct sim_shelf *shelf, bool with_tools);
void sim_shelf_lose(struct sim_shelf *shelf);

/* Gives up what a transaction did to a lane. */
void sim_shelf_take_back(struct sim_shelf_lane *lane, const struct lane_cursor *cursor, int count);

/* Gives up what a lane holds behind `seq`: a bug. */
void sim_shelf_cut(struct sim_shelf_lane *lane, uint64_t seq);

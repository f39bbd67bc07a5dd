/*
 * lanes: the cursors of the lanes that are written to, kept between batches, and the one way by
 * which a frame enters the store.
 *
 * A cursor is loaded when its lane is first used, changed in memory by what is taken, and saved
 * before the commit; a transaction that is taken back takes all of them with it (lanes_forget). So
 * many are kept; another lane in the same place takes it.
 *
 * Thread: writing. Survives nothing of its own.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/store/hub_store.h"

struct lanes;

/* `session` stays the caller's. */
status lanes_create(struct hub_session *session, struct lanes **out_lanes, struct error *err);
void lanes_destroy(struct lanes *lanes);
struct hub_session *lanes_session(const struct lanes *lanes);

/* Where frames are taken. */
struct lane_place {
    struct id device; /* whose the stream is */
    struct id stream;
    enum lane lane;
    uint64_t connection;
    struct moment arrived; /* by the hub's clock */
};

/* Takes one whole frame, as receiver_take does, but that one which is damaged is INVALID (and
 * counts for nothing); any other failure is the store's. */
status lanes_take(struct lanes *lanes, const struct lane_place *place, struct slice frame,
                  struct answer *answer, struct error *err);

/* The lane's part of an answer. */
status lanes_answer(struct lanes *lanes, const struct lane_place *place,
                    struct answer_lane *out_lane, struct error *err);

/* A backup covers the lane up to `seq`: devices are told so from now on. */
status lanes_anchor(struct lanes *lanes, struct id stream, enum lane lane, uint64_t seq,
                    struct error *err);

/* What is said to a stream's part of a hello. */
status lanes_greet(struct lanes *lanes, const struct hello_stream *hello, uint64_t connection,
                   struct answer_stream *out_answer, struct error *err);

/* Writes the cursors that changed: before the commit. */
status lanes_save(struct lanes *lanes, struct error *err);

/* The transaction was taken back: what is in memory is not to be believed. */
void lanes_forget(struct lanes *lanes);

/*
 * test_shelf: a stream in memory, as the device has it and as the hub does, for the tests of the
 * sender.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sync/messages.h"
#include "wire/record.h"

#include <cmocka.h> /* after error.h, whose fail() it makes a macro */

enum { SHELF_SEQS = 1200 };

struct shelf_row {
    char *bytes; /* owned; NULL: nothing begins here */
    size_t count;
    uint64_t last_seq;
    struct id chain;
    bool gap, damaged;
};

struct shelf_lane {
    struct shelf_row rows[SHELF_SEQS];
    uint64_t floor, highest, acked, anchored;
    struct id floor_chain;
};

/* A stream as the device has it, and as the hub does. */
struct shelf {
    struct id id;
    bool current;
    struct shelf_lane lanes[SYNC_LANES];
    struct ranges held[SYNC_LANES];
    struct id chains[SYNC_LANES][SHELF_SEQS]; /* of the hub */
    uint64_t hub_anchored[SYNC_LANES];
    enum verdict verdict;
};

/* Not through base/memory, whose failing is for the sender. */
static inline void *shelf_get(size_t count, size_t bytes_each) {
    void *block = calloc(count, bytes_each);
    if (block == NULL) {
        abort();
    }
    return block;
}

static inline struct id shelf_chain(const struct shelf_lane *lane, uint64_t seq) {
    if (seq == lane->floor) {
        return lane->floor_chain;
    }
    for (uint64_t from = lane->floor + 1; from <= seq && seq <= lane->highest; from++) {
        if (lane->rows[from].bytes != NULL && lane->rows[from].last_seq == seq) {
            return lane->rows[from].chain;
        }
    }
    return (struct id){0};
}

/* Bytes that zstd cannot make smaller. */
static inline void shelf_add(struct shelf *shelf, enum lane index, int count, size_t bytes,
                             uint64_t salt) {
    struct shelf_lane *lane = &shelf->lanes[index];
    for (int i = 0; i < count; i++) {
        const struct id before = shelf_chain(lane, lane->highest);
        struct shelf_row *row = &lane->rows[++lane->highest];
        assert_true(lane->highest < SHELF_SEQS);
        uint64_t chance = salt + lane->highest * 977 + (uint64_t)index * 7919 + 1;
        row->bytes = shelf_get(1, bytes);
        row->count = bytes;
        row->last_seq = lane->highest;
        for (size_t k = 0; k < bytes; k++) {
            chance = chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            row->bytes[k] = (char)(chance >> 56U);
        }
        row->chain = record_chain(before, (struct slice){.bytes = row->bytes, .count = bytes});
    }
}

/* Puts a gap in the place of records. */
static inline void shelf_gap(struct shelf_lane *lane, uint64_t from, uint64_t to) {
    const struct id chain = shelf_chain(lane, to);
    for (uint64_t seq = from; seq <= to; seq++) {
        free(lane->rows[seq].bytes);
        lane->rows[seq] = (struct shelf_row){0};
    }
    lane->rows[from] = (struct shelf_row){
        .bytes = shelf_get(1, 8), .count = 8, .last_seq = to, .chain = chain, .gap = true};
    memcpy(lane->rows[from].bytes, "a gap ..", 8);
}

/* Leaves from the bottom what stands up to `to`. */
static inline void shelf_purge(struct shelf_lane *lane, uint64_t to) {
    lane->floor_chain = shelf_chain(lane, to);
    for (uint64_t seq = lane->floor + 1; seq <= to; seq++) {
        free(lane->rows[seq].bytes);
        lane->rows[seq] = (struct shelf_row){0};
    }
    lane->floor = to;
}

/* Holds as much of a lane as the device has up to `to`. */
static inline void hub_hold(struct shelf *shelf, enum lane lane, uint64_t from, uint64_t to) {
    for (uint64_t seq = from; seq <= to; seq++) {
        shelf->chains[lane][seq] = shelf_chain(&shelf->lanes[lane], seq);
    }
    assert_int_equal(ranges_add(&shelf->held[lane], (struct range){from, to}, NULL), STATUS_OK);
}

/* Has other records than the device behind `after`, up to `to`. */
static inline void hub_differ(struct shelf *shelf, enum lane lane, uint64_t after, uint64_t to) {
    for (uint64_t seq = after + 1; seq <= to; seq++) {
        shelf->chains[lane][seq] = (struct id){.bytes = {0xff, (uint8_t)seq, (uint8_t)(seq >> 8U)}};
    }
    assert_int_equal(ranges_add(&shelf->held[lane], (struct range){after + 1, to}, NULL),
                     STATUS_OK);
}

/* Has forgotten what came behind `to`. */
static inline void hub_restore(struct shelf *shelf, enum lane lane, uint64_t to) {
    shelf->held[lane] = (struct ranges){0};
    if (to > 0) {
        assert_int_equal(ranges_add(&shelf->held[lane], (struct range){1, to}, NULL), STATUS_OK);
    }
}

static inline struct answer_lane hub_lane(const struct shelf *shelf, enum lane lane) {
    const uint64_t top = ranges_top(&shelf->held[lane]);
    struct answer_lane said;
    memset(&said, 0, sizeof said);
    said.held = shelf->held[lane];
    said.chain = shelf->chains[lane][top]; /* zero before the first */
    said.anchored = shelf->hub_anchored[lane];
    return said;
}

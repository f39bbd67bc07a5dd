/*
 * test_lane: a lane of a device, a clone of it that may go another way, and a hub's cursor with a
 * store in memory that refuses to keep anything twice. For unit tests alone.
 *
 * Thread: the test's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "platform/compress.h"
#include "sync/receiver.h"
#include "wire/gap.h"

enum { ITEMS_MAX = 400, KEPT_MAX = 2000 };

/* --- a device's lane ------------------------------------------------------------------------- */

struct device {
    struct frame_item items[ITEMS_MAX]; /* their bytes lie in `bytes`, which does not move */
    int count;
    struct buffer bytes;
};

static struct device ours, clone;
static struct frame_writer *writer;
static struct frame_reader *reader;
static struct buffer wire;

static inline struct frame_item *last_of(struct device *device) {
    return device->count > 0 ? &device->items[device->count - 1] : NULL;
}

static inline struct id chain_before(const struct device *device, int index) {
    return index > 0 ? device->items[index - 1].chain : (struct id){0};
}

/* Stands behind what is there; without a chain value it gets the right one. */
static inline void add_item(struct device *device, struct slice record, uint64_t span,
                            struct id chain) {
    const struct frame_item *last = last_of(device);
    assert_true(device->count < ITEMS_MAX);
    struct frame_item *item = &device->items[device->count];
    const uint64_t seq = last != NULL ? last->last_seq + 1 : 1;
    const size_t at = device->bytes.count;
    buffer_add(&device->bytes, record);
    *item = (struct frame_item){.seq = seq,
                                .last_seq = seq + span - 1,
                                .record = {device->bytes.bytes + at, record.count},
                                .is_gap = !id_is_zero(chain)};
    item->chain =
        item->is_gap ? chain : record_chain(last != NULL ? last->chain : (struct id){0}, record);
    device->count++;
}

static inline void add_written(struct device *device, const struct record *record, uint64_t span,
                               struct id chain) {
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, RECORD_BYTES_MAX);
    assert_int_equal(record_write(&bytes, record, NULL), STATUS_OK);
    add_item(device, buffer_slice(&bytes), span, chain);
}

static inline struct record result_of(const char *body) {
    return (struct record){.kind = RECORD_RESULT,
                           .version = RECORD_VERSION,
                           .workflow = SLICE("triage"),
                           .name = SLICE("verdict"),
                           .body = slice_of(body)};
}

static inline void add_results(struct device *device, int count, const char *body) {
    for (int i = 0; i < count; i++) {
        const struct record record = result_of(body);
        add_written(device, &record, 1, (struct id){0});
    }
}

static inline void add_gap_of(struct device *device, const struct gap *gap, uint64_t span,
                              struct id chain) {
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, GAP_BODY_BYTES_MAX);
    gap_write(&body, gap);
    const struct record record = {
        .kind = RECORD_GAP, .version = RECORD_VERSION, .body = buffer_slice(&body)};
    add_written(device, &record, span, chain);
}

/* A gap as it should be. */
static inline struct gap next_gap(struct device *device, uint64_t span) {
    const struct frame_item *last = last_of(device);
    struct gap gap = {.reason = GAP_EXPIRED, .count = span};
    gap.from_seq = last != NULL ? last->last_seq + 1 : 1;
    gap.to_seq = gap.from_seq + span - 1;
    gap.chain_before = last != NULL ? last->chain : (struct id){0};
    gap.chain_end = record_chain(gap.chain_before, SLICE("what is gone"));
    return gap;
}

static inline void add_gap(struct device *device, uint64_t span) {
    const struct gap gap = next_gap(device, span);
    add_gap_of(device, &gap, span, gap.chain_end);
}

static inline int index_at(const struct device *device, uint64_t seq) {
    for (int i = 0; i < device->count; i++) {
        if (device->items[i].seq == seq) {
            return i;
        }
    }
    fail_msg("nothing begins at %llu", (unsigned long long)seq);
    return -1;
}

/* --- the hub --------------------------------------------------------------------------------- */

struct kept {
    enum receiver_kind kind;
    uint64_t seq, last_seq;
    struct id chain;
    size_t record_bytes;
    int record_kind;
    char reason[80];
};

static struct kept kept[KEPT_MAX];
static int kept_count, puts_until_failure;
static struct lane_cursor cursor;
static struct answer answer;

static inline status store_chain_at(void *owner, uint64_t seq, struct id *out_chain,
                                    struct error *err) {
    (void)owner;
    for (int i = 0; i < kept_count; i++) {
        if (kept[i].last_seq == seq && kept[i].kind != RECEIVED_GAP) {
            *out_chain = kept[i].chain;
            return STATUS_OK;
        }
    }
    return (fail)(err, STATUS_NOT_FOUND, "not held");
}

static inline status store_put(void *owner, const struct received *received, struct error *err) {
    (void)owner;
    if (puts_until_failure == 0) {
        return (fail)(err, STATUS_SYSTEM, "the disk is gone");
    }
    puts_until_failure--;
    assert_true(kept_count < KEPT_MAX);
    struct kept *one = &kept[kept_count++];
    *one = (struct kept){.kind = received->kind,
                         .seq = received->item.seq,
                         .last_seq = received->item.last_seq,
                         .chain = received->item.chain,
                         .record_bytes = received->item.record.count,
                         .record_kind = (int)received->record.kind};
    (void)snprintf(one->reason, sizeof(one->reason), "%.*s", SLICE_ARGS(received->reason));
    for (int i = 0; i + 1 < kept_count; i++) { /* nothing is stored twice */
        assert_true(kept[i].last_seq < one->seq || kept[i].seq > one->last_seq);
    }
    return STATUS_OK;
}

static const struct receiver_store STORE = {.chain_at = store_chain_at, .put = store_put};

static inline struct kept kept_at(uint64_t seq) {
    for (int i = 0; i < kept_count; i++) {
        if (kept[i].seq == seq) {
            return kept[i];
        }
    }
    fail_msg("nothing was kept from %llu on", (unsigned long long)seq);
    return (struct kept){.seq = 0};
}

static inline int set_up(void **state) {
    (void)state;
    ours.count = clone.count = 0;
    buffer_init(&ours.bytes, 16 << 20);
    buffer_init(&clone.bytes, 16 << 20);
    buffer_init(&wire, 2 * FRAME_WIRE_BYTES_MAX);
    /* Slices point into it. */
    if (buffer_reserve(&ours.bytes, 4 << 20) == NULL ||
        buffer_reserve(&clone.bytes, 4 << 20) == NULL) {
        return -1;
    }
    kept_count = 0;
    puts_until_failure = KEPT_MAX;
    cursor = (struct lane_cursor){.stored = 0};
    answer = (struct answer){.code = SYNC_STORED};
    return frame_writer_create(&writer, NULL) == STATUS_OK &&
                   frame_reader_create(&reader, NULL) == STATUS_OK
               ? 0
               : -1;
}

static inline int tear_down(void **state) {
    (void)state;
    frame_writer_destroy(writer);
    frame_reader_destroy(reader);
    buffer_done(&ours.bytes);
    buffer_done(&clone.bytes);
    buffer_done(&wire);
    return 0;
}

static inline void write_frame(const struct device *device, int from, int end, struct id chain_in) {
    buffer_clear(&wire);
    frame_begin(writer, device->items[from].seq, chain_in, COMPRESS_LEVEL);
    for (int i = from; i < end; i++) {
        assert_true(frame_add(writer, &device->items[i]));
    }
    assert_int_equal(frame_end(writer, &wire, NULL), STATUS_OK);
}

static inline status take(enum lane lane, struct error *err) {
    const status code =
        receiver_take(reader, &cursor, lane, buffer_slice(&wire), &STORE, &answer, err);
    assert_true(receiver_adds_up(&cursor));
    return code;
}

/* The items that begin with these seqs. */
static inline void expect(enum lane lane, const struct device *device, uint64_t from, uint64_t last,
                          enum sync_code code) {
    struct error err = {.text = ""};
    const struct lane_cursor before = cursor;
    const int was_kept = kept_count;
    const int index = index_at(device, from);
    write_frame(device, index, index_at(device, last) + 1, chain_before(device, index));
    answer = (struct answer){.code = SYNC_STORED};
    if (take(lane, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(answer.code, code);
    if (code == SYNC_FORK || code == SYNC_MISSING) {
        assert_memory_equal(&cursor, &before, sizeof(cursor));
        assert_int_equal(kept_count, was_kept);
    }
    assert_int_equal(answer.verdict, code == SYNC_FORK ? VERDICT_NEW_STREAM : VERDICT_OK);
}

static inline void assert_held(const char *ranges) {
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, 4096);
    ranges_write(&cursor.held, &text);
    buffer_add_byte(&text, '\0');
    assert_string_equal(text.bytes, ranges);
}

/* What is held has the device's chain values at its ends. */
static inline void assert_same_chain(const struct device *device) {
    for (int i = 0; i < cursor.held.count; i++) {
        for (int k = 0; k < device->count; k++) {
            const struct frame_item *item = &device->items[k];
            if (item->seq == cursor.held.items[i].from) {
                assert_true(id_equal(cursor.chain_before[i], chain_before(device, k)));
            }
            if (item->last_seq == cursor.held.items[i].to) {
                assert_true(id_equal(cursor.chain_end[i], item->chain));
            }
        }
    }
}

#define TEST_LANE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

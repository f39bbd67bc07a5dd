/*
 * sender_test: what the tests of the sender share: a store and a hub in memory, and a driver that
 * does what the sender says. Frames and messages are the real ones.
 *
 * bench_run serves what is asked of the store and notes what is told, and stops at what is asked of
 * the link; bench_go answers that as a well-behaved hub does, until nothing is left to do.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "sync/sender.h"
#include "sync/test_shelf.h"

#include <cmocka.h> /* after error.h, whose fail() it makes a macro */

enum { SHELF_STREAMS = 12, TURNS_MAX = 100000, ROUND_TRIP_MS = 20 };

struct bench {
    struct sender *sender;
    struct sender_action action; /* the last one */
    struct shelf *shelves[SHELF_STREAMS];
    int shelf_count;
    int64_t now_ms;
    struct frame_reader *reader;
    struct buffer text;  /* of the hub's answer */
    struct buffer hello; /* as it came */
    struct frame_item *items;

    long fail_at; /* the allocation of the sender that fails; -1: none */

    /* What the store says instead, once. */
    status read_code, peek_code, mend_code, renumber_code;

    /* The PUT that is under way, at the hub. */
    struct id put_stream;
    enum lane put_lane;
    uint64_t put_first, put_last;
    int put_frames;
    int64_t put_bytes;
    bool put_open;

    /* What the hub says with everything. */
    struct grant grant;
    int64_t spread_ms, hub_ms;
    int64_t bytes_per_ms; /* of the link; 0: any */

    /* What happened. */
    int connects, closes, peeks, hellos, reads, puts, acknowledgements, mends, renumbers, samples;
    int64_t
        wait_ms; /* until it is to be called again, at the last SENDER_NOTHING; 0: for nothing */
    int lanes_put[SHELF_SEQS]; /* the lane of each PUT */
    uint64_t firsts_put[SHELF_SEQS];
    int64_t bytes_put[SHELF_SEQS];
    uint64_t acknowledged[SYNC_LANES];
    struct id acknowledged_chain;
    uint64_t after[SYNC_LANES];
    enum gap_reason reason;
    struct sender_action sample;
    char alarm[512];
};

/* What is between the two is the sender's. */
static inline void bench_fail_begin(const struct bench *bench) {
    (void)memory_fail_at(bench->fail_at, 0);
}

static inline void bench_fail_end(struct bench *bench) {
    const size_t asked = memory_fail_at(-1, 0);
    bench->fail_at = bench->fail_at < (long)asked ? -1 : bench->fail_at - (long)asked;
}

/* --- the store ------------------------------------------------------------------------------- */

static inline struct shelf *bench_shelf(struct bench *bench, struct id stream) {
    int found = 0;
    while (!id_equal(bench->shelves[found]->id, stream)) {
        found++;
        assert_true(found < bench->shelf_count);
    }
    return bench->shelves[found];
}

static inline struct shelf *bench_add_shelf(struct bench *bench, int number) {
    struct shelf *shelf = shelf_get(1, sizeof *shelf);
    shelf->id = (struct id){.bytes = {(uint8_t)number}};
    for (int i = 0; i < bench->shelf_count; i++) {
        bench->shelves[i]->current = false;
    }
    shelf->current = true;
    bench->shelves[bench->shelf_count++] = shelf;
    return shelf;
}

static inline void bench_peek(struct bench *bench) {
    const struct sender_action asked = bench->action;
    struct sender_stream streams[SHELF_STREAMS];
    memset(streams, 0, sizeof streams);
    bench->peeks++;
    for (int i = 0; i < bench->shelf_count; i++) {
        struct shelf *shelf = bench->shelves[i];
        struct hello_stream *hello = &streams[i].hello;
        hello->id = shelf->id;
        hello->current = shelf->current;
        for (int k = 0; k < SYNC_LANES; k++) {
            const struct shelf_lane *lane = &shelf->lanes[k];
            hello->lanes[k] = (struct hello_lane){
                .lowest_kept = lane->floor < lane->highest ? lane->floor + 1 : 0,
                .highest_durable = lane->highest,
                .acked_seq = lane->acked,
                .anchored_seq = lane->anchored,
                .acked_chain = shelf_chain(lane, lane->acked)};
            for (uint64_t seq = lane->acked + 1; seq <= lane->highest; seq++) {
                streams[i].bytes[k] += (int64_t)lane->rows[seq].count;
            }
        }
        for (int k = 0; k < asked.position_count && id_equal(asked.stream, shelf->id); k++) {
            hello->positions[k] = asked.positions[k];
            hello->positions[k].chain =
                shelf_chain(&shelf->lanes[asked.positions[k].lane], asked.positions[k].seq);
            hello->position_count = k + 1;
        }
    }
    const status code = bench->peek_code;
    bench->peek_code = STATUS_OK;
    bench_fail_begin(bench);
    sender_peeked(bench->sender, streams, bench->shelf_count, code, bench->now_ms);
    bench_fail_end(bench);
}

static inline void add_purged(struct bench *bench, struct sender_batch *batch, uint64_t from,
                              const struct shelf_lane *lane) {
    bench->items[batch->count++] = (struct frame_item){.seq = from,
                                                       .last_seq = lane->floor,
                                                       .record = SLICE("purged"),
                                                       .chain = lane->floor_chain,
                                                       .is_gap = true};
}

static inline void bench_read(struct bench *bench) {
    const struct sender_action asked = bench->action;
    const struct shelf_lane *lane = &bench_shelf(bench, asked.stream)->lanes[asked.lane];
    struct sender_batch batch = {.items = bench->items};
    status code = bench->read_code;
    bench->read_code = STATUS_OK;
    bench->reads++;
    assert_true(asked.bytes_max >= FRAME_BYTES_MAX && asked.bytes_max <= SENDER_READ_BYTES_MAX);
    uint64_t seq = asked.first;
    for (uint64_t from = lane->floor + 1; from < seq; from++) {
        seq = lane->rows[from].bytes != NULL && lane->rows[from].last_seq >= seq ? from : seq;
    }
    batch.chain_in = shelf_chain(lane, seq - 1);
    if (seq <= lane->floor) {
        batch.chain_in = (struct id){0};
        add_purged(bench, &batch, seq, lane);
        seq = asked.last + 1;
    }
    size_t bytes = 0;
    while (code == STATUS_OK && seq <= asked.last && seq <= lane->highest) {
        const struct shelf_row *row = &lane->rows[seq];
        if (row->damaged || (batch.count > 0 && bytes + row->count > asked.bytes_max)) {
            code = row->damaged && batch.count == 0 ? STATUS_CORRUPT : code;
            break;
        }
        bytes += row->count;
        bench->items[batch.count++] =
            (struct frame_item){.seq = seq,
                                .last_seq = row->last_seq,
                                .record = {.bytes = row->bytes, .count = row->count},
                                .chain = row->chain,
                                .is_gap = row->gap};
        seq = row->last_seq + 1;
    }
    code = code == STATUS_OK && batch.count == 0 ? STATUS_NOT_FOUND : code;
    sender_read(bench->sender, &batch, code, bench->now_ms);
}

static inline void bench_mend(struct bench *bench) {
    const struct sender_action asked = bench->action;
    struct shelf_lane *lane = &bench_shelf(bench, asked.stream)->lanes[asked.lane];
    bench->mends++;
    bench->reason = asked.reason;
    if (bench->mend_code == STATUS_OK) {
        shelf_gap(lane, asked.first, asked.first);
    }
    const status code = bench->mend_code;
    bench->mend_code = STATUS_OK;
    sender_mended(bench->sender, code, bench->now_ms);
}

/* What stands behind `after` goes on in a new stream. */
static inline void bench_renumber(struct bench *bench) {
    const struct sender_action asked = bench->action;
    struct shelf *from = bench_shelf(bench, asked.stream);
    bench->renumbers++;
    const status code = bench->renumber_code;
    bench->renumber_code = STATUS_OK;
    if (code == STATUS_OK) {
        memcpy(bench->after, asked.after, sizeof bench->after);
        struct shelf *to = from->current ? bench_add_shelf(bench, 100 + bench->shelf_count)
                                         : bench->shelves[bench->shelf_count - 1];
        for (int k = 0; k < SYNC_LANES; k++) {
            for (uint64_t seq = asked.after[k] + 1; seq <= from->lanes[k].highest; seq++) {
                shelf_add(to, (enum lane)k, 1, from->lanes[k].rows[seq].count, 5);
                free(from->lanes[k].rows[seq].bytes);
                from->lanes[k].rows[seq] = (struct shelf_row){0};
            }
            from->lanes[k].highest = asked.after[k];
        }
    }
    sender_renumbered(bench->sender, code, bench->now_ms);
}

/* --- the driver ------------------------------------------------------------------------------ */

static inline void bench_serve_told(struct bench *bench) {
    const struct sender_action *action = &bench->action;
    if (action->act == SENDER_ACKNOWLEDGE) {
        struct shelf_lane *lane = &bench_shelf(bench, action->stream)->lanes[action->lane];
        bench->acknowledgements++;
        bench->acknowledged[action->lane] = action->last;
        bench->acknowledged_chain = action->chain;
        const struct id ours = shelf_chain(lane, action->last);
        assert_true(id_equal(ours, action->chain));
        lane->acked = action->last > lane->acked ? action->last : lane->acked;
        lane->anchored = action->anchored;
    } else if (action->act == SENDER_TIME) {
        bench->samples++;
        bench->sample = *action;
    } else if (action->act == SENDER_ALARM) {
        (void)snprintf(bench->alarm, sizeof bench->alarm, "%.*s", SLICE_ARGS(action->bytes));
    }
}

static inline status bench_next(struct bench *bench) {
    const struct sender_now now = {
        .now_ms = bench->now_ms,
        .time = {.wall_ms = 1700000000000 + bench->now_ms, .boot_ns = bench->now_ms * 1000000},
        .boot = {.bytes = {77}}};
    struct error err;
    bench_fail_begin(bench);
    const status code = sender_next(bench->sender, &now, &bench->action, &err);
    bench_fail_end(bench);
    return code;
}

/* Until something is asked of the link, or nothing is. */
static inline enum sender_act bench_run(struct bench *bench) {
    for (int turn = 0; turn < TURNS_MAX; turn++) {
        const status code = bench_next(bench);
        assert_true(code == STATUS_OK || code == STATUS_NO_MEMORY);
        if (code != STATUS_OK) {
            continue;
        }
        switch (bench->action.act) {
        case SENDER_PEEK:
            bench_peek(bench);
            break;
        case SENDER_READ:
            bench_read(bench);
            break;
        case SENDER_MEND:
            bench_mend(bench);
            break;
        case SENDER_RENUMBER:
            bench_renumber(bench);
            break;
        case SENDER_ACKNOWLEDGE:
        case SENDER_TIME:
        case SENDER_ALARM:
            bench_serve_told(bench);
            break;
        case SENDER_NOTHING:
            bench->wait_ms = bench->action.wake_ms > 0 ? bench->action.wake_ms - bench->now_ms : 0;
            return SENDER_NOTHING;
        default:
            return bench->action.act;
        }
    }
    assert_true(false);
    return SENDER_NOTHING;
}

/* --- the hub --------------------------------------------------------------------------------- */

static inline void hub_hear_hello(struct bench *bench) {
    bench->hellos++;
    buffer_clear(&bench->hello);
    buffer_add(&bench->hello, bench->action.bytes);
}

/* Answers the hello that was heard. */
static inline void hub_answer_hello(struct bench *bench) {
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, MESSAGE_ARENA_BYTES_MAX);
    struct hello hello;
    struct error err;
    assert_int_equal(hello_read(&arena, buffer_slice(&bench->hello), &hello, &err), STATUS_OK);
    struct answer_stream *streams = shelf_get((size_t)hello.stream_count + 1, sizeof *streams);
    for (int i = 0; i < hello.stream_count; i++) {
        const struct hello_stream *asked = &hello.streams[i];
        const struct shelf *shelf = bench_shelf(bench, asked->id);
        streams[i].id = asked->id;
        streams[i].verdict = shelf->verdict;
        for (int k = 0; k < SYNC_LANES; k++) {
            streams[i].lanes[k] = hub_lane(shelf, (enum lane)k);
        }
        streams[i].position_count = asked->position_count;
        for (int k = 0; k < asked->position_count; k++) {
            const struct position *position = &asked->positions[k];
            streams[i].positions[k] = *position;
            streams[i].positions[k].chain =
                position->seq <= ranges_top(&shelf->held[position->lane])
                    ? shelf->chains[position->lane][position->seq]
                    : (struct id){0};
        }
    }
    const struct hello_answer answer = {.protocol = 1,
                                        .connection = 1,
                                        .hub_store = {{9}},
                                        .hub_ms = bench->hub_ms,
                                        .spread_ms = bench->spread_ms,
                                        .grant = bench->grant,
                                        .streams = streams,
                                        .stream_count = hello.stream_count};
    buffer_clear(&bench->text);
    hello_answer_write(&answer, &bench->text);
    free(streams);
    bench->now_ms += ROUND_TRIP_MS;
    bench_fail_begin(bench);
    sender_answered(bench->sender, 200, 0, buffer_slice(&bench->text), bench->now_ms);
    bench_fail_end(bench);
}

static inline void hub_hear_begin(struct bench *bench) {
    assert_true(bench->puts < SHELF_SEQS);
    bench->lanes_put[bench->puts] = (int)bench->action.lane;
    bench->firsts_put[bench->puts] = bench->action.first;
    bench->put_stream = bench->action.stream;
    bench->put_lane = bench->action.lane;
    bench->put_first = bench->action.first;
    bench->put_frames = 0;
    bench->put_bytes = 0;
    bench->put_open = true;
}

/* Takes a frame, whose chain must be the one that the hub has; `keep`: and holds it. */
static inline size_t hub_hear_frame(struct bench *bench, bool keep) {
    struct shelf *shelf = bench_shelf(bench, bench->put_stream);
    const struct slice bytes = bench->action.bytes;
    struct frame frame;
    struct error err;
    size_t count = 0;
    assert_int_equal(frame_find(bytes, &count, &err), STATUS_OK);
    assert_int_equal(count, bytes.count);
    assert_int_equal(frame_open(bench->reader, bytes, &frame, &err), STATUS_OK);
    assert_true(bench->put_frames > 0 || frame.first == bench->put_first);
    assert_true(bench->put_frames == 0 || frame.first == bench->put_last + 1);
    bench->put_last = frame.last;
    bench->put_frames++;
    bench->put_bytes += (int64_t)count;
    struct id chain = frame.chain_in;
    for (int i = 0; i < frame.count && keep; i++) {
        const struct frame_item *item = &frame.items[i];
        const struct id held = shelf->chains[bench->put_lane][item->seq - 1];
        assert_true(item->is_gap || item->seq == 1 || id_is_zero(held) || id_equal(held, chain));
        chain = item->is_gap ? item->chain : record_chain(chain, item->record);
        shelf->chains[bench->put_lane][item->last_seq] = chain;
        assert_int_equal(ranges_add(&shelf->held[bench->put_lane],
                                    (struct range){item->seq, item->last_seq}, &err),
                         STATUS_OK);
    }
    assert_true(!keep || id_equal(chain, frame.chain_out));
    return count;
}

/* Answers the PUT that has ended with what it holds. */
static inline void hub_answer_put(struct bench *bench, enum sync_code code) {
    struct answer answer = {.code = code,
                            .lane =
                                hub_lane(bench_shelf(bench, bench->put_stream), bench->put_lane),
                            .hub_ms = bench->hub_ms,
                            .spread_ms = bench->spread_ms,
                            .grant = bench->grant};
    buffer_clear(&bench->text);
    answer_write(&answer, &bench->text);
    bench->bytes_put[bench->puts++] = bench->put_bytes;
    bench->put_open = false;
    bench->now_ms += ROUND_TRIP_MS;
    bench_fail_begin(bench);
    sender_answered(bench->sender, (int)code, 0, buffer_slice(&bench->text), bench->now_ms);
    bench_fail_end(bench);
}

/* --- all together ---------------------------------------------------------------------------- */

/* Does what was asked of the link, as a link and a hub that are well. */
static inline void bench_serve(struct bench *bench, enum sender_act act) {
    switch (act) {
    case SENDER_CONNECT:
        bench->connects++;
        sender_connected(bench->sender, bench->now_ms);
        break;
    case SENDER_CLOSE:
        bench->closes++;
        break;
    case SENDER_HELLO:
        hub_hear_hello(bench);
        hub_answer_hello(bench);
        break;
    case SENDER_PUT_BEGIN:
        hub_hear_begin(bench);
        break;
    case SENDER_PUT_BODY: {
        const size_t bytes = hub_hear_frame(bench, true);
        bench->now_ms += bench->bytes_per_ms > 0 ? (int64_t)bytes / bench->bytes_per_ms : 0;
        sender_taken(bench->sender, bytes, bench->now_ms);
        break;
    }
    default:
        assert_int_equal(act, SENDER_PUT_END);
        hub_answer_put(bench, SYNC_STORED);
        break;
    }
}

/* Until nothing is left to do. */
static inline void bench_go(struct bench *bench) {
    int turns = 0;
    for (enum sender_act act = bench_run(bench); act != SENDER_NOTHING; act = bench_run(bench)) {
        bench_serve(bench, act);
        assert_true(turns++ < TURNS_MAX);
    }
}

/* As far as this is asked of the link. */
static inline void bench_go_to(struct bench *bench, enum sender_act wanted) {
    enum sender_act act = bench_run(bench);
    for (int turn = 0; act != wanted && turn < TURNS_MAX; turn++) {
        assert_int_not_equal(act, SENDER_NOTHING);
        bench_serve(bench, act);
        act = bench_run(bench);
    }
    assert_int_equal(act, wanted);
}

static inline void bench_note(struct bench *bench, struct shelf *shelf, enum lane lane, int count,
                              size_t bytes) {
    for (int i = 0; i < count; i++) {
        shelf_add(shelf, lane, 1, bytes, 0);
        sender_note(bench->sender, lane, shelf->lanes[lane].highest, (int64_t)bytes);
    }
}

static inline struct sender_facts bench_facts(const struct bench *bench) {
    struct sender_facts facts;
    sender_facts(bench->sender, &facts);
    return facts;
}

static inline struct bench *bench_new(void) {
    struct bench *bench = shelf_get(1, sizeof *bench);
    assert_non_null(bench);
    const struct sender_options options = {.seed = 1, .link = {.kind = "ethernet"}};
    struct error err;
    assert_int_equal(sender_create(&options, &bench->sender, &err), STATUS_OK);
    assert_int_equal(frame_reader_create(&bench->reader, &err), STATUS_OK);
    buffer_init(&bench->text, MESSAGE_BYTES_MAX);
    buffer_init(&bench->hello, MESSAGE_BYTES_MAX);
    bench->items = shelf_get(SHELF_SEQS, sizeof *bench->items);
    bench->now_ms = 1000000;
    bench->fail_at = -1;
    bench->hub_ms = 1800000000000;
    bench->grant = (struct grant){.bytes = 1 << 20};
    bench_add_shelf(bench, 1);
    return bench;
}

static inline void bench_free(struct bench *bench) {
    for (int i = 0; i < bench->shelf_count; i++) {
        for (int k = 0; k < SYNC_LANES; k++) {
            for (int seq = 0; seq < SHELF_SEQS; seq++) {
                free(bench->shelves[i]->lanes[k].rows[seq].bytes);
            }
        }
        free(bench->shelves[i]);
    }
    sender_destroy(bench->sender);
    frame_reader_destroy(bench->reader);
    buffer_done(&bench->text);
    buffer_done(&bench->hello);
    free(bench->items);
    free(bench);
}

static inline int set_up(void **state) {
    *state = bench_new();
    return 0;
}

static inline int tear_down(void **state) {
    bench_free(*state);
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
#include "sync/receiver.h"

#include "sync/test_lane.h"

/* --- a lane in its order --------------------------------------------------------------------- */

static void test_receiver__what_comes_is_stored_once_with_its_chain(void **state) {
    (void)state;
    add_results(&ours, 20, "{}");
    expect(LANE_NORMAL, &ours, 1, 10, SYNC_STORED);
    assert_held("[[1,10]]");
    expect(LANE_NORMAL, &ours, 1, 10, SYNC_STORED); /* the answer was lost */
    expect(LANE_NORMAL, &ours, 3, 7, SYNC_STORED);  /* cut otherwise */
    expect(LANE_NORMAL, &ours, 8, 15, SYNC_STORED); /* half of it new */
    expect(LANE_NORMAL, &ours, 1, 20, SYNC_STORED);
    assert_held("[[1,20]]");
    assert_int_equal(cursor.stored, 20);
    assert_int_equal(kept_count, 20);
    assert_same_chain(&ours);
    for (int i = 0; i < 20; i++) {
        assert_true(id_equal(kept_at((uint64_t)i + 1).chain, ours.items[i].chain));
        assert_int_equal(kept_at((uint64_t)i + 1).record_kind, RECORD_RESULT);
    }
}

static void test_receiver__what_leaves_a_hole_is_missing(void **state) {
    (void)state;
    add_results(&ours, 20, "{}");
    expect(LANE_NORMAL, &ours, 2, 3, SYNC_MISSING);
    expect(LANE_NORMAL, &ours, 1, 5, SYNC_STORED);
    expect(LANE_NORMAL, &ours, 7, 9, SYNC_MISSING);
    expect(LANE_NORMAL, &ours, 6, 9, SYNC_STORED);
    assert_held("[[1,9]]");
}

static void test_receiver__another_chain_is_a_fork_wherever_it_shows(void **state) {
    (void)state;
    add_results(&ours, 12, "{}");
    add_results(&clone, 6, "{}");
    add_results(&clone, 6, "{\"clone\":true}");
    expect(LANE_NORMAL, &ours, 1, 10, SYNC_STORED);
    expect(LANE_NORMAL, &clone, 1, 6, SYNC_STORED); /* what both have */
    expect(LANE_NORMAL, &clone, 11, 12, SYNC_FORK); /* behind the top */
    expect(LANE_NORMAL, &clone, 8, 12, SYNC_FORK);  /* over it */
    expect(LANE_NORMAL, &clone, 5, 9, SYNC_FORK);   /* within, by what the store knows */
    expect(LANE_NORMAL, &clone, 1, 12, SYNC_FORK);  /* over all of it */
    expect(LANE_NORMAL, &clone, 10, 10, SYNC_FORK); /* at its end */
    expect(LANE_NORMAL, &ours, 9, 12, SYNC_STORED);
    assert_same_chain(&ours);
}

static void test_receiver__a_chain_begins_with_nothing(void **state) {
    (void)state;
    add_results(&ours, 1, "{}");
    ours.items[0].chain = record_chain((struct id){{9}}, ours.items[0].record);
    write_frame(&ours, 0, 1, (struct id){{9}});
    assert_int_equal(take(LANE_NORMAL, NULL), STATUS_OK);
    assert_int_equal(answer.code, SYNC_FORK);
    assert_held("[]");
}

static void test_receiver__a_chain_that_is_not_that_of_the_records_is_damage(void **state) {
    (void)state;
    struct error err = {.text = ""};
    add_results(&ours, 5, "{}");
    ours.items[4].chain.bytes[3] ^= 1;
    write_frame(&ours, 0, 5, (struct id){0});
    assert_int_equal(take(LANE_NORMAL, &err), STATUS_CORRUPT);
    assert_string_equal(err.text, "frame: its chain value is not that of its records");
    assert_held("[]");
    wire.bytes[wire.count / 2] = (char)(wire.bytes[wire.count / 2] ^ 1);
    assert_int_equal(take(LANE_NORMAL, &err), STATUS_CORRUPT);
    assert_int_equal(kept_count, 0);
}

static void test_receiver__a_store_that_fails_leaves_the_cursor(void **state) {
    (void)state;
    add_results(&ours, 5, "{}");
    expect(LANE_NORMAL, &ours, 1, 2, SYNC_STORED);
    const struct lane_cursor before = cursor;
    puts_until_failure = 2;
    write_frame(&ours, 2, 5, chain_before(&ours, 2));
    assert_int_equal(take(LANE_NORMAL, NULL), STATUS_SYSTEM);
    assert_memory_equal(&cursor, &before, sizeof(cursor));
}

/* --- telemetry ------------------------------------------------------------------------------- */

static void test_receiver__telemetry_comes_in_any_order(void **state) {
    (void)state;
    add_results(&ours, 60, "{}");
    expect(LANE_TELEMETRY, &ours, 41, 60, SYNC_STORED);
    expect(LANE_TELEMETRY, &ours, 11, 20, SYNC_STORED);
    assert_held("[[11,20],[41,60]]");
    expect(LANE_TELEMETRY, &ours, 25, 30, SYNC_STORED);
    expect(LANE_TELEMETRY, &ours, 15, 50, SYNC_STORED); /* over three of them */
    assert_held("[[11,60]]");
    assert_same_chain(&ours);
    expect(LANE_TELEMETRY, &ours, 1, 10, SYNC_STORED);
    assert_held("[[1,60]]");
    assert_int_equal(cursor.stored, 60);
    assert_int_equal(kept_count, 60);
    assert_same_chain(&ours);
}

static void test_receiver__telemetry_of_two_chains_does_not_meet(void **state) {
    (void)state;
    add_results(&ours, 60, "{}");
    add_results(&clone, 10, "{}");
    add_results(&clone, 50, "{\"clone\":true}");
    expect(LANE_TELEMETRY, &ours, 31, 60, SYNC_STORED);
    expect(LANE_TELEMETRY, &clone, 11, 20, SYNC_STORED); /* nobody can know yet */
    expect(LANE_TELEMETRY, &ours, 21, 30, SYNC_FORK);    /* to the right of the clone's */
    expect(LANE_TELEMETRY, &clone, 21, 30, SYNC_FORK);   /* to the left of ours */
    expect(LANE_TELEMETRY, &clone, 25, 35, SYNC_FORK);
    expect(LANE_TELEMETRY, &ours, 1, 60, SYNC_FORK);
    assert_held("[[11,20],[31,60]]");
}

static void test_receiver__a_gap_fills_several_holes_piece_by_piece(void **state) {
    (void)state;
    add_results(&ours, 40, "{}");
    expect(LANE_TELEMETRY, &ours, 5, 8, SYNC_STORED);
    expect(LANE_TELEMETRY, &ours, 15, 18, SYNC_STORED);
    ours.count = 2;
    add_gap(&ours, 28);
    add_results(&ours, 2, "{}");
    expect(LANE_TELEMETRY, &ours, 1, 32, SYNC_STORED);
    assert_held("[[1,32]]");
    assert_int_equal(cursor.gapped, 28 - 8);
    assert_int_equal(kept_at(3).last_seq, 4);
    assert_int_equal(kept_at(9).last_seq, 14);
    assert_int_equal(kept_at(19).last_seq, 30);
    assert_true(id_is_zero(kept_at(9).chain)); /* the middle of a gap has no chain value */
    assert_true(id_equal(kept_at(19).chain, ours.items[2].chain));
    assert_same_chain(&ours);
}

static void test_receiver__one_interval_too_many_waits(void **state) {
    (void)state;
    add_results(&ours, 2 * RANGES_MAX + 10, "{}");
    for (uint64_t i = 0; i < RANGES_MAX; i++) {
        expect(LANE_TELEMETRY, &ours, 2 * i + 2, 2 * i + 2, SYNC_STORED);
    }
    expect(LANE_TELEMETRY, &ours, 2 * RANGES_MAX + 5, 2 * RANGES_MAX + 6, SYNC_MISSING);
    expect(LANE_TELEMETRY, &ours, 3, 3, SYNC_STORED); /* the oldest hole but one */
    expect(LANE_TELEMETRY, &ours, 2 * RANGES_MAX + 5, 2 * RANGES_MAX + 6, SYNC_STORED);
    assert_int_equal(cursor.held.count, RANGES_MAX);
    expect(LANE_TELEMETRY, &ours, 1, 2 * RANGES_MAX + 10, SYNC_STORED);
    assert_held("[[1,138]]");
    assert_same_chain(&ours);
}

/* --- hello ----------------------------------------------------------------------------------- */

static struct lane_cursor cursors[SYNC_LANES];
static struct receiver_store stores[SYNC_LANES];

/* The hub holds 1-10 of the lane. */
static struct answer_stream *greet(const struct hello_stream *hello) {
    static struct answer_stream told;
    struct error err = {.text = ""};
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        cursors[lane] = (struct lane_cursor){.stored = 0};
        stores[lane] = STORE;
    }
    cursors[LANE_HIGH] = cursor;
    cursors[LANE_HIGH].anchored = 7;
    if (receiver_hello(hello, cursors, stores, &told, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return &told;
}

static void hold_ten(void) {
    add_results(&ours, 12, "{}");
    expect(LANE_HIGH, &ours, 1, 10, SYNC_STORED);
}

static void test_receiver__a_hello_is_answered_with_what_is_held(void **state) {
    (void)state;
    hold_ten();
    const struct hello_stream hello = {
        .id = {{4}}, .current = true, .lanes[LANE_HIGH] = {.highest_durable = 12}};
    const struct answer_stream *told = greet(&hello);
    assert_true(id_equal(told->id, hello.id));
    assert_int_equal(told->verdict, VERDICT_OK);
    assert_int_equal(ranges_top(&told->lanes[LANE_HIGH].held), 10);
    assert_true(id_equal(told->lanes[LANE_HIGH].chain, ours.items[9].chain));
    assert_int_equal(told->lanes[LANE_HIGH].anchored, 7);
    assert_true(id_is_zero(told->lanes[LANE_LOW].chain));
}

static void test_receiver__a_stream_that_went_back_is_a_new_one(void **state) {
    (void)state;
    hold_ten();
    struct hello_stream hello = {.current = true, .lanes[LANE_HIGH] = {.highest_durable = 9}};
    assert_int_equal(greet(&hello)->verdict, VERDICT_NEW_STREAM);
    hello.lanes[LANE_HIGH].highest_durable = 10;
    assert_int_equal(greet(&hello)->verdict, VERDICT_OK);
    hello.lanes[LANE_HIGH].highest_durable = 9;
    hello.current = false; /* it ended there */
    assert_int_equal(greet(&hello)->verdict, VERDICT_OK);
}

static void test_receiver__another_chain_where_it_was_acknowledged_is_a_new_stream(void **state) {
    (void)state;
    hold_ten();
    struct hello_stream hello = {.current = true,
                                 .lanes[LANE_HIGH] = {.highest_durable = 12, .acked_seq = 5}};
    assert_int_equal(greet(&hello)->verdict, VERDICT_OK); /* the device does not know any more */
    hello.lanes[LANE_HIGH].acked_chain = ours.items[4].chain;
    assert_int_equal(greet(&hello)->verdict, VERDICT_OK);
    hello.lanes[LANE_HIGH].acked_chain = ours.items[5].chain;
    assert_int_equal(greet(&hello)->verdict, VERDICT_NEW_STREAM);
    hello.lanes[LANE_HIGH].acked_seq = 6;
    assert_int_equal(greet(&hello)->verdict, VERDICT_OK);
    hello.lanes[LANE_HIGH].acked_seq = 10; /* the cursor knows */
    assert_int_equal(greet(&hello)->verdict, VERDICT_NEW_STREAM);
}

static void test_receiver__a_hub_that_lacks_what_it_acknowledged_was_rolled_back(void **state) {
    (void)state;
    hold_ten();
    struct hello_stream hello = {.current = true,
                                 .lanes[LANE_HIGH] = {.highest_durable = 12, .acked_seq = 11}};
    assert_int_equal(greet(&hello)->verdict, VERDICT_ROLLBACK);
    hello.current = false;
    assert_int_equal(greet(&hello)->verdict, VERDICT_ROLLBACK);
    hello.lanes[LANE_BULK].acked_seq = hello.lanes[LANE_BULK].highest_durable = 1;
    hello.lanes[LANE_HIGH].acked_seq = 10;
    assert_int_equal(greet(&hello)->verdict, VERDICT_ROLLBACK);
    hello.lanes[LANE_HIGH].acked_chain = (struct id){{1}}; /* which is worse */
    assert_int_equal(greet(&hello)->verdict, VERDICT_NEW_STREAM);
}

static void test_receiver__chain_values_are_told_where_they_are_known(void **state) {
    (void)state;
    add_results(&ours, 4, "{}");
    add_gap(&ours, 5);
    add_results(&ours, 3, "{}");
    expect(LANE_HIGH, &ours, 1, 11, SYNC_STORED);
    static const uint64_t SEQS[] = {0, 1, 4, 7, 9, 10, 11, 12, RANGE_SEQ_MAX};
    static const int ITEMS[] = {-1, 0, 3, -1, -1, 5, 6, -1, -1};
    struct hello_stream hello = {.lanes[LANE_HIGH] = {.highest_durable = 12}};
    for (int i = 0; i < 9; i++) {
        hello.positions[i] = (struct position){.lane = LANE_HIGH, .seq = SEQS[i]};
    }
    hello.positions[9] = (struct position){.lane = LANE_LOW, .seq = 1};
    hello.position_count = 10;
    const struct answer_stream *told = greet(&hello);
    assert_int_equal(told->position_count, 10);
    for (int i = 0; i < 9; i++) {
        assert_int_equal(told->positions[i].seq, SEQS[i]);
        assert_true(id_equal(told->positions[i].chain,
                             ITEMS[i] < 0 ? (struct id){0} : ours.items[ITEMS[i]].chain));
    }
    assert_int_equal(told->positions[9].lane, LANE_LOW);
    assert_true(id_is_zero(told->positions[9].chain));
}

/* --- all of it ------------------------------------------------------------------------------- */

static void send_by_chance(enum lane lane, uint32_t *chance) {
    *chance = *chance * 1664525 + 1013904223;
    const int from = (int)((*chance >> 16) % (uint32_t)ours.count);
    const int end = from + 1 + (int)((*chance >> 8) % 12);
    write_frame(&ours, from, end < ours.count ? end : ours.count, chain_before(&ours, from));
    assert_int_equal(take(lane, NULL), STATUS_OK);
    assert_true(answer.code == SYNC_STORED || answer.code == SYNC_MISSING);
    answer.code = SYNC_STORED;
    assert_same_chain(&ours);
}

/* Whatever is sent, in whatever order and however cut, the hub ends with the same. */
static void test_receiver__any_order_and_any_cut_end_in_the_same_state(void **state) {
    (void)state;
    uint32_t chance = 5;
    for (int round = 0; round < 30; round++) {
        ours.count = kept_count = 0;
        ours.bytes.count = 0;
        cursor = (struct lane_cursor){.stored = 0};
        for (int i = 0; i < 8; i++) {
            chance = chance * 1664525 + 1013904223;
            add_results(&ours, (int)((chance >> 16) % 7), "{}");
            add_gap(&ours, 1 + (chance >> 8) % 9);
        }
        const uint64_t last = ours.items[ours.count - 1].last_seq;
        for (int i = 0; i < 400 && ranges_total(&cursor.held) < last; i++) {
            send_by_chance(round % 2 == 0 ? LANE_TELEMETRY : LANE_NORMAL, &chance);
        }
        expect(LANE_NORMAL, &ours, 1, ours.items[ours.count - 1].seq, SYNC_STORED);
        assert_int_equal(cursor.held.count, 1);
        assert_int_equal(kept_count, ours.count);
        assert_int_equal(cursor.gapped + cursor.stored, last);
    }
}

/* A gap takes the place of some items; at its end the chain is what it was. */
static void drop_by_chance(uint32_t *chance) {
    *chance = *chance * 1664525 + 1013904223;
    const int from = (int)((*chance >> 16) % (uint32_t)ours.count);
    const int most = from + 1 + (int)((*chance >> 8) % 5);
    const int end = most < ours.count ? most : ours.count;
    const struct frame_item last = ours.items[end - 1];
    struct gap gap = {.reason = GAP_EXPIRED, .count = 1, .to_seq = last.last_seq};
    gap.from_seq = ours.items[from].seq;
    gap.chain_before = chain_before(&ours, from);
    gap.chain_end = last.chain;
    const int count = ours.count;
    add_gap_of(&ours, &gap, 1, last.chain);
    struct frame_item *item = &ours.items[from];
    *item = ours.items[count];
    item->seq = gap.from_seq;
    item->last_seq = gap.to_seq;
    (void)memmove(item + 1, &ours.items[end], (size_t)(count - end) * sizeof(*item));
    ours.count = count - (end - from) + 1;
}

static void test_receiver__what_is_dropped_on_the_way_is_no_fork(void **state) {
    (void)state;
    uint32_t chance = 11;
    for (int round = 0; round < 60; round++) {
        ours.count = kept_count = 0;
        ours.bytes.count = 0;
        cursor = (struct lane_cursor){.stored = 0};
        add_results(&ours, 40, "{}");
        for (int i = 0; i < 12; i++) {
            drop_by_chance(&chance);
            for (int k = 0; k < 3; k++) {
                send_by_chance(round % 2 == 0 ? LANE_TELEMETRY : LANE_NORMAL, &chance);
            }
        }
        expect(LANE_NORMAL, &ours, 1, ours.items[ours.count - 1].seq, SYNC_STORED);
        assert_int_equal(cursor.stored + cursor.gapped, 40);
    }
}

static void test_receiver__every_allocation_may_fail(void **state) {
    (void)state;
    add_results(&ours, 3, "{}");
    add_gap(&ours, 4);
    write_frame(&ours, 0, 4, (struct id){0});
    for (long k = 0;; k++) {
        frame_reader_destroy(reader);
        assert_int_equal(frame_reader_create(&reader, NULL), STATUS_OK);
        cursor = (struct lane_cursor){.stored = 0};
        answer = (struct answer){.code = SYNC_STORED};
        kept_count = 0;
        (void)memory_fail_at(k, 0);
        const status code = take(LANE_NORMAL, NULL);
        const bool reached = memory_fail_at(-1, 0) > (size_t)k;
        assert_int_equal(code, reached ? STATUS_NO_MEMORY : STATUS_OK);
        assert_int_equal(cursor.held.count, reached ? 0 : 1);
        assert_int_equal(answer.code, SYNC_STORED);
        if (!reached) {
            assert_true(k > 1);
            break;
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST_LANE(test_receiver__what_comes_is_stored_once_with_its_chain),
        TEST_LANE(test_receiver__what_leaves_a_hole_is_missing),
        TEST_LANE(test_receiver__another_chain_is_a_fork_wherever_it_shows),
        TEST_LANE(test_receiver__a_chain_begins_with_nothing),
        TEST_LANE(test_receiver__a_chain_that_is_not_that_of_the_records_is_damage),
        TEST_LANE(test_receiver__a_store_that_fails_leaves_the_cursor),
        TEST_LANE(test_receiver__telemetry_comes_in_any_order),
        TEST_LANE(test_receiver__telemetry_of_two_chains_does_not_meet),
        TEST_LANE(test_receiver__a_gap_fills_several_holes_piece_by_piece),
        TEST_LANE(test_receiver__one_interval_too_many_waits),
        TEST_LANE(test_receiver__a_hello_is_answered_with_what_is_held),
        TEST_LANE(test_receiver__a_stream_that_went_back_is_a_new_one),
        TEST_LANE(test_receiver__another_chain_where_it_was_acknowledged_is_a_new_stream),
        TEST_LANE(test_receiver__a_hub_that_lacks_what_it_acknowledged_was_rolled_back),
        TEST_LANE(test_receiver__chain_values_are_told_where_they_are_known),
        TEST_LANE(test_receiver__any_order_and_any_cut_end_in_the_same_state),
        TEST_LANE(test_receiver__what_is_dropped_on_the_way_is_no_fork),
        TEST_LANE(test_receiver__every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

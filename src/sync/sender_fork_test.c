// SPDX-License-Identifier: Apache-2.0
#include "sync/sender_fork.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Where the histories part, and what each side does not know. */
struct history {
    uint64_t common, top;      /* up to where both are the same; the hub's end */
    uint64_t from, to;         /* a gap of the device: inside no chain value is known */
    uint64_t hub_from, hub_to; /* and of the hub */
};

static struct history histories[SYNC_LANES];
static struct hello_stream stream;
static struct sender_fork fork;

static int set_up(void **state) {
    (void)state;
    memset(histories, 0, sizeof histories);
    memset(&stream, 0, sizeof stream);
    stream.id.bytes[0] = 1;
    return 0;
}

static struct id chain_of(uint64_t seq, uint8_t side) {
    struct id chain = {.bytes = {side, 1}};
    memcpy(chain.bytes + 2, &seq, sizeof seq);
    return chain;
}

static struct position ours(const struct position *asked) {
    const struct history *history = &histories[asked->lane];
    struct position said = *asked;
    const uint64_t floor = stream.lanes[asked->lane].lowest_kept - 1;
    const bool inside = asked->seq >= history->from && asked->seq < history->to;
    if (!inside && asked->seq >= floor) {
        said.chain = chain_of(asked->seq, asked->seq <= history->common ? 0 : 1);
    }
    return said;
}

static struct position theirs(const struct position *asked) {
    const struct history *history = &histories[asked->lane];
    struct position said = *asked;
    const bool inside = asked->seq >= history->hub_from && asked->seq < history->hub_to;
    said.chain = (struct id){0};
    if (!inside && asked->seq <= history->top) {
        said.chain = chain_of(asked->seq, asked->seq <= history->common ? 0 : 2);
    }
    return said;
}

/* Runs it to its end; the rounds that it took. */
static int look(void) {
    uint64_t tops[SYNC_LANES];
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        tops[lane] = histories[lane].top;
    }
    sender_fork_begin(&fork, &stream, tops, tops);
    int rounds = 0;
    while (sender_fork_round(&fork, &stream)) {
        struct position said[MESSAGE_POSITIONS_MAX];
        const int count = fork.position_count;
        assert_in_range(count, 1, MESSAGE_POSITIONS_MAX);
        for (int i = 0; i < count; i++) {
            said[i] = ours(&fork.positions[count - 1 - i]); /* in any order */
        }
        sender_fork_ours(&fork, said, count);
        for (int i = 0; i < count; i++) {
            said[i] = theirs(&fork.positions[i]);
        }
        sender_fork_theirs(&fork, said, count);
        assert_true(++rounds < 20);
    }
    return rounds;
}

static void lane_is(enum lane lane, uint64_t lowest, uint64_t highest, uint64_t top,
                    uint64_t common) {
    stream.lanes[lane].lowest_kept = lowest;
    stream.lanes[lane].highest_durable = highest;
    histories[lane].top = top;
    histories[lane].common = common;
}

static void test_fork__is_found_among_ten_million_records_in_four_rounds(void **state) {
    (void)state;
    static const uint64_t COMMON[] = {0, 1, 63, 64, 65, 4999999, 9999998, 9999999, 10000000};
    for (size_t i = 0; i < sizeof COMMON / sizeof COMMON[0]; i++) {
        lane_is(LANE_NORMAL, 1, 10000000, 12000000, COMMON[i]);
        assert_true(look() <= 4);
        assert_int_equal(fork.lanes[LANE_NORMAL].low, COMMON[i]);
        assert_int_equal(id_is_zero(fork.lanes[LANE_NORMAL].chain), COMMON[i] == 0);
        assert_true(sender_fork_is_real(&fork));
    }
}

static void test_fork__is_looked_for_in_all_lanes_together(void **state) {
    (void)state;
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        lane_is((enum lane)lane, 1, 10000 * (uint64_t)(lane + 1), 9000, 1234 * (uint64_t)lane);
    }
    assert_true(look() <= 6);
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        assert_int_equal(fork.lanes[lane].low, 1234 * lane);
    }
}

static void test_fork__is_found_wherever_it_is(void **state) {
    (void)state;
    for (uint64_t common = 0; common <= 300; common++) {
        lane_is(LANE_HIGH, 1, 250, 300, common < 250 ? common : 250);
        lane_is(LANE_LOW, 101, 400, 300, 100 + common % 200);
        (void)look();
        assert_int_equal(fork.lanes[LANE_HIGH].low, histories[LANE_HIGH].common);
        assert_int_equal(fork.lanes[LANE_LOW].low, histories[LANE_LOW].common);
    }
}

static void test_fork__asks_nothing_where_nothing_can_be_common(void **state) {
    (void)state;
    lane_is(LANE_HIGH, 1, 100, 0, 0);       /* the hub has nothing */
    lane_is(LANE_NORMAL, 501, 900, 400, 0); /* what it has is gone from here */
    lane_is(LANE_LOW, 0, 70, 90, 0);        /* all is gone from here */
    assert_int_equal(look(), 0);
    assert_int_equal(fork.lanes[LANE_HIGH].low, 0);
    assert_int_equal(fork.lanes[LANE_NORMAL].low, 500);
    assert_int_equal(fork.lanes[LANE_LOW].low, 70);
}

static void test_fork__counts_what_nobody_knows_as_not_common(void **state) {
    (void)state;
    lane_is(LANE_HIGH, 1, 5000, 5000, 3000);
    histories[LANE_HIGH].from = 1000;
    histories[LANE_HIGH].to = 2000;
    histories[LANE_HIGH].hub_from = 2500;
    histories[LANE_HIGH].hub_to = 4000;
    (void)look();
    assert_true(fork.lanes[LANE_HIGH].low <= 3000);
    assert_true(fork.lanes[LANE_HIGH].low >= 2400);
}

static void test_fork__begins_behind_what_was_acknowledged_even_when_a_gap_hides_it(void **state) {
    (void)state;
    lane_is(LANE_HIGH, 1, 100010, 100005, 100002);
    stream.lanes[LANE_HIGH].acked_seq = 100000;
    histories[LANE_HIGH].from = 10;
    histories[LANE_HIGH].to = 100000; /* whose chain value stands at its end */
    (void)look();
    assert_int_equal(fork.lanes[LANE_HIGH].low, 100002);
}

static void test_fork__is_none_when_all_is_common(void **state) {
    (void)state;
    lane_is(LANE_HIGH, 1, 5000, 4000, 4000);
    histories[LANE_HIGH].from = 100;
    histories[LANE_HIGH].to = 200;
    assert_int_equal(look(), 1);
    assert_int_equal(fork.lanes[LANE_HIGH].low, 4000);
    assert_false(sender_fork_is_real(&fork));
    histories[LANE_HIGH].top = 5001; /* which this device never had */
    (void)look();
    assert_true(sender_fork_is_real(&fork));
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(test_fork__##name, set_up)
        TEST(is_found_among_ten_million_records_in_four_rounds),
        TEST(is_looked_for_in_all_lanes_together),
        TEST(is_found_wherever_it_is),
        TEST(asks_nothing_where_nothing_can_be_common),
        TEST(counts_what_nobody_knows_as_not_common),
        TEST(begins_behind_what_was_acknowledged_even_when_a_gap_hides_it),
        TEST(is_none_when_all_is_common),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

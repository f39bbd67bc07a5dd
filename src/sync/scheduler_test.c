// SPDX-License-Identifier: Apache-2.0
#include "sync/scheduler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { HOUR_MS = 3600 * 1000, ALL = (1 << SYNC_LANES) - 1, REST = ALL & ~3 };

static struct scheduler scheduler;

static int set_up(void **state) {
    (void)state;
    scheduler_init(&scheduler);
    scheduler_use_link(&scheduler, "wifi", (struct link_budget){0});
    return 0;
}

static void test_scheduler__puts_lane_0_before_1_before_the_rest(void **state) {
    (void)state;
    assert_int_equal(scheduler_pick(&scheduler, 0), LANE_COUNT);
    assert_int_equal(scheduler_pick(&scheduler, ALL), LANE_CONTROL);
    assert_int_equal(scheduler_pick(&scheduler, ALL & ~1), LANE_URGENT);
    assert_int_equal(scheduler_pick(&scheduler, REST), LANE_HIGH);
    assert_int_equal(scheduler_pick(&scheduler, 1U << LANE_BULK), LANE_BULK);
    assert_int_equal(scheduler_pick(&scheduler, 1U << LANE_LOCAL), LANE_COUNT);
}

static void test_scheduler__shares_bytes_16_to_8_to_2_to_4_to_1(void **state) {
    static const int64_t SIZES[] = {1 << 20, 700, 64 << 10, 5000};
    static const int64_t SHARES[SYNC_LANES] = {0, 0, 16, 8, 2, 4, 1};
    (void)state;
    int64_t sent[SYNC_LANES] = {0};
    int64_t sum = 0;
    for (int turn = 0; turn < 20000; turn++) {
        const enum lane lane = scheduler_pick(&scheduler, REST);
        const int64_t bytes = SIZES[turn % 4];
        scheduler_charge(&scheduler, lane, bytes, 0);
        sent[lane] += bytes;
        sum += bytes;
    }
    for (int lane = LANE_HIGH; lane < SYNC_LANES; lane++) {
        const int64_t fair = sum / 31 * SHARES[lane];
        assert_in_range(sent[lane] * 100 / fair, 95, 105);
    }
}

static void test_scheduler__starves_no_lane(void **state) {
    (void)state;
    int waited[SYNC_LANES] = {0};
    for (int turn = 0; turn < 10000; turn++) {
        const enum lane lane = scheduler_pick(&scheduler, REST);
        scheduler_charge(&scheduler, lane, 16 << 10, 0);
        for (int other = LANE_HIGH; other < SYNC_LANES; other++) {
            waited[other] = other == (int)lane ? 0 : waited[other] + 1;
            assert_true(waited[other] <= 31);
        }
    }
}

static void test_scheduler__lets_a_lane_that_had_nothing_save_nothing_up(void **state) {
    (void)state;
    for (int turn = 0; turn < 1000; turn++) { /* lane 2 has nothing for long */
        const enum lane lane = scheduler_pick(&scheduler, REST & ~(1U << LANE_HIGH));
        scheduler_charge(&scheduler, lane, 16 << 10, 0);
    }
    int picked = 0;
    for (int turn = 0; turn < 62; turn++) {
        const enum lane lane = scheduler_pick(&scheduler, REST);
        scheduler_charge(&scheduler, lane, 16 << 10, 0);
        picked += lane == LANE_HIGH ? 1 : 0;
    }
    assert_in_range(picked, 30, 34);
}

static void test_scheduler__keeps_a_budget_within_any_hour(void **state) {
    (void)state;
    enum { BUDGET = 100000, MINUTES = 600, MINUTE_MS = 60 * 1000 };
    static int64_t sent[MINUTES];
    scheduler_use_link(&scheduler, "cellular", (struct link_budget){.bytes_hour = BUDGET});
    int64_t total = 0;
    for (int minute = 0; minute < MINUTES; minute++) {
        const int64_t now_ms = 123456 + (int64_t)minute * MINUTE_MS;
        const int64_t room = scheduler_room(&scheduler, LANE_LOW, now_ms);
        sent[minute] = room < 30000 ? room : 30000;
        scheduler_charge(&scheduler, LANE_LOW, sent[minute], now_ms);
        assert_int_equal(scheduler_room_ms(&scheduler, now_ms) > now_ms, room <= 30000);
        total += sent[minute];
    }
    for (int from = 0; from + 60 <= MINUTES; from++) {
        int64_t sum = 0;
        for (int minute = from; minute < from + 60; minute++) {
            sum += sent[minute];
        }
        assert_true(sum <= BUDGET);
    }
    assert_true(total >= BUDGET * 8); /* of ten hours */
}

static void test_scheduler__says_when_there_is_room_again(void **state) {
    (void)state;
    const int64_t now_ms = INT64_C(77) * HOUR_MS + 1000;
    scheduler_use_link(&scheduler, "cellular",
                       (struct link_budget){.bytes_hour = 1000, .bytes_day = 1500});
    scheduler_charge(&scheduler, LANE_LOW, 1200, now_ms);
    int64_t then_ms = scheduler_room_ms(&scheduler, now_ms);
    assert_in_range(then_ms - now_ms, HOUR_MS - 300000, HOUR_MS + 300000);
    assert_int_equal(scheduler_room(&scheduler, LANE_LOW, then_ms - 1), 0);
    assert_int_equal(scheduler_room(&scheduler, LANE_LOW, then_ms), 300); /* of the day */
    scheduler_charge(&scheduler, LANE_LOW, 400, then_ms);
    then_ms = scheduler_room_ms(&scheduler, then_ms);
    assert_in_range(then_ms - now_ms, 23 * HOUR_MS, INT64_C(26) * HOUR_MS);
    assert_true(scheduler_room(&scheduler, LANE_LOW, then_ms) > 0);
}

static void test_scheduler__neither_holds_back_nor_counts_lanes_0_and_1(void **state) {
    (void)state;
    scheduler_use_link(&scheduler, "cellular", (struct link_budget){.bytes_day = 1000});
    scheduler_charge(&scheduler, LANE_CONTROL, 1 << 30, 5);
    scheduler_charge(&scheduler, LANE_URGENT, 1 << 30, 5);
    assert_int_equal(scheduler_room(&scheduler, LANE_HIGH, 5), 1000);
    scheduler_charge(&scheduler, LANE_HIGH, 5000, 5);
    assert_int_equal(scheduler_room(&scheduler, LANE_HIGH, 5), 0);
    assert_int_equal(scheduler_room(&scheduler, LANE_URGENT, 5), INT64_MAX);
}

static void test_scheduler__remembers_what_each_kind_of_link_has_carried(void **state) {
    (void)state;
    const struct link_budget budget = {.bytes_hour = 1000};
    scheduler_use_link(&scheduler, "cellular", budget);
    scheduler_charge(&scheduler, LANE_LOW, 1000, 5);
    scheduler_use_link(&scheduler, "a name that is longer than the room for it", budget);
    assert_int_equal(scheduler_room(&scheduler, LANE_LOW, 5), 1000);
    scheduler_use_link(&scheduler, "cellular", budget);
    assert_int_equal(scheduler_room(&scheduler, LANE_LOW, 5), 0);
    static const char *const OTHERS[] = {"a", "b", "c", "d", "e"};
    for (int i = 0; i < SCHEDULER_LINKS; i++) {
        scheduler_use_link(&scheduler, OTHERS[i], budget);
    }
    scheduler_use_link(&scheduler, "cellular", budget); /* forgotten for the others */
    assert_int_equal(scheduler_room(&scheduler, LANE_LOW, 5), 1000);
}

/* What the next one says of the room that is left, when it goes on with `use`. */
static int64_t room_after(const struct scheduler_use *use, int64_t now_ms, int64_t elapsed_ms) {
    struct scheduler next;
    scheduler_init(&next);
    scheduler_recall(&next, now_ms, use, elapsed_ms);
    scheduler_use_link(&next, "cellular", (struct link_budget){.bytes_hour = 1000});
    return scheduler_room(&next, LANE_LOW, now_ms);
}

/* A machine that was started anew has a clock that begins at 0. */
static void test_scheduler__goes_on_with_what_was_used(void **state) {
    (void)state;
    const struct link_budget budget = {.bytes_hour = 1000};
    const int64_t now_ms = INT64_C(77) * HOUR_MS + 1000;
    struct scheduler_use use;
    int64_t hour, day;
    scheduler_use_link(&scheduler, "cellular", budget);
    scheduler_charge(&scheduler, LANE_LOW, 700, now_ms);
    scheduler_charge(&scheduler, LANE_LOW, 400, now_ms + HOUR_MS / 2);
    scheduler_use(&scheduler, now_ms + HOUR_MS / 2, &use);
    assert_int_equal(room_after(&use, 60000, 0), 0);
    assert_int_equal(room_after(&use, 60000, -5), 0);
    assert_int_equal(room_after(&use, INT64_C(500) * HOUR_MS, HOUR_MS * 2 / 3), 600);
    assert_int_equal(room_after(&use, 0, 2 * HOUR_MS), 1000);
    assert_int_equal(room_after(&use, 0, INT64_MAX), 1000);

    scheduler_init(&scheduler);
    scheduler_recall(&scheduler, 60000, &use, 0);
    scheduler_use_link(&scheduler, "cellular", budget);
    const int64_t then_ms = scheduler_room_ms(&scheduler, 60000);
    assert_in_range(then_ms, HOUR_MS / 2 - 300000, HOUR_MS / 2 + 400000);
    assert_int_equal(scheduler_room(&scheduler, LANE_LOW, then_ms), 600);
    scheduler_charge(&scheduler, LANE_LOW, 600, then_ms);
    scheduler_sent(&scheduler, then_ms, &hour, &day);
    assert_int_equal(hour, 1000);
    assert_int_equal(day, 1700);
}

static void test_scheduler__leaves_out_what_nobody_can_have_used(void **state) {
    (void)state;
    struct scheduler_use use, odd;
    scheduler_use_link(&scheduler, "cellular", (struct link_budget){0});
    scheduler_charge(&scheduler, LANE_LOW, 700, 5 * HOUR_MS);
    scheduler_use(&scheduler, 5 * HOUR_MS, &use);
    assert_int_equal(room_after(&use, 0, 0), 300);
    odd = use;
    odd.time_ms = -1;
    assert_int_equal(room_after(&odd, 0, 0), 1000);
    odd = use;
    odd.time_ms = 1; /* the windows would be ahead of their clock for ever */
    assert_int_equal(room_after(&odd, 0, 0), 1000);
    for (int i = 0; i < SCHEDULER_LINKS; i++) {
        odd = use;
        odd.links[i].day.slots[3] = -1;
        odd.links[i].hour.newest = -7;
        assert_int_equal(room_after(&odd, 0, 0), use.links[i].kind[0] == 'c' ? 1000 : 300);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(test_scheduler__##name, set_up)
        TEST(puts_lane_0_before_1_before_the_rest),
        TEST(shares_bytes_16_to_8_to_2_to_4_to_1),
        TEST(starves_no_lane),
        TEST(lets_a_lane_that_had_nothing_save_nothing_up),
        TEST(keeps_a_budget_within_any_hour),
        TEST(says_when_there_is_room_again),
        TEST(neither_holds_back_nor_counts_lanes_0_and_1),
        TEST(remembers_what_each_kind_of_link_has_carried),
        TEST(goes_on_with_what_was_used),
        TEST(leaves_out_what_nobody_can_have_used),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

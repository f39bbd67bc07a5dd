// SPDX-License-Identifier: Apache-2.0
#include "sync/sender_standing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

enum { MANY = SENDER_STREAMS_MAX + 10 };

static struct sender_standings standings;
static struct sender_stream *streams;

static int set_up(void **state) {
    (void)state;
    memset(&standings, 0, sizeof standings);
    streams = calloc(MANY, sizeof *streams);
    assert_non_null(streams);
    for (int i = 0; i < MANY; i++) {
        streams[i].hello.id.bytes[0] = (uint8_t)(i + 1);
    }
    streams[MANY - 1].hello.current = true;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    sender_standings_done(&standings);
    free(streams);
    return 0;
}

static void take(int count) {
    struct error err;
    assert_int_equal(sender_standings_take(&standings, streams, count, &err), STATUS_OK);
}

static void test_standing__always_has_the_stream_that_is_written_to(void **state) {
    (void)state;
    take(MANY);
    assert_int_equal(standings.count, SENDER_STREAMS_MAX);
    assert_int_equal(standings.streams[0].id.bytes[0], 1);
    assert_int_equal(standings.streams[SENDER_STREAMS_MAX - 1].id.bytes[0], MANY);
    assert_true(standings.streams[SENDER_STREAMS_MAX - 1].current);
    take(0);
    assert_int_equal(standings.count, 0);
}

static void test_standing__keeps_what_the_hub_said_of_a_stream(void **state) {
    (void)state;
    take(3);
    standings.standings[2].greeted = true;
    standings.standings[2].lanes[LANE_HIGH].top = 7;
    streams[1] = streams[2];
    take(2);
    assert_int_equal(standings.standings[1].lanes[LANE_HIGH].top, 7);
    assert_false(standings.standings[0].greeted);
}

static void test_standing__changes_nothing_without_memory(void **state) {
    (void)state;
    take(2);
    for (int at = 0; at < 3; at++) {
        struct error err;
        (void)memory_fail_at(at, 0);
        assert_int_equal(sender_standings_take(&standings, streams, 5, &err), STATUS_NO_MEMORY);
        (void)memory_fail_at(-1, 0);
        assert_int_equal(standings.count, 2);
    }
}

static void test_standing__knows_what_became_durable_during_a_look(void **state) {
    (void)state;
    streams[0].hello.current = true;
    streams[0].hello.lanes[LANE_HIGH].highest_durable = 4;
    take(1);
    assert_false(standings.stale);
    sender_standings_note(&standings, LANE_HIGH, 5, 10);
    sender_standings_note(&standings, LANE_HIGH, 6, 10);
    assert_int_equal(standings.streams[0].lanes[LANE_HIGH].highest_durable, 6);
    assert_int_equal(standings.streams[0].lanes[LANE_HIGH].lowest_kept, 5);
    streams[0].hello.lanes[LANE_HIGH].highest_durable = 5; /* as the look saw it */
    streams[0].hello.lanes[LANE_HIGH].lowest_kept = 5;
    take(1);
    assert_int_equal(standings.streams[0].lanes[LANE_HIGH].highest_durable, 6);
    assert_false(standings.stale);
}

static void test_standing__looks_again_when_a_new_stream_may_have_been_noted(void **state) {
    (void)state;
    sender_standings_note(&standings, LANE_HIGH, 1, 10);
    assert_true(standings.stale);
    streams[0].hello.current = true;
    take(1);
    sender_standings_note(&standings, LANE_HIGH, 2, 10);
    streams[0].hello.current = false;
    streams[1].hello.current = true;
    take(2);
    assert_true(standings.stale);
    take(2);
    assert_false(standings.stale);
}

static void hear(uint64_t from, uint64_t to) {
    const struct position none = {.seq = 0};
    struct answer_lane answer;
    memset(&answer, 0, sizeof answer);
    answer.held = standings.standings[0].telemetry;
    if (to > 0) {
        assert_int_equal(ranges_add(&answer.held, (struct range){from, to}, NULL), STATUS_OK);
    }
    (void)sender_standing_hear(&standings, 0, LANE_TELEMETRY, &answer, &none);
}

static struct lane_run next(int64_t bytes) {
    struct lane_run run = {0};
    if (!sender_standing_next(&standings, 0, LANE_TELEMETRY, bytes, &run)) {
        return (struct lane_run){0};
    }
    return run;
}

static void test_standing__sends_telemetry_newest_first_and_each_seq_once(void **state) {
    (void)state;
    streams[0].hello.lanes[LANE_TELEMETRY].highest_durable = 100;
    streams[0].hello.lanes[LANE_TELEMETRY].lowest_kept = 1;
    take(1);
    hear(0, 0);
    uint64_t end = 100;
    while (end > 0) {
        const struct lane_run run = next(3000);
        assert_int_equal(run.last, end);
        assert_in_range(run.first, 1, run.last);
        hear(run.first, run.last);
        end = run.first - 1;
    }
    assert_int_equal(next(3000).last, 0);
    sender_standings_note(&standings, LANE_TELEMETRY, 1, 1);
    assert_int_equal(next(3000).last, 0);
}

static void test_standing__sends_telemetry_that_is_gone_as_one_gap(void **state) {
    (void)state;
    struct hello_lane *facts = &streams[0].hello.lanes[LANE_TELEMETRY];
    *facts = (struct hello_lane){
        .lowest_kept = 999001, .highest_durable = 1000000, .acked_seq = 1000000};
    take(1);
    hear(5001, 6000); /* what else it had a hub has lost */
    standings.telemetry_each = 400;
    int kept = 0;
    while (next(100000).last > 999000) {
        assert_in_range(next(100000).first, 999001, 1000000);
        hear(next(100000).first, next(100000).last);
        kept++;
    }
    assert_in_range(kept, 5, 10);
    assert_int_equal(next(100000).first, 6001);
    assert_int_equal(next(100000).last, 999000);
    hear(6001, 999000);
    assert_int_equal(next(100000).first, 1);
    assert_int_equal(next(100000).last, 5000);
}

static void test_standing__never_makes_more_intervals_than_the_hub_keeps(void **state) {
    (void)state;
    streams[0].hello.lanes[LANE_TELEMETRY].highest_durable = 10000;
    streams[0].hello.lanes[LANE_TELEMETRY].lowest_kept = 1;
    take(1);
    hear(0, 0);
    for (int turn = 0; turn < 9000 && next(100).last > 0; turn++) {
        const struct lane_run run = next(500); /* of which the first few arrive */
        hear(run.first, run.first + 1 < run.last ? run.first + 1 : run.last);
        assert_true(standings.standings[0].telemetry.count <= RANGES_MAX);
    }
    assert_int_equal(ranges_top(&standings.standings[0].telemetry), 10000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_standing__##name, set_up, tear_down)
        TEST(always_has_the_stream_that_is_written_to),
        TEST(keeps_what_the_hub_said_of_a_stream),
        TEST(changes_nothing_without_memory),
        TEST(knows_what_became_durable_during_a_look),
        TEST(looks_again_when_a_new_stream_may_have_been_noted),
        TEST(sends_telemetry_newest_first_and_each_seq_once),
        TEST(sends_telemetry_that_is_gone_as_one_gap),
        TEST(never_makes_more_intervals_than_the_hub_keeps),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

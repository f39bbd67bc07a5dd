// SPDX-License-Identifier: Apache-2.0
#include "sync/sender.h"

#include "sync/sender_test.h"

/* --- the connection -------------------------------------------------------------------------- */

static void test_sender__connects_at_once_and_greets(void **state) {
    struct bench *bench = *state;
    assert_string_equal(bench_facts(bench).state, "away");
    assert_int_equal(bench_run(bench), SENDER_CONNECT);
    assert_int_equal(bench_run(bench), SENDER_NOTHING);
    sender_connected(bench->sender, bench->now_ms);
    assert_int_equal(bench_run(bench), SENDER_HELLO);
    assert_int_equal(bench->peeks, 1);
    assert_string_equal(bench_facts(bench).state, "greeting");
    hub_hear_hello(bench);
    hub_answer_hello(bench);
    bench_go(bench);
    const struct sender_facts facts = bench_facts(bench);
    assert_string_equal(facts.state, "idle");
    assert_true(facts.connected);
    assert_int_equal(facts.last_contact_ms, bench->now_ms);
    assert_int_equal(facts.hub_store.bytes[0], 9);
    assert_int_equal(bench->wait_ms, 0);
}

static void test_sender__waits_longer_after_each_loss(void **state) {
    struct bench *bench = *state;
    int64_t last_ms = SENDER_RETRY_MS_LEAST;
    int64_t most_ms = 0;
    for (int loss = 0; loss < 40; loss++) {
        assert_int_equal(bench_run(bench), SENDER_CONNECT);
        sender_lost(bench->sender, bench->now_ms);
        assert_int_equal(bench_run(bench), SENDER_NOTHING);
        assert_in_range(bench->wait_ms, SENDER_RETRY_MS_LEAST, SENDER_RETRY_MS_MOST);
        assert_true(bench->wait_ms <= 3 * last_ms);
        last_ms = bench->wait_ms;
        most_ms = last_ms > most_ms ? last_ms : most_ms;
        bench->now_ms += bench->wait_ms;
    }
    assert_int_equal(most_ms, SENDER_RETRY_MS_MOST);
    assert_int_equal(bench_facts(bench).retries, 40);
    assert_string_equal(bench_facts(bench).last_error, "the hub could not be reached");
    sender_blame(bench->sender, "nobody answers");
    assert_string_equal(bench_facts(bench).last_error, "nobody answers");
}

static void test_sender__spreads_the_first_reconnect_as_the_hub_says(void **state) {
    struct bench *bench = *state;
    int64_t most_ms = 0;
    for (int loss = 0; loss < 50; loss++) {
        bench->spread_ms = 60000;
        bench_go(bench);
        shelf_add(bench->shelves[0], LANE_HIGH, 1, 50, 0);
        sender_note(bench->sender, LANE_HIGH, bench->shelves[0]->lanes[LANE_HIGH].highest, 50);
        bench_go(bench);
        sender_lost(bench->sender, bench->now_ms);
        assert_int_equal(bench_run(bench), SENDER_NOTHING);
        assert_in_range(bench->wait_ms, 0, 60000);
        most_ms = bench->wait_ms > most_ms ? bench->wait_ms : most_ms;
        bench->now_ms += bench->wait_ms;
    }
    assert_true(most_ms > 30000);
}

static void test_sender__hurries_when_told(void **state) {
    struct bench *bench = *state;
    assert_int_equal(bench_run(bench), SENDER_CONNECT);
    sender_lost(bench->sender, bench->now_ms);
    assert_int_equal(bench_run(bench), SENDER_NOTHING);
    sender_hurry(bench->sender);
    assert_int_equal(bench_run(bench), SENDER_CONNECT);
}

/* --- what is sent ---------------------------------------------------------------------------- */

static void test_sender__sends_what_stands_and_acknowledges_it(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_NORMAL, 300, 100, 0);
    shelf_gap(&shelf->lanes[LANE_NORMAL], 20, 35);
    shelf->hub_anchored[LANE_NORMAL] = 7;
    bench_go(bench);
    assert_int_equal(ranges_top(&shelf->held[LANE_NORMAL]), 300);
    assert_int_equal(bench->acknowledged[LANE_NORMAL], 300);
    assert_int_equal(shelf->lanes[LANE_NORMAL].anchored, 7);
    assert_true(id_equal(bench->acknowledged_chain, shelf->chains[LANE_NORMAL][300]));
    assert_int_equal(bench_facts(bench).sent_records, 285);

    bench_note(bench, shelf, LANE_NORMAL, 3, 100);
    bench_go(bench);
    assert_int_equal(bench->acknowledged[LANE_NORMAL], 303);
    assert_int_equal(bench->peeks, 1);
    assert_int_equal(bench->hellos, 1);
}

static void test_sender__hands_over_one_frame_beyond_what_is_taken(void **state) {
    struct bench *bench = *state;
    shelf_add(bench->shelves[0], LANE_NORMAL, 100, 1000, 0);
    bench_go_to(bench, SENDER_PUT_BODY);
    const size_t bytes = bench->action.bytes.count;
    assert_int_equal(bench_run(bench), SENDER_NOTHING);
    sender_taken(bench->sender, bytes - 1, bench->now_ms);
    assert_int_equal(bench_run(bench), SENDER_NOTHING);
    sender_taken(bench->sender, 1, bench->now_ms);
    assert_int_not_equal(bench_run(bench), SENDER_NOTHING);
    assert_string_equal(bench_facts(bench).state, "sending");
}

static void test_sender__sends_the_first_lanes_first_and_shares_the_rest(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    bench->bytes_per_ms = 4; /* so a second has 4 kB */
    for (int lane = LANE_CONTROL; lane <= LANE_BULK; lane++) {
        shelf_add(shelf, (enum lane)lane, lane <= LANE_URGENT ? 3 : 1000, 1000, 0);
    }
    int64_t sent[SYNC_LANES] = {0};
    int puts = 0;
    bench_go_to(bench, SENDER_PUT_BEGIN);
    while (ranges_top(&shelf->held[LANE_HIGH]) < 900) {
        bench_serve(bench, SENDER_PUT_BEGIN);
        bench_go_to(bench, SENDER_PUT_BEGIN);
        sent[bench->lanes_put[puts]] += bench->bytes_put[puts];
        puts++;
    }
    assert_int_equal(bench->lanes_put[0], LANE_CONTROL);
    assert_int_equal(bench->lanes_put[1], LANE_URGENT);
    assert_in_range(sent[LANE_NORMAL] * 100 / sent[LANE_HIGH], 42, 58);
    assert_in_range(sent[LANE_LOW] * 100 / sent[LANE_HIGH], 8, 18);
    assert_in_range(sent[LANE_TELEMETRY] * 100 / sent[LANE_HIGH], 18, 32);
    assert_in_range(sent[LANE_BULK] * 100 / sent[LANE_HIGH], 3, 12);
}

static void test_sender__ends_a_body_for_what_is_more_urgent(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_NORMAL, 1000, 4000, 0);
    for (int i = 0; i < 8; i++) { /* until bodies have several frames */
        bench_go_to(bench, SENDER_PUT_END);
        bench_serve(bench, SENDER_PUT_END);
    }
    bench_go_to(bench, SENDER_PUT_BODY);
    bench_note(bench, shelf, LANE_URGENT, 1, 100);
    bench_serve(bench, SENDER_PUT_BODY);
    assert_int_equal(bench_run(bench), SENDER_PUT_END);
    bench_serve(bench, SENDER_PUT_END);
    assert_int_equal(bench_run(bench), SENDER_PUT_BEGIN);
    assert_int_equal(bench->action.lane, LANE_URGENT);
    bench_serve(bench, SENDER_PUT_BEGIN);
    bench_go_to(bench, SENDER_PUT_BODY);
    bench_note(bench, shelf, LANE_HIGH, 1, 100); /* no reason to hurry */
    bench_note(bench, shelf, LANE_CONTROL, 1, 100);
    bench_serve(bench, SENDER_PUT_BODY);
    bench_go(bench);
    assert_int_equal(ranges_top(&shelf->held[LANE_CONTROL]), 1);
    assert_int_equal(ranges_top(&shelf->held[LANE_NORMAL]), 1000);
}

static void test_sender__sizes_a_body_to_about_a_second(void **state) {
    struct bench *bench = *state;
    shelf_add(bench->shelves[0], LANE_NORMAL, 1100, 2000, 0);
    bench->bytes_per_ms = 100;
    bench_go(bench);
    int64_t most = 0;
    for (int i = 0; i < bench->puts; i++) {
        most = bench->bytes_put[i] > most ? bench->bytes_put[i] : most;
    }
    assert_true(bench->bytes_put[0] <= 16 << 10);
    assert_in_range(most, 60000, 140000);
    assert_in_range(bench_facts(bench).bytes_per_s, 60000, 140000);
}

static void test_sender__never_exceeds_what_is_granted(void **state) {
    struct bench *bench = *state;
    shelf_add(bench->shelves[0], LANE_NORMAL, 500, 2000, 0);
    bench->grant.bytes = 30000;
    bench_go(bench);
    assert_int_equal(ranges_top(&bench->shelves[0]->held[LANE_NORMAL]), 500);
    for (int i = 0; i < bench->puts; i++) {
        assert_true(bench->bytes_put[i] <= 30000);
    }
}

static void test_sender__sends_one_frame_unasked(void **state) {
    struct bench *bench = *state;
    shelf_add(bench->shelves[0], LANE_NORMAL, 100, 2000, 0);
    bench->grant.bytes = 0;
    bench_go_to(bench, SENDER_PUT_END);
    assert_int_equal(bench->put_frames, 1);
    bench->grant.after_ms = 5000;
    bench_serve(bench, SENDER_PUT_END);
    assert_int_equal(bench_run(bench), SENDER_NOTHING);
    assert_int_equal(bench->wait_ms, 5000 - 0);
    bench_note(bench, bench->shelves[0], LANE_URGENT, 1, 10); /* does not wait for it */
    bench_go_to(bench, SENDER_PUT_END);
    assert_int_equal(bench->put_lane, LANE_URGENT);
    assert_int_equal(bench->put_frames, 1);
    bench_serve(bench, SENDER_PUT_END);
    assert_int_equal(bench_run(bench), SENDER_NOTHING);
    bench->now_ms += bench->wait_ms;
    bench_go_to(bench, SENDER_PUT_END);
    assert_int_equal(bench->put_lane, LANE_NORMAL);
}

static void test_sender__keeps_to_the_budget_of_its_link(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    const struct sender_link cellular = {
        .kind = "cellular", .metered = true, .budget = {.bytes_hour = 50000}};
    sender_use_link(bench->sender, &cellular);
    shelf_add(shelf, LANE_NORMAL, 200, 1000, 0);
    shelf_add(shelf, LANE_URGENT, 100, 1000, 0);
    bench_go(bench);
    assert_int_equal(ranges_top(&shelf->held[LANE_URGENT]), 100);
    assert_in_range(ranges_top(&shelf->held[LANE_NORMAL]), 40, 55);
    assert_in_range(bench->wait_ms, 1, 65 * 60 * 1000);

    const struct sender_link ethernet = {.kind = "ethernet"};
    sender_use_link(bench->sender, &ethernet);
    bench_go(bench);
    assert_int_equal(ranges_top(&shelf->held[LANE_NORMAL]), 200);
    bench_note(bench, shelf, LANE_NORMAL, 10, 1000);
    sender_use_link(bench->sender, &cellular); /* which is used up still */
    bench_go(bench);
    assert_int_equal(ranges_top(&shelf->held[LANE_NORMAL]), 200);
    bench->now_ms += bench->wait_ms;
    bench_go(bench);
    assert_int_equal(ranges_top(&shelf->held[LANE_NORMAL]), 210);
}

static void test_sender__sends_lanes_0_and_1_while_paused(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_NORMAL, 500, 2000, 0);
    bench_go_to(bench, SENDER_PUT_BODY);
    sender_pause(bench->sender, true);
    bench_serve(bench, SENDER_PUT_BODY);
    assert_int_equal(bench_run(bench), SENDER_PUT_END); /* the frame under way was the last */
    bench_serve(bench, SENDER_PUT_END);
    bench_note(bench, shelf, LANE_CONTROL, 1, 10);
    bench_note(bench, shelf, LANE_URGENT, 1, 10);
    bench_go(bench);
    assert_int_equal(ranges_top(&shelf->held[LANE_CONTROL]), 1);
    assert_int_equal(ranges_top(&shelf->held[LANE_URGENT]), 1);
    assert_true(ranges_top(&shelf->held[LANE_NORMAL]) < 500);
    assert_true(bench_facts(bench).paused);
    sender_pause(bench->sender, false);
    bench_go(bench);
    assert_int_equal(ranges_top(&shelf->held[LANE_NORMAL]), 500);
}

static void test_sender__sends_records_larger_than_a_frame(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_NORMAL, 1, 10, 0);
    shelf_add(shelf, LANE_NORMAL, 1, RECORD_BYTES_MAX, 0);
    shelf_add(shelf, LANE_NORMAL, 2, 300000, 0);
    bench_go(bench);
    assert_int_equal(ranges_top(&shelf->held[LANE_NORMAL]), 4);
}

static void test_sender__sends_the_oldest_stream_first_in_each_lane(void **state) {
    struct bench *bench = *state;
    struct shelf *old = bench->shelves[0];
    struct shelf *current = bench_add_shelf(bench, 2);
    shelf_add(old, LANE_NORMAL, 10, 100, 0);
    shelf_add(current, LANE_NORMAL, 10, 100, 1);
    shelf_add(current, LANE_HIGH, 10, 100, 1);
    bench_go_to(bench, SENDER_PUT_BEGIN);
    assert_int_equal(bench->action.lane, LANE_HIGH);
    assert_true(id_equal(bench->action.stream, current->id));
    bench_serve(bench, SENDER_PUT_BEGIN);
    bench_go_to(bench, SENDER_PUT_BEGIN);
    assert_true(id_equal(bench->action.stream, old->id));
    bench_serve(bench, SENDER_PUT_BEGIN);
    bench_go(bench);
    assert_int_equal(ranges_top(&old->held[LANE_NORMAL]), 10);
    assert_int_equal(ranges_top(&current->held[LANE_NORMAL]), 10);
}

/* --- telemetry ------------------------------------------------------------------------------- */

static void test_sender__sends_the_newest_telemetry_first(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    bench->bytes_per_ms = 10;
    shelf_add(shelf, LANE_TELEMETRY, 200, 1000, 0);
    bench_go_to(bench, SENDER_PUT_END);
    bench_serve(bench, SENDER_PUT_END);
    assert_true(ranges_hold(&shelf->held[LANE_TELEMETRY], (struct range){200, 200}));
    assert_false(ranges_hold(&shelf->held[LANE_TELEMETRY], (struct range){1, 1}));
    bench_note(bench, shelf, LANE_TELEMETRY, 1, 1000);
    bench_go_to(bench, SENDER_PUT_END);
    assert_int_equal(bench->put_last, 201);
    bench_serve(bench, SENDER_PUT_END);
    bench_go(bench);
    assert_int_equal(ranges_top(&shelf->held[LANE_TELEMETRY]), 201);
    assert_int_equal(bench->acknowledged[LANE_TELEMETRY], 201);
}

static void test_sender__fills_the_oldest_hole_when_intervals_are_used_up(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_TELEMETRY, 1000, 100, 0);
    for (uint64_t i = 0; i < RANGES_MAX; i++) {
        hub_hold(shelf, LANE_TELEMETRY, i * 10 + 5, i * 10 + 6);
    }
    sender_pause(bench->sender, true);
    bench_go(bench);
    sender_pause(bench->sender, false);
    bench->grant.bytes = 0;
    bench_go_to(bench, SENDER_PUT_END);
    bench_serve(bench, SENDER_PUT_END);
    bench_go_to(bench, SENDER_PUT_END);
    assert_int_equal(bench->firsts_put[0], 7); /* behind the first interval, not before it */
    bench_serve(bench, SENDER_PUT_END);
    assert_true(shelf->held[LANE_TELEMETRY].count <= RANGES_MAX);
    bench_go(bench);
    assert_int_equal(ranges_top(&shelf->held[LANE_TELEMETRY]), 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_sender__##name, set_up, tear_down)
        TEST(connects_at_once_and_greets),
        TEST(waits_longer_after_each_loss),
        TEST(spreads_the_first_reconnect_as_the_hub_says),
        TEST(hurries_when_told),
        TEST(sends_what_stands_and_acknowledges_it),
        TEST(hands_over_one_frame_beyond_what_is_taken),
        TEST(sends_the_first_lanes_first_and_shares_the_rest),
        TEST(ends_a_body_for_what_is_more_urgent),
        TEST(sizes_a_body_to_about_a_second),
        TEST(never_exceeds_what_is_granted),
        TEST(sends_one_frame_unasked),
        TEST(keeps_to_the_budget_of_its_link),
        TEST(sends_lanes_0_and_1_while_paused),
        TEST(sends_records_larger_than_a_frame),
        TEST(sends_the_oldest_stream_first_in_each_lane),
        TEST(sends_the_newest_telemetry_first),
        TEST(fills_the_oldest_hole_when_intervals_are_used_up),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

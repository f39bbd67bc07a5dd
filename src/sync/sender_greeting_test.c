// SPDX-License-Identifier: Apache-2.0
#include "sync/sender_test.h"

static void reconnect(struct bench *bench) {
    sender_lost(bench->sender, bench->now_ms);
    sender_hurry(bench->sender);
    bench_go(bench);
}

/* --- rollback --------------------------------------------------------------------------------- */

static void test_sender__sends_again_what_a_restored_hub_lacks(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_HIGH, 100, 100, 0);
    shelf_add(shelf, LANE_TELEMETRY, 100, 100, 0);
    bench_go(bench);
    hub_restore(shelf, LANE_HIGH, 40);
    hub_restore(shelf, LANE_TELEMETRY, 0);
    shelf->verdict = VERDICT_ROLLBACK;
    int put = bench->puts;
    reconnect(bench);
    while (bench->lanes_put[put] != LANE_HIGH) {
        put++;
    }
    assert_int_equal(bench->firsts_put[put], 41);
    assert_int_equal(ranges_top(&shelf->held[LANE_HIGH]), 100);
    assert_int_equal(ranges_top(&shelf->held[LANE_TELEMETRY]), 100);
    assert_int_equal(bench->renumbers, 0);
}

static void test_sender__sends_a_gap_for_what_has_gone_joined_by_the_hubs_chain(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_HIGH, 100, 100, 0);
    shelf_add(shelf, LANE_LOW, 50, 100, 0);
    bench_go(bench);
    shelf_purge(&shelf->lanes[LANE_HIGH], 60);
    shelf_purge(&shelf->lanes[LANE_LOW], 50);
    hub_restore(shelf, LANE_HIGH, 40);
    hub_restore(shelf, LANE_LOW, 0);
    shelf->verdict = VERDICT_ROLLBACK;
    reconnect(bench);
    assert_int_equal(ranges_top(&shelf->held[LANE_HIGH]), 100);
    assert_int_equal(ranges_top(&shelf->held[LANE_LOW]), 50);
}

static void test_sender__sends_all_of_a_gap_that_the_hub_has_a_part_of(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_HIGH, 100, 100, 0);
    hub_hold(shelf, LANE_HIGH, 1, 50);
    shelf_gap(&shelf->lanes[LANE_HIGH], 45, 60);
    bench_go(bench);
    assert_int_equal(bench->firsts_put[0], 45);
    assert_int_equal(bench->acknowledged[LANE_HIGH], 100);
}

/* --- forks ------------------------------------------------------------------------------------ */

static void test_sender__renumbers_what_a_forked_stream_has_and_the_hub_lacks(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_HIGH, 1000, 20, 0);
    shelf_add(shelf, LANE_LOW, 30, 20, 0);
    shelf_add(shelf, LANE_CONTROL, 5, 20, 0);
    hub_hold(shelf, LANE_HIGH, 1, 321);
    hub_differ(shelf, LANE_HIGH, 321, 700);
    hub_hold(shelf, LANE_CONTROL, 1, 5);
    shelf->verdict = VERDICT_NEW_STREAM;
    bench_go(bench);
    assert_int_equal(bench->renumbers, 1);
    assert_int_equal(bench->after[LANE_HIGH], 321);
    assert_int_equal(bench->after[LANE_LOW], 0);
    assert_int_equal(bench->after[LANE_CONTROL], 5);
    assert_int_equal(shelf->lanes[LANE_HIGH].acked, 321);
    assert_int_equal(shelf->lanes[LANE_CONTROL].acked, 5);
    assert_non_null(strstr(bench->alarm, "goes on in a new stream"));
    struct shelf *next = bench->shelves[1];
    assert_int_equal(ranges_top(&next->held[LANE_HIGH]), 679);
    assert_int_equal(ranges_top(&next->held[LANE_LOW]), 30);
    assert_int_equal(next->lanes[LANE_HIGH].acked, 679);

    reconnect(bench); /* the old stream is left alone from now on */
    bench_note(bench, next, LANE_HIGH, 1, 20);
    bench_go(bench);
    assert_int_equal(bench->renumbers, 1);
    assert_int_equal(next->lanes[LANE_HIGH].acked, 680);
}

static void test_sender__begins_a_new_stream_on_a_restored_device_with_nothing_new(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_HIGH, 80, 20, 0);
    hub_hold(shelf, LANE_HIGH, 1, 80);
    hub_differ(shelf, LANE_HIGH, 80, 100); /* what it sent before it was restored */
    shelf->verdict = VERDICT_NEW_STREAM;
    bench_go(bench);
    assert_int_equal(bench->renumbers, 1);
    assert_int_equal(bench->after[LANE_HIGH], 80);
    assert_int_equal(shelf->lanes[LANE_HIGH].acked, 80);
}

static void test_sender__leaves_an_old_forked_stream_alone_when_nothing_moves(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    struct shelf *current = bench_add_shelf(bench, 2);
    shelf_add(shelf, LANE_HIGH, 80, 20, 0);
    hub_hold(shelf, LANE_HIGH, 1, 80);
    hub_differ(shelf, LANE_HIGH, 80, 100);
    shelf->verdict = VERDICT_NEW_STREAM;
    shelf_add(current, LANE_HIGH, 10, 20, 1);
    bench_go(bench);
    assert_int_equal(bench->renumbers, 0);
    assert_int_equal(shelf->lanes[LANE_HIGH].acked, 80);
    assert_int_equal(current->lanes[LANE_HIGH].acked, 10);
}

static void test_sender__passes_over_a_fork_whose_stream_is_gone(void **state) {
    struct bench *bench = *state;
    struct shelf *old = bench->shelves[0];
    struct shelf *current = bench_add_shelf(bench, 2);
    shelf_add(old, LANE_HIGH, 10, 20, 0);
    shelf_add(current, LANE_LOW, 10, 20, 0);
    hub_hold(old, LANE_HIGH, 1, 5);
    hub_differ(old, LANE_HIGH, 5, 20);
    hub_hold(current, LANE_LOW, 1, 5);
    hub_differ(current, LANE_LOW, 5, 8);
    old->verdict = VERDICT_NEW_STREAM;
    current->verdict = VERDICT_NEW_STREAM;
    bench_go_to(bench, SENDER_HELLO);
    hub_hear_hello(bench);
    hub_answer_hello(bench);
    bench->shelves[0] =
        current; /* all that the old one had is purged, while its fork is looked for */
    bench->shelf_count = 1;
    bench_go(bench);
    bench->shelves[bench->shelf_count++] = old;
    assert_int_equal(bench->renumbers, 1);
    assert_int_equal(bench->after[LANE_LOW], 5);
    assert_string_equal(bench_facts(bench).state, "idle");
}

static void test_sender__finds_the_fork_behind_what_has_gone(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_HIGH, 1000, 20, 0);
    hub_hold(shelf, LANE_HIGH, 1, 500);
    hub_differ(shelf, LANE_HIGH, 500, 900);
    shelf->lanes[LANE_HIGH].acked = 400;
    shelf_purge(&shelf->lanes[LANE_HIGH], 300);
    shelf->verdict = VERDICT_NEW_STREAM;
    bench_go(bench);
    assert_int_equal(bench->after[LANE_HIGH], 500);
}

static void test_sender__moves_all_that_is_kept_when_nothing_is_common(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_HIGH, 100, 20, 0);
    shelf->lanes[LANE_HIGH].acked = 20;
    shelf_purge(&shelf->lanes[LANE_HIGH], 20);
    hub_differ(shelf, LANE_HIGH, 0, 200);
    shelf->verdict = VERDICT_NEW_STREAM;
    bench_go(bench);
    assert_int_equal(bench->after[LANE_HIGH], 20);
    assert_int_equal(bench->acknowledgements, 1);
    assert_int_equal(bench->shelves[1]->lanes[LANE_HIGH].acked, 80);
}

static void test_sender__looks_for_the_fork_when_a_body_is_answered_with_one(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_HIGH, 100, 2000, 0);
    bench_go_to(bench, SENDER_PUT_END);
    bench_serve(bench, SENDER_PUT_END);
    const uint64_t common = ranges_top(&shelf->held[LANE_HIGH]);
    bench_go_to(bench, SENDER_PUT_END);
    hub_restore(shelf, LANE_HIGH, common);
    hub_differ(shelf, LANE_HIGH, common, common + 3); /* from the other of two clones */
    hub_answer_put(bench, SYNC_FORK);
    shelf->verdict = VERDICT_NEW_STREAM;
    bench_go(bench);
    assert_int_equal(bench->renumbers, 1);
    assert_int_equal(bench->after[LANE_HIGH], common);
    assert_int_equal(ranges_top(&bench->shelves[1]->held[LANE_HIGH]), 100 - common);
}

static void test_sender__believes_chain_values_more_than_a_verdict(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_HIGH, 10, 100, 0);
    bench_go_to(bench, SENDER_PUT_END);
    hub_restore(shelf, LANE_HIGH, 0);
    hub_hold(shelf, LANE_HIGH, 1, 4);
    hub_differ(shelf, LANE_HIGH, 4, 10); /* though it says that all is well */
    hub_answer_put(bench, SYNC_STORED);
    bench_go(bench);
    assert_int_equal(shelf->lanes[LANE_HIGH].acked, 4);
    assert_int_equal(bench->renumbers, 1);
    assert_int_equal(bench->after[LANE_HIGH], 4);
    assert_int_equal(ranges_top(&bench->shelves[1]->held[LANE_HIGH]), 6);
    reconnect(bench);
    assert_int_equal(bench->renumbers, 1);
}

static void test_sender__goes_on_when_no_fork_is_found(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_HIGH, 100, 100, 0);
    bench_go_to(bench, SENDER_PUT_END);
    hub_restore(shelf, LANE_HIGH, 5);
    hub_answer_put(bench, SYNC_FORK); /* bits that were flipped on the way */
    bench_go(bench);
    assert_int_equal(bench->hellos, 3);
    assert_in_range(bench->wait_ms, 1, 1000);
    bench->now_ms += bench->wait_ms;
    bench_go(bench);
    assert_int_equal(bench->renumbers, 0);
    assert_int_equal(ranges_top(&shelf->held[LANE_HIGH]), 100);
}

static void
test_sender__believes_a_hub_that_says_again_and_again_that_a_lane_has_forked(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_TELEMETRY, 20, 100, 0);
    hub_differ(shelf, LANE_TELEMETRY, 9, 12); /* between holes, where it cannot be asked */
    bench_go_to(bench, SENDER_PUT_BEGIN);
    for (int turn = 0; bench->renumbers == 0 && turn < 20; turn++) {
        hub_hear_begin(bench);
        bench_go_to(bench, SENDER_PUT_BODY);
        sender_taken(bench->sender, hub_hear_frame(bench, false), bench->now_ms);
        bench_go_to(bench, SENDER_PUT_END);
        hub_answer_put(bench, SYNC_FORK);
        enum sender_act act = bench_run(bench);
        while (act != SENDER_PUT_BEGIN) {
            bench->now_ms += act == SENDER_NOTHING ? bench->wait_ms : 0;
            if (act != SENDER_NOTHING) {
                bench_serve(bench, act);
            }
            act = bench_run(bench);
        }
    }
    bench_serve(bench, SENDER_PUT_BEGIN);
    bench_go(bench);
    assert_int_equal(bench->renumbers, 1);
    assert_int_equal(bench->puts, 3 + 1);
    assert_int_equal(ranges_top(&bench->shelves[1]->held[LANE_TELEMETRY]), 20);
}

static void test_sender__looks_for_a_fork_beyond_the_holes_of_telemetry(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_TELEMETRY, 20, 100, 0);
    hub_differ(shelf, LANE_TELEMETRY, 24, 30); /* which this device never had */
    bench_go(bench);
    assert_int_equal(bench->renumbers, 1);
    assert_int_equal(ranges_top(&bench->shelves[1]->held[LANE_TELEMETRY]), 20);
}

static void test_sender__renumbers_later_when_the_store_cannot_now(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_HIGH, 10, 100, 0);
    hub_differ(shelf, LANE_HIGH, 0, 4);
    shelf->verdict = VERDICT_NEW_STREAM;
    bench->renumber_code = STATUS_FULL;
    bench_go(bench);
    assert_int_equal(bench->renumbers, 1);
    assert_int_equal(bench->shelf_count, 1);
    assert_in_range(bench->wait_ms, 1000, 3000);
    bench->now_ms += bench->wait_ms;
    bench_go(bench);
    assert_int_equal(bench->renumbers, 2);
    assert_int_equal(ranges_top(&bench->shelves[1]->held[LANE_HIGH]), 10);
}

static void test_sender__lets_a_renumbering_end_after_the_connection_was_lost(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_HIGH, 10, 100, 0);
    hub_differ(shelf, LANE_HIGH, 0, 4);
    shelf->verdict = VERDICT_NEW_STREAM;
    bench_go_to(bench, SENDER_HELLO);
    bench_serve(bench, SENDER_HELLO);
    bench_go_to(bench, SENDER_HELLO);
    bench_serve(bench, SENDER_HELLO);
    do { /* an alarm comes before */
        assert_int_equal(bench_next(bench), STATUS_OK);
    } while (bench->action.act != SENDER_RENUMBER);
    const struct sender_action asked = bench->action;
    sender_lost(bench->sender, bench->now_ms);
    sender_hurry(bench->sender);
    bench_go_to(bench, SENDER_CONNECT);
    bench_serve(bench, SENDER_CONNECT);
    assert_int_equal(bench_run(bench), SENDER_NOTHING); /* one thing at a time for the store */
    bench->action = asked;
    bench_renumber(bench);
    bench_go(bench);
    assert_int_equal(bench->renumbers, 1);
    assert_int_equal(ranges_top(&bench->shelves[1]->held[LANE_HIGH]), 10);
}

static void test_sender__does_not_renumber_for_ever(void **state) {
    struct bench *bench = *state;
    shelf_add(bench->shelves[0], LANE_HIGH, 10, 100, 0);
    while (bench->closes == 0) { /* a hub that says of every stream that it has forked */
        const enum sender_act act = bench_run(bench);
        assert_int_not_equal(act, SENDER_NOTHING);
        bench->shelves[bench->shelf_count - 1]->verdict = VERDICT_NEW_STREAM;
        bench_serve(bench, act);
    }
    assert_int_equal(bench_run(bench), SENDER_NOTHING);
    assert_int_equal(bench->renumbers, 8);
    assert_int_equal(bench->wait_ms, 60 * 60 * 1000);
    assert_non_null(strstr(bench->alarm, "one new stream after another"));
}

/* --- streams ---------------------------------------------------------------------------------- */

static void test_sender__leaves_a_quarantined_stream_alone(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    struct shelf *current = bench_add_shelf(bench, 2);
    shelf_add(shelf, LANE_HIGH, 10, 100, 0);
    shelf_add(current, LANE_HIGH, 10, 100, 0);
    shelf->verdict = VERDICT_QUARANTINED;
    bench_go(bench);
    assert_non_null(strstr(bench->alarm, "put stream 01000000000000000000000000000000 aside"));
    assert_non_null(strstr(bench_facts(bench).last_error, "it belongs to another device"));
    assert_int_equal(ranges_top(&shelf->held[LANE_HIGH]), 0);
    assert_int_equal(ranges_top(&current->held[LANE_HIGH]), 10);
    bench->alarm[0] = '\0';
    reconnect(bench);
    assert_string_equal(bench->alarm, "");                  /* people know */
    assert_int_equal(bench->wait_ms, SENDER_RETRY_MS_MOST); /* then they may have mended it */
    shelf->verdict = VERDICT_OK;
    bench->now_ms += bench->wait_ms;
    bench_go(bench);
    assert_int_equal(ranges_top(&shelf->held[LANE_HIGH]), 10);
    assert_int_equal(bench->wait_ms, 0);
}

/* Left and joined anew, or made from one image: what is acknowledged stays another device's. */
static void test_sender__leaves_the_stream_of_another_device_for_a_new_one(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    shelf_add(shelf, LANE_HIGH, 10, 100, 0);
    bench_go(bench);
    assert_int_equal(ranges_top(&shelf->held[LANE_HIGH]), 10);
    shelf_add(shelf, LANE_HIGH, 5, 100, 0);
    shelf->verdict = VERDICT_QUARANTINED;
    reconnect(bench);
    assert_int_equal(bench->renumbers, 1);
    assert_non_null(strstr(bench->alarm, "belongs to another device at this hub"));
    assert_int_equal(bench->shelf_count, 2);
    assert_int_equal(ranges_top(&bench->shelves[1]->held[LANE_HIGH]), 5);
    assert_int_equal(bench->wait_ms, 0);
}

static void test_sender__greets_again_for_a_stream_that_turns_up(void **state) {
    struct bench *bench = *state;
    shelf_add(bench->shelves[0], LANE_HIGH, 10, 100, 0);
    bench_go(bench);
    struct shelf *current = bench_add_shelf(bench, 2); /* after trouble with the disk */
    bench->peeks = 0;
    sender_note(bench->sender, LANE_HIGH, 11, 100); /* of the new one, but who knows */
    shelf_add(current, LANE_HIGH, 11, 100, 1);
    bench_go(bench);
    bench->now_ms += 1000;
    bench_go(bench);
    assert_int_equal(ranges_top(&current->held[LANE_HIGH]), 11);
    assert_int_equal(bench->hellos, 2);
}

static void test_sender__hears_of_records_before_it_knows_any_stream(void **state) {
    struct bench *bench = *state;
    struct shelf *shelf = bench->shelves[0];
    bench_note(bench, shelf, LANE_HIGH, 3, 100);
    bench_go(bench);
    assert_int_equal(bench->acknowledged[LANE_HIGH], 3);
}

static void test_sender__refuses_an_answer_to_hello_that_leaves_a_stream_out(void **state) {
    static const char *const ANSWERS[] = {
        "{\"protocol\":1,\"streams\":[]}",
        "{\"protocol\":7,\"streams\":[]}",
    };
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof ANSWERS / sizeof ANSWERS[0]; i++) {
        bench_go_to(bench, SENDER_HELLO);
        sender_answered(bench->sender, 200, 0, slice_of(ANSWERS[i]), bench->now_ms);
        sender_lost(bench->sender, bench->now_ms); /* the hub closed it as well */
        sender_blame(bench->sender, "the hub closed the connection");
        assert_int_equal(bench_run(bench), SENDER_CLOSE);
        assert_int_equal(bench_run(bench), SENDER_NOTHING);
        assert_non_null(strstr(bench_facts(bench).last_error, "the hub"));
        assert_null(strstr(bench_facts(bench).last_error, "closed"));
        bench->now_ms += bench->wait_ms;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_sender__##name, set_up, tear_down)
        TEST(sends_again_what_a_restored_hub_lacks),
        TEST(sends_a_gap_for_what_has_gone_joined_by_the_hubs_chain),
        TEST(sends_all_of_a_gap_that_the_hub_has_a_part_of),
        TEST(renumbers_what_a_forked_stream_has_and_the_hub_lacks),
        TEST(begins_a_new_stream_on_a_restored_device_with_nothing_new),
        TEST(leaves_an_old_forked_stream_alone_when_nothing_moves),
        TEST(passes_over_a_fork_whose_stream_is_gone),
        TEST(finds_the_fork_behind_what_has_gone),
        TEST(moves_all_that_is_kept_when_nothing_is_common),
        TEST(looks_for_the_fork_when_a_body_is_answered_with_one),
        TEST(believes_chain_values_more_than_a_verdict),
        TEST(goes_on_when_no_fork_is_found),
        TEST(believes_a_hub_that_says_again_and_again_that_a_lane_has_forked),
        TEST(looks_for_a_fork_beyond_the_holes_of_telemetry),
        TEST(renumbers_later_when_the_store_cannot_now),
        TEST(lets_a_renumbering_end_after_the_connection_was_lost),
        TEST(does_not_renumber_for_ever),
        TEST(leaves_a_quarantined_stream_alone),
        TEST(leaves_the_stream_of_another_device_for_a_new_one),
        TEST(greets_again_for_a_stream_that_turns_up),
        TEST(hears_of_records_before_it_knows_any_stream),
        TEST(refuses_an_answer_to_hello_that_leaves_a_stream_out),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

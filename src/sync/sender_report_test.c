// SPDX-License-Identifier: Apache-2.0
#include "sync/sender.h"

#include "sync/sender_test.h"

static void offer(struct bench *bench, int64_t bytes, int64_t due_ms, bool bulk) {
    const struct sender_offer said = {.bytes = bytes, .due_ms = due_ms, .bulk = bulk};
    sender_offer(bench->sender, &said);
}

static void answer(struct bench *bench, int code) {
    bench->now_ms += ROUND_TRIP_MS;
    sender_answered(bench->sender, code, 0, SLICE("{}"), bench->now_ms);
}

static void test_sender__sends_what_was_offered_once(void **state) {
    struct bench *bench = *state;
    bench_go(bench);
    offer(bench, 500, bench->now_ms, false);
    assert_int_equal(bench_run(bench), SENDER_REPORT);
    assert_int_equal(bench_run(bench), SENDER_NOTHING); /* one thing at a time */
    assert_int_equal(bench->wait_ms, SENDER_PROGRESS_MS);
    answer(bench, 200);
    assert_int_equal(bench_run(bench), SENDER_NOTHING);
    assert_string_equal(bench_facts(bench).state, "idle");
    assert_int_equal(bench_facts(bench).last_contact_ms, bench->now_ms);
}

static void test_sender__offers_nothing_before_hello_and_before_it_is_due(void **state) {
    struct bench *bench = *state;
    offer(bench, 500, bench->now_ms + 1000, false);
    bench_go_to(bench, SENDER_HELLO);
    bench_serve(bench, SENDER_HELLO);
    const int64_t due_ms = bench->now_ms + 1000;
    offer(bench, 500, due_ms, false);
    assert_int_equal(bench_run(bench), SENDER_NOTHING);
    assert_int_equal(bench->wait_ms, due_ms - bench->now_ms);
    bench->now_ms = due_ms;
    assert_int_equal(bench_run(bench), SENDER_REPORT);
}

static void test_sender__reports_after_what_is_urgent_and_before_the_rest(void **state) {
    struct bench *bench = *state;
    bench_go(bench);
    bench_note(bench, bench->shelves[0], LANE_NORMAL, 5, 50);
    bench_note(bench, bench->shelves[0], LANE_URGENT, 5, 50);
    bench_note(bench, bench->shelves[0], LANE_CONTROL, 5, 50);
    offer(bench, 500, bench->now_ms, false);
    bench_go_to(bench, SENDER_REPORT);
    assert_int_equal(bench->puts, 2);
    assert_int_equal(bench->lanes_put[0], LANE_CONTROL);
    assert_int_equal(bench->lanes_put[1], LANE_URGENT);
    answer(bench, 200);
    bench_go(bench);
    assert_int_equal(bench->puts, 3);
    assert_int_equal(bench->acknowledged[LANE_NORMAL], 5);
}

/* Parts of attachments have lane 6's share: the other lanes go on beside them. */
static void test_sender__shares_the_link_with_what_is_bulk(void **state) {
    struct bench *bench = *state;
    bench->bytes_per_ms = 64;
    bench_go(bench);
    bench_note(bench, bench->shelves[0], LANE_HIGH, 400, 4000);
    int reports = 0;
    for (int turn = 0; turn < 1000 && bench->acknowledged[LANE_HIGH] < 400; turn++) {
        offer(bench, 64 << 10, bench->now_ms, true);
        const enum sender_act act = bench_run(bench);
        assert_int_not_equal(act, SENDER_NOTHING);
        if (act == SENDER_REPORT) {
            reports++;
            answer(bench, 200);
        } else {
            bench_serve(bench, act);
        }
    }
    assert_int_equal(bench->acknowledged[LANE_HIGH], 400);
    assert_in_range(reports, 1, 8); /* of 1.6 MB, a sixteenth in parts of 64 KiB, and the first */
}

static void test_sender__pays_for_reports_out_of_the_budget(void **state) {
    struct bench *bench = *state;
    const struct sender_link link = {
        .kind = "cellular", .metered = true, .budget = {.bytes_hour = 1000}};
    sender_use_link(bench->sender, &link);
    bench_go(bench);
    offer(bench, 1500, bench->now_ms, false);
    assert_int_equal(bench_run(bench), SENDER_REPORT);
    answer(bench, 200);
    struct sender_budget budget;
    sender_budget(bench->sender, bench->now_ms, &budget);
    assert_int_equal(budget.bytes_hour, 1500);
    offer(bench, 1500, bench->now_ms, false);
    assert_int_equal(bench_run(bench), SENDER_NOTHING);
    assert_true(bench->wait_ms > 30 * 60 * 1000);
    bench_note(bench, bench->shelves[0], LANE_URGENT, 1, 50);
    bench_go(bench);
    assert_int_equal(bench->acknowledged[LANE_URGENT], 1);
    bench->now_ms += 70 * 60 * 1000;
    assert_int_equal(bench_run(bench), SENDER_REPORT);
}

static void test_sender__reports_while_the_hub_is_full_and_not_while_paused(void **state) {
    struct bench *bench = *state;
    bench_go(bench);
    bench_note(bench, bench->shelves[0], LANE_NORMAL, 1, 50);
    bench_go_to(bench, SENDER_PUT_END);
    hub_answer_put(bench, SYNC_FULL);
    offer(bench, 500, bench->now_ms, true);
    assert_int_equal(bench_run(bench), SENDER_NOTHING);
    offer(bench, 500, bench->now_ms, false);
    assert_int_equal(bench_run(bench), SENDER_REPORT);
    answer(bench, 200);
    sender_pause(bench->sender, true);
    offer(bench, 500, bench->now_ms, false);
    assert_int_equal(bench_run(bench), SENDER_NOTHING);
    sender_pause(bench->sender, false);
    assert_int_equal(bench_run(bench), SENDER_REPORT);
}

static void test_sender__goes_on_whatever_a_report_is_answered(void **state) {
    static const int CODES[] = {200, 400, 404, 409, 413, 422, 500, 503, 507};
    struct bench *bench = *state;
    bench_go(bench);
    for (size_t i = 0; i < sizeof CODES / sizeof CODES[0]; i++) {
        offer(bench, 500, bench->now_ms, false);
        assert_int_equal(bench_run(bench), SENDER_REPORT);
        answer(bench, CODES[i]);
        bench_note(bench, bench->shelves[0], LANE_NORMAL, 1, 50);
        bench_go(bench);
        assert_int_equal(bench->acknowledged[LANE_NORMAL], i + 1);
    }
    assert_int_equal(bench->connects, 1);
    offer(bench, 500, bench->now_ms, false);
    assert_int_equal(bench_run(bench), SENDER_REPORT);
    answer(bench, 403);
    assert_int_equal(bench_run(bench), SENDER_CLOSE);
    assert_non_null(strstr(bench_facts(bench).last_error, "answered a report with 403"));
}

static void test_sender__forgets_an_offer_with_its_connection(void **state) {
    struct bench *bench = *state;
    bench_go(bench);
    offer(bench, 500, bench->now_ms, false);
    assert_int_equal(bench_run(bench), SENDER_REPORT);
    bench->now_ms += SENDER_PROGRESS_MS;
    assert_int_equal(bench_run(bench), SENDER_CLOSE);
    answer(bench, 200); /* too late: nobody waits for it */
    bench->now_ms += SENDER_RETRY_MS_MOST;
    bench_go(bench);
    assert_int_equal(bench->connects, 2);
    offer(bench, 500, bench->now_ms, false);
    sender_lost(bench->sender, bench->now_ms);
    bench->now_ms += SENDER_RETRY_MS_MOST;
    bench_go(bench);
    assert_int_equal(bench->connects, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_sender__##name, set_up, tear_down)
        TEST(sends_what_was_offered_once),
        TEST(offers_nothing_before_hello_and_before_it_is_due),
        TEST(reports_after_what_is_urgent_and_before_the_rest),
        TEST(shares_the_link_with_what_is_bulk),
        TEST(pays_for_reports_out_of_the_budget),
        TEST(reports_while_the_hub_is_full_and_not_while_paused),
        TEST(goes_on_whatever_a_report_is_answered),
        TEST(forgets_an_offer_with_its_connection),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

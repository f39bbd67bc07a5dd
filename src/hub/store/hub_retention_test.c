// SPDX-License-Identifier: Apache-2.0
#include "hub/store/hub_retention.h"

#include "hub/test_hub.h"

enum { ITEMS = 40, ARRIVED_MS = 99 /* as place_in() says */, LATE_MS = 700000 };

static const char COUNT_RECORDS[] = "SELECT count(*) FROM record";
static const char COUNT_DELIVERIES[] = "SELECT count(*) FROM delivery";
static const char COUNT_SEGMENTS[] = "SELECT count(*) FROM segment";
static const char SUM_REMOVED[] = "SELECT ifnull(sum(records), 0) FROM removed";
static const char SUM_USED[] = "SELECT ifnull(sum(records), 0) FROM workflow_use";

static struct hub_retention_place place;

static bool step(const struct hub_retention_rules *rules, int64_t now_ms) {
    bool more = false;
    struct error err = {.text = ""};
    if (hub_retention_step(hub_store_sqlite_database(session), rules, now_ms, &place, &more,
                           &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return more;
}

static void run(const struct hub_retention_rules *rules, int64_t now_ms) {
    bool more = true;
    for (int i = 0; more; i++) {
        assert_true(i < 100);
        begin_work();
        more = step(rules, now_ms);
        end_work();
    }
}

/* All but the newest arrive together and are counted; that one comes much later. */
static void take_all(void) {
    struct lane_place late = place_in(LANE_NORMAL);
    (void)memset(&place, 0, sizeof(place));
    add_results(&ours, ITEMS, "{}");
    begin_work();
    (void)take_items(LANE_NORMAL, &ours, 1, ITEMS - 1);
    end_work();
    run(&(struct hub_retention_rules){.count = 0}, ARRIVED_MS);
    begin_work();
    late.arrived.wall_ms = LATE_MS;
    write_items(&ours, ITEMS, ITEMS);
    answer = (struct answer){.code = SYNC_STORED};
    assert_int_equal(lanes_take(lanes, &late, buffer_slice(&wire), &answer, NULL), STATUS_OK);
    end_work();
}

static void test_hub_retention__counts_each_record_once(void **state) {
    (void)state;
    take_all();
    assert_int_equal(number_by(SUM_USED), ITEMS - 1);
    run(&(struct hub_retention_rules){.count = 0}, ARRIVED_MS);
    run(&(struct hub_retention_rules){.count = 0}, ARRIVED_MS);
    assert_int_equal(number_by(SUM_USED), ITEMS);
    assert_int_equal(number_by(COUNT_SEGMENTS), 2);
    assert_int_equal(number_by(COUNT_RECORDS), ITEMS);
}

static void test_hub_retention__keeps_what_is_young_enough(void **state) {
    const struct hub_retention_rules rules = {.otherwise = {.keep_ms = 1000}};
    (void)state;
    take_all();
    run(&rules, ARRIVED_MS + 1000);
    assert_int_equal(number_by(COUNT_RECORDS), ITEMS);
}

static void test_hub_retention__removes_rows_and_what_leads_to_them(void **state) {
    const struct hub_retention_rules rules = {.otherwise = {.keep_ms = 1000}};
    (void)state;
    take_all();
    const uint64_t stored = cursor_of(LANE_NORMAL).lane_cursor.stored;
    run(&rules, ARRIVED_MS + 1001);
    assert_int_equal(number_by(COUNT_RECORDS), 1);
    assert_int_equal(number_by(COUNT_DELIVERIES), 1);
    assert_int_equal(number_by(COUNT_SEGMENTS), 1);
    assert_int_equal(number_by(SUM_REMOVED), ITEMS - 1);
    assert_int_equal(number_by(SUM_USED), 1);
    assert_int_equal(cursor_of(LANE_NORMAL).lane_cursor.stored, stored);
}

static void test_hub_retention__never_removes_the_newest(void **state) {
    const struct hub_retention_rules rules = {.otherwise = {.keep_ms = 1, .bytes = 1}};
    (void)state;
    take_all();
    run(&rules, LATE_MS * 2);
    assert_int_equal(number_by(COUNT_RECORDS), 1);
    assert_int_equal(number_by(SUM_REMOVED), ITEMS - 1);
}

static void test_hub_retention__takes_a_step_back_with_its_transaction(void **state) {
    const struct hub_retention_rules rules = {.otherwise = {.keep_ms = 1}};
    (void)state;
    take_all();
    const int64_t deliveries = number_by(COUNT_DELIVERIES);
    begin_work();
    (void)step(&rules, ARRIVED_MS + 1000);
    session->kind->rollback(session);
    lanes_forget(lanes);
    assert_int_equal(number_by(COUNT_RECORDS), ITEMS);
    assert_int_equal(number_by(COUNT_DELIVERIES), deliveries);
    assert_int_equal(number_by(SUM_REMOVED), 0);
    assert_int_equal(number_by(SUM_USED), ITEMS - 1);
}

static void test_hub_retention__has_no_chain_where_there_is_no_record(void **state) {
    const struct hub_retention_rules rules = {.otherwise = {.bytes = 1}};
    struct id chain;
    (void)state;
    take_all();
    assert_int_equal(session->kind->chain_at(session, STREAM, LANE_NORMAL, 5, &chain, NULL),
                     STATUS_OK);
    run(&rules, ARRIVED_MS);
    assert_int_equal(session->kind->chain_at(session, STREAM, LANE_NORMAL, 5, &chain, NULL),
                     STATUS_NOT_FOUND);
    assert_int_equal(session->kind->chain_at(session, STREAM, LANE_NORMAL, ITEMS, &chain, NULL),
                     STATUS_OK);
    begin_work();
    assert_int_equal(take_items(LANE_NORMAL, &ours, 3, 9), SYNC_STORED); /* it is held */
    end_work();
    assert_int_equal(number_by(COUNT_RECORDS), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST_HUB(test_hub_retention__counts_each_record_once),
        TEST_HUB(test_hub_retention__keeps_what_is_young_enough),
        TEST_HUB(test_hub_retention__removes_rows_and_what_leads_to_them),
        TEST_HUB(test_hub_retention__never_removes_the_newest),
        TEST_HUB(test_hub_retention__takes_a_step_back_with_its_transaction),
        TEST_HUB(test_hub_retention__has_no_chain_where_there_is_no_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

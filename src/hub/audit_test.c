// SPDX-License-Identifier: Apache-2.0
#include "hub/audit.h"

#include "hub/test_hub.h"

enum { LOOK_MS = 1, PATIENCE_MS = 30000 };

static struct loop *loop;
static struct reader *audited;
static struct audit *audit;
static struct timer *looks, *patience;
static struct audit_counters counters;

/* Stops the loop when a walk is over. */
static void look_again(void *owner) {
    (void)owner;
    audit_counters(audit, &counters);
    if (counters.walks > 0) {
        loop_stop(loop);
    } else {
        timer_set(looks, LOOK_MS);
    }
}

static void out_of_patience(void *owner) {
    (void)owner;
    loop_stop(loop);
}

static void walk_once(void) {
    assert_int_equal(loop_create(&loop, NULL), STATUS_OK);
    assert_int_equal(timer_open(loop, look_again, NULL, &looks, NULL), STATUS_OK);
    assert_int_equal(timer_open(loop, out_of_patience, NULL, &patience, NULL), STATUS_OK);
    assert_int_equal(reader_create(loop, hub_path, &audited, NULL), STATUS_OK);
    assert_int_equal(audit_create(loop, audited, 1, &audit, NULL), STATUS_OK);
    timer_set(looks, LOOK_MS);
    timer_set(patience, PATIENCE_MS);
    loop_run(loop);
    reader_destroy(audited);
    audit_destroy(audit);
    timer_close(looks);
    timer_close(patience);
    loop_destroy(loop);
}

static void test_audit__walks_through_every_lane(void **state) {
    (void)state;
    add_results(&ours, 8, "{}");
    begin_work();
    for (int lane = LANE_CONTROL; lane < LANE_LOCAL; lane++) {
        assert_int_equal(take_items((enum lane)lane, &ours, 1, 8), SYNC_STORED);
    }
    end_work();
    walk_once();
    assert_int_equal(counters.walks, 1);
    assert_int_equal(counters.lanes, SYNC_LANES);
    assert_int_equal(counters.faults, 0);
}

static void test_audit__counts_what_does_not_add_up_and_goes_on(void **state) {
    (void)state;
    add_results(&ours, 8, "{}");
    begin_work();
    assert_int_equal(take_items(LANE_HIGH, &ours, 1, 8), SYNC_STORED);
    assert_int_equal(take_items(LANE_NORMAL, &ours, 1, 8), SYNC_STORED);
    end_work();
    assert_int_equal(database_run(hub_store_sqlite_database(session),
                                  "DELETE FROM record WHERE number = 1", NULL),
                     STATUS_OK);
    walk_once();
    assert_int_equal(counters.walks, 1);
    assert_int_equal(counters.lanes, 2);
    assert_int_equal(counters.faults, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST_HUB(test_audit__walks_through_every_lane),
        TEST_HUB(test_audit__counts_what_does_not_add_up_and_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

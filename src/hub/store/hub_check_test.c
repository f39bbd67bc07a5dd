// SPDX-License-Identifier: Apache-2.0
#include "hub/store/hub_check.h"

#include "hub/test_hub.h"

/* Some of everything: records in two lanes, a gap, poison. */
static int set_up_records(void **state) {
    if (set_up_hub(state) != 0) {
        return -1;
    }
    add_results(&ours, 5, "{}");
    add_gap(&ours, 20);
    add_results(&ours, 5, "{}");
    add_item(&ours, SLICE("nonsense"), 1, (struct id){0});
    add_results(&ours, 2, "{}");
    begin_work();
    assert_int_equal(take_items(LANE_HIGH, &ours, 1, 5), SYNC_STORED);
    assert_int_equal(take_items(LANE_NORMAL, &ours, 1, 3), SYNC_STORED);
    end_work();
    begin_work();
    assert_int_equal(take_items(LANE_NORMAL, &ours, 1, 33), SYNC_POISON);
    end_work();
    return 0;
}

#define TEST_CHECK(name) cmocka_unit_test_setup_teardown(name, set_up_records, tear_down_hub)

/* How many lanes do not add up. */
static int count_faults(struct error *err) {
    struct hub_check check = {.inside = false};
    int faults = 0;
    for (int steps = 0; steps < 100; steps++) {
        struct error one = {.text = ""};
        const status code = hub_check_step(&check, hub_store_sqlite_database(session), &one);
        if (code == STATUS_NOT_FOUND) {
            assert_int_equal(check.lanes, 2);
            return faults;
        }
        if (code != STATUS_OK) {
            assert_int_equal(code, STATUS_CORRUPT);
            *err = one;
            faults++;
        }
    }
    fail_msg("the walk has no end");
    return -1;
}

static void change(const char *sql) {
    assert_int_equal(database_run(hub_store_sqlite_database(session), sql, NULL), STATUS_OK);
}

static void test_hub_check__what_was_taken_adds_up(void **state) {
    (void)state;
    struct error err;
    assert_int_equal(count_faults(&err), 0);
}

static void test_hub_check__what_comes_meanwhile_is_no_fault(void **state) {
    (void)state;
    struct hub_check check = {.inside = false};
    struct error err = {.text = ""};
    assert_int_equal(hub_check_step(&check, hub_store_sqlite_database(session), &err), STATUS_OK);
    assert_true(check.inside);
    add_results(&ours, 3, "{}");
    begin_work();
    assert_int_equal(take_items(LANE_HIGH, &ours, 1, 36), SYNC_POISON);
    end_work();
    for (int steps = 0; steps < 10 && err.code != STATUS_NOT_FOUND; steps++) {
        const status code = hub_check_step(&check, hub_store_sqlite_database(session), &err);
        assert_true(code == STATUS_OK || code == STATUS_NOT_FOUND);
    }
    assert_int_equal(err.code, STATUS_NOT_FOUND);
}

static void test_hub_check__finds_each_way_in_which_a_file_can_be_wrong(void **state) {
    (void)state;
    static const char *const WAYS[] = {
        "DELETE FROM delivery WHERE number = 1",
        "DELETE FROM quarantine",
        "DELETE FROM record WHERE number = 1",
        "UPDATE record SET seq = 99 WHERE number = 1",
        "UPDATE cursor SET stored = stored + 1 WHERE lane = 3",
        "UPDATE cursor SET ranges = x'00' WHERE lane = 3",
        "UPDATE delivery SET last_seq = last_seq + 1 WHERE number = 2",
    };
    for (size_t i = 0; i < sizeof(WAYS) / sizeof(WAYS[0]); i++) {
        struct error err = {.text = ""};
        change("SAVEPOINT way");
        change(WAYS[i]);
        if (count_faults(&err) != 1) {
            fail_msg("nobody noticed: %s", WAYS[i]);
        }
        assert_non_null(strstr(err.text, "stream 01020300"));
        change("ROLLBACK TO way");
        change("RELEASE way");
    }
    struct error err;
    assert_int_equal(count_faults(&err), 0);
}

/* Of lane high the first record, and then all that came together. */
static void test_hub_check__what_retention_took_is_no_fault_and_more_is(void **state) {
    (void)state;
    struct error err = {.text = ""};
    change("DELETE FROM record WHERE number = 1");
    change("INSERT INTO removed (stream, lane, records) SELECT stream, lane, 1 FROM delivery WHERE "
           "number = 1");
    assert_int_equal(count_faults(&err), 0);
    change("DELETE FROM delivery WHERE number = 1");
    assert_int_equal(count_faults(&err), 1);
    change("UPDATE removed SET records = 5");
    assert_int_equal(count_faults(&err), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST_CHECK(test_hub_check__what_was_taken_adds_up),
        TEST_CHECK(test_hub_check__what_comes_meanwhile_is_no_fault),
        TEST_CHECK(test_hub_check__what_retention_took_is_no_fault_and_more_is),
        TEST_CHECK(test_hub_check__finds_each_way_in_which_a_file_can_be_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

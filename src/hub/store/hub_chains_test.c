// SPDX-License-Identifier: Apache-2.0
#include "hub/store/hub_chains.h"

#include "hub/test_hub.h"

static void take_all(uint64_t last) {
    begin_work();
    assert_int_equal(take_items(LANE_NORMAL, &ours, 1, last), SYNC_STORED);
    end_work();
}

static void assert_checked(status expected) {
    struct error err = {.text = ""};
    const status code = hub_chains_check(hub_store_sqlite_database(session), &err);
    if (code != expected) {
        fail_msg("%s: %s", status_name(code), err.text);
    }
}

static void test_hub_chains__records_and_gaps_are_what_they_were(void **state) {
    (void)state;
    add_results(&ours, 5, "{\"label\":\"ham\"}");
    add_gap(&ours, 20);
    add_results(&ours, 5, "{}");
    take_all(30);
    assert_checked(STATUS_OK);
}

static void test_hub_chains__a_gap_for_one_record_is_no_damage(void **state) {
    (void)state;
    add_results(&ours, 2, "{}");
    add_gap(&ours, 1);
    add_results(&ours, 2, "{}");
    take_all(5);
    assert_checked(STATUS_OK);
}

static void test_hub_chains__a_record_behind_a_gap_is_looked_at(void **state) {
    (void)state;
    add_results(&ours, 2, "{}");
    add_gap(&ours, 1);
    add_results(&ours, 2, "{}");
    take_all(5);
    assert_int_equal(database_run(hub_store_sqlite_database(session),
                                  "UPDATE record SET body = '[]' WHERE seq = 4", NULL),
                     STATUS_OK);
    assert_checked(STATUS_CORRUPT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST_HUB(test_hub_chains__records_and_gaps_are_what_they_were),
        TEST_HUB(test_hub_chains__a_gap_for_one_record_is_no_damage),
        TEST_HUB(test_hub_chains__a_record_behind_a_gap_is_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

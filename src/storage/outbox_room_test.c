// SPDX-License-Identifier: Apache-2.0
#include "storage/outbox_room.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "storage/core_bench.h"

/* 100 bytes for each percent of a lane's share: normal has 3,000, urgent 1,200, local 1,000. */
static int set_up_small(void **state) {
    struct core_bench *bench = NULL;
    assert_int_equal(core_bench_set_up(state), 0);
    bench = *state;
    bench->budget_bytes = 10000;
    core_bench_reopen(bench);
    return 0;
}

static status put_once(struct core_bench *bench, enum lane lane, bool drop_oldest) {
    static char body[302];
    (void)snprintf(body, sizeof(body), "\"%0298d\"", 7);
    struct record_draft draft = core_bench_draft(lane, body, NULL);
    struct store_job job = {.kind = STORE_RUN_END,
                            .workflow = bench->workflow,
                            .records = &draft,
                            .record_count = 1,
                            .drop_oldest = drop_oldest};
    return core_bench_run(bench, &job);
}

/* Puts until the lane is full; returns how many fitted. */
static int fill(struct core_bench *bench, enum lane lane) {
    int count = 0;
    while (count < 100 && put_once(bench, lane, false) == STATUS_OK) {
        count++;
    }
    return count;
}

static void test_outbox_room__a_full_lane_says_so_and_loses_nothing(void **state) {
    struct core_bench *bench = *state;
    const int count = fill(bench, LANE_NORMAL);
    assert_true(count > 3 && count < 10);
    assert_int_equal(put_once(bench, LANE_NORMAL, false), STATUS_FULL);
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM record WHERE last_seq IS NULL"
                                              " AND key >> 40 & 7 = 3"),
                     count);
    assert_int_equal(put_once(bench, LANE_HIGH, false), STATUS_OK); /* its bytes are its own */
}

static void test_outbox_room__what_the_hub_holds_goes_first_from_the_bottom(void **state) {
    struct core_bench *bench = *state;
    const int count = fill(bench, LANE_NORMAL);
    core_bench_acknowledge(bench, LANE_NORMAL, 2);
    assert_int_equal(put_once(bench, LANE_NORMAL, true), STATUS_OK);
    assert_int_equal(core_bench_number(bench, "SELECT floor_seq FROM lane WHERE lane = 3"), 1);
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM record WHERE last_seq IS NOT"
                                              " NULL"),
                     0);
    assert_int_equal(
        core_bench_number(bench, "SELECT count(*) FROM record WHERE key >> 40 & 7 = 3"), count);
}

static void
test_outbox_room__the_oldest_unsent_become_a_gap_where_the_workflow_says_so(void **state) {
    struct core_bench *bench = *state;
    (void)fill(bench, LANE_NORMAL);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(put_once(bench, LANE_NORMAL, true), STATUS_OK);
    }
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM record WHERE last_seq IS NOT"
                                              " NULL AND key & 1099511627775 = 1"),
                     1); /* one gap, grown each time */
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM record WHERE last_seq IS NOT"
                                              " NULL AND key >> 40 & 7 = 3"),
                     1);
}

static void test_outbox_room__another_workflows_records_stay(void **state) {
    struct core_bench *bench = *state;
    (void)fill(bench, LANE_NORMAL);
    bench->workflow = core_bench_workflow(bench, "other");
    assert_int_equal(put_once(bench, LANE_NORMAL, true), STATUS_FULL);
    assert_int_equal(
        core_bench_number(bench, "SELECT count(*) FROM record WHERE last_seq IS NOT NULL"), 0);
}

static void test_outbox_room__low_and_telemetry_give_way_by_themselves(void **state) {
    struct core_bench *bench = *state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(put_once(bench, LANE_LOW, false), STATUS_OK);
        assert_int_equal(put_once(bench, LANE_TELEMETRY, false), STATUS_OK);
    }
    assert_true(core_bench_number(bench, "SELECT last_seq FROM record WHERE last_seq IS NOT NULL"
                                         " AND key >> 40 & 7 = 4") > 15);
}

static void test_outbox_room__urgent_never_goes_and_somebody_is_told(void **state) {
    struct core_bench *bench = *state;
    struct error alarm;
    const int count = fill(bench, LANE_URGENT);
    assert_int_equal(put_once(bench, LANE_URGENT, true), STATUS_FULL);
    assert_int_equal(
        core_bench_number(bench, "SELECT count(*) FROM record WHERE key >> 40 & 7 = 1"), count);
    assert_true(core_take_alarm(bench->core, &alarm));
    assert_non_null(strstr(alarm.text, "urgent"));
    assert_false(core_take_alarm(bench->core, &alarm)); /* once */
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM record WHERE kind & 255 = 4"
                                              " AND name = 'store-full'"),
                     1);
}

static void test_outbox_room__lane_seven_drops_its_oldest_and_the_log_says_so(void **state) {
    struct core_bench *bench = *state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(put_once(bench, LANE_LOCAL, false), STATUS_OK);
    }
    assert_true(core_bench_number(bench, "SELECT floor_seq FROM lane WHERE lane = 7") > 5);
    assert_true(core_bench_number(bench, "SELECT count(*) FROM sync_log WHERE status = 'evicted'") >
                0);
    assert_int_equal(
        core_bench_number(bench, "SELECT count(*) FROM record WHERE last_seq IS NOT NULL"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_outbox_room__a_full_lane_says_so_and_loses_nothing,
                                        set_up_small, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_outbox_room__what_the_hub_holds_goes_first_from_the_bottom, set_up_small,
            core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_outbox_room__the_oldest_unsent_become_a_gap_where_the_workflow_says_so,
            set_up_small, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_outbox_room__another_workflows_records_stay,
                                        set_up_small, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_outbox_room__low_and_telemetry_give_way_by_themselves,
                                        set_up_small, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_outbox_room__urgent_never_goes_and_somebody_is_told,
                                        set_up_small, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_outbox_room__lane_seven_drops_its_oldest_and_the_log_says_so, set_up_small,
            core_bench_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

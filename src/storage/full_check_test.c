// SPDX-License-Identifier: Apache-2.0
#include "storage/full_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "storage/core_bench.h"

/* The whole check; returns how it ended and whether it found a record. */
static status check_all(struct core_bench *bench, bool *out_damaged, uint64_t *out_rows) {
    struct full_check check = {0};
    struct error err;
    bool more = true;
    *out_damaged = false;
    while (more && !*out_damaged) {
        const status stepped =
            full_check_step(&check, bench->core->database, out_damaged, &more, &err);
        if (stepped != STATUS_OK) {
            return stepped;
        }
    }
    *out_rows = check.rows;
    return STATUS_OK;
}

static void damage(struct core_bench *bench, const char *sql) {
    struct error err;
    assert_int_equal(database_run(bench->core->database, sql, &err), STATUS_OK);
}

static void test_full_check__a_whole_store_is_read_from_end_to_end(void **state) {
    struct core_bench *bench = *state;
    bool damaged = true;
    uint64_t rows = 0;
    for (int i = 0; i < 30; i++) {
        (void)core_bench_put(bench, i % 2 == 0 ? LANE_NORMAL : LANE_LOCAL, "1", NULL);
    }
    assert_int_equal(check_all(bench, &damaged, &rows), STATUS_OK);
    assert_false(damaged);
    assert_int_equal(rows, 30);
}

static void test_full_check__a_changed_record_is_found_wherever_it_lies(void **state) {
    struct core_bench *bench = *state;
    bool damaged = false;
    uint64_t rows = 0;
    for (int i = 0; i < 200; i++) {
        (void)core_bench_put(bench, LANE_NORMAL, "1", NULL);
    }
    damage(bench, "UPDATE record SET body = '2' WHERE key & 1099511627775 = 3");
    assert_int_equal(check_all(bench, &damaged, &rows), STATUS_OK);
    assert_true(damaged);
    core_mend_found(bench->core, false);
    assert_int_equal(check_all(bench, &damaged, &rows), STATUS_OK);
    assert_false(damaged);
}

static void test_full_check__a_missing_record_is_a_damaged_file(void **state) {
    struct core_bench *bench = *state;
    bool damaged = false;
    uint64_t rows = 0;
    for (int i = 0; i < 200; i++) {
        (void)core_bench_put(bench, LANE_NORMAL, "1", NULL);
    }
    damage(bench, "DELETE FROM record WHERE key & 1099511627775 = 3");
    assert_int_equal(check_all(bench, &damaged, &rows), STATUS_CORRUPT);
}

static void test_full_check__what_goes_meanwhile_is_passed_over(void **state) {
    struct core_bench *bench = *state;
    struct full_check check = {.stream = 1, .lane = LANE_NORMAL, .seq = 3};
    struct error err = {.text = ""};
    bool damaged = false;
    bool more = false;
    for (int i = 0; i < 8; i++) {
        struct record_draft draft = core_bench_draft(LANE_NORMAL, "1", i == 2 ? "door" : NULL);
        draft.keep_ms = 1;
        draft.record.boot.bytes[0] = 1;
        assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_OK);
    }
    core_bench_acknowledge(bench, LANE_NORMAL, 5);
    struct store_job purge = {.kind = STORE_PURGE};
    assert_int_equal(core_bench_run(bench, &purge), STATUS_OK);
    core_bench_expect_lane(bench, LANE_NORMAL, "6-6 7-7 8-8");
    if (full_check_step(&check, bench->core->database, &damaged, &more, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_false(damaged);
    assert_int_equal(check.rows, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_full_check__a_whole_store_is_read_from_end_to_end,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_full_check__a_changed_record_is_found_wherever_it_lies,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_full_check__a_missing_record_is_a_damaged_file,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_full_check__what_goes_meanwhile_is_passed_over,
                                        core_bench_set_up, core_bench_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "storage/outbox_purge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "storage/core_bench.h"

static const int64_t LONG_MS = INT64_C(1) << 40;

/* A record of another boot, a second old by the wall clock. */
static void put(struct core_bench *bench, enum lane lane, int64_t keep_ms, int64_t expires_ms) {
    struct record_draft draft = core_bench_draft(lane, "1", NULL);
    draft.record.boot.bytes[0] = 1;
    draft.record.time.wall_ms = clock_wall_ms() - 1000;
    draft.keep_ms = keep_ms;
    draft.expires_ms = expires_ms;
    assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_OK);
}

static uint64_t purge(struct core_bench *bench) {
    uint64_t gone = 0;
    for (int i = 0; i < 3; i++) {
        struct store_job job = {.kind = STORE_PURGE};
        assert_int_equal(core_bench_run(bench, &job), STATUS_OK);
        gone += job.out_number;
    }
    return gone;
}

static void test_outbox_purge__keeping_never_takes_what_is_unsent(void **state) {
    struct core_bench *bench = *state;
    put(bench, LANE_NORMAL, 1, 0);
    assert_int_equal(purge(bench), 0);
    core_bench_expect_lane(bench, LANE_NORMAL, "1-1");
}

static void test_outbox_purge__from_the_bottom_the_floor_rises(void **state) {
    struct core_bench *bench = *state;
    for (int i = 0; i < 4; i++) {
        put(bench, LANE_NORMAL, i < 2 ? 1 : LONG_MS, 0);
    }
    core_bench_acknowledge(bench, LANE_NORMAL, 3);
    assert_int_equal(purge(bench), 2);
    core_bench_expect_lane(bench, LANE_NORMAL, "3-3 4-4");
    assert_int_equal(core_bench_number(bench, "SELECT floor_seq FROM lane WHERE lane = 3"), 2);
}

static void test_outbox_purge__from_the_middle_a_gap_stays_until_the_bottom_goes(void **state) {
    struct core_bench *bench = *state;
    put(bench, LANE_NORMAL, LONG_MS, 0);
    put(bench, LANE_NORMAL, 1, 0);
    put(bench, LANE_NORMAL, 1, 0);
    put(bench, LANE_NORMAL, LONG_MS, 0);
    core_bench_acknowledge(bench, LANE_NORMAL, 4);
    assert_int_equal(purge(bench), 2);
    core_bench_expect_lane(bench, LANE_NORMAL, "1-1 2-3purged 4-4");
    struct error err;
    assert_int_equal(database_run(bench->core->database,
                                  "UPDATE record SET keep_ms = 1 WHERE key & 255 = 1", &err),
                     STATUS_OK);
    assert_int_equal(purge(bench), 1);
    core_bench_expect_lane(bench, LANE_NORMAL, "4-4");
}

static void test_outbox_purge__an_unsent_record_expires_and_neighbours_merge(void **state) {
    struct core_bench *bench = *state;
    put(bench, LANE_NORMAL, 0, 1);
    put(bench, LANE_NORMAL, 0, 0);
    put(bench, LANE_NORMAL, 0, 1);
    put(bench, LANE_NORMAL, 0, 1);
    put(bench, LANE_NORMAL, 0, LONG_MS);
    assert_int_equal(purge(bench), 3);
    core_bench_expect_lane(bench, LANE_NORMAL, "1-1expired 2-2 3-4expired 5-5");
    core_bench_acknowledge(bench, LANE_NORMAL, 5);
    assert_int_equal(purge(bench), 0); /* what the hub holds expires no more */
}

static void test_outbox_purge__lane_seven_goes_by_its_keeping_alone(void **state) {
    struct core_bench *bench = *state;
    put(bench, LANE_LOCAL, 1, 0);
    put(bench, LANE_LOCAL, LONG_MS, 1);
    assert_int_equal(purge(bench), 1);
    core_bench_expect_lane(bench, LANE_LOCAL, "2-2");
}

static void test_outbox_purge__a_clock_that_is_not_believed_takes_nothing(void **state) {
    struct core_bench *bench = *state;
    struct record_draft draft = core_bench_draft(LANE_NORMAL, "1", NULL);
    draft.record.boot.bytes[0] = 1;
    draft.record.time = (struct moment){.wall_ms = 1, .quality = CLOCK_BAD};
    draft.expires_ms = 1;
    assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_OK);
    /* Of this boot: measured by the boot clock, whatever the wall clock says. */
    draft.record.boot = (struct id){0};
    draft.record.time = clock_now();
    draft.record.time.wall_ms = 1;
    draft.expires_ms = 3600 * 1000;
    assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_OK);
    assert_int_equal(purge(bench), 0);
    core_bench_expect_lane(bench, LANE_NORMAL, "1-1 2-2");
}

static void test_outbox_purge__keys_of_what_waits_no_more_are_forgotten(void **state) {
    struct core_bench *bench = *state;
    (void)core_bench_put(bench, LANE_NORMAL, "1", "door");
    (void)core_bench_put(bench, LANE_NORMAL, "2", "window");
    core_bench_acknowledge(bench, LANE_NORMAL, 1);
    (void)purge(bench);
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM latest"), 1);
}

static void test_outbox_purge__versions_and_boots_that_nothing_names_go(void **state) {
    struct core_bench *bench = *state;
    struct error err;
    put(bench, LANE_NORMAL, LONG_MS, 0); /* names 'triage' and boot 1 */
    assert_int_equal(database_run(bench->core->database,
                                  "INSERT INTO workflow VALUES (50, 'old', zeroblob(16), 'x'),"
                                  " (51, 'open', zeroblob(16), 'x');"
                                  "INSERT INTO boot VALUES (60, zeroblob(16), 0, 0);"
                                  "INSERT INTO run VALUES (1, zeroblob(16), 51, '', '{}', 0, 0)",
                                  &err),
                     STATUS_OK);
    core_bench_reopen(bench);
    (void)core_bench_workflow(bench, "new"); /* in use, though nothing names it yet */
    (void)purge(bench);
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM workflow WHERE name = 'old'"),
                     0);
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM workflow WHERE name IN"
                                              " ('triage', 'open', 'new')"),
                     3);
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM boot WHERE number = 60"), 0);
    core_bench_reopen(bench);
    assert_false(bench->opened.salvaged);
    core_bench_expect_lane(bench, LANE_NORMAL, "1-1");
}

/* The batch that would delete a boot's row fails, and so does what it wrote itself. */
static void test_outbox_purge__rows_that_were_taken_back_are_there_or_written_anew(void **state) {
    struct core_bench *bench = *state;
    struct error err;
    assert_int_equal(database_run(bench->core->database,
                                  "INSERT INTO workflow VALUES (50, 'old', zeroblob(16), 'x');"
                                  "INSERT INTO boot VALUES (60, zeroblob(16), 0, 0)",
                                  &err),
                     STATUS_OK);
    core_bench_reopen(bench);
    struct record_draft draft = core_bench_draft(LANE_NORMAL, "1", NULL);
    struct store_job put = {.kind = STORE_RUN_END, .records = &draft, .record_count = 1};
    struct store_job purge = {.kind = STORE_PURGE};
    struct store_job bad = {.kind = STORE_WORKFLOW};
    struct store_job *batch[] = {&put, &purge, &bad};
    core_run(bench->core, batch, 3); /* together, which fails; then each alone */
    assert_int_equal(bad.error.code, STATUS_INVALID);
    assert_int_equal(put.error.code, STATUS_OK);
    assert_int_equal(purge.error.code, STATUS_OK);
    assert_false(core_take_alarm(bench->core, &err)); /* nothing was found damaged, and mended */
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM workflow WHERE number = 50"),
                     0);
}

static void test_outbox_purge__a_step_is_bounded_and_the_next_one_goes_on(void **state) {
    struct core_bench *bench = *state;
    struct record_draft drafts[100];
    for (int i = 0; i < 100; i++) {
        drafts[i] = core_bench_draft(LANE_NORMAL, "1", NULL);
        drafts[i].record.boot.bytes[0] = 1;
        drafts[i].expires_ms = 1;
    }
    struct store_job job = {.kind = STORE_RUN_END, .records = drafts, .record_count = 100};
    for (int i = 0; i < PURGE_ROWS_MAX / 100 + 5; i++) {
        assert_int_equal(core_bench_run(bench, &job), STATUS_OK);
    }
    struct store_job step = {.kind = STORE_PURGE};
    assert_int_equal(core_bench_run(bench, &step), STATUS_OK);
    assert_int_equal(step.out_number, PURGE_ROWS_MAX);
    assert_int_equal(core_bench_run(bench, &step), STATUS_OK);
    assert_int_equal(step.out_number, 500);
    assert_int_equal(
        core_bench_number(bench, "SELECT count(*) FROM record WHERE key >> 40 & 7 = 3"), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_outbox_purge__keeping_never_takes_what_is_unsent,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_outbox_purge__from_the_bottom_the_floor_rises,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_outbox_purge__from_the_middle_a_gap_stays_until_the_bottom_goes, core_bench_set_up,
            core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_outbox_purge__an_unsent_record_expires_and_neighbours_merge, core_bench_set_up,
            core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_outbox_purge__lane_seven_goes_by_its_keeping_alone,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_outbox_purge__a_clock_that_is_not_believed_takes_nothing, core_bench_set_up,
            core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_outbox_purge__keys_of_what_waits_no_more_are_forgotten,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_outbox_purge__versions_and_boots_that_nothing_names_go,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_outbox_purge__rows_that_were_taken_back_are_there_or_written_anew,
            core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_outbox_purge__a_step_is_bounded_and_the_next_one_goes_on, core_bench_set_up,
            core_bench_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

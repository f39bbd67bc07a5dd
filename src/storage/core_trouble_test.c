// SPDX-License-Identifier: Apache-2.0
#include "storage/core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "storage/core_bench.h"

enum { READS_MAX = 2000 };

/* Two streams, two lanes, an open run, and a workflow that no row names but a program does. */
static void fill(struct core_bench *bench) {
    struct stream second;
    struct error err;
    for (int i = 0; i < 20; i++) {
        (void)core_bench_put(bench, i % 2 == 0 ? LANE_NORMAL : LANE_HIGH, "1", NULL);
    }
    assert_int_equal(database_begin(bench->core->database, &err), STATUS_OK);
    assert_int_equal(stream_begin(&second, bench->core->database, "verdict", &err), STATUS_OK);
    assert_int_equal(database_commit(bench->core->database, &err), STATUS_OK);
    core_bench_reopen(bench);
    for (int i = 0; i < 5; i++) {
        (void)core_bench_put(bench, LANE_NORMAL, "1", NULL);
    }
    core_bench_acknowledge(bench, LANE_NORMAL, 2);
    struct store_job begin = {.kind = STORE_RUN_BEGIN, .run = {{5}}, .event = SLICE("{}")};
    assert_int_equal(core_bench_run(bench, &begin), STATUS_OK);
    (void)core_bench_workflow(bench, "unused");
}

/* The disk fails, and goes on to; the store is open, and says so. */
static void begin_to_fail(struct core_bench *bench) {
    const struct fault no_sync = {.calls = FAULT_SYNC, .kind = FAULT_EIO, .persists = true};
    struct record_draft draft = core_bench_draft(LANE_NORMAL, "1", NULL);
    fault_disk_fail(bench->disk, &no_sync);
    assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_SYSTEM);
    fault_disk_fail(bench->disk, NULL);
}

static void wait_for_a_retry(void) {
    const struct timespec pause = {.tv_nsec = 2500000};
    (void)nanosleep(&pause, NULL);
}

static void expect_counters(const struct core_bench *bench, struct id stream,
                            const struct store_counters *before) {
    struct store_counters now;
    core_counters(bench->core, &now);
    assert_true(id_equal(core_stream(bench->core), stream));
    for (int i = 0; i < LANE_COUNT; i++) {
        assert_int_equal(now.lane_acked_seq[i], before->lane_acked_seq[i]);
        if (i != LANE_CONTROL) { /* where alarms are written */
            assert_int_equal(now.lane_next_seq[i], before->lane_next_seq[i]);
            assert_int_equal(now.lane_bytes[i], before->lane_bytes[i]);
        }
    }
}

/* Right after an opening nothing differs but what failed: the probe must write all the same. */
static void test_core_trouble__what_could_not_be_synced_is_written_over(void **state) {
    struct core_bench *bench = *state;
    const struct fault no_sync = {.calls = FAULT_SYNC, .kind = FAULT_EIO};
    struct record_draft draft = core_bench_draft(LANE_NORMAL, "1", NULL);
    (void)core_bench_put(bench, LANE_CONTROL, "1", NULL);
    core_bench_reopen(bench);
    fault_disk_fail(bench->disk, &no_sync);
    assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_OK);
    assert_int_equal(fault_disk_failures(bench->disk), 1);
    fault_disk_fail(bench->disk, NULL);
    assert_int_equal(draft.out_seq, 1);
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM stream"), 1);
    core_bench_expect_lane(bench, LANE_NORMAL, "1-1");
}

/* A bad neighbour makes each job run alone; the good one fails once, is treated, and goes well.
 * What is stored must not be reported as failed: its event would run again. */
static void expect_second_try(struct core_bench *bench, const struct fault *once) {
    struct record_draft good = core_bench_draft(LANE_NORMAL, "1", NULL);
    struct record_draft bad = core_bench_draft(LANE_COUNT, "1", NULL);
    struct store_job jobs[] = {
        {.kind = STORE_RUN_END, .workflow = bench->workflow, .records = &good, .record_count = 1},
        {.kind = STORE_RUN_END, .workflow = bench->workflow, .records = &bad, .record_count = 1}};
    struct store_job *batch[] = {&jobs[0], &jobs[1]};
    (void)core_bench_put(bench, LANE_NORMAL, "1", NULL); /* the WAL holds what can be copied */
    const int64_t before = core_bench_number(bench, "SELECT count(*) FROM workflow_results");
    fault_disk_fail(bench->disk, once);
    core_run(bench->core, batch, 2);
    assert_int_equal(fault_disk_failures(bench->disk), 1);
    fault_disk_fail(bench->disk, NULL);
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM workflow_results"), before + 1);
    assert_int_equal(jobs[0].error.code, STATUS_OK);
    assert_int_equal(jobs[1].error.code, STATUS_INVALID);
}

static void test_core_trouble__what_went_well_at_the_second_try_has_not_failed(void **state) {
    const struct fault no_room = {.calls = FAULT_WRITE, .kind = FAULT_NO_SPACE};
    const struct fault no_sync = {.calls = FAULT_SYNC, .kind = FAULT_EIO};
    expect_second_try(*state, &no_room);
    expect_second_try(*state, &no_sync);
}

/* The k-th read of mending fails. Returns false when there was no k-th. */
static bool fail_read(struct core_bench *bench, size_t index, bool close_then) {
    const struct fault no_read = {.calls = FAULT_READ, .kind = FAULT_EIO, .index = index};
    const struct id stream = core_stream(bench->core);
    struct record_draft draft = core_bench_draft(LANE_NORMAL, "1", NULL);
    struct store_counters before;
    core_counters(bench->core, &before);
    begin_to_fail(bench);
    wait_for_a_retry();
    fault_disk_fail(bench->disk, &no_read);
    const status put = core_bench_put_draft(bench, &draft);
    const bool failed = fault_disk_failures(bench->disk) > 0;
    fault_disk_fail(bench->disk, NULL);
    if (put != STATUS_OK) {
        expect_counters(bench, stream, &before);
    }
    if (close_then) {
        core_bench_reopen(bench);
    }
    wait_for_a_retry();
    if (put != STATUS_OK) {
        assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_OK);
    }
    assert_int_equal(draft.out_seq, before.lane_next_seq[LANE_NORMAL]);
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM stream"), 2);
    assert_non_null(workflows_find(&bench->core->workflows, bench->workflow));
    core_bench_reopen(bench);
    before.lane_next_seq[LANE_NORMAL]++;
    before.lane_bytes[LANE_NORMAL] += before.lane_bytes[LANE_NORMAL] / (int64_t)(draft.out_seq - 1);
    expect_counters(bench, stream, &before);
    return failed;
}

static void test_core_trouble__a_read_that_fails_leaves_nothing_half_loaded(void **state) {
    bool failed = true;
    (void)core_bench_tear_down(state);
    for (size_t i = 0; failed; i++) {
        assert_true(i < READS_MAX);
        (void)core_bench_set_up(state);
        fill(*state);
        failed = fail_read(*state, i, i % 2 == 1);
        assert_false(((struct core_bench *)*state)->opened.salvaged);
        (void)core_bench_tear_down(state);
    }
    (void)core_bench_set_up(state);
}

/* A read that fails while the store is opened at the start is a failure that says so. */
static void test_core_trouble__a_read_that_fails_at_the_start_is_an_error(void **state) {
    const struct core_options options = {.folder = "store", .vfs = "bench", .wal_bytes = 64 << 10};
    struct core_bench *bench = *state;
    bool failed = true;
    fill(bench);
    for (size_t i = 0; i < READS_MAX && failed; i++) {
        const struct fault no_read = {.calls = FAULT_READ, .kind = FAULT_EIO, .index = i};
        struct error err = {.text = ""};
        core_close(bench->core);
        bench->core = NULL;
        fault_disk_fail(bench->disk, &no_read);
        const status opened = core_open(&options, &bench->core, &bench->opened, &err);
        failed = fault_disk_failures(bench->disk) > 0;
        fault_disk_fail(bench->disk, NULL);
        if (opened != STATUS_OK) {
            assert_int_equal(opened, STATUS_SYSTEM);
            assert_non_null(strstr(err.text, "I/O error"));
            core_bench_open(bench);
        }
        assert_false(bench->opened.salvaged);
        assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM record WHERE kind & 255 ="
                                                  " 1"),
                         25);
    }
}

/* What the program holds a number of is there after a failing disk, and stays through a purge. */
static void test_core_trouble__workflows_in_use_outlive_a_disk_that_fails(void **state) {
    struct core_bench *bench = *state;
    const struct fault no_read = {.calls = FAULT_READ, .kind = FAULT_EIO, .persists = true};
    const uint32_t unused = core_bench_workflow(bench, "unused");
    struct record_draft draft = core_bench_draft(LANE_NORMAL, "1", NULL);
    for (int i = 0; i < 2; i++) {
        begin_to_fail(bench);
        wait_for_a_retry();
        fault_disk_fail(bench->disk, &no_read);
        assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_SYSTEM);
        fault_disk_fail(bench->disk, NULL);
        wait_for_a_retry();
        struct store_job purge = {.kind = STORE_PURGE};
        assert_int_equal(core_bench_run(bench, &purge), STATUS_OK);
    }
    bench->workflow = unused;
    assert_int_equal(core_bench_put(bench, LANE_NORMAL, "1", NULL), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_core_trouble__what_could_not_be_synced_is_written_over,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_core_trouble__what_went_well_at_the_second_try_has_not_failed, core_bench_set_up,
            core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_core_trouble__a_read_that_fails_leaves_nothing_half_loaded, core_bench_set_up,
            core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_core_trouble__a_read_that_fails_at_the_start_is_an_error, core_bench_set_up,
            core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_core_trouble__workflows_in_use_outlive_a_disk_that_fails, core_bench_set_up,
            core_bench_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

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

static void fill_jobs(struct core_bench *bench, struct store_job *jobs, struct store_job **batch,
                      struct record_draft *drafts, int count) {
    for (int i = 0; i < count; i++) {
        drafts[i] = core_bench_draft(LANE_NORMAL, "1", NULL);
        jobs[i] = (struct store_job){.kind = STORE_RUN_END,
                                     .workflow = bench->workflow,
                                     .records = &drafts[i],
                                     .record_count = 1};
        batch[i] = &jobs[i];
    }
}

static void test_core__a_batch_is_one_commit(void **state) {
    struct core_bench *bench = *state;
    struct store_job jobs[50];
    struct store_job *batch[50];
    struct record_draft drafts[50];
    struct store_counters before;
    struct store_counters after;
    core_counters(bench->core, &before);
    fill_jobs(bench, jobs, batch, drafts, 50);
    core_run(bench->core, batch, 50);
    core_counters(bench->core, &after);
    assert_int_equal(after.commits, before.commits + 1);
    assert_int_equal(after.records, before.records + 50);
    assert_int_equal(drafts[49].out_seq, 50);
}

static void
test_core__a_bad_job_takes_the_batch_back_and_its_neighbours_go_one_by_one(void **state) {
    struct core_bench *bench = *state;
    struct store_job jobs[5];
    struct store_job *batch[5];
    struct record_draft drafts[5];
    fill_jobs(bench, jobs, batch, drafts, 5);
    jobs[3].workflow = 4711;
    core_run(bench->core, batch, 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(jobs[i].error.code, i == 3 ? STATUS_INVALID : STATUS_OK);
    }
    core_bench_expect_lane(bench, LANE_NORMAL, "1-1 2-2 3-3 4-4");
    assert_int_equal(drafts[4].out_seq, 4);
    core_bench_reopen(bench);
    assert_int_equal(core_bench_put(bench, LANE_NORMAL, "1", NULL), 5);
}

static void test_core__a_run_that_is_taken_back_leaves_no_trace_in_memory(void **state) {
    struct core_bench *bench = *state;
    struct store_job begin = {.kind = STORE_RUN_BEGIN, .run = {{5}}, .event = SLICE("{}")};
    struct store_job bad = {.kind = STORE_RUN_END, .workflow = 4711};
    struct record_draft draft = core_bench_draft(LANE_NORMAL, "1", NULL);
    bad.records = &draft;
    bad.record_count = 1;
    struct store_job *batch[] = {&begin, &bad};
    core_run(bench->core, batch, 2);
    assert_int_equal(begin.error.code, STATUS_OK); /* by itself */
    assert_int_equal(bad.error.code, STATUS_INVALID);
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM run"), 1);
    struct store_job again = begin;
    assert_int_equal(core_bench_run(bench, &again), STATUS_OK); /* twice is once */
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM run"), 1);
    struct store_job state_job = {.kind = STORE_RUN_STATE, .run = {{6}}, .run_state = RUN_PARKED};
    assert_int_equal(core_bench_run(bench, &state_job), STATUS_NOT_FOUND);
}

static void test_core__the_end_of_a_run_is_one_transaction(void **state) {
    struct core_bench *bench = *state;
    struct store_job step = {.kind = STORE_RUN_STEP,
                             .run = {{5}},
                             .step = SLICE("tell"),
                             .step_state = STEP_BEGUN,
                             .event = SLICE("{}"),
                             .workflow = bench->workflow};
    assert_int_equal(core_bench_run(bench, &step), STATUS_OK);
    struct record_draft draft = core_bench_draft(LANE_NORMAL, "1", NULL);
    const struct state_write write = {
        .step = SLICE("count"), .key = SLICE("a"), .value = SLICE("1")};
    struct store_job end = {.kind = STORE_RUN_END,
                            .run = {{5}},
                            .workflow = bench->workflow,
                            .records = &draft,
                            .record_count = 1,
                            .states = &write,
                            .state_count = 1,
                            .seen_source = SLICE("inbox"),
                            .seen_hash = 9};
    const struct fault no_sync = {.calls = FAULT_SYNC, .kind = FAULT_EIO, .persists = true};
    fault_disk_fail(bench->disk, &no_sync);
    assert_int_equal(core_bench_run(bench, &end), STATUS_SYSTEM);
    fault_disk_fail(bench->disk, NULL);
    assert_int_equal(core_bench_number(bench, "SELECT (SELECT count(*) FROM run) + (SELECT count(*)"
                                              " FROM step)"),
                     2);
    const struct timespec pause = {.tv_nsec = 5000000};
    (void)nanosleep(&pause, NULL);
    assert_int_equal(core_bench_run(bench, &end), STATUS_OK);
    assert_int_equal(core_bench_number(bench, "SELECT (SELECT count(*) FROM run) + (SELECT count(*)"
                                              " FROM step)"),
                     0);
    assert_int_equal(core_bench_number(bench, "SELECT (SELECT count(*) FROM record WHERE kind & 255"
                                              " = 1) + (SELECT count(*) FROM state) +"
                                              " (SELECT count(*) FROM seen)"),
                     3);
}

static void test_core__a_failing_disk_is_said_once_and_so_is_its_end(void **state) {
    struct core_bench *bench = *state;
    struct store_counters counters;
    struct error alarm;
    const struct fault no_write = {.calls = FAULT_WRITE, .kind = FAULT_EIO, .persists = true};
    struct record_draft draft = core_bench_draft(LANE_NORMAL, "1", NULL);
    fault_disk_fail(bench->disk, &no_write);
    assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_SYSTEM);
    assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_SYSTEM);
    core_counters(bench->core, &counters);
    assert_true(counters.failing);
    assert_true(core_take_alarm(bench->core, &alarm));
    assert_non_null(strstr(alarm.text, "nothing is acknowledged"));
    assert_false(core_take_alarm(bench->core, &alarm));
    fault_disk_fail(bench->disk, NULL);
    const struct timespec pause = {.tv_nsec = 5000000};
    (void)nanosleep(&pause, NULL);
    const struct id stream = core_stream(bench->core);
    assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_OK);
    assert_int_equal(draft.out_seq, 1);
    assert_true(id_equal(stream, core_stream(bench->core))); /* the heads were as acknowledged */
    assert_true(core_take_alarm(bench->core, &alarm));
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM record WHERE kind & 255 = 4"
                                              " AND name = 'store-mended'"),
                     1);
}

static void test_core__workflows_have_a_number_for_each_version(void **state) {
    struct core_bench *bench = *state;
    struct store_job job = {.kind = STORE_WORKFLOW,
                            .workflow_name = SLICE("triage"),
                            .workflow_text = SLICE("ebb: 1\n"),
                            .workflow_digest = {{1}}};
    assert_int_equal(core_bench_run(bench, &job), STATUS_OK);
    const uint64_t first = job.out_number;
    assert_int_equal(core_bench_run(bench, &job), STATUS_OK);
    assert_int_equal(job.out_number, first);
    job.workflow_digest.bytes[0] = 2;
    assert_int_equal(core_bench_run(bench, &job), STATUS_OK);
    assert_int_equal(job.out_number, first + 1);
    core_bench_reopen(bench);
    assert_int_equal(core_bench_run(bench, &job), STATUS_OK);
    assert_int_equal(job.out_number, first + 1);
    job.workflow_name = (struct slice){0};
    assert_int_equal(core_bench_run(bench, &job), STATUS_INVALID);
}

static void test_core__states_are_written_replaced_removed_and_expire(void **state) {
    struct core_bench *bench = *state;
    struct state_write write = {.step = SLICE("count"), .key = SLICE("a"), .value = SLICE("1")};
    struct store_job job = {
        .kind = STORE_RUN_END, .workflow = bench->workflow, .states = &write, .state_count = 1};
    assert_int_equal(core_bench_run(bench, &job), STATUS_OK);
    write.value = SLICE("22");
    assert_int_equal(core_bench_run(bench, &job), STATUS_OK);
    assert_int_equal(core_bench_number(bench, "SELECT CAST(value AS INTEGER) FROM state WHERE"
                                              " workflow = 'triage' AND step = 'count'"),
                     22);
    write.value = (struct slice){0};
    assert_int_equal(core_bench_run(bench, &job), STATUS_OK);
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM state"), 0);
    write.value = SLICE("3");
    write.expires_wall_ms = 1;
    assert_int_equal(core_bench_run(bench, &job), STATUS_OK);
    struct store_job purge = {.kind = STORE_PURGE};
    assert_int_equal(core_bench_run(bench, &purge), STATUS_OK);
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM state"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_core__a_batch_is_one_commit, core_bench_set_up,
                                        core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_core__a_bad_job_takes_the_batch_back_and_its_neighbours_go_one_by_one,
            core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_core__a_run_that_is_taken_back_leaves_no_trace_in_memory, core_bench_set_up,
            core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_core__the_end_of_a_run_is_one_transaction,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_core__a_failing_disk_is_said_once_and_so_is_its_end,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_core__workflows_have_a_number_for_each_version,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_core__states_are_written_replaced_removed_and_expire,
                                        core_bench_set_up, core_bench_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

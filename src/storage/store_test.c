// SPDX-License-Identifier: Apache-2.0
#include "storage/store.h"

#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* A store in a folder of its own, and the loop's side of it: what `wake` rings is waited for. */
struct bench {
    char folder[64];
    struct store *store;
    struct store_opened opened;
    sem_t rings;
    int answered;
    char alarm[600];
};

static void ring(void *owner) {
    (void)sem_post(&((struct bench *)owner)->rings);
}

static void open_store(struct bench *bench) {
    struct error err = {0};
    const struct store_options options = {.folder = bench->folder, .wake = ring, .owner = bench};
    if (store_open(&options, &bench->store, &bench->opened, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

static int set_up(void **state) {
    struct bench *bench = calloc(1, sizeof(*bench));
    (void)snprintf(bench->folder, sizeof(bench->folder), "/tmp/ebb-store-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    (void)sem_init(&bench->rings, 0, 0);
    open_store(bench);
    *state = bench;
    return 0;
}

static int tear_down(void **state) {
    struct bench *bench = *state;
    char command[128];
    store_close(bench->store);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", bench->folder);
    assert_int_equal(system(command), 0);
    (void)sem_destroy(&bench->rings);
    free(bench);
    return 0;
}

static void reopen(struct bench *bench) {
    store_close(bench->store);
    open_store(bench);
}

static void count_answer(struct store_job *job) {
    ((struct bench *)job->owner)->answered++;
}

static void count_listing(struct store_read *read) {
    ((struct bench *)read->owner)->answered++;
}

static void wait_for(struct bench *bench, int answers) {
    store_flush(bench->store);
    while (bench->answered < answers) {
        (void)sem_wait(&bench->rings);
        store_collect(bench->store);
    }
    bench->answered = 0;
}

static void run(struct bench *bench, struct store_job *job) {
    job->done = count_answer;
    job->owner = bench;
    store_submit(bench->store, job);
    wait_for(bench, 1);
}

static void expect_ok(const struct store_job *job) {
    if (job->error.code != STATUS_OK) {
        fail_msg("%s", job->error.text);
    }
}

static uint32_t add_workflow(struct bench *bench) {
    struct store_job job = {.kind = STORE_WORKFLOW,
                            .workflow_name = SLICE("triage"),
                            .workflow_text = SLICE("ebb: 1\n"),
                            .workflow_digest = {{7}}};
    run(bench, &job);
    expect_ok(&job);
    return (uint32_t)job.out_number;
}

static struct record_draft draft_of(enum lane lane, struct slice body) {
    return (struct record_draft){.record = {.kind = RECORD_RESULT,
                                            .name = SLICE("verdict"),
                                            .body = body,
                                            .time = {.wall_ms = 1700000000000, .boot_ns = 5}},
                                 .lane = lane};
}

static struct buffer list(struct bench *bench, struct store_read read) {
    read.done = count_listing;
    read.owner = bench;
    store_read(bench->store, &read);
    wait_for(bench, 1);
    if (read.error.code != STATUS_OK) {
        fail_msg("%s", read.error.text);
    }
    buffer_add_byte(&read.out, 0);
    return read.out;
}

static void test_store__what_was_answered_is_there_after_a_restart(void **state) {
    struct bench *bench = *state;
    assert_true(bench->opened.made);
    const uint32_t workflow = add_workflow(bench);
    struct record_draft draft = draft_of(LANE_NORMAL, SLICE("{\"spam\":true}"));
    struct store_job job = {
        .kind = STORE_RUN_END, .workflow = workflow, .records = &draft, .record_count = 1};
    run(bench, &job);
    expect_ok(&job);
    assert_int_equal(draft.out_seq, 1);
    const struct id stream = store_stream(bench->store);

    reopen(bench);
    assert_false(bench->opened.made);
    assert_true(id_equal(stream, store_stream(bench->store)));
    CLEANUP(buffer_done)
    struct buffer out = list(bench, (struct store_read){.kind = READ_RESULTS, .lane = LANE_COUNT});
    char uuid[ID_UUID_BYTES + 1];
    id_write_uuid(draft.out_id, uuid);
    assert_non_null(strstr(out.bytes, uuid));
    assert_non_null(strstr(out.bytes, "\"workflow\":\"triage\""));
    assert_non_null(strstr(out.bytes, "\"result\":{\"spam\":true}"));
}

static void test_store__a_bad_job_does_not_fail_its_neighbours(void **state) {
    struct bench *bench = *state;
    const uint32_t workflow = add_workflow(bench);
    struct record_draft drafts[3];
    struct store_job jobs[3];
    for (int i = 0; i < 3; i++) {
        drafts[i] = draft_of(LANE_HIGH, SLICE("1"));
        jobs[i] = (struct store_job){.kind = STORE_RUN_END,
                                     .done = count_answer,
                                     .owner = bench,
                                     .workflow = i == 1 ? 99 : workflow,
                                     .records = &drafts[i],
                                     .record_count = 1};
        store_submit(bench->store, &jobs[i]);
    }
    wait_for(bench, 3);
    expect_ok(&jobs[0]);
    assert_int_equal(jobs[1].error.code, STATUS_INVALID);
    expect_ok(&jobs[2]);
    assert_int_equal(drafts[0].out_seq, 1);
    assert_int_equal(drafts[2].out_seq, 2);
}

static void test_store__a_mark_gives_way_to_one_of_the_same_thing(void **state) {
    struct bench *bench = *state;
    const uint64_t older = 0xfedcba9876000001, newer = 0xfedcba9876000002,
                   other = 0x1234567890000001;
    const uint64_t marks[] = {other, older, newer};
    for (int i = 0; i < 3; i++) {
        struct store_job job = {.kind = STORE_RUN_END,
                                .seen_source = SLICE("inbox"),
                                .seen_hash = marks[i],
                                .seen_mask = 0xffffff};
        run(bench, &job);
        expect_ok(&job);
    }
    for (int i = 0; i < 2; i++) {
        assert_false(store_seen(bench->store, SLICE("inbox"), older));
        assert_true(store_seen(bench->store, SLICE("inbox"), newer));
        assert_true(store_seen(bench->store, SLICE("inbox"), other));
        reopen(bench);
    }
    struct store_job job = {.kind = STORE_SEEN_FORGET,
                            .seen_source = SLICE("inbox"),
                            .seen_hash = older,
                            .seen_mask = 0xffffff};
    run(bench, &job);
    assert_false(store_seen(bench->store, SLICE("inbox"), newer));
    assert_true(store_seen(bench->store, SLICE("inbox"), other));
}

static void test_store__marks_of_events_are_kept_and_forgotten(void **state) {
    struct bench *bench = *state;
    struct store_job job = {
        .kind = STORE_RUN_END, .seen_source = SLICE("inbox"), .seen_hash = 0xfedcba9876543210};
    assert_false(store_seen(bench->store, SLICE("inbox"), job.seen_hash));
    run(bench, &job);
    expect_ok(&job);
    assert_true(store_seen(bench->store, SLICE("inbox"), job.seen_hash));
    assert_false(store_seen(bench->store, SLICE("outbox"), job.seen_hash));
    reopen(bench);
    assert_true(store_seen(bench->store, SLICE("inbox"), job.seen_hash));
    job.kind = STORE_SEEN_FORGET;
    run(bench, &job);
    assert_false(store_seen(bench->store, SLICE("inbox"), job.seen_hash));
    reopen(bench);
    assert_false(store_seen(bench->store, SLICE("inbox"), job.seen_hash));
}

struct found_runs {
    int count, recoveries;
    char event[32], step[32], text[32];
    enum run_state state;
    enum step_state step_state;
};

static void find_run(void *owner, const struct kept_run *run) {
    struct found_runs *found = owner;
    found->count++;
    found->recoveries = run->recoveries;
    found->state = run->state;
    (void)snprintf(found->event, sizeof(found->event), "%.*s", SLICE_ARGS(run->event));
    (void)snprintf(found->text, sizeof(found->text), "%.*s", SLICE_ARGS(run->workflow_text));
    assert_int_equal(run->step_count, 1);
    found->step_state = run->steps[0].state;
    (void)snprintf(found->step, sizeof(found->step), "%.*s=%.*s", SLICE_ARGS(run->steps[0].step),
                   SLICE_ARGS(run->steps[0].output));
}

static void test_store__an_open_run_is_found_after_a_restart_and_gone_after_its_end(void **state) {
    struct bench *bench = *state;
    struct error err;
    struct store_job job = {.kind = STORE_RUN_BEGIN,
                            .run = {{1, 2, 3}},
                            .workflow = add_workflow(bench),
                            .event = SLICE("{\"id\":1}")};
    run(bench, &job);
    expect_ok(&job);
    struct store_job step = job;
    step.kind = STORE_RUN_STEP;
    step.step = SLICE("classify");
    step.step_state = STEP_DONE;
    step.output = SLICE("42");
    run(bench, &step);
    expect_ok(&step);
    job.kind = STORE_RUN_COUNT;
    run(bench, &job);
    assert_int_equal(job.out_number, 1);

    reopen(bench);
    struct found_runs found = {0};
    assert_int_equal(store_each_run(bench->store, find_run, &found, &err), STATUS_OK);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.recoveries, 1);
    assert_int_equal(found.step_state, STEP_DONE);
    assert_string_equal(found.event, "{\"id\":1}");
    assert_string_equal(found.step, "classify=42");
    assert_string_equal(found.text, "ebb: 1\n");

    job.kind = STORE_RUN_END;
    run(bench, &job);
    expect_ok(&job);
    reopen(bench);
    found = (struct found_runs){0};
    assert_int_equal(store_each_run(bench->store, find_run, &found, &err), STATUS_OK);
    assert_int_equal(found.count, 0);
}

static void test_store__a_second_daemon_is_refused_with_the_first_ones_pid(void **state) {
    struct bench *bench = *state;
    struct error err = {0};
    struct store *second = NULL;
    struct store_opened opened;
    const struct store_options options = {.folder = bench->folder, .wake = ring, .owner = bench};
    char pid[32];
    (void)snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
    assert_int_equal(store_open(&options, &second, &opened, &err), STATUS_CONFLICT);
    assert_non_null(strstr(err.text, pid));
}

static void submit_result(struct bench *bench, struct store_job *job, struct record_draft *draft,
                          int64_t interval_ms) {
    *draft = draft_of(LANE_NORMAL, SLICE("1"));
    *job = (struct store_job){.kind = STORE_RUN_END,
                              .done = count_answer,
                              .owner = bench,
                              .interval_ms = interval_ms,
                              .records = draft,
                              .record_count = 1};
    store_submit(bench->store, job);
    store_flush(bench->store);
}

static uint64_t commits(const struct bench *bench) {
    struct store_counters counters;
    store_counters(bench->store, &counters);
    return counters.commits;
}

static void test_store__what_may_wait_goes_with_the_first_that_may_not(void **state) {
    struct bench *bench = *state;
    struct store_job jobs[3];
    struct record_draft drafts[3];
    const uint64_t before = commits(bench);
    submit_result(bench, &jobs[0], &drafts[0], 3600 * 1000);
    submit_result(bench, &jobs[1], &drafts[1], 3600 * 1000);
    submit_result(bench, &jobs[2], &drafts[2], 0);
    wait_for(bench, 3);
    assert_int_equal(drafts[0].out_seq, 1);
    assert_int_equal(drafts[2].out_seq, 3); /* in the order in which they came */
    assert_int_equal(commits(bench), before + 1);
}

static void test_store__what_waits_is_committed_when_its_time_is_up(void **state) {
    struct bench *bench = *state;
    struct store_job jobs[2];
    struct record_draft drafts[2];
    submit_result(bench, &jobs[0], &drafts[0], 30);
    submit_result(bench, &jobs[1], &drafts[1], 3600 * 1000);
    wait_for(bench, 2);
    expect_ok(&jobs[1]);
}

static void test_store__a_full_batch_waits_for_nobody(void **state) {
    struct bench *bench = *state;
    static struct store_job jobs[STORE_BATCH_JOBS_MAX];
    static struct record_draft drafts[STORE_BATCH_JOBS_MAX];
    for (int i = 0; i < STORE_BATCH_JOBS_MAX; i++) {
        submit_result(bench, &jobs[i], &drafts[i], 3600 * 1000);
    }
    wait_for(bench, STORE_BATCH_JOBS_MAX);
    assert_int_equal(drafts[STORE_BATCH_JOBS_MAX - 1].out_seq, STORE_BATCH_JOBS_MAX);
}

static void test_store__closing_answers_what_waits_and_keeps_it(void **state) {
    struct bench *bench = *state;
    struct store_job job;
    struct record_draft draft;
    submit_result(bench, &job, &draft, 3600 * 1000);
    store_close(bench->store);
    assert_int_equal(bench->answered, 1);
    expect_ok(&job);
    bench->answered = 0;
    open_store(bench);
    struct store_counters counters;
    store_counters(bench->store, &counters);
    assert_int_equal(counters.lane_next_seq[LANE_NORMAL], 2);
}

static void test_store__a_device_has_an_interval_for_those_who_say_nothing(void **state) {
    struct bench *bench = *state;
    struct store_job jobs[2];
    struct record_draft drafts[2];
    struct error err;
    store_close(bench->store);
    const struct store_options options = {
        .folder = bench->folder, .wake = ring, .owner = bench, .commit_ms = 3600 * 1000};
    assert_int_equal(store_open(&options, &bench->store, &bench->opened, &err), STATUS_OK);
    const uint64_t before = commits(bench);
    submit_result(bench, &jobs[0], &drafts[0], -1);
    submit_result(bench, &jobs[1], &drafts[1], 0);
    wait_for(bench, 2);
    assert_int_equal(commits(bench), before + 1);
}

static void keep_alarm(void *owner, struct slice text) {
    struct bench *bench = owner;
    (void)snprintf(bench->alarm, sizeof(bench->alarm), "%.*s", SLICE_ARGS(text));
}

static void test_store__a_damaged_file_is_salvaged_said_and_kept_aside(void **state) {
    struct bench *bench = *state;
    struct store_job job;
    struct record_draft draft;
    struct error err;
    char path[100];
    submit_result(bench, &job, &draft, 0);
    wait_for(bench, 1);
    store_close(bench->store);
    (void)snprintf(path, sizeof(path), "%s/ebb.db-wal", bench->folder);
    assert_int_equal(unlink(path), 0);
    (void)snprintf(path, sizeof(path), "%s/ebb.db", bench->folder);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_true(fwrite("not a database at all", 1, 21, file) == 21);
    assert_int_equal(fclose(file), 0);
    const struct store_options options = {
        .folder = bench->folder, .wake = ring, .owner = bench, .alarm = keep_alarm};
    assert_int_equal(store_open(&options, &bench->store, &bench->opened, &err), STATUS_OK);
    assert_true(bench->opened.salvaged);
    assert_int_equal(bench->opened.salvaged_records, 1);
    store_collect(bench->store);
    assert_non_null(strstr(bench->alarm, "ebb.db.damaged-1"));
    assert_int_equal(access(bench->opened.aside, F_OK), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_store__what_was_answered_is_there_after_a_restart,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_store__a_bad_job_does_not_fail_its_neighbours, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_store__a_mark_gives_way_to_one_of_the_same_thing,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_store__marks_of_events_are_kept_and_forgotten, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_store__an_open_run_is_found_after_a_restart_and_gone_after_its_end, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(
            test_store__a_second_daemon_is_refused_with_the_first_ones_pid, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_store__what_may_wait_goes_with_the_first_that_may_not,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_store__what_waits_is_committed_when_its_time_is_up,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_store__a_full_batch_waits_for_nobody, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_store__closing_answers_what_waits_and_keeps_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_store__a_device_has_an_interval_for_those_who_say_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_store__a_damaged_file_is_salvaged_said_and_kept_aside,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

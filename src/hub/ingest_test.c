// SPDX-License-Identifier: Apache-2.0
#include "hub/ingest.h"

#include "hub/test_hub.h"

enum { JOBS = 40 };

struct stage_job {
    struct ingest_job job; /* first */
    uint64_t from, last;
    status fails_with; /* OK: it does not */
    int runs, answers;
    struct answer answer;
    struct id lane_chain;
};

static struct loop *loop;
static struct ingest *ingest;
static int waited_for;

static status work(struct ingest_job *job, struct lanes *used, struct error *err) {
    struct stage_job *own = (struct stage_job *)job;
    const struct lane_place place = place_in(LANE_NORMAL);
    struct hub_stream stream;
    own->runs++;
    own->answer = (struct answer){.code = SYNC_STORED};
    TRY(lanes_session(used)->kind->claim(lanes_session(used), STREAM, DEVICE, &stream, err));
    write_items(&ours, own->from, own->last);
    TRY(lanes_take(used, &place, buffer_slice(&wire), &own->answer, err));
    if (own->fails_with != STATUS_OK) {
        return (fail)(err, own->fails_with, "this one is bad");
    }
    return lanes_answer(used, &place, &own->answer.lane, err);
}

static void done(struct ingest_job *job) {
    struct stage_job *own = (struct stage_job *)job;
    own->answers++;
    if (--waited_for == 0) {
        loop_stop(loop);
    }
}

static void submit(struct stage_job *job) {
    job->job.work = work;
    job->job.done = done;
    job->job.bytes = 100;
    waited_for++;
    ingest_run(ingest, &job->job);
}

static int set_up_ingest(void **state) {
    if (set_up_hub(state) != 0) {
        return -1;
    }
    waited_for = 0;
    assert_int_equal(loop_create(&loop, NULL), STATUS_OK);
    const struct ingest_options options = {.loop = loop, .session = session};
    assert_int_equal(ingest_create(&options, &ingest, NULL), STATUS_OK);
    return 0;
}

static int tear_down_ingest(void **state) {
    ingest_destroy(ingest);
    loop_destroy(loop);
    return tear_down_hub(state);
}

#define TEST_INGEST(name) cmocka_unit_test_setup_teardown(name, set_up_ingest, tear_down_ingest)

static void test_ingest__commits_what_came_in_a_turn_together(void **state) {
    (void)state;
    static struct stage_job jobs[JOBS];
    struct ingest_counters counters;
    (void)memset(jobs, 0, sizeof(jobs));
    add_results(&ours, JOBS, "{}");
    for (int i = 0; i < JOBS; i++) {
        jobs[i].from = jobs[i].last = (uint64_t)i + 1;
        submit(&jobs[i]);
    }
    loop_run(loop);
    ingest_counters(ingest, &counters);
    assert_int_equal(counters.batches, 1);
    assert_int_equal(counters.jobs, JOBS);
    for (int i = 0; i < JOBS; i++) {
        assert_int_equal(jobs[i].job.error.code, STATUS_OK);
        assert_int_equal(jobs[i].answer.code, SYNC_STORED);
        assert_int_equal(ranges_top(&jobs[i].answer.lane.held), i + 1);
        assert_int_equal(jobs[i].runs, 1);
    }
    assert_int_equal(number_by("SELECT count(*) FROM record"), JOBS);
    assert_int_equal(number_by("SELECT count(*) FROM delivery"), 1);
}

static void test_ingest__a_bad_job_fails_alone(void **state) {
    (void)state;
    struct stage_job jobs[3] = {{.from = 1, .last = 2},
                                {.from = 3, .last = 3, .fails_with = STATUS_FULL},
                                {.from = 3, .last = 4}};
    struct ingest_counters counters;
    add_results(&ours, 4, "{}");
    for (int i = 0; i < 3; i++) {
        submit(&jobs[i]);
    }
    loop_run(loop);
    assert_int_equal(jobs[0].job.error.code, STATUS_OK);
    assert_int_equal(jobs[1].job.error.code, STATUS_FULL);
    assert_string_equal(jobs[1].job.error.text, "this one is bad");
    assert_int_equal(jobs[2].job.error.code, STATUS_OK);
    assert_int_equal(jobs[2].answer.code, SYNC_STORED);
    assert_int_equal(number_by("SELECT count(*) FROM record"), 4);
    ingest_counters(ingest, &counters);
    assert_int_equal(counters.failed_jobs, 1);
    assert_true(counters.disk_full);
    assert_true(ingest_grant(ingest).after_ms > 0);
}

static void test_ingest__what_nobody_can_have_is_no_failure_of_the_hub(void **state) {
    (void)state;
    struct stage_job job = {.from = 1, .last = 2, .fails_with = STATUS_NOT_FOUND};
    struct ingest_counters counters;
    add_results(&ours, 2, "{}");
    submit(&job);
    loop_run(loop);
    ingest_counters(ingest, &counters);
    assert_int_equal(job.job.error.code, STATUS_NOT_FOUND);
    assert_int_equal(counters.failed_jobs, 0);
}

static void test_ingest__a_disk_fails_until_something_is_committed_again(void **state) {
    (void)state;
    struct stage_job jobs[2] = {{.from = 1, .last = 2, .fails_with = STATUS_SYSTEM},
                                {.from = 1, .last = 2}};
    struct ingest_counters counters;
    add_results(&ours, 2, "{}");
    submit(&jobs[0]);
    loop_run(loop);
    ingest_counters(ingest, &counters);
    assert_true(counters.disk_fails);
    assert_false(counters.disk_full);
    submit(&jobs[1]);
    loop_run(loop);
    ingest_counters(ingest, &counters);
    assert_false(counters.disk_fails);
}

static void test_ingest__the_same_twice_is_stored_once(void **state) {
    (void)state;
    struct stage_job jobs[2] = {{.from = 1, .last = 4}, {.from = 1, .last = 4}};
    add_results(&ours, 4, "{}");
    submit(&jobs[0]);
    submit(&jobs[1]);
    loop_run(loop);
    assert_int_equal(jobs[1].answer.code, SYNC_STORED);
    assert_int_equal(ranges_top(&jobs[1].answer.lane.held), 4);
    assert_int_equal(number_by("SELECT count(*) FROM record"), 4);
}

static void test_ingest__answers_what_it_never_began_when_it_ends(void **state) {
    (void)state;
    struct stage_job job = {.from = 1, .last = 1};
    add_results(&ours, 1, "{}");
    submit(&job);
    ingest_destroy(ingest); /* before the turn has ended */
    ingest = NULL;
    assert_int_equal(job.answers, 1);
    assert_int_equal(job.runs, 0);
    assert_int_equal(job.job.error.code, STATUS_OFFLINE);
}

static void test_ingest__grants_less_the_more_it_holds(void **state) {
    (void)state;
    const struct grant idle = ingest_grant(ingest);
    assert_int_equal(idle.after_ms, 0);
    ingest_hold(ingest, INGEST_HELD_BYTES_MAX / 2);
    const struct grant busy = ingest_grant(ingest);
    assert_true(busy.bytes < idle.bytes);
    assert_false(ingest_is_full(ingest));
    ingest_hold(ingest, INGEST_HELD_BYTES_MAX / 2 + 1);
    assert_true(ingest_is_full(ingest));
    assert_true(ingest_grant(ingest).after_ms > 0);
    assert_true(ingest_grant(ingest).bytes >= FRAME_BYTES_MAX);
    ingest_hold(ingest, -(INGEST_HELD_BYTES_MAX / 2) * 2 - 1);
    assert_int_equal(ingest_grant(ingest).bytes, idle.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST_INGEST(test_ingest__commits_what_came_in_a_turn_together),
        TEST_INGEST(test_ingest__a_bad_job_fails_alone),
        TEST_INGEST(test_ingest__what_nobody_can_have_is_no_failure_of_the_hub),
        TEST_INGEST(test_ingest__a_disk_fails_until_something_is_committed_again),
        TEST_INGEST(test_ingest__the_same_twice_is_stored_once),
        TEST_INGEST(test_ingest__answers_what_it_never_began_when_it_ends),
        TEST_INGEST(test_ingest__grants_less_the_more_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

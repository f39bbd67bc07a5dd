// SPDX-License-Identifier: Apache-2.0
/* What takes too long for a test is told another time; the rest is in process_agent_test. */
#include "agents/adapters/line_process.h"

#include "agents/adapters/test_trial.h"

struct watched {
    struct trial *trial;
    struct line_process process;
    struct log_budget budget;
    struct error why;
    int ready, answered, failed;
    bool by_itself;
    int64_t until_ns;
};

static void is_ready(void *owner) {
    struct watched *watched = owner;
    watched->ready++;
    loop_stop(watched->trial->loop);
}

static void has_answered(void *owner, struct slice line) {
    struct watched *watched = owner;
    (void)line;
    watched->answered++;
    loop_stop(watched->trial->loop);
}

static void has_failed(void *owner, const struct error *why, bool by_itself) {
    struct watched *watched = owner;
    watched->failed++;
    watched->why = *why;
    watched->by_itself = by_itself;
    assert_int_equal(watched->process.state, LINE_PROCESS_NONE);
    assert_null(watched->process.process);
    loop_stop(watched->trial->loop);
}

static void wants_check(void *owner, int64_t moment_ns) {
    ((struct watched *)owner)->until_ns = moment_ns;
}

static const struct line_process_events EVENTS = {
    .ready = is_ready, .answered = has_answered, .failed = has_failed, .until = wants_check};

/* Starts a script with `ready: first_line`; the manifest is the trial's. */
static void watch(struct trial *trial, struct watched *watched, const char *script) {
    static const char MANIFEST[] = "ebb: 1\nagent: under-test\nversion: 1.0.0\nkind: process\n"
                                   "command: [./run]\nready: first_line\n";
    struct fault_list *faults = NULL;
    struct error err = {0};
    *watched = (struct watched){.trial = trial};
    test_folder_write(&trial->folder, "run", script);
    test_folder_write(&trial->folder, "agent.yaml", MANIFEST);
    if (agent_manifest_read(trial->folder.path, &trial->manifest, &faults, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    line_process_init(&watched->process, trial->loop, trial->manifest, &watched->budget, &EVENTS,
                      watched);
    if (line_process_start(&watched->process, clock_boot_ns(), &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(watched->process.state, LINE_PROCESS_STARTING);
}

static void run_until_told(struct trial *trial) {
    timer_set(trial->patience, TRIAL_PATIENCE_MS);
    loop_run(trial->loop);
    timer_clear(trial->patience);
    assert_false(trial->impatient);
}

static void test_line_process__one_that_is_never_ready_is_given_up_after_ten_seconds(void **state) {
    struct trial *trial = *state;
    struct watched watched;
    watch(trial, &watched, "#!/bin/sh\nsleep 1000\n");
    assert_true(watched.until_ns > clock_boot_ns());
    line_process_check(&watched.process, watched.until_ns - 1);
    assert_int_equal(watched.failed, 0);
    line_process_check(&watched.process, watched.until_ns);
    assert_int_equal(watched.failed, 1);
    assert_true(watched.by_itself);
    assert_int_equal(watched.why.code, STATUS_TIMEOUT);
    assert_non_null(strstr(watched.why.text, "did not say {\"ready\":true} within 10 s"));
    line_process_check(&watched.process, INT64_MAX);
    assert_int_equal(watched.failed, 1);
    line_process_done(&watched.process);
}

static void test_line_process__one_that_is_ready_has_all_the_time(void **state) {
    struct trial *trial = *state;
    struct watched watched;
    watch(trial, &watched, "#!/bin/sh\necho '{\"ready\":true}'\nexec cat\n");
    run_until_told(trial);
    assert_int_equal(watched.ready, 1);
    assert_int_equal(watched.process.state, LINE_PROCESS_IDLE);
    line_process_check(&watched.process, INT64_MAX);
    assert_int_equal(watched.failed, 0);
    assert_int_equal(line_process_ask(&watched.process, SLICE("{}"), NULL), STATUS_OK);
    assert_int_equal(watched.process.state, LINE_PROCESS_BUSY);
    run_until_told(trial);
    assert_int_equal(watched.answered, 1);
    assert_int_equal(watched.process.state, LINE_PROCESS_IDLE);
    assert_true(line_process_is_quiet(&watched.process));
    line_process_done(&watched.process);
}

static void test_line_process__one_that_is_stopped_tells_nobody(void **state) {
    struct trial *trial = *state;
    struct watched watched;
    watch(trial, &watched, "#!/bin/sh\necho '{\"ready\":true}'\nexec cat\n");
    run_until_told(trial);
    line_process_stop(&watched.process);
    trial_let_pass(trial, 50);
    assert_int_equal(watched.failed, 0);
    line_process_done(&watched.process);
}

static void test_line_process__a_long_first_line_is_no_ready_line(void **state) {
    struct trial *trial = *state;
    struct watched watched;
    watch(trial, &watched, "#!/bin/sh\nexec cat /dev/zero\n");
    run_until_told(trial);
    assert_int_equal(watched.failed, 1);
    assert_int_equal(watched.why.code, STATUS_INVALID);
    assert_true(
        watched.by_itself); /* it counts against the agent, or it would be started for ever */
    line_process_done(&watched.process);
}

static void test_line_process__how_a_process_ended_is_told_in_words(void **state) {
    struct trial *trial = *state;
    struct watched watched;
    watch(trial, &watched, "#!/bin/sh\nexec cat\n");
    const struct agent_manifest *manifest = trial->manifest;
    struct error why;
    assert_int_equal(process_ending(manifest, 127, 0, false, "", &why), STATUS_NOT_FOUND);
    assert_int_equal(process_ending(manifest, 126, 0, false, "", &why), STATUS_DENIED);
    assert_int_equal(process_ending(manifest, 127, 0, true, "", &why), STATUS_CRASH);
    assert_int_equal(process_ending(manifest, 2, 0, false, "", &why), STATUS_CRASH);
    assert_string_equal(why.text, "agent 'under-test' ended with exit code 2");
    assert_int_equal(process_ending(manifest, -1, 9, true, "out of luck", &why), STATUS_CRASH);
    assert_string_equal(why.text, "agent 'under-test' was ended by signal 9 (Killed); its last "
                                  "words: out of luck");
    line_process_done(&watched.process);
}

#define LINE_TEST(name) cmocka_unit_test_setup_teardown(name, trial_make, trial_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        LINE_TEST(test_line_process__one_that_is_never_ready_is_given_up_after_ten_seconds),
        LINE_TEST(test_line_process__one_that_is_ready_has_all_the_time),
        LINE_TEST(test_line_process__one_that_is_stopped_tells_nobody),
        LINE_TEST(test_line_process__a_long_first_line_is_no_ready_line),
        LINE_TEST(test_line_process__how_a_process_ended_is_told_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

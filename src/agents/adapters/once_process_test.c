// SPDX-License-Identifier: Apache-2.0
/* `mode: once` with real processes, through the process agent. */
#include "agents/adapters/once_process.h"

#include <errno.h>
#include <signal.h>

#include "agents/adapters/process_agent.h"
#include "agents/adapters/test_trial.h"

static void open_script(struct trial *trial, const char *script, const char *rest) {
    char manifest[2048];
    test_folder_write(&trial->folder, "run", script);
    (void)snprintf(manifest, sizeof(manifest), "command: [./run]\nmode: once\n%s", rest);
    trial_open(trial, &PROCESS_AGENT, manifest);
}

static void test_once_process__the_input_goes_in_and_all_output_is_the_answer(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\nprintf '{\\n  \"was\":'\ncat\nprintf '}'\n", "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{\"a\":[1,2]}");
    assert_answer(&call, "{\"was\":{\"a\":[1,2]}}");
    trial_ask_and_wait(trial, &call, "{}");
    assert_answer(&call, "{\"was\":{}}");
}

static void test_once_process__it_knows_run_step_workflow_and_key(void **state) {
    struct trial *trial = *state;
    open_script(
        trial,
        "#!/bin/sh\n"
        "echo \"[\\\"$EBB_RUN\\\",\\\"$EBB_KEY\\\",\\\"$EBB_STEP\\\",\\\"$EBB_WORKFLOW\\\","
        "\\\"$EBB_ATTEMPT\\\",\\\"$EBB_AGENT\\\",\\\"$MODE\\\"]\" | sed 's/.*/{\"e\":&}/'\n",
        "env: { MODE: loud }\n");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_answer(&call, "{\"e\":[\"ab000000000000000000000000000000\","
                         "\"000000000000000000000000000000cd\",\"step_one\",\"flow\",\"1\","
                         "\"under-test\",\"loud\"]}");
}

static void test_once_process__it_works_in_the_agents_folder_or_in_the_runs(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\necho \"{\\\"here\\\":\\\"$PWD\\\"}\"\n", "");
    struct trial_call call;
    char expected[2 * TEST_PATH_BYTES];
    trial_ask_and_wait(trial, &call, "{}");
    (void)snprintf(expected, sizeof(expected), "{\"here\":\"%s\"}", trial->folder.path);
    assert_answer(&call, expected);
    test_folder_write(&trial->folder, "work/file", "");
    char folder[TEST_PATH_BYTES + 32];
    (void)snprintf(folder, sizeof(folder), "%s/work", trial->folder.path);
    trial->run_folder = folder;
    trial_ask_and_wait(trial, &call, "{}");
    (void)snprintf(expected, sizeof(expected), "{\"here\":\"%s\"}", folder);
    assert_answer(&call, expected);
}

static void test_once_process__an_exit_code_is_a_crash_with_its_last_words(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\necho '{\"half\":true}'\necho 'disk is gone' >&2\nexit 7\n", "");
    struct trial_call call;
    for (int i = 0; i < 7; i++) { /* and that never breaks the agent */
        trial_ask_and_wait(trial, &call, "{}");
        assert_failure(&call, STATUS_CRASH, "ended with exit code 7; its last words: disk is gone");
    }
    struct agent_stats stats = {0};
    trial->kind->health(trial->agent, &stats);
    assert_false(stats.broken);
}

static void test_once_process__a_program_that_is_missing_is_not_found(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\nexit 127\n", "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_failure(&call, STATUS_NOT_FOUND, "was not found");
    trial_close(trial);
    trial_open(trial, &PROCESS_AGENT, "command: [ebb-no-such-program]\nmode: once\n");
    trial_ask_and_wait(trial, &call, "{}");
    assert_failure(&call, STATUS_NOT_FOUND, "ebb-no-such-program");
}

static void test_once_process__what_is_no_object_is_refused(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                "#!/bin/sh\nread -r line\ncase $line in *1*) ;; *2*) echo done;; "
                "*) printf '{\"a\":\"\\377\"}';; esac\n",
                "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{\"n\":1}");
    assert_failure(&call, STATUS_INVALID, "agent 'under-test' gave nothing");
    trial_ask_and_wait(trial, &call, "{\"n\":2}");
    assert_failure(&call, STATUS_INVALID, "done");
    trial_ask_and_wait(trial, &call, "{\"n\":3}");
    assert_failure(&call, STATUS_INVALID, "\xef\xbf\xbd");
}

static void test_once_process__a_gigabyte_is_cut_off_at_the_limit(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\nexec head -c 1073741824 /dev/zero\n",
                "limits: { output: 1KiB }\n");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_failure(&call, STATUS_INVALID, "printed more than 1024 bytes (limits.output)");
}

static void test_once_process__output_of_exactly_the_limit_passes(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\nprintf '{\"a\":12345678}'\n", "limits: { output: 14B }\n");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_answer(&call, "{\"a\":12345678}");
}

static void test_once_process__a_late_one_is_killed_with_its_group(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\ntrap '' TERM\nsleep 1000 &\nwait\nsleep 1000\n", "");
    struct trial_call call;
    trial_ask(trial, &call, "{}", 100);
    trial_wait(trial, 1);
    assert_failure(&call, STATUS_TIMEOUT, "did not answer in time");
}

static void
test_once_process__a_grandchild_that_holds_the_output_keeps_nobody_waiting(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\nsleep 1000 &\necho '{\"a\":1}'\n", "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_answer(&call, "{\"a\":1}");
}

static void test_once_process__one_that_closes_its_output_is_waited_for(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\necho '{\"a\":1}'\nexec >&-\nsleep 0.1\nexit 5\n", "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_failure(&call, STATUS_CRASH, "exit code 5");
}

static void test_once_process__one_that_does_not_read_its_input_may_answer(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\nexec <&-\necho '{\"a\":1}'\n", "");
    enum { BYTES = 1 << 20 };
    char *json = memory_new(BYTES + 32, 1);
    assert_non_null(json);
    (void)strcpy(json, "{\"text\":\"");
    (void)memset(json + strlen(json), 'x', BYTES);
    (void)strcat(json, "\"}");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, json);
    memory_free(json);
    assert_answer(&call, "{\"a\":1}");
}

static void test_once_process__no_more_run_at_once_than_instances(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                "#!/bin/sh\n"
                ": > running.$$\n"
                "sleep 0.02\n"
                "n=$(ls running.* | wc -l)\n"
                "rm running.$$\n"
                "[ $n -le 2 ] && echo '{\"few\":true}' || echo '{\"few\":false}'\n",
                "instances: 2\n");
    struct trial_call calls[12];
    for (int i = 0; i < 12; i++) {
        trial_ask(trial, &calls[i], "{}", TRIAL_TIMEOUT_MS);
    }
    trial_wait(trial, 12);
    for (int i = 0; i < 12; i++) {
        assert_answer(&calls[i], "{\"few\":true}");
    }
}

static void test_once_process__any_allocation_may_fail(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\ncat\n", "outputs: { a: integer }\n");
    for (long index = 0; index < 20; index++) {
        struct trial_call call;
        trial->fail_allocation = index + 1;
        trial_ask_and_wait(trial, &call, "{\"a\":1}");
        (void)memory_fail_at(-1, 0);
        const status code = call.call.error.code;
        assert_true(code == STATUS_OK || code == STATUS_NO_MEMORY || code == STATUS_FULL ||
                    code == STATUS_INVALID);
        trial_call_done_with(&call);
    }
}

#define ONCE_TEST(name) cmocka_unit_test_setup_teardown(name, trial_make, trial_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        ONCE_TEST(test_once_process__the_input_goes_in_and_all_output_is_the_answer),
        ONCE_TEST(test_once_process__it_knows_run_step_workflow_and_key),
        ONCE_TEST(test_once_process__it_works_in_the_agents_folder_or_in_the_runs),
        ONCE_TEST(test_once_process__an_exit_code_is_a_crash_with_its_last_words),
        ONCE_TEST(test_once_process__a_program_that_is_missing_is_not_found),
        ONCE_TEST(test_once_process__what_is_no_object_is_refused),
        ONCE_TEST(test_once_process__a_gigabyte_is_cut_off_at_the_limit),
        ONCE_TEST(test_once_process__output_of_exactly_the_limit_passes),
        ONCE_TEST(test_once_process__a_late_one_is_killed_with_its_group),
        ONCE_TEST(test_once_process__a_grandchild_that_holds_the_output_keeps_nobody_waiting),
        ONCE_TEST(test_once_process__one_that_closes_its_output_is_waited_for),
        ONCE_TEST(test_once_process__one_that_does_not_read_its_input_may_answer),
        ONCE_TEST(test_once_process__no_more_run_at_once_than_instances),
        ONCE_TEST(test_once_process__any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

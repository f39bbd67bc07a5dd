// SPDX-License-Identifier: Apache-2.0
/* How processes of `protocol: lines` end, by themselves and by us, and what then becomes of calls.
 */
#include "agents/adapters/process_agent.h"

#include "agents/adapters/test_trial.h"
#include "platform/test_emulator.h"

static void open_script(struct trial *trial, const char *script, const char *rest) {
    char manifest[2048];
    test_folder_write(&trial->folder, "run", script);
    (void)snprintf(manifest, sizeof(manifest), "command: [./run]\n%s", rest);
    trial_open(trial, &PROCESS_AGENT, manifest);
}

static void test_process_agent_end__one_that_exits_is_a_crash_with_its_last_words(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                "#!/bin/sh\n"
                "while read -r line; do\n"
                "  case $line in *bad*) echo 'no such model' >&2; exit 3;; esac\n"
                "  echo \"$line\"\n"
                "done\n",
                "");
    struct trial_call bad, waiting;
    trial_ask(trial, &bad, "{\"x\":\"bad\"}", TRIAL_TIMEOUT_MS);
    trial_ask(trial, &waiting, "{\"x\":\"good\"}", TRIAL_TIMEOUT_MS);
    trial_wait(trial, 2);
    assert_failure(&bad, STATUS_CRASH,
                   "agent 'under-test' ended with exit code 3; its last words: no such model");
    assert_answer(&waiting, "{\"x\":\"good\"}"); /* by a new process */
    assert_int_equal(trial_health(trial).restarts, 1);
}

static void test_process_agent_end__one_that_a_signal_ends_is_a_crash(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\nread -r line\nkill -SEGV $$\n", "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_failure(&call, STATUS_CRASH, "was ended by signal 11");
}

static void test_process_agent_end__one_that_ends_after_its_answer_hears_of_once(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\nread -r line\necho \"$line\"\nread -r line\nexit 0\n", "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{\"n\":1}");
    assert_answer(&call, "{\"n\":1}");
    trial_ask_and_wait(trial, &call, "{\"n\":2}");
    assert_failure(&call, STATUS_CRASH, "wants `mode: once`");
}

static void test_process_agent_end__a_late_answer_never_meets_the_next_request(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                "#!/bin/sh\n"
                "while read -r line; do\n"
                "  case $line in *slow*) sleep 0.3;; esac\n"
                "  echo \"$line\"\n"
                "done\n",
                "");
    struct trial_call warm, slow, next;
    trial_ask_and_wait(trial, &warm, "{}");
    assert_answer(&warm, "{}");
    trial_ask(trial, &slow, "{\"x\":\"slow\"}", 100);
    trial_ask(trial, &next, "{\"x\":\"next\"}", TRIAL_TIMEOUT_MS);
    trial_wait(trial, 2);
    assert_failure(&slow, STATUS_TIMEOUT, "agent 'under-test' did not answer in time");
    assert_answer(&next, "{\"x\":\"next\"}");
    assert_int_equal(trial_health(trial).restarts, 1);
    assert_false(trial_health(trial).broken);
}

static void test_process_agent_end__one_that_hangs_and_ignores_sigterm_is_killed(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                "#!/bin/sh\n"
                "trap '' TERM INT HUP\n"
                "echo $$ > number\n"
                "read -r line\necho \"$line\"\n"
                "while :; do sleep 1; done\n",
                "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_answer(&call, "{}");
    trial_ask(trial, &call, "{}", 100);
    trial_wait(trial, 1);
    assert_failure(&call, STATUS_TIMEOUT, "agent 'under-test' did not answer in time");
    assert_gone(trial, "number");
}

static void test_process_agent_end__a_call_that_waits_has_a_deadline_too(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\nread -r line\nsleep 1000\n", "");
    struct trial_call running, waiting;
    trial_ask(trial, &running, "{}", TRIAL_TIMEOUT_MS);
    trial_ask(trial, &waiting, "{}", 100);
    trial_wait(trial, 1);
    assert_failure(&waiting, STATUS_TIMEOUT, "agent 'under-test' had no place free in time");
    trial->kind->cancel(trial->agent, &running.call);
    trial_wait(trial, 1);
    assert_failure(&running, STATUS_TIMEOUT, "did not answer in time");
}

static void test_process_agent_end__another_first_line_than_ready_fails_one_call(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                "#!/bin/sh\n"
                "if [ -e second ]; then echo '{\"ready\":true}'; exec cat; fi\n"
                ": > second\necho '{\"ready\":false}'\nsleep 100\n",
                "ready: first_line\n");
    struct trial_call first, second;
    trial_ask(trial, &first, "{\"a\":1}", TRIAL_TIMEOUT_MS);
    trial_ask(trial, &second, "{\"a\":2}", TRIAL_TIMEOUT_MS);
    trial_wait(trial, 2);
    assert_failure(&first, STATUS_INVALID,
                   "began with something else than {\"ready\":true}: {\"ready\":false}");
    assert_answer(&second, "{\"a\":2}");
}

static void test_process_agent_end__one_that_ends_before_it_is_ready_fails_one_call(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                "#!/bin/sh\n"
                "if [ -e second ]; then echo '{\"ready\":true}'; exec cat; fi\n"
                ": > second\necho 'no licence' >&2\nexit 1\n",
                "ready: first_line\n");
    struct trial_call first, second;
    trial_ask(trial, &first, "{\"a\":1}", TRIAL_TIMEOUT_MS);
    trial_ask(trial, &second, "{\"a\":2}", TRIAL_TIMEOUT_MS);
    trial_wait(trial, 2);
    assert_failure(&first, STATUS_CRASH, "no licence");
    assert_answer(&second, "{\"a\":2}");
}

static void test_process_agent_end__one_without_output_cannot_live_on(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\necho $$ > number\nexec >&-\nsleep 1000\n", "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_failure(&call, STATUS_CRASH, "closed its standard output and went on");
    assert_gone(trial, "number");
}

static void test_process_agent_end__a_grandchild_goes_with_its_parent(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                "#!/bin/sh\n"
                "sleep 1000 &\necho $! > grandchild\necho $$ > number\n"
                "while read -r line; do echo \"$line\"; done\n",
                "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_answer(&call, "{}");
    trial_close(trial);
    assert_gone(trial, "number");
    assert_gone(trial, "grandchild");
}

static void test_process_agent_end__a_program_that_is_not_there_is_not_found(void **state) {
    struct trial *trial = *state;
    trial_open(trial, &PROCESS_AGENT, "command: [ebb-no-such-program]\n");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_failure(&call, STATUS_NOT_FOUND, "ebb-no-such-program");
}

static void test_process_agent_end__a_program_that_may_not_be_run_is_denied(void **state) {
    struct trial *trial = *state;
    test_folder_write(&trial->folder, "plain.txt", "no program");
    trial_open(trial, &PROCESS_AGENT, "command: [./plain.txt]\n");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_failure(&call, STATUS_DENIED, "plain.txt");
}

static void
test_process_agent_end__five_endings_in_a_minute_break_it_until_it_is_mended(void **state) {
    struct trial *trial = *state;
    open_script(
        trial, "#!/bin/sh\n[ -e good ] && exec cat\nread -r line\necho 'broken pump' >&2\nexit 4\n",
        "");
    struct trial_call calls[7];
    for (int i = 0; i < 7; i++) {
        trial_ask(trial, &calls[i], "{\"a\":1}", TRIAL_TIMEOUT_MS);
    }
    trial_wait(trial, 7);
    for (int i = 0; i < 5; i++) {
        assert_failure(&calls[i], STATUS_CRASH, "ended with exit code 4");
    }
    assert_failure(&calls[5], STATUS_CRASH, "agent 'under-test' is broken until");
    assert_failure(&calls[6], STATUS_CRASH, "broken pump");
    assert_true(trial_health(trial).broken);
    assert_int_equal(trial_health(trial).restarts, 4);
    trial_ask_and_wait(trial, &calls[0], "{}");
    assert_failure(&calls[0], STATUS_CRASH, "is broken until");
    test_folder_write(&trial->folder, "good", "");
    trial->kind->mend(trial->agent);
    trial_ask_and_wait(trial, &calls[0], "{\"a\":2}");
    assert_answer(&calls[0], "{\"a\":2}");
    assert_false(trial_health(trial).broken);
}

static void test_process_agent_end__a_cancelled_call_ends_with_its_error(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\nread -r line\nsleep 1000\n", "");
    struct trial_call running, waiting;
    trial_ask(trial, &running, "{}", TRIAL_TIMEOUT_MS);
    trial_ask(trial, &waiting, "{}", TRIAL_TIMEOUT_MS);
    (void)(fail)(&running.call.error, STATUS_BUSY, "the daemon stops"); /* no macro of cmocka */
    trial->inside = true;
    trial->kind->cancel(trial->agent, &running.call);
    trial->kind->cancel(trial->agent, &waiting.call);
    trial->kind->cancel(trial->agent, &waiting.call); /* it has ended: nothing happens */
    trial->inside = false;
    trial_wait(trial, 2);
    assert_failure(&running, STATUS_BUSY, "the daemon stops");
    assert_failure(&waiting, STATUS_TIMEOUT, "under-test");
}

static void test_process_agent_end__closing_forgets_what_is_under_way(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\necho $$ > number\nread -r line\necho \"$line\"\nsleep 1000\n",
                "");
    struct trial_call calls[3];
    trial_ask_and_wait(trial, &calls[0], "{}");
    assert_answer(&calls[0], "{}");
    for (int i = 0; i < 3; i++) { /* one runs, one waits, one has ended and was not told yet */
        trial_ask(trial, &calls[i], "{}", TRIAL_TIMEOUT_MS);
    }
    trial->kind->cancel(trial->agent, &calls[2].call);
    trial_close(trial);
    assert_gone(trial, "number");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(calls[i].ended_as, 0);
        arena_done(&calls[i].arena);
    }
}

static void test_process_agent_end__a_process_that_reads_nothing_blocks_nobody(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\nsleep 1000\n", "");
    enum { BYTES = 1 << 20 };
    char *json = memory_new(BYTES + 32, 1);
    assert_non_null(json);
    (void)strcpy(json, "{\"text\":\"");
    (void)memset(json + strlen(json), 'x', BYTES);
    (void)strcat(json, "\"}");
    struct trial_call call;
    trial_ask(trial, &call, json, 200);
    memory_free(json);
    trial_wait(trial, 1);
    assert_failure(&call, STATUS_TIMEOUT, "does it flush its output?");
}

static void test_process_agent_end__a_memory_limit_holds(void **state) {
    skip_if_emulated(EMULATOR_LIMITS_NO_MEMORY);
    struct trial *trial = *state;
    test_folder_write(&trial->folder, "eat.py",
                      "import sys\n"
                      "for line in sys.stdin:\n"
                      "    x = bytearray(1 << 30)\n"
                      "    print('{\"eaten\":true}', flush=True)\n");
    trial_open(trial, &PROCESS_AGENT, "command: [python3, eat.py]\nlimits: { memory: 256MiB }\n");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_failure(&call, STATUS_CRASH, "MemoryError");
}

#define END_TEST(name) cmocka_unit_test_setup_teardown(name, trial_make, trial_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        END_TEST(test_process_agent_end__one_that_exits_is_a_crash_with_its_last_words),
        END_TEST(test_process_agent_end__one_that_a_signal_ends_is_a_crash),
        END_TEST(test_process_agent_end__one_that_ends_after_its_answer_hears_of_once),
        END_TEST(test_process_agent_end__a_late_answer_never_meets_the_next_request),
        END_TEST(test_process_agent_end__one_that_hangs_and_ignores_sigterm_is_killed),
        END_TEST(test_process_agent_end__a_call_that_waits_has_a_deadline_too),
        END_TEST(test_process_agent_end__another_first_line_than_ready_fails_one_call),
        END_TEST(test_process_agent_end__one_that_ends_before_it_is_ready_fails_one_call),
        END_TEST(test_process_agent_end__one_without_output_cannot_live_on),
        END_TEST(test_process_agent_end__a_grandchild_goes_with_its_parent),
        END_TEST(test_process_agent_end__a_program_that_is_not_there_is_not_found),
        END_TEST(test_process_agent_end__a_program_that_may_not_be_run_is_denied),
        END_TEST(test_process_agent_end__five_endings_in_a_minute_break_it_until_it_is_mended),
        END_TEST(test_process_agent_end__a_cancelled_call_ends_with_its_error),
        END_TEST(test_process_agent_end__closing_forgets_what_is_under_way),
        END_TEST(test_process_agent_end__a_process_that_reads_nothing_blocks_nobody),
        END_TEST(test_process_agent_end__a_memory_limit_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

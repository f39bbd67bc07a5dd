// SPDX-License-Identifier: Apache-2.0
/* `protocol: lines` with real processes; `mode: once` is in once_process_test. */
#include "agents/adapters/process_agent.h"

#include <errno.h>
#include <signal.h>

#include "agents/adapters/test_trial.h"

/* Answers each request with itself. */
static const char ECHO[] = "#!/bin/sh\n"
                           "while read -r line; do echo \"$line\"; done\n";

static const char CAT[] = "#!/bin/sh\nexec cat\n";

static void open_script(struct trial *trial, const char *script, const char *rest) {
    char manifest[2048];
    test_folder_write(&trial->folder, "run", script);
    (void)snprintf(manifest, sizeof(manifest), "command: [./run]\n%s", rest);
    trial_open(trial, &PROCESS_AGENT, manifest);
}

static struct agent_stats health(const struct trial *trial) {
    struct agent_stats stats = {0};
    trial->kind->health(trial->agent, &stats);
    return stats;
}

/* A file of the agent's folder; empty when it is not there. */
static const char *read_file(const struct trial *trial, const char *name) {
    static char text[4096];
    char path[2 * TEST_PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/%s", trial->folder.path, name);
    FILE *file = fopen(path, "r");
    const size_t count = file != NULL ? fread(text, 1, sizeof(text) - 1, file) : 0;
    text[count] = '\0';
    if (file != NULL) {
        (void)fclose(file);
    }
    return text;
}

/* Waits until the process whose number the script wrote to a file is no more. */
static void assert_gone(struct trial *trial, const char *name) {
    const int number = atoi(read_file(trial, name));
    assert_true(number > 1);
    for (int i = 0; i < 1000; i++) {
        if (kill(number, 0) != 0 && errno == ESRCH) {
            return;
        }
        trial_let_pass(trial, 10);
    }
    fail_msg("process %d of %s still runs", number, name);
}

static void test_process_agent__one_process_answers_call_after_call(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                "#!/bin/sh\n"
                "n=0\n"
                "while read -r line; do n=$((n+1)); echo \"{\\\"n\\\":$n,\\\"pid\\\":$$}\"; done\n",
                "outputs: { n: integer, pid: integer }\n");
    int64_t pid = 0;
    for (int n = 1; n <= 3; n++) {
        struct trial_call call;
        trial_ask_and_wait(trial, &call, "{}");
        assert_int_equal(call.call.error.code, STATUS_OK);
        assert_int_equal(value_get(call.call.out, SLICE("n"))->integer, n);
        const int64_t now = value_get(call.call.out, SLICE("pid"))->integer;
        assert_true(n == 1 || now == pid);
        pid = now;
        trial_call_done_with(&call);
    }
    assert_int_equal(health(trial).restarts, 0);
}

static void test_process_agent__the_input_arrives_as_it_was_given(void **state) {
    struct trial *trial = *state;
    open_script(trial, CAT, "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{\"text\":\"a\\nb\\u0000 \xc3\xa9\",\"n\":9007199254740993}");
    assert_answer(&call, "{\"text\":\"a\\nb\\u0000 \xc3\xa9\",\"n\":9007199254740993}");
}

static void test_process_agent__it_is_started_by_the_first_call(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\necho started > started\nexec cat\n", "");
    trial_let_pass(trial, 50);
    assert_string_equal(read_file(trial, "started"), "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_answer(&call, "{}");
    assert_string_equal(read_file(trial, "started"), "started\n");
}

static void test_process_agent__calls_wait_for_their_turn_and_end_in_order(void **state) {
    struct trial *trial = *state;
    open_script(trial, ECHO, "");
    struct trial_call calls[20];
    for (int i = 0; i < 20; i++) {
        char json[32];
        (void)snprintf(json, sizeof(json), "{\"i\":%d}", i);
        trial_ask(trial, &calls[i], json, TRIAL_TIMEOUT_MS);
    }
    trial_wait(trial, 20);
    for (int i = 0; i < 20; i++) {
        char json[32];
        (void)snprintf(json, sizeof(json), "{\"i\":%d}", i);
        assert_int_equal(calls[i].ended_as, i + 1);
        assert_answer(&calls[i], json);
    }
}

/* Each answers only when the other one has begun: with one process neither would. */
static void test_process_agent__instances_work_at_once(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                "#!/bin/sh\n"
                "while read -r line; do\n"
                "  : > begun.$$\n"
                "  while [ $(ls begun.* | wc -l) -lt 2 ]; do sleep 0.01; done\n"
                "  echo '{}'\n"
                "done\n",
                "instances: 2\n");
    struct trial_call one, two;
    trial_ask(trial, &one, "{}", TRIAL_TIMEOUT_MS);
    trial_ask(trial, &two, "{}", TRIAL_TIMEOUT_MS);
    trial_wait(trial, 2);
    assert_answer(&one, "{}");
    assert_answer(&two, "{}");
}

static void test_process_agent__no_more_are_started_than_there_are_calls(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                "#!/bin/sh\n: > begun.$$\necho '{\"ready\":true}'\n"
                "while read -r line; do echo \"{\\\"n\\\":$(ls begun.* | wc -l)}\"; done\n",
                "instances: 8\nready: first_line\n");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_answer(&call, "{\"n\":1}");
}

static void test_process_agent__one_that_exits_is_a_crash_with_its_last_words(void **state) {
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
    assert_int_equal(health(trial).restarts, 1);
}

static void test_process_agent__one_that_a_signal_ends_is_a_crash(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\nread -r line\nkill -SEGV $$\n", "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_failure(&call, STATUS_CRASH, "was ended by signal 11");
}

static void test_process_agent__one_that_ends_after_its_answer_hears_of_once(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\nread -r line\necho \"$line\"\nread -r line\nexit 0\n", "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{\"n\":1}");
    assert_answer(&call, "{\"n\":1}");
    trial_ask_and_wait(trial, &call, "{\"n\":2}");
    assert_failure(&call, STATUS_CRASH, "wants `mode: once`");
}

static void test_process_agent__a_late_answer_never_meets_the_next_request(void **state) {
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
    assert_int_equal(health(trial).restarts, 1);
    assert_false(health(trial).broken);
}

static void test_process_agent__one_that_hangs_and_ignores_sigterm_is_killed(void **state) {
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

static void test_process_agent__a_call_that_waits_has_a_deadline_too(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\nread -r line\nsleep 1000\n", "");
    struct trial_call running, waiting;
    trial_ask(trial, &running, "{}", TRIAL_TIMEOUT_MS);
    trial_ask(trial, &waiting, "{}", 100);
    trial_wait(trial, 1);
    assert_failure(&waiting, STATUS_TIMEOUT, "no process of agent 'under-test' was free in time");
    trial->kind->cancel(trial->agent, &running.call);
    trial_wait(trial, 1);
    assert_failure(&running, STATUS_TIMEOUT, "did not answer in time");
}

static void test_process_agent__what_is_no_json_object_is_quoted(void **state) {
    struct trial *trial = *state;
    static const char *const answers[][2] = {
        {"Hello World", "printed no JSON object"},
        {"[1,2]", "(list): [1,2]"},
        {"{\"a\":1} x", "{\"a\":1} x"},
        {"", "printed nothing"},
        {"{\"a\":nan}", "{\"a\":nan}"},
    };
    char script[1024] = "#!/bin/sh\nread -r line\ncase $line in\n";
    for (size_t i = 0; i < 5; i++) {
        const size_t used = strlen(script);
        (void)snprintf(script + used, sizeof(script) - used, "'{\"i\":%zu}') echo '%s';;\n", i,
                       answers[i][0]);
    }
    const size_t used = strlen(script);
    (void)snprintf(script + used, sizeof(script) - used, "esac\nsleep 100\n");
    open_script(trial, script, "");
    for (size_t i = 0; i < 5; i++) {
        char json[32];
        struct trial_call call;
        (void)snprintf(json, sizeof(json), "{\"i\":%zu}", i);
        trial_ask_and_wait(trial, &call, json);
        assert_failure(&call, STATUS_INVALID, answers[i][1]);
    }
    assert_int_equal(health(trial).restarts, 4);
    assert_false(health(trial).broken); /* it did not end by itself */
}

static void test_process_agent__invalid_utf8_is_refused_and_quoted_repaired(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\nread -r line\nprintf '{\"a\":\"\\377\\376\"}\\n'\nsleep 100\n",
                "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_failure(&call, STATUS_INVALID, "{\"a\":\"\xef\xbf\xbd\xef\xbf\xbd\"}");
}

static void test_process_agent__a_quote_is_bounded(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                "#!/bin/sh\nread -r line\nhead -c 5000 /dev/zero | tr '\\0' x\necho\nsleep 100\n",
                "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_int_equal(call.call.error.code, STATUS_INVALID);
    const char *quote = strstr(call.call.error.text, "xxx");
    assert_non_null(quote);
    assert_int_equal(strspn(quote, "x"), 200);
    assert_failure(&call, STATUS_INVALID, "xxx...");
}

static void test_process_agent__a_gigabyte_is_cut_off_at_the_limit(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                "#!/bin/sh\necho $$ > number\nread -r line\n"
                "exec head -c 1073741824 /dev/zero\n",
                "limits: { output: 64KiB }\n");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_failure(&call, STATUS_INVALID,
                   "printed a line of more than 65536 bytes (limits.output)");
    assert_gone(trial, "number");
}

static void test_process_agent__a_line_of_exactly_the_limit_passes(void **state) {
    struct trial *trial = *state;
    open_script(trial, ECHO, "limits: { output: 20B }\n");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{\"a\":\"123456789012\"}");
    assert_answer(&call, "{\"a\":\"123456789012\"}");
    trial_ask_and_wait(trial, &call, "{\"a\":\"1234567890123\"}");
    assert_failure(&call, STATUS_INVALID, "more than 20 bytes");
}

static void test_process_agent__two_lines_for_one_request_fail_it(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\nread -r line\nprintf '{\"n\":1}\\n{\"n\":2}\\n'\nexec cat\n",
                "");
    struct trial_call call, next;
    trial_ask(trial, &call, "{}", TRIAL_TIMEOUT_MS);
    trial_ask(trial, &next, "{}", TRIAL_TIMEOUT_MS);
    trial_wait(trial, 2);
    assert_failure(&call, STATUS_INVALID, "printed a line that nobody had asked for: {\"n\":2}");
    assert_failure(&next, STATUS_INVALID, "printed a line that nobody had asked for: {\"n\":2}");
}

static void test_process_agent__half_a_second_line_fails_it_too(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\nread -r line\nprintf '{\"n\":1}\\n{\"n\"'\nexec cat\n", "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_failure(&call, STATUS_INVALID, "more than one line for one request");
}

/* What comes when the call has ended is seen by nobody's request. */
static void test_process_agent__a_later_line_meets_no_request(void **state) {
    struct trial *trial = *state;
    open_script(
        trial,
        "#!/bin/sh\n"
        "echo $$ > number.$$\n"
        "read -r line\necho \"$line\"\n"
        "[ -e second ] || { sleep 0.1; mv number.$$ second; echo '{\"n\":\"uncalled\"}'; }\n"
        "while read -r line; do echo \"$line\"; done\n",
        "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{\"n\":1}");
    assert_answer(&call, "{\"n\":1}");
    while (read_file(trial, "second")[0] == '\0') {
        trial_let_pass(trial, 10);
    }
    assert_gone(trial, "second");
    trial_ask_and_wait(trial, &call, "{\"n\":2}");
    assert_answer(&call, "{\"n\":2}");
    assert_int_equal(health(trial).restarts, 1);
}

static void test_process_agent__a_banner_is_refused_as_an_answer(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\necho 'Loading model ...'\nexec cat\n", "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_failure(&call, STATUS_INVALID, "Loading model ...");
}

static void test_process_agent__ready_holds_the_first_request_back(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                "#!/bin/sh\n"
                "sleep 0.1\necho '{\"ready\":true,\"model\":\"x\"}'\nexec cat\n",
                "ready: first_line\n");
    struct trial_call calls[3];
    for (int i = 0; i < 3; i++) {
        trial_ask(trial, &calls[i], "{\"a\":1}", TRIAL_TIMEOUT_MS);
    }
    trial_wait(trial, 3);
    for (int i = 0; i < 3; i++) {
        assert_answer(&calls[i], "{\"a\":1}");
    }
}

static void test_process_agent__another_first_line_than_ready_fails_one_call(void **state) {
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

static void test_process_agent__one_that_ends_before_it_is_ready_fails_one_call(void **state) {
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

static void test_process_agent__one_without_output_cannot_live_on(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\necho $$ > number\nexec >&-\nsleep 1000\n", "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_failure(&call, STATUS_CRASH, "closed its standard output and went on");
    assert_gone(trial, "number");
}

static void test_process_agent__a_grandchild_goes_with_its_parent(void **state) {
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

static void test_process_agent__a_program_that_is_not_there_is_not_found(void **state) {
    struct trial *trial = *state;
    trial_open(trial, &PROCESS_AGENT, "command: [ebb-no-such-program]\n");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_failure(&call, STATUS_NOT_FOUND, "ebb-no-such-program");
}

static void test_process_agent__a_program_that_may_not_be_run_is_denied(void **state) {
    struct trial *trial = *state;
    test_folder_write(&trial->folder, "plain.txt", "no program");
    trial_open(trial, &PROCESS_AGENT, "command: [./plain.txt]\n");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_failure(&call, STATUS_DENIED, "plain.txt");
}

static void test_process_agent__five_endings_in_a_minute_break_it_until_it_is_mended(void **state) {
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
    assert_true(health(trial).broken);
    assert_int_equal(health(trial).restarts, 4);
    trial_ask_and_wait(trial, &calls[0], "{}");
    assert_failure(&calls[0], STATUS_CRASH, "is broken until");
    test_folder_write(&trial->folder, "good", "");
    trial->kind->mend(trial->agent);
    trial_ask_and_wait(trial, &calls[0], "{\"a\":2}");
    assert_answer(&calls[0], "{\"a\":2}");
    assert_false(health(trial).broken);
}

static void test_process_agent__outputs_are_checked_against_the_manifest(void **state) {
    struct trial *trial = *state;
    open_script(trial, ECHO,
                "outputs: { score: number, label: { type: string, default: none } }\n");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{\"score\":0.5}");
    assert_answer(&call, "{\"score\":0.5,\"label\":\"none\"}");
    trial_ask_and_wait(trial, &call, "{\"scroe\":0.5}");
    assert_failure(&call, STATUS_INVALID, "score");
    trial_ask_and_wait(trial, &call, "{\"score\":\"high\"}");
    assert_failure(&call, STATUS_INVALID, "the output of agent 'under-test'");
}

static void test_process_agent__a_cancelled_call_ends_with_its_error(void **state) {
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

static void test_process_agent__closing_forgets_what_is_under_way(void **state) {
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

static void test_process_agent__a_process_that_reads_nothing_blocks_nobody(void **state) {
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

static void test_process_agent__a_memory_limit_holds(void **state) {
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

static void test_process_agent__its_environment_is_the_manifests(void **state) {
    struct trial *trial = *state;
    assert_int_equal(setenv("EBB_TEST_LEAK", "leaked", 1), 0);
    open_script(
        trial,
        "#!/bin/sh\nread -r line\n"
        "echo \"{\\\"mode\\\":\\\"$MODE\\\",\\\"agent\\\":\\\"$EBB_AGENT\\\","
        "\\\"leak\\\":\\\"$EBB_TEST_LEAK$HOME\\\",\\\"here\\\":$(test -e run && echo true)}\"\n"
        "exec cat\n",
        "env: { MODE: quiet }\n");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_answer(&call,
                  "{\"mode\":\"quiet\",\"agent\":\"under-test\",\"leak\":\"\",\"here\":true}");
}

static void test_process_agent__any_allocation_may_fail(void **state) {
    struct trial *trial = *state;
    open_script(trial, CAT, "outputs: { a: integer }\n");
    for (long index = 0; index < 40; index++) {
        struct trial_call call;
        trial->fail_allocation = index % 8 + 1;
        trial_ask_and_wait(trial, &call, "{\"a\":1}");
        (void)memory_fail_at(-1, 0);
        const status code = call.call.error.code;
        assert_true(code == STATUS_OK || code == STATUS_NO_MEMORY || code == STATUS_FULL ||
                    code == STATUS_INVALID || code == STATUS_CRASH);
        trial_call_done_with(&call);
    }
}

#define AGENT_TEST(name) cmocka_unit_test_setup_teardown(name, trial_make, trial_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        AGENT_TEST(test_process_agent__one_process_answers_call_after_call),
        AGENT_TEST(test_process_agent__the_input_arrives_as_it_was_given),
        AGENT_TEST(test_process_agent__it_is_started_by_the_first_call),
        AGENT_TEST(test_process_agent__calls_wait_for_their_turn_and_end_in_order),
        AGENT_TEST(test_process_agent__instances_work_at_once),
        AGENT_TEST(test_process_agent__no_more_are_started_than_there_are_calls),
        AGENT_TEST(test_process_agent__one_that_exits_is_a_crash_with_its_last_words),
        AGENT_TEST(test_process_agent__one_that_a_signal_ends_is_a_crash),
        AGENT_TEST(test_process_agent__one_that_ends_after_its_answer_hears_of_once),
        AGENT_TEST(test_process_agent__a_late_answer_never_meets_the_next_request),
        AGENT_TEST(test_process_agent__one_that_hangs_and_ignores_sigterm_is_killed),
        AGENT_TEST(test_process_agent__a_call_that_waits_has_a_deadline_too),
        AGENT_TEST(test_process_agent__what_is_no_json_object_is_quoted),
        AGENT_TEST(test_process_agent__invalid_utf8_is_refused_and_quoted_repaired),
        AGENT_TEST(test_process_agent__a_quote_is_bounded),
        AGENT_TEST(test_process_agent__a_gigabyte_is_cut_off_at_the_limit),
        AGENT_TEST(test_process_agent__a_line_of_exactly_the_limit_passes),
        AGENT_TEST(test_process_agent__two_lines_for_one_request_fail_it),
        AGENT_TEST(test_process_agent__half_a_second_line_fails_it_too),
        AGENT_TEST(test_process_agent__a_later_line_meets_no_request),
        AGENT_TEST(test_process_agent__a_banner_is_refused_as_an_answer),
        AGENT_TEST(test_process_agent__ready_holds_the_first_request_back),
        AGENT_TEST(test_process_agent__another_first_line_than_ready_fails_one_call),
        AGENT_TEST(test_process_agent__one_that_ends_before_it_is_ready_fails_one_call),
        AGENT_TEST(test_process_agent__one_without_output_cannot_live_on),
        AGENT_TEST(test_process_agent__a_grandchild_goes_with_its_parent),
        AGENT_TEST(test_process_agent__a_program_that_is_not_there_is_not_found),
        AGENT_TEST(test_process_agent__a_program_that_may_not_be_run_is_denied),
        AGENT_TEST(test_process_agent__five_endings_in_a_minute_break_it_until_it_is_mended),
        AGENT_TEST(test_process_agent__outputs_are_checked_against_the_manifest),
        AGENT_TEST(test_process_agent__a_cancelled_call_ends_with_its_error),
        AGENT_TEST(test_process_agent__closing_forgets_what_is_under_way),
        AGENT_TEST(test_process_agent__a_process_that_reads_nothing_blocks_nobody),
        AGENT_TEST(test_process_agent__a_memory_limit_holds),
        AGENT_TEST(test_process_agent__its_environment_is_the_manifests),
        AGENT_TEST(test_process_agent__any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

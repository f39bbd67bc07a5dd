// SPDX-License-Identifier: Apache-2.0
/* `protocol: lines` with real processes; `mode: once` is in once_process_test. */
#include "agents/adapters/process_agent.h"

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
    assert_int_equal(trial_health(trial).restarts, 0);
}

static void test_process_agent__the_input_arrives_as_it_was_given(void **state) {
    struct trial *trial = *state;
    open_script(trial, CAT, "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{\"text\":\"a\\nb\\u0000 \xc3\xa9\",\"n\":9007199254740993}");
    assert_answer(&call, "{\"text\":\"a\\nb\\u0000 \xc3\xa9\",\"n\":9007199254740993}");
}

static void test_process_agent__state_goes_in_and_out_as_a_field(void **state) {
    struct trial *trial = *state;
    open_script(trial, CAT, "");
    struct trial_call call;
    trial->state = "{\"n\":1}";
    trial_ask_and_wait(trial, &call, "{\"x\":2}");
    assert_state(&call, "{\"n\":1}");
    assert_answer(&call, "{\"x\":2}");
    trial->state = "null";
    trial_ask_and_wait(trial, &call, "{\"x\":3}");
    assert_state(&call, "null");
    assert_answer(&call, "{\"x\":3}");
}

static void test_process_agent__it_is_started_by_the_first_call(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\necho started > started\nexec cat\n", "");
    trial_let_pass(trial, 50);
    assert_string_equal(trial_read_file(trial, "started"), "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_answer(&call, "{}");
    assert_string_equal(trial_read_file(trial, "started"), "started\n");
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

static void test_process_agent__what_is_no_json_object_is_quoted(void **state) {
    struct trial *trial = *state;
    static const char *const answers[][2] = {
        {"Hello World", "gave no JSON object"}, {"[1,2]", "(list): [1,2]"},
        {"{\"a\":1} x", "{\"a\":1} x"},         {"", "gave nothing"},
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
    assert_int_equal(trial_health(trial).restarts, 4);
    assert_false(trial_health(trial).broken); /* it did not end by itself */
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
    while (trial_read_file(trial, "second")[0] == '\0') {
        trial_let_pass(trial, 10);
    }
    assert_gone(trial, "second");
    trial_ask_and_wait(trial, &call, "{\"n\":2}");
    assert_answer(&call, "{\"n\":2}");
    assert_int_equal(trial_health(trial).restarts, 1);
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
        AGENT_TEST(test_process_agent__state_goes_in_and_out_as_a_field),
        AGENT_TEST(test_process_agent__it_is_started_by_the_first_call),
        AGENT_TEST(test_process_agent__calls_wait_for_their_turn_and_end_in_order),
        AGENT_TEST(test_process_agent__instances_work_at_once),
        AGENT_TEST(test_process_agent__no_more_are_started_than_there_are_calls),
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
        AGENT_TEST(test_process_agent__outputs_are_checked_against_the_manifest),
        AGENT_TEST(test_process_agent__its_environment_is_the_manifests),
        AGENT_TEST(test_process_agent__any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
/* `protocol: messages` with real processes. */
#include "agents/adapters/message_process.h"
#include "agents/adapters/process_agent.h"
#include "agents/adapters/test_trial.h"

/* Reads the hello, says that it is ready, and has `$id` and `$line` for each request. */
#define BEGIN                                                                                      \
    "#!/bin/sh\n"                                                                                  \
    "say() { printf '%s\\n' \"$1\"; }\n"                                                           \
    "read -r hello\n"                                                                              \
    "say '{\"ebb\":1,\"ready\":true}'\n"
#define EACH                                                                                       \
    "while read -r line; do\n"                                                                     \
    "case $line in '{\"cancel\":'*|'{\"drain\":'*) say \"$line\" >> told; continue;; esac\n"       \
    "id=${line#*\\\"id\\\":}; id=${id%%,*}\n"
#define END "done\n"

static void open_script(struct trial *trial, const char *script, const char *rest) {
    char manifest[2048];
    test_folder_write(&trial->folder, "run", script);
    (void)snprintf(manifest, sizeof(manifest), "command: [./run]\nprotocol: messages\n%s", rest);
    trial_open(trial, &PROCESS_AGENT, manifest);
}

static void test_process_messages__a_request_has_an_answer(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                BEGIN
                "say \"$hello\" > hello\n" EACH
                "say \"{\\\"id\\\":$id,\\\"out\\\":{\\\"was\\\":$line},\\\"new\\\":1}\"\n" END,
                "settings: { model: a.gguf, heat: 0.5, list: [1, true] }\n");
    struct trial_call call;
    trial->run_folder = "/tmp";
    trial_ask_and_wait(trial, &call, "{\"text\":\"a\\nb\"}");
    assert_int_equal(call.call.error.code, STATUS_OK);
    const struct value *was = value_get(call.call.out, SLICE("was"));
    assert_non_null(was);
    assert_true(
        slice_is(value_text(*value_get(*was, SLICE("run"))), "ab000000000000000000000000000000"));
    assert_true(slice_is(value_text(*value_get(*was, SLICE("dir"))), "/tmp"));
    assert_int_equal(value_get(*was, SLICE("attempt"))->integer, 1);
    const int64_t left_ms = value_get(*was, SLICE("deadline_ms"))->integer;
    assert_true(left_ms > 0 && left_ms <= TRIAL_TIMEOUT_MS);
    trial_call_done_with(&call);
    assert_string_equal(trial_read_file(trial, "hello"),
                        "{\"ebb\":1,\"hello\":{\"agent\":\"under-test\",\"version\":\"1.0.0\","
                        "\"settings\":{\"model\":\"a.gguf\",\"heat\":0.5,\"list\":[1,true]},"
                        "\"blobs\":\"path\"}}\n");
}

/* Echoes `with` as the output, and the number of the state plus ten. */
static void test_process_messages__state_goes_in_and_out_beside_the_rest(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                BEGIN EACH
                "n=${line#*\\\"state\\\":}; n=${n%%\\}*}\n"
                "case $line in *state*) ;; *) n=0;; esac\n"
                "say \"{\\\"id\\\":$id,\\\"out\\\":{\\\"n\\\":$n},\\\"state\\\":$((n+10))}\"\n" END,
                "inputs: { state: { type: integer, optional: true } }\n"
                "outputs: { n: integer, state: integer }\n");
    struct trial_call call;
    trial->state = "null";
    trial_ask_and_wait(trial, &call, "{}");
    assert_state(&call, "10");
    assert_answer(&call, "{\"n\":0}");
    trial->state = "15";
    trial_ask_and_wait(trial, &call, "{}");
    assert_state(&call, "25");
    assert_answer(&call, "{\"n\":15}");
}

/* Nothing is answered before the third request has come, and then the last first. */
static void test_process_messages__several_are_under_way_at_once(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                BEGIN "n=0\nids=\n" EACH "n=$((n+1)); ids=\"$id $ids\"\n"
                      "[ $n -lt 3 ] && continue\n"
                      "for id in $ids; do say \"{\\\"id\\\":$id,\\\"out\\\":{\\\"id\\\":$id}}\"; "
                      "done\n" END,
                "");
    struct trial_call calls[3];
    for (int i = 0; i < 3; i++) {
        trial_ask(trial, &calls[i], "{}", TRIAL_TIMEOUT_MS);
    }
    trial_wait(trial, 3);
    for (int i = 0; i < 3; i++) {
        char json[32];
        (void)snprintf(json, sizeof(json), "{\"id\":%d}", i + 1);
        assert_int_equal(calls[i].ended_as, 3 - i);
        assert_answer(&calls[i], json);
    }
}

static void test_process_messages__an_error_keeps_its_class(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                BEGIN EACH "case $line in\n"
                           "*plain*) e='\"it is down\"';;\n"
                           "*) e='{\"class\":\"offline\",\"text\":\"no line\"}';; esac\n"
                           "say \"{\\\"id\\\":$id,\\\"error\\\":$e}\"\n" END,
                "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_failure(&call, STATUS_OFFLINE, "answered with an error: no line");
    trial_ask_and_wait(trial, &call, "{\"plain\":1}");
    assert_failure(&call, STATUS_INVALID, "of no class that ebb knows");
    assert_int_equal(trial_health(trial).restarts, 0);
}

static void
test_process_messages__an_output_that_does_not_fit_fails_its_request_alone(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                BEGIN EACH "case $line in *bad*) n='\"x\"';; *) n=$$;; esac\n"
                           "say \"{\\\"id\\\":$id,\\\"out\\\":{\\\"n\\\":$n}}\"\n" END,
                "outputs: { n: integer }\n");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    const int64_t pid = value_get(call.call.out, SLICE("n"))->integer;
    trial_call_done_with(&call);
    trial_ask_and_wait(trial, &call, "{\"bad\":1}");
    assert_failure(&call, STATUS_INVALID, "field 'n'");
    trial_ask_and_wait(trial, &call, "{}");
    assert_int_equal(value_get(call.call.out, SLICE("n"))->integer, pid);
    trial_call_done_with(&call);
}

#define PARTS                                                                                      \
    BEGIN EACH "for i in 1 2 3; do say \"{\\\"id\\\":$id,\\\"part\\\":{\\\"t\\\":$i}}\"; done\n"   \
               "say \"{\\\"id\\\":$id,\\\"out\\\":{}}\"\n" END

static void
test_process_messages__parts_become_an_output_where_the_manifest_wants_them(void **state) {
    struct trial *trial = *state;
    open_script(trial, PARTS, "outputs: { parts: { type: list } }\n");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_answer(&call, "{\"parts\":[{\"t\":1},{\"t\":2},{\"t\":3}]}");
}

static void test_process_messages__parts_are_dropped_where_it_does_not(void **state) {
    struct trial *trial = *state;
    open_script(trial, PARTS, "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_answer(&call, "{}");
}

static void test_process_messages__too_many_parts_end_the_request(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                BEGIN EACH "for i in 1 2 3; do\n"
                           "printf '{\"id\":%d,\"part\":\"%0500d\"}\\n' $id $i; done\n"
                           "say \"{\\\"id\\\":$id,\\\"out\\\":{}}\"\n" END,
                "outputs: { parts: { type: list } }\nlimits: { output: 1KiB }\n");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_failure(&call, STATUS_INVALID, "more than 1024 bytes of parts");
    trial_let_pass(trial, 100);
    assert_int_equal(trial_health(trial).late_answers, 1);
}

static void
test_process_messages__a_late_request_is_cancelled_and_its_answer_dropped(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                BEGIN "late=\n"
                      "while read -r line; do\n"
                      "case $line in\n"
                      "'{\"cancel\":'*) say \"{\\\"id\\\":$late,\\\"out\\\":{\\\"late\\\":1}}\";;\n"
                      "*wait*) late=${line#*:}; late=${late%%,*};;\n"
                      "*) id=${line#*:}; id=${id%%,*}\n"
                      "   say \"{\\\"id\\\":$id,\\\"out\\\":{\\\"pid\\\":$$}}\";;\n"
                      "esac\n" END,
                "outputs: { pid: integer }\n");
    struct trial_call call, late;
    trial_ask_and_wait(trial, &call, "{}");
    const int64_t pid = value_get(call.call.out, SLICE("pid"))->integer;
    trial_call_done_with(&call);
    trial_ask(trial, &late, "{\"wait\":1}", 50);
    trial_wait(trial, 1);
    assert_failure(&late, STATUS_TIMEOUT, "did not answer in time");
    trial_let_pass(trial, CANCEL_MS_MAX + 200);
    assert_int_equal(trial_health(trial).late_answers, 1);
    trial_ask_and_wait(trial, &call, "{}");
    assert_int_equal(value_get(call.call.out, SLICE("pid"))->integer, pid);
    trial_call_done_with(&call);
}

static void test_process_messages__one_that_does_not_answer_cancel_is_killed(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                BEGIN "say $$ >> pids\n" EACH "case $line in *wait*) say $$ > old;;\n"
                      "*) say \"{\\\"id\\\":$id,\\\"out\\\":{}}\";; esac\n" END,
                "");
    struct trial_call warm, late, other, next;
    trial_ask_and_wait(trial, &warm, "{}"); /* a start may take longer than a call may */
    assert_answer(&warm, "{}");
    trial_ask(trial, &late, "{\"wait\":1}", 50);
    trial_wait(trial, 1);
    assert_failure(&late, STATUS_TIMEOUT, "did not answer in time");
    trial_ask(trial, &other, "{\"wait\":2}", TRIAL_TIMEOUT_MS);
    trial_wait(trial, 1);
    assert_failure(&other, STATUS_CRASH, "did not answer `cancel` of request 2");
    assert_gone(trial, "old");
    trial_ask_and_wait(trial, &next, "{}");
    assert_answer(&next, "{}");
    assert_int_equal(trial_health(trial).restarts, 1);
    assert_false(trial_health(trial).broken);
}

static void test_process_messages__a_crash_ends_all_that_were_under_way(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                BEGIN "n=0\n" EACH "case $line in *wait*) n=$((n+1));; *)\n"
                      "  say \"{\\\"id\\\":$id,\\\"out\\\":{}}\";; esac\n"
                      "[ $n -lt 3 ] || { echo 'too much' >&2; exit 3; }\n" END,
                "");
    struct trial_call calls[3], next;
    for (int i = 0; i < 3; i++) {
        trial_ask(trial, &calls[i], "{\"wait\":1}", TRIAL_TIMEOUT_MS);
    }
    trial_wait(trial, 3);
    for (int i = 0; i < 3; i++) {
        assert_failure(&calls[i], STATUS_CRASH, "exit code 3; its last words: too much");
    }
    trial_ask_and_wait(trial, &next, "{}");
    assert_answer(&next, "{}");
    assert_int_equal(trial_health(trial).restarts, 1);
}

static void test_process_messages__a_newer_protocol_is_refused_by_both_versions(void **state) {
    struct trial *trial = *state;
    open_script(trial, "#!/bin/sh\nread -r hello\necho '{\"ebb\":2,\"ready\":true}'\ncat\n", "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_failure(&call, STATUS_INVALID,
                   "speaks version 2 of the protocol, this ebb speaks version 1");
}

static void test_process_messages__what_is_no_ready_line_is_refused(void **state) {
    struct trial *trial = *state;
    static const char *const LINES[][2] = {
        {"{\"ready\":true}", "began with something else than {\"ebb\":1,\"ready\":true}"},
        {"{\"ebb\":1}", "began with something else"},
        {"{\"id\":1,\"out\":{}}", "began with something else"},
        {"Loading", "printed no JSON object"},
    };
    for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
        char script[128];
        (void)snprintf(script, sizeof(script), "#!/bin/sh\necho '%s'\nexec sleep 60\n",
                       LINES[i][0]);
        open_script(trial, script, "");
        struct trial_call call;
        trial_ask_and_wait(trial, &call, "{}");
        assert_failure(&call, STATUS_INVALID, LINES[i][1]);
        trial_close(trial);
    }
}

static void test_process_messages__a_line_that_is_no_object_ends_the_process(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                BEGIN EACH "case $line in *bad*) say 'epoch 3';;\n"
                           "*good*) say \"{\\\"id\\\":$id,\\\"out\\\":{}}\";; esac\n" END,
                "");
    struct trial_call one, two;
    trial_ask(trial, &one, "{\"wait\":1}", TRIAL_TIMEOUT_MS);
    trial_ask(trial, &two, "{\"bad\":1}", TRIAL_TIMEOUT_MS);
    trial_wait(trial, 2);
    assert_failure(&one, STATUS_INVALID, "printed no JSON object");
    assert_failure(&two, STATUS_INVALID, "epoch 3");
    trial_ask_and_wait(trial, &one, "{\"good\":1}");
    assert_answer(&one, "{}");
}

static void test_process_messages__a_line_that_is_too_long_ends_the_process(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                BEGIN EACH "n=10; case $line in *long*) n=2000;; esac\n"
                           "printf '{\"id\":%d,\"out\":{\"t\":\"%0*d\"}}\\n' $id $n 0\n" END,
                "limits: { output: 1KiB }\n");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{\"long\":1}");
    assert_failure(&call, STATUS_INVALID, "a line of more than 1024 bytes (limits.output)");
    trial_ask_and_wait(trial, &call, "{}");
    assert_answer(&call, "{\"t\":\"0000000000\"}");
}

static void test_process_messages__what_is_wrong_but_nobodys_answer_is_passed_over(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                BEGIN EACH "say '{\"id\":\"x\"}'; say '{\"log\":1}'; say '{\"metric\":{}}'\n"
                           "say '{\"later\":1}'; say '{\"ebb\":1,\"ready\":true}'\n"
                           "say '{\"id\":999,\"out\":{}}'\n"
                           "say \"{\\\"id\\\":$id,\\\"out\\\":{}}\"\n" END,
                "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_answer(&call, "{}");
    assert_int_equal(trial_health(trial).late_answers, 1);
}

static int metric_count;
static double metric_sum;

static void add_metric(void *owner, const char *name, double number) {
    (void)owner;
    metric_count += strcmp(name, "heat") == 0 || strcmp(name, "calls") == 0;
    metric_sum += number;
}

static void test_process_messages__metrics_are_kept(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                BEGIN EACH "say '{\"metric\":{\"name\":\"heat\",\"value\":40}}'\n"
                           "say '{\"metric\":{\"name\":\"calls\",\"add\":1}}'\n"
                           "say \"{\\\"id\\\":$id,\\\"out\\\":{}}\"\n" END,
                "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_answer(&call, "{}");
    trial_ask_and_wait(trial, &call, "{}");
    assert_answer(&call, "{}");
    trial->kind->metrics(trial->agent, add_metric, NULL);
    assert_int_equal(metric_count, 2);
    assert_true(metric_sum == 42);
}

/* Each process waits until the other one has a request too: with one neither would answer. */
static void test_process_messages__another_process_is_started_while_all_are_at_work(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                BEGIN EACH ": > begun.$$\n"
                           "while [ $(ls begun.* | wc -l) -lt 2 ]; do sleep 0.01; done\n"
                           "say \"{\\\"id\\\":$id,\\\"out\\\":{}}\"\n" END,
                "instances: 2\n");
    struct trial_call calls[4];
    for (int i = 0; i < 4; i++) {
        trial_ask(trial, &calls[i], "{}", TRIAL_TIMEOUT_MS);
    }
    trial_wait(trial, 4);
    for (int i = 0; i < 4; i++) {
        assert_answer(&calls[i], "{}");
    }
}

static void test_process_messages__more_than_a_process_takes_wait_for_their_turn(void **state) {
    struct trial *trial = *state;
    open_script(trial, BEGIN EACH "say \"{\\\"id\\\":$id,\\\"out\\\":{}}\"\n" END, "");
    static struct trial_call calls[3 * MESSAGE_REQUESTS_MAX];
    for (int i = 0; i < 3 * MESSAGE_REQUESTS_MAX; i++) {
        trial_ask(trial, &calls[i], "{}", TRIAL_TIMEOUT_MS);
    }
    trial_wait(trial, 3 * MESSAGE_REQUESTS_MAX);
    for (int i = 0; i < 3 * MESSAGE_REQUESTS_MAX; i++) {
        assert_int_equal(calls[i].ended_as, i + 1);
        assert_answer(&calls[i], "{}");
    }
}

/* Four requests of a megabyte each are more than may wait for a process that has not read one. */
static void test_process_messages__requests_that_do_not_fit_the_pipe_yet_wait(void **state) {
    struct trial *trial = *state;
    static char json[3 << 20];
    (void)memset(json, 'x', sizeof(json));
    (void)memcpy(json, "{\"t\":\"", 6);
    (void)memcpy(json + sizeof(json) - 3, "\"}", 3);
    open_script(trial,
                "#!/usr/bin/env python3\n"
                "import json, sys, time\n"
                "sys.stdin.readline()\n"
                "print('{\"ebb\":1,\"ready\":true}', flush=True)\n"
                "time.sleep(0.3)\n"
                "for line in sys.stdin:\n"
                "    r = json.loads(line)\n"
                "    if 'id' in r:\n"
                "        print(json.dumps({'id': r['id'], 'out': {'n': len(r['with']['t'])}}), "
                "flush=True)\n",
                "");
    struct trial_call calls[4];
    for (int i = 0; i < 4; i++) {
        trial_ask(trial, &calls[i], json, TRIAL_TIMEOUT_MS);
    }
    trial_wait(trial, 4);
    for (int i = 0; i < 4; i++) {
        assert_answer(&calls[i], "{\"n\":3145719}");
    }
}

static void test_process_messages__it_is_told_before_the_agent_is_closed(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                BEGIN EACH "say \"{\\\"id\\\":$id,\\\"out\\\":{}}\"\n" END
                           "sleep 0.1; say whole >> told\n",
                "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_answer(&call, "{}");
    trial_close(trial);
    loop_run(trial->loop); /* returns with the last that was left on it */
    assert_string_equal(trial_read_file(trial, "told"), "{\"drain\":true}\nwhole\n");
}

static void test_process_messages__one_that_does_not_drain_is_killed(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                BEGIN EACH "say $$ > pid; say \"{\\\"id\\\":$id,\\\"out\\\":{}}\"\n" END
                           "sleep 1000\n",
                "");
    struct trial_call call;
    trial_ask_and_wait(trial, &call, "{}");
    assert_answer(&call, "{}");
    trial_close(trial);
    loop_run(trial->loop);
    assert_gone(trial, "pid");
}

/* Whatever allocation fails in a call, the call ends and the next one is answered. */
static void test_process_messages__no_allocation_is_one_too_many(void **state) {
    struct trial *trial = *state;
    open_script(trial,
                BEGIN EACH "say \"{\\\"id\\\":$id,\\\"part\\\":1}\"\n"
                           "say \"{\\\"id\\\":$id,\\\"out\\\":{}}\"\n" END,
                "outputs: { parts: { type: list } }\n");
    for (long n = 1; n <= 40; n++) {
        struct trial_call call;
        trial->fail_allocation = n;
        trial_ask(trial, &call, "{\"a\":[1,2]}", TRIAL_TIMEOUT_MS);
        trial_wait(trial, 1);
        (void)memory_fail_at(-1, 0);
        trial->fail_allocation = 0;
        trial_call_done_with(&call);
        trial->kind->mend(trial->agent);
        trial_ask_and_wait(trial, &call, "{}");
        assert_answer(&call, "{\"parts\":[1]}");
    }
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_process_messages__##name, trial_make, trial_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_request_has_an_answer),
        TEST(state_goes_in_and_out_beside_the_rest),
        TEST(several_are_under_way_at_once),
        TEST(an_error_keeps_its_class),
        TEST(an_output_that_does_not_fit_fails_its_request_alone),
        TEST(parts_become_an_output_where_the_manifest_wants_them),
        TEST(parts_are_dropped_where_it_does_not),
        TEST(too_many_parts_end_the_request),
        TEST(a_late_request_is_cancelled_and_its_answer_dropped),
        TEST(one_that_does_not_answer_cancel_is_killed),
        TEST(a_crash_ends_all_that_were_under_way),
        TEST(a_newer_protocol_is_refused_by_both_versions),
        TEST(what_is_no_ready_line_is_refused),
        TEST(a_line_that_is_no_object_ends_the_process),
        TEST(a_line_that_is_too_long_ends_the_process),
        TEST(what_is_wrong_but_nobodys_answer_is_passed_over),
        TEST(metrics_are_kept),
        TEST(another_process_is_started_while_all_are_at_work),
        TEST(more_than_a_process_takes_wait_for_their_turn),
        TEST(requests_that_do_not_fit_the_pipe_yet_wait),
        TEST(it_is_told_before_the_agent_is_closed),
        TEST(one_that_does_not_drain_is_killed),
        TEST(no_allocation_is_one_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

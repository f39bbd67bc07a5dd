// SPDX-License-Identifier: Apache-2.0
/* What steps remember: from run to run, over restarts and crashes, and what of it is forgotten. */
#include "runtime/slot_states.h"

#include "runtime/run_states.h"
#include "runtime/test_stage.h"

enum { PAGES = 1100, CRASH_AT = 40 };

/* Counts the events of a key. */
static const char COUNTER[] =
    "kind: jq\n"
    "filter: '((.state.n // 0) + 1) as $n | { n: $n, state: { n: $n } }'\n"
    "inputs: { x: { type: any, optional: true },\n"
    "  state: { type: object, optional: true } }\n"
    "outputs: { n: integer, state: { type: object, max: 1KiB } }\n";

/* `state` is what follows `by`, `rest` what stands beside the steps. */
static void write_flow(struct stage *stage, const char *state, const char *rest) {
    char text[4096];
    stage_agent(stage, "counter", COUNTER);
    (void)snprintf(text, sizeof(text),
                   "trigger: { stdin: json, queue: { max: 10000 } }\n%s"
                   "steps:\n"
                   "  - id: count\n"
                   "    agent: counter\n"
                   "    state: { by: '${ .event.data.k }'%s }\n"
                   "results:\n"
                   "  - { name: out, from: '${ .event.data.k } ${ .steps.count.n }' }\n",
                   rest, state);
    stage_flow(stage, "flow", text);
}

static void offer_key(struct stage *stage, const char *key) {
    char json[64];
    (void)snprintf(json, sizeof(json), "{\"k\":\"%s\"}", key);
    stage_offer(stage, "flow", json);
}

/* Offers an event for each letter, and waits for their runs; some milliseconds apart, since rows on
 * disk tell by them which key was used last. */
static void run_keys_apart(struct stage *stage, const char *letters) {
    for (const char *at = letters; *at != '\0'; at++) {
        offer_key(stage, (char[]){*at, '\0'});
        stage_until_ended(stage, stage->ends + 1);
        stage_let_pass(stage, 4);
    }
}

/* Offers an event for each letter, and waits for their runs. */
static void run_keys(struct stage *stage, const char *letters) {
    for (const char *at = letters; *at != '\0'; at++) {
        offer_key(stage, (char[]){*at, '\0'});
    }
    stage_until_ended(stage, stage->ends + (int)strlen(letters));
}

static void restart(struct stage *stage) {
    stage_close(stage);
    stage_forget(stage);
    stage_open(stage);
}

static void assert_said(struct stage *stage, const char *expected) {
    assert_text(&stage->said, expected);
    stage_forget(stage);
}

static void test_slot_states__what_a_run_leaves_the_next_one_of_its_key_is_given(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "", "");
    stage_open(stage);
    run_keys(stage, "abab");
    assert_said(stage, "normal out \"a 1\"\nnormal out \"b 1\"\n"
                       "normal out \"a 2\"\nnormal out \"b 2\"\n");
    restart(stage);
    run_keys(stage, "acb");
    assert_said(stage, "normal out \"a 3\"\nnormal out \"c 1\"\nnormal out \"b 3\"\n");
}

static void test_slot_states__stay_when_the_workflow_changes(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "", "");
    stage_open(stage);
    run_keys(stage, "aa");
    write_flow(stage, "", "concurrency: 3\n");
    stage_reload(stage);
    run_keys(stage, "a");
    assert_part(&stage->said, "\"a 3\"");
}

/* --- crashes --- */

static void begin_many(struct stage *stage) {
    for (int i = 0; i < 10 * CRASH_AT; i++) {
        offer_key(stage, i % 3 == 0 ? "a" : "b");
    }
}

static bool has_ended_enough(struct stage *stage) {
    return stage->ends >= CRASH_AT;
}

/* The daemon is killed while runs begin and end: as many results as a key has, it counts. */
static void crash_and_compare(struct stage *stage, const char *rest) {
    write_flow(stage, "", rest);
    stage_crash(stage, begin_many, has_ended_enough);
    stage_open(stage);
    char expected[64];
    const int a = stage_count_listed(stage, READ_RESULTS, LANE_COUNT, "\"a ");
    const int b = stage_count_listed(stage, READ_RESULTS, LANE_COUNT, "\"b ");
    assert_true(a + b >= CRASH_AT);
    run_keys(stage, "ab");
    (void)snprintf(expected, sizeof(expected), "\"a %d\"", a + 1);
    assert_part(&stage->said, expected);
    (void)snprintf(expected, sizeof(expected), "\"b %d\"", b + 1);
    assert_part(&stage->said, expected);
}

static void test_slot_states__count_what_has_a_result_also_after_a_crash(void **state) {
    crash_and_compare(*state, "concurrency: 4\n");
}

static void test_slot_states__are_written_with_results_that_may_wait(void **state) {
    crash_and_compare(*state, "concurrency: 4\ndurability: { results: 20ms, state: each }\n");
}

static void offer_one(struct stage *stage) {
    offer_key(stage, "a");
}

static bool has_begun_to_wait(struct stage *stage) {
    return stage_has(stage, "waits");
}

/* A step that took its time is not repeated after a crash: what it left came with its output. */
static void test_slot_states__a_run_that_is_resumed_leaves_what_its_step_had_left(void **state) {
    struct stage *stage = *state;
    stage_script(stage, "slow", "mode: once\ninputs: { state: { type: object, optional: true } }\n",
                 "#!/bin/sh\necho . >> ../../../calls\nsleep 0.1\n"
                 "echo '{\"n\":5,\"state\":{\"n\":5}}'\n");
    stage_script(stage, "waits", "mode: once\n",
                 "#!/bin/sh\ncd ../../..\nif test -e waits; then echo '{}'; exit; fi\n"
                 "touch waits; sleep 60\n");
    stage_agent(stage, "counter", COUNTER);
    stage_flow(stage, "flow",
               "trigger: { stdin: json }\n"
               "durability: { runs: each }\n"
               "steps:\n"
               "  - { id: slow, agent: slow, state: { by: '${ .event.data.k }' } }\n"
               "  - { id: wait, agent: waits, needs: [slow] }\n"
               "results:\n"
               "  - { name: out, from: '${ .steps.slow }' }\n");
    stage_crash(stage, offer_one, has_begun_to_wait);
    stage_open(stage);
    stage_until_ended(stage, 1);
    assert_said(stage, "normal out {\"n\":5}\n");
    assert_int_equal(stage_lines(stage, "calls"), 1);
    stage_agent(stage, "slow", COUNTER);
    stage_reload(stage);
    run_keys(stage, "a");
    assert_said(stage, "normal out {\"n\":6}\n");
}

/* --- what durability.state says --- */

static void test_slot_states__in_memory_alone_are_gone_with_the_process(void **state) {
    struct stage *stage = *state;
    write_flow(stage, ", keep: memory", "");
    stage_open(stage);
    run_keys(stage, "aa");
    assert_part(&stage->said, "\"a 2\"");
    restart(stage);
    run_keys(stage, "a");
    assert_said(stage, "normal out \"a 1\"\n");
    write_flow(stage, "", "durability: { state: none }\n");
    restart(stage);
    run_keys(stage, "aa");
    assert_part(&stage->said, "\"a 2\"");
    restart(stage);
    run_keys(stage, "a");
    assert_said(stage, "normal out \"a 1\"\n");
}

static void begin_two(struct stage *stage) {
    run_keys(stage, "aab");
}

static bool is_now(struct stage *stage) {
    (void)stage;
    return true;
}

static void test_slot_states__of_a_span_are_written_at_the_end_and_not_before(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "", "durability: { state: 1h }\n");
    stage_crash(stage, begin_two, is_now);
    stage_open(stage);
    run_keys(stage, "aab");
    assert_said(stage, "normal out \"a 1\"\nnormal out \"a 2\"\nnormal out \"b 1\"\n");
    restart(stage);
    run_keys(stage, "ab");
    assert_said(stage, "normal out \"a 3\"\nnormal out \"b 2\"\n");
}

static bool is_on_disk(struct stage *stage) {
    return !slot_states_are_busy(stage_slot(stage, "flow"));
}

static void begin_and_wait(struct stage *stage) {
    run_keys(stage, "aa");
    stage_until(stage, is_on_disk);
}

static void test_slot_states__of_a_span_are_on_disk_when_it_is_over(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "", "durability: { state: 10ms }\n");
    stage_crash(stage, begin_and_wait, is_now);
    stage_open(stage);
    run_keys(stage, "a");
    assert_said(stage, "normal out \"a 3\"\n");
}

/* --- what is forgotten --- */

static void test_slot_states__the_key_without_an_event_for_longest_goes(void **state) {
    struct stage *stage = *state;
    write_flow(stage, ", max_keys: 2", "");
    stage_open(stage);
    run_keys_apart(stage, "abac");
    assert_int_equal(stage_slot(stage, "flow")->counts.forgotten, 1);
    run_keys_apart(stage, "aba");
    assert_said(stage, "normal out \"a 1\"\nnormal out \"b 1\"\nnormal out \"a 2\"\n"
                       "normal out \"c 1\"\nnormal out \"a 3\"\nnormal out \"b 1\"\n"
                       "normal out \"a 4\"\n");
    assert_int_equal(stage_slot(stage, "flow")->counts.forgotten, 2);
    restart(stage);
    run_keys_apart(stage, "cab"); /* c is new, and b had no event for longer than a */
    assert_said(stage, "normal out \"c 1\"\nnormal out \"a 5\"\nnormal out \"b 1\"\n");
}

static void test_slot_states__are_forgotten_when_their_time_is_over(void **state) {
    struct stage *stage = *state;
    write_flow(stage, ", ttl: 40ms", "");
    stage_open(stage);
    run_keys(stage, "a");
    stage_let_pass(stage, 60);
    run_keys(stage, "ab");
    assert_said(stage, "normal out \"a 1\"\nnormal out \"a 1\"\nnormal out \"b 1\"\n");
    stage_let_pass(stage, 60);
    restart(stage);
    run_keys(stage, "a");
    assert_said(stage, "normal out \"a 1\"\n");
    assert_int_equal(stage_slot(stage, "flow")->counts.forgotten, 0);
}

static void test_slot_states__of_many_keys_are_read_in_pages(void **state) {
    struct stage *stage = *state;
    write_flow(stage, ", max_keys: 2000", "concurrency: 64\n");
    stage_open(stage);
    for (int i = 0; i < PAGES; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "k%d", i);
        offer_key(stage, key);
    }
    stage_until_ended(stage, PAGES);
    restart(stage);
    offer_key(stage, "k0");
    offer_key(stage, "k999");
    stage_until_ended(stage, PAGES + 2);
    assert_part(&stage->said, "\"k0 2\"");
    assert_part(&stage->said, "\"k999 2\"");
}

/* --- steps that fail --- */

static void test_slot_states__a_step_that_fails_leaves_nothing(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "", "");
    stage_agent(stage, "counter",
                "kind: jq\n"
                "filter: 'if .state.n == 2 and .fail then error(\"no\") else\n"
                "  ((.state.n // 0) + 1) as $n | { n: $n, state: { n: $n } } end'\n"
                "inputs: { fail: { type: boolean, optional: true },\n"
                "  state: { type: object, optional: true } }\n"
                "outputs: { n: integer, state: object }\n");
    stage_flow(stage, "flow",
               "trigger: { stdin: json }\n"
               "steps:\n"
               "  - id: count\n"
               "    agent: counter\n"
               "    with: { fail: '${ .event.data.fail // false }' }\n"
               "    state: { by: '${ .event.data.k }' }\n"
               "results:\n"
               "  - { name: out, from: '${ .steps.count.n }' }\n");
    stage_open(stage);
    run_keys(stage, "aa");
    stage_offer(stage, "flow", "{\"k\":\"a\",\"fail\":true}");
    stage_until_ended(stage, 3);
    run_keys(stage, "a");
    assert_said(stage, "normal out 1\nnormal out 2\nnormal failure count invalid\nnormal out 3\n");
}

/* Its event is not given to it again. */
static void test_slot_states__what_a_step_left_stands_when_the_run_fails_later(void **state) {
    struct stage *stage = *state;
    stage_agent(stage, "counter", COUNTER);
    stage_agent(stage, "fails", "kind: jq\nfilter: 'error(\"no\")'\n");
    stage_flow(stage, "flow",
               "trigger: { stdin: json }\n"
               "steps:\n"
               "  - { id: count, agent: counter, state: { by: '${ .event.data.k }' } }\n"
               "  - { id: fails, agent: fails, needs: [count], when: .steps.count.n == 1 }\n"
               "results:\n"
               "  - { name: out, from: '${ .steps.count.n }' }\n");
    stage_open(stage);
    run_keys(stage, "aa");
    assert_said(stage, "normal failure fails invalid\nnormal out 2\n");
    restart(stage);
    run_keys(stage, "a");
    assert_said(stage, "normal out 3\n");
}

static void test_slot_states__have_a_bound_and_events_a_key(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "", "");
    stage_agent(stage, "counter",
                "kind: jq\nfilter: '{ n: 1, state: { long: (\"x\" * 70000) } }'\n");
    stage_open(stage);
    run_keys(stage, "a");
    assert_part(&stage->ended, "keep the state of 'a': it has more than 65536 bytes");
    stage_offer(stage, "flow", "{\"k\":null}");
    stage_until_ended(stage, 2);
    assert_part(&stage->ended, "`by` of its state gives nothing for this event");
    char json[EVENT_TEXT_BYTES_MAX / 256];
    (void)snprintf(json, sizeof(json), "{\"k\":\"%01100d\"}", 7);
    stage_offer(stage, "flow", json);
    stage_until_ended(stage, 3);
    assert_part(&stage->ended, "`by` of its state gives more than 1024 bytes");
    assert_int_equal(stage->failures, 3);
}

int main(void) {
    log_set_level(LOG_ERROR);
#define STAGED(test) cmocka_unit_test_setup_teardown(test, stage_make, stage_end)
    const struct CMUnitTest tests[] = {
        STAGED(test_slot_states__what_a_run_leaves_the_next_one_of_its_key_is_given),
        STAGED(test_slot_states__stay_when_the_workflow_changes),
        STAGED(test_slot_states__count_what_has_a_result_also_after_a_crash),
        STAGED(test_slot_states__are_written_with_results_that_may_wait),
        STAGED(test_slot_states__a_run_that_is_resumed_leaves_what_its_step_had_left),
        STAGED(test_slot_states__in_memory_alone_are_gone_with_the_process),
        STAGED(test_slot_states__of_a_span_are_written_at_the_end_and_not_before),
        STAGED(test_slot_states__of_a_span_are_on_disk_when_it_is_over),
        STAGED(test_slot_states__the_key_without_an_event_for_longest_goes),
        STAGED(test_slot_states__are_forgotten_when_their_time_is_over),
        STAGED(test_slot_states__of_many_keys_are_read_in_pages),
        STAGED(test_slot_states__a_step_that_fails_leaves_nothing),
        STAGED(test_slot_states__what_a_step_left_stands_when_the_run_fails_later),
        STAGED(test_slot_states__have_a_bound_and_events_a_key),
    };
    return cmocka_run_group_tests_name("runtime/slot_states", tests, NULL, NULL);
}

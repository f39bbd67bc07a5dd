// SPDX-License-Identifier: Apache-2.0
/* What is written of a run, and when: seen through rows, counters, and a store that is full. */
#include "runtime/journal.h"

#include "runtime/test_stage.h"

static const char RESULT[] = "results:\n"
                             "  - { name: out, from: { n: '${ .event.data.n }' } }\n";
/* Waits until the test puts a file there. */
static const char WAITS[] = "#!/bin/sh\n"
                            "touch asked\n"
                            "while ! test -e go; do sleep 0.01; done\n"
                            "echo '{}'\n";

static void write_flow(struct stage *stage, const char *name, const char *durability,
                       const char *steps) {
    char text[4096];
    (void)snprintf(text, sizeof(text), "trigger: { stdin: json }\n%s%s%s", durability, steps,
                   RESULT);
    stage_flow(stage, name, text);
}

/* A source's event that it cannot give again: what its source is told, and when. */
static int answers[EVENT_REFUSED + 1];

static void answer(struct event *event, enum event_outcome outcome) {
    (void)event;
    answers[outcome]++;
}

static void offer_answered(struct stage *stage, const char *flow) {
    struct event *event = stage_event("{\"n\":1}");
    event->settle = answer;
    (void)memset(answers, 0, sizeof(answers));
    orchestrator_offer(stage_slot(stage, flow), event);
}

static int count_rows(struct stage *stage) {
    return stage_count_listed(stage, READ_RUNS, LANE_COUNT, "\"state\":\"open\"");
}

static void test_journal__keeps_the_event_before_its_source_is_answered(void **state) {
    struct stage *stage = *state;
    stage_script(stage, "waits", "mode: once\n", WAITS);
    write_flow(stage, "flow", "durability: { runs: each }\n",
               "steps: [ { id: one, agent: waits } ]\n");
    stage_open(stage);
    offer_answered(stage, "flow");
    assert_int_equal(answers[EVENT_KEPT], 0);
    stage_until_file(stage, "flows/agents/waits/asked");
    assert_int_equal(answers[EVENT_KEPT], 1);
    assert_int_equal(count_rows(stage), 1);
    stage_write(stage, "flows/agents/waits/go", "");
    stage_until_ended(stage, 1);
    assert_int_equal(count_rows(stage), 0);
    assert_int_equal(answers[EVENT_KEPT] + answers[EVENT_STORED], 1);
}

static void test_journal__keeps_no_run_where_none_is_wanted(void **state) {
    struct stage *stage = *state;
    stage_script(stage, "waits", "mode: once\n", WAITS);
    write_flow(stage, "flow", "", "steps: [ { id: one, agent: waits } ]\n");
    stage_open(stage);
    offer_answered(stage, "flow");
    assert_int_equal(answers[EVENT_KEPT], 1); /* when it is queued */
    stage_until_file(stage, "flows/agents/waits/asked");
    assert_int_equal(count_rows(stage), 0);
    stage_write(stage, "flows/agents/waits/go", "");
    stage_until_ended(stage, 1);
    assert_int_equal(stage->results, 1);
}

/* A source that can give the event again is the journal itself. */
static void offer_repeatable(struct stage *stage, const char *flow, int fill, size_t text_bytes) {
    struct error err;
    struct event *event = event_new();
    assert_non_null(event);
    event->id = SLICE("again");
    event->source = SLICE("test");
    event->repeatable = true;
    char *text = arena_get(&event->arena, text_bytes + 1, 1);
    assert_non_null(text);
    (void)memset(text, fill, text_bytes);
    const struct event_extra extra = {
        .name = "text", .value = value_of_text((struct slice){.bytes = text, .count = text_bytes})};
    assert_int_equal(event_seal(event, &extra, 1, &err), STATUS_OK);
    event->settle = answer;
    (void)memset(answers, 0, sizeof(answers));
    orchestrator_offer(stage_slot(stage, flow), event);
}

static void test_journal__needs_no_row_where_the_source_is_the_journal(void **state) {
    struct stage *stage = *state;
    stage_script(stage, "waits", "mode: once\n", WAITS);
    write_flow(stage, "flow", "durability: { runs: each }\n",
               "steps: [ { id: one, agent: waits } ]\n");
    stage_open(stage);
    offer_repeatable(stage, "flow", 'x', 3);
    stage_until_file(stage, "flows/agents/waits/asked");
    assert_int_equal(count_rows(stage), 0);
    assert_int_equal(answers[EVENT_KEPT] + answers[EVENT_STORED], 0);
    char room[SLOT_NAME_BYTES * 3];
    const struct slice mark =
        slot_mark(stage_slot(stage, "flow"), SLICE("test"), room, sizeof(room));
    const uint64_t hash = stage_slot(stage, "flow")->open[0];
    assert_false(store_seen(stage->daemon->store, mark, hash));
    stage_write(stage, "flows/agents/waits/go", "");
    stage_until_ended(stage, 1);
    stage_let_pass(stage, 4);
    assert_int_equal(answers[EVENT_STORED], 1);
    assert_true(store_seen(stage->daemon->store, mark, hash));
    assert_int_equal(stage_slot(stage, "flow")->open_count, 0);
}

static void test_journal__writes_that_a_guarded_step_begins(void **state) {
    struct stage *stage = *state;
    stage_script(stage, "waits", "mode: once\n", WAITS);
    write_flow(stage, "flow", "durability: { runs: each }\n",
               "steps: [ { id: one, agent: waits, repeat: never } ]\n");
    stage_open(stage);
    offer_repeatable(stage, "flow", 'x', 3);
    stage_until_file(stage, "flows/agents/waits/asked");
    struct buffer *runs = stage_list(stage, READ_RUNS, LANE_COUNT);
    assert_part(runs, "\"event_id\":\"again\"");
    assert_part(runs, "\"state\":\"begun\"");
    stage_write(stage, "flows/agents/waits/go", "");
    stage_until_ended(stage, 1);
    assert_int_equal(count_rows(stage), 0);
}

/* What no row can hold cannot be guarded: the step does not begin. */
static void test_journal__lets_no_guarded_step_begin_without_its_row(void **state) {
    struct stage *stage = *state;
    stage_script(stage, "waits", "mode: once\n", WAITS);
    write_flow(stage, "flow", "durability: { runs: each }\n",
               "steps: [ { id: one, agent: waits, repeat: never, on_error: { skip: step } } ]\n");
    stage_open(stage);
    offer_repeatable(stage, "flow", 1, 900 * 1000); /* six bytes each as JSON */
    stage_until_ended(stage, 1);
    assert_text(&stage->said, "normal failure one invalid\n");
    assert_part(&stage->ended, "note that step 'one' begins: an event of 5");
    assert_false(stage_has(stage, "flows/agents/waits/asked"));
    assert_int_equal(count_rows(stage), 0);
}

static void test_journal__notes_the_output_of_a_slow_step(void **state) {
    struct stage *stage = *state;
    stage_script(stage, "slow", "mode: once\n", "#!/bin/sh\nsleep 0.06\necho '{\"slow\":true}'\n");
    stage_script(stage, "waits", "mode: once\n", WAITS);
    stage_agent(stage, "quick", "kind: jq\nfilter: .\n");
    write_flow(stage, "flow", "durability: { runs: each }\n",
               "steps:\n"
               "  - { id: quick, agent: quick }\n"
               "  - { id: one, agent: slow, needs: [quick] }\n"
               "  - { id: two, agent: slow, needs: [one] }\n"
               "  - { id: last, agent: waits, needs: [two] }\n");
    stage_open(stage);
    offer_repeatable(stage, "flow", 'x', 3);
    stage_until_file(stage, "flows/agents/waits/asked");
    stage_let_pass(stage, 50); /* the second note is not waited for */
    struct buffer *runs = stage_list(stage, READ_RUNS, LANE_COUNT);
    assert_part(runs, "{\"step\":\"one\",\"state\":\"done\",\"attempts\":1}");
    assert_part(runs, "{\"step\":\"two\",\"state\":\"done\",\"attempts\":1}");
    assert_null(strstr(runs->bytes, "quick"));
    assert_null(strstr(runs->bytes, "last"));
    stage_write(stage, "flows/agents/waits/go", "");
    stage_until_ended(stage, 1);
    assert_int_equal(count_rows(stage), 0);
}

/* Too large for a row: it is not noted, and the run goes on. */
static void test_journal__does_without_a_note_that_is_too_large(void **state) {
    struct stage *stage = *state;
    stage_agent(stage, "twice", "kind: jq\nfilter: '{a: .t, b: .t}'\n");
    stage_script(stage, "waits", "mode: once\n", WAITS);
    write_flow(stage, "flow", "durability: { runs: each }\n",
               "steps:\n"
               "  - { id: one, agent: twice, with: { t: '${ .event.text }' }, repeat: never }\n"
               "  - { id: two, agent: waits, needs: [one] }\n");
    stage_open(stage);
    offer_repeatable(stage, "flow", 'x', 700 * 1000);
    stage_until_file(stage, "flows/agents/waits/asked");
    struct buffer *runs = stage_list(stage, READ_RUNS, LANE_COUNT);
    assert_part(runs, "{\"step\":\"one\",\"state\":\"begun\"");
    stage_write(stage, "flows/agents/waits/go", "");
    stage_until_ended(stage, 1);
    assert_part(&stage->ended, "flow done");
    assert_int_equal(count_rows(stage), 0);
}

/* A lane that is full holds its run up until there is room; nothing is lost, nothing doubled. */
static bool journal_has_failed(struct stage *stage) {
    return stage->daemon->orchestrator->journal.failures >= 2;
}

static void acknowledged(struct store_job *job) {
    *(bool *)job->owner = true;
}

static void offer_large(struct stage *stage, int n) {
    enum { BYTES = 9000 };
    char json[BYTES + 64];
    const int count = snprintf(json, sizeof(json), "{\"n\":\"%d", n);
    (void)memset(json + count, 'x', BYTES);
    (void)strcpy(json + count + BYTES, "\"}");
    stage_offer(stage, "flow", json);
}

static void test_journal__tries_again_what_the_store_had_no_room_for(void **state) {
    struct stage *stage = *state;
    stage->options.budget_bytes = 100 * 1000; /* the lane normal has 30,000 of them */
    write_flow(stage, "flow", "durability: { runs: each }\n", "");
    stage_open(stage);
    for (int i = 0; i < 5; i++) {
        offer_large(stage, i);
    }
    stage_until(stage, journal_has_failed);
    assert_int_equal(stage->ends, 3);
    assert_true(stage_counters(stage).full);
    assert_int_equal(stage_slot(stage, "flow")->ending, 2);
    bool done = false;
    struct store_job hub = {.kind = STORE_ACKNOWLEDGE,
                            .lane = LANE_NORMAL,
                            .seq = 3,
                            .done = acknowledged,
                            .owner = &done};
    store_submit(stage->daemon->store, &hub);
    stage_until_ended(stage, 5);
    assert_true(done);
    assert_int_equal(stage->results, 5);
    assert_int_equal(stage->failures, 0);
    assert_int_equal(stage_count_listed(stage, READ_PEEK, LANE_NORMAL, "\"seq\":4"), 1);
    assert_int_equal(stage_count_listed(stage, READ_PEEK, LANE_NORMAL, "\"seq\":5"), 1);
    assert_int_equal(stage_count_listed(stage, READ_PEEK, LANE_NORMAL, "\"seq\":6"), 0);
    assert_int_equal(count_rows(stage), 0);
}

static void test_journal__leaves_to_the_next_life_what_has_no_room_at_the_end(void **state) {
    struct stage *stage = *state;
    stage->options.budget_bytes = 100 * 1000;
    write_flow(stage, "flow", "durability: { runs: each }\n", "");
    stage_open(stage);
    for (int i = 0; i < 5; i++) {
        offer_large(stage, i);
    }
    stage_until(stage, journal_has_failed);
    stage_close(stage);
    assert_int_equal(stage->ends, 3);
    stage->options.budget_bytes = 0;
    stage_open(stage);
    stage_until_ended(stage, 5);
    assert_int_equal(stage->results, 5);
    assert_int_equal(stage_count_listed(stage, READ_PEEK, LANE_NORMAL, "\"seq\":5"), 1);
    assert_int_equal(stage_count_listed(stage, READ_PEEK, LANE_NORMAL, "\"seq\":6"), 0);
    assert_int_equal(count_rows(stage), 0);
}

static void test_journal__answers_a_slower_workflow_with_the_next_commit(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "slow", "durability: { results: 1h }\n", "");
    write_flow(stage, "quick", "", "");
    stage_open(stage);
    stage_offer(stage, "slow", "{\"n\":1}");
    stage_let_pass(stage, 50);
    assert_int_equal(stage->ends, 0);
    stage_offer(stage, "quick", "{\"n\":2}");
    stage_until_ended(stage, 2);
    assert_text(&stage->said, "normal out {\"n\":1}\nnormal out {\"n\":2}\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_journal__keeps_the_event_before_its_source_is_answered,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_journal__keeps_no_run_where_none_is_wanted, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_journal__needs_no_row_where_the_source_is_the_journal,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_journal__writes_that_a_guarded_step_begins, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_journal__lets_no_guarded_step_begin_without_its_row,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_journal__notes_the_output_of_a_slow_step, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_journal__does_without_a_note_that_is_too_large,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_journal__tries_again_what_the_store_had_no_room_for,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(
            test_journal__leaves_to_the_next_life_what_has_no_room_at_the_end, stage_make,
            stage_end),
        cmocka_unit_test_setup_teardown(
            test_journal__answers_a_slower_workflow_with_the_next_commit, stage_make, stage_end),
    };
    return cmocka_run_group_tests_name("runtime/journal", tests, NULL, NULL);
}

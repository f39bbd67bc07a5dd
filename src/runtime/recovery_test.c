// SPDX-License-Identifier: Apache-2.0
/* Daemons that are killed at a chosen moment, and what the next one makes of what they left. */
#include "runtime/recovery.h"

#include <fcntl.h>

#include "runtime/test_stage.h"

static const char RESULT[] = "results:\n"
                             "  - { name: out, from: { n: '${ .event.data.n }', of: 1 } }\n";
/* Notes each call and ends with the test's leave alone. */
static const char STOPS[] = "#!/bin/sh\n"
                            "echo call >> calls\n"
                            "while ! test -e go; do sleep 0.01; done\n"
                            "echo '{}'\n";

static void write_flow(struct stage *stage, const char *name, const char *steps,
                       const char *result) {
    char text[4096];
    (void)snprintf(text, sizeof(text), "trigger: { stdin: json }\ndurability: { runs: each }\n%s%s",
                   steps, result);
    stage_flow(stage, name, text);
}

static void offer_one(struct stage *stage) {
    stage_offer(stage, "flow", "{\"n\":1}");
}

/* The daemon must be killed where the scripts of its agents die with it: once the line is there,
 * not merely its file. */
static bool agent_is_called(struct stage *stage) {
    return stage_lines(stage, "flows/agents/stops/calls") > 0;
}

static int count_rows(struct stage *stage) {
    return stage_count_listed(stage, READ_RUNS, LANE_COUNT, "\"id\"");
}

static void test_recovery__goes_on_with_a_kept_event(void **state) {
    struct stage *stage = *state;
    stage_script(stage, "stops", "mode: once\n", STOPS);
    write_flow(stage, "flow", "steps: [ { id: one, agent: stops } ]\n", RESULT);
    stage_crash(stage, offer_one, agent_is_called);
    stage_write(stage, "flows/agents/stops/go", "");
    stage_open(stage);
    stage_until_ended(stage, 1);
    assert_text(&stage->said, "normal out {\"n\":1,\"of\":1}\n");
    assert_int_equal(stage_lines(stage, "flows/agents/stops/calls"), 2);
    assert_int_equal(count_rows(stage), 0);
}

static void test_recovery__repeats_nothing_whose_output_was_kept(void **state) {
    struct stage *stage = *state;
    stage_script(stage, "slow", "mode: once\n",
                 "#!/bin/sh\necho call >> calls\nsleep 0.06\necho '{\"a\":[1,\"b\"]}'\n");
    stage_script(stage, "stops", "mode: once\n", STOPS);
    write_flow(stage, "flow",
               "steps:\n"
               "  - { id: one, agent: slow }\n"
               "  - { id: two, agent: stops, needs: [one] }\n",
               "results:\n"
               "  - { name: out, from: '${ .steps }' }\n");
    stage_crash(stage, offer_one, agent_is_called);
    stage_write(stage, "flows/agents/stops/go", "");
    stage_open(stage);
    stage_until_ended(stage, 1);
    assert_text(&stage->said, "normal out {\"one\":{\"a\":[1,\"b\"]},\"two\":{}}\n");
    assert_int_equal(stage_lines(stage, "flows/agents/slow/calls"), 1);
    assert_int_equal(stage_lines(stage, "flows/agents/stops/calls"), 2);
}

static void test_recovery__reports_what_had_begun_and_must_not_be_repeated(void **state) {
    struct stage *stage = *state;
    static const char *const ON_ERROR[] = {"", ", on_error: { skip: step }",
                                           ", on_error: { skip: run }",
                                           ", on_error: { use: { a: 1 } }"};
    static const char *const SAID[] = {
        "normal failure one crash\n", "normal out {\"n\":1,\"of\":1}\nnormal failure one crash\n",
        "normal failure one crash\n", "normal out {\"n\":1,\"of\":1}\nnormal failure one crash\n"};
    stage_script(stage, "stops", "mode: once\n", STOPS);
    for (int i = 0; i < 4; i++) {
        char steps[512];
        (void)snprintf(steps, sizeof(steps),
                       "steps: [ { id: one, agent: stops, repeat: never%s } ]\n", ON_ERROR[i]);
        write_flow(stage, "flow", steps, RESULT);
        stage_crash(stage, offer_one, agent_is_called);
        assert_int_equal(unlink(stage_path(stage, "flows/agents/stops/calls")), 0);
        stage_open(stage);
        stage_until_ended(stage, i + 1);
        assert_text(&stage->said, SAID[i]);
        assert_false(agent_is_called(stage));
        assert_int_equal(count_rows(stage), 0);
        stage_close(stage);
        stage_forget(stage);
    }
}

static void test_recovery__goes_on_with_the_text_that_the_run_began_with(void **state) {
    struct stage *stage = *state;
    stage_script(stage, "stops", "mode: once\n", STOPS);
    write_flow(stage, "flow", "steps: [ { id: one, agent: stops } ]\n", RESULT);
    stage_crash(stage, offer_one, agent_is_called);
    stage_write(stage, "flows/agents/stops/go", "");
    write_flow(stage, "flow", "", "results:\n  - { name: new, from: { text: new } }\n");
    stage_open(stage);
    stage_until_ended(stage, 1);
    offer_one(stage);
    stage_until_ended(stage, 2);
    assert_text(&stage->said, "normal out {\"n\":1,\"of\":1}\nnormal new {\"text\":\"new\"}\n");
}

static void test_recovery__ends_what_was_kept_of_a_workflow_that_is_gone(void **state) {
    struct stage *stage = *state;
    stage_script(stage, "stops", "mode: once\n", STOPS);
    write_flow(stage, "flow", "steps: [ { id: one, agent: stops } ]\n", RESULT);
    write_flow(stage, "other", "", RESULT);
    stage_crash(stage, offer_one, agent_is_called);
    stage_write(stage, "flows/agents/stops/go", "");
    assert_int_equal(unlink(stage_path(stage, "flows/flow.yaml")), 0);
    stage_open(stage);
    assert_int_equal(stage_slot(stage, "flow")->state, SLOT_LEFT);
    stage_until_ended(stage, 1);
    assert_text(&stage->said, "normal out {\"n\":1,\"of\":1}\n");
}

/* Its agent is gone: it stays on disk until that is back. */
static void test_recovery__keeps_what_it_cannot_go_on_with(void **state) {
    struct stage *stage = *state;
    stage_script(stage, "stops", "mode: once\n", STOPS);
    write_flow(stage, "flow", "steps: [ { id: one, agent: stops } ]\n", RESULT);
    stage_crash(stage, offer_one, agent_is_called);
    stage_write(stage, "flows/agents/stops/go", "");
    char away[2 * TEST_PATH_BYTES];
    (void)snprintf(away, sizeof(away), "%s/away", stage->folder.path);
    assert_int_equal(rename(stage_path(stage, "flows/agents"), away), 0);
    stage_open(stage);
    assert_part(&stage->refused, "go on with run ");
    assert_int_equal(count_rows(stage), 1);
    assert_int_equal(stage->ends, 0);
    stage_close(stage);
    assert_int_equal(rename(away, stage_path(stage, "flows/agents")), 0);
    stage_open(stage);
    stage_until_ended(stage, 1);
    assert_int_equal(stage->results, 1);
    assert_int_equal(count_rows(stage), 0);
}

/* --- runs that kill the daemon --- */

/* True once a worker stands in the page of running runs, past the boot's id. */
static bool worker_is_at_it(struct stage *stage) {
    char page[ID_BYTES * 5] = {0};
    FILE *file = fopen(stage_path(stage, "data/running"), "r");
    if (file == NULL || fread(page, 1, sizeof(page), file) != sizeof(page)) {
        fail_msg("no page of running runs");
    }
    (void)fclose(file);
    for (size_t i = ID_BYTES; i < sizeof(page); i++) {
        if (page[i] != 0) {
            return true;
        }
    }
    return false;
}

static bool a_run_is_parked(struct stage *stage) {
    for (const struct slot *slot = stage->daemon->orchestrator->slots; slot != NULL;
         slot = slot->next) {
        for (const struct run *run = slot->runs; run != NULL; run = run->slot_next) {
            if (run->parked) {
                return true;
            }
        }
    }
    return false;
}

/* A worker waits for jq in this step: there the daemon is killed. */
static void write_killer(struct stage *stage, const char *rest) {
    char text[1024];
    stage_agent(stage, "jq", "kind: jq\nfilter: '[range(1e12)] | {n: length}'\n");
    (void)snprintf(text, sizeof(text), "%ssteps: [ { id: one, agent: jq, timeout: 1h } ]\n%s", rest,
                   RESULT);
    stage_flow(stage, "flow", text);
}

static void assert_parked(struct stage *stage, int recoveries) {
    char part[64];
    stage_until(stage, a_run_is_parked);
    stage_let_pass(stage, 50);
    (void)snprintf(part, sizeof(part), "\"state\":\"parked\",\"recoveries\":%d", recoveries);
    assert_int_equal(stage_count_listed(stage, READ_RUNS, LANE_COUNT, part), 1);
}

static struct id id_of_parked(struct stage *stage) {
    for (const struct run *run = stage_slot(stage, "flow")->runs; run != NULL;
         run = run->slot_next) {
        if (run->parked) {
            return run->id;
        }
    }
    return (struct id){0};
}

static void test_recovery__parks_a_run_at_the_third_crash(void **state) {
    struct stage *stage = *state;
    struct error err;
    write_killer(stage, "trigger: { stdin: json }\ndurability: { runs: each }\n");
    stage_crash(stage, offer_one, worker_is_at_it);
    stage_crash(stage, NULL, worker_is_at_it);
    stage_crash(stage, NULL, worker_is_at_it);
    stage_open(stage);
    assert_parked(stage, 3);
    assert_int_equal(stage_slot(stage, "flow")->running, 0);
    struct buffer *alarms = stage_list(stage, READ_PEEK, LANE_CONTROL);
    assert_part(alarms, "{\"alarm\":\"run parked\",\"run\":\"");
    assert_part(alarms, "\"workflow\":\"flow\",\"event_id\":\"\",\"recoveries\":3,\"text\":\"run ");

    /* It stays parked in the next life, without another alarm, and others run meanwhile. */
    stage_close(stage);
    stage_agent(stage, "jq", "kind: jq\nfilter: '{n: 1}'\n");
    stage_open(stage);
    assert_parked(stage, 3);
    assert_int_equal(stage_count_listed(stage, READ_PEEK, LANE_CONTROL, "run parked"), 1);
    offer_one(stage);
    stage_until_ended(stage, 1);

    /* A person asks for another try. */
    struct orchestrator *orchestrator = stage->daemon->orchestrator;
    const struct id parked = id_of_parked(stage);
    const struct id other = {.bytes = {1}};
    assert_int_equal(recovery_resume(orchestrator, other, &err), STATUS_NOT_FOUND);
    assert_int_equal(recovery_resume(orchestrator, parked, &err), STATUS_OK);
    stage_until_ended(stage, 2);
    assert_int_equal(recovery_resume(orchestrator, parked, &err), STATUS_NOT_FOUND);
    assert_int_equal(stage->results, 2);
    assert_int_equal(count_rows(stage), 0);
}

static void test_recovery__parks_a_resumed_run_that_kills_again(void **state) {
    struct stage *stage = *state;
    write_killer(stage, "trigger: { stdin: json }\ndurability: { runs: each }\n");
    stage_crash(stage, offer_one, worker_is_at_it);
    stage_crash(stage, NULL, worker_is_at_it);
    stage_crash(stage, NULL, worker_is_at_it);
    for (int recoveries = 3; recoveries < 6; recoveries++) {
        stage_open(stage);
        assert_parked(stage, recoveries);
        stage_close(stage);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct error err;
            stage->doomed = true;
            stage_open(stage);
            stage_until(stage, a_run_is_parked);
            assert_int_equal(
                recovery_resume(stage->daemon->orchestrator, id_of_parked(stage), &err), STATUS_OK);
            while (stage_count_listed(stage, READ_RUNS, LANE_COUNT, "open") == 0) {
                stage_let_pass(stage, 2); /* before that it would stay parked, uncounted */
            }
            stage_until(stage, worker_is_at_it);
            (void)kill(getpid(), SIGKILL);
        }
        int how = 0;
        assert_int_equal(waitpid(child, &how, 0), child);
        assert_true(WIFSIGNALED(how));
    }
}

/* A file is its own journal: a row is made of it when it is blamed, and counted then. */
static void test_recovery__parks_the_run_of_a_file_that_kills(void **state) {
    struct stage *stage = *state;
    write_killer(stage, "trigger: { watch: { path: ../in } }\n");
    stage_write(stage, "in/bad", "x");
    const struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    assert_int_equal(utimensat(AT_FDCWD, stage_path(stage, "in/bad"), old, 0), 0);
    stage->options.feeds_closed = false;
    for (int i = 0; i < 3; i++) {
        stage_crash(stage, NULL, worker_is_at_it);
    }
    for (int life = 0; life < 2; life++) {
        stage_open(stage);
        assert_parked(stage, 3);
        stage_let_pass(stage, 200); /* the scan has found the file by now, and leaves it */
        assert_int_equal(stage_slot(stage, "flow")->counts.events, 0);
        assert_int_equal(stage->ends, 0);
        stage_close(stage);
    }
}

static void test_recovery__blames_no_run_that_only_waited(void **state) {
    struct stage *stage = *state;
    stage_script(stage, "stops", "mode: once\n", STOPS);
    write_flow(stage, "flow", "steps: [ { id: one, agent: stops } ]\n", RESULT);
    for (int i = 0; i < 5; i++) {
        stage_crash(stage, i == 0 ? offer_one : NULL, agent_is_called);
        assert_int_equal(unlink(stage_path(stage, "flows/agents/stops/calls")), 0);
    }
    stage_write(stage, "flows/agents/stops/go", "");
    stage_open(stage);
    stage_until_ended(stage, 1);
    assert_int_equal(stage->results, 1);
}

/* After a power cut the machine has another boot. */
static void test_recovery__blames_nobody_after_a_power_cut(void **state) {
    struct stage *stage = *state;
    write_killer(stage, "trigger: { stdin: json }\ndurability: { runs: each }\n");
    for (int i = 0; i < 4; i++) {
        stage_crash(stage, i == 0 ? offer_one : NULL, worker_is_at_it);
        FILE *file = fopen(stage_path(stage, "data/running"), "r+");
        assert_non_null(file);
        assert_int_equal(fwrite("another boot's..", ID_BYTES, 1, file), 1);
        assert_int_equal(fclose(file), 0);
    }
    stage_agent(stage, "jq", "kind: jq\nfilter: '{n: 1}'\n");
    stage_open(stage);
    stage_until_ended(stage, 1);
    assert_int_equal(stage->results, 1);
}

static void offer_three(struct stage *stage) {
    stage_offer(stage, "flow", "{\"n\":1}");
    stage_offer(stage, "flow", "{\"n\":2}");
    stage_offer(stage, "flow", "{\"n\":3}");
}

static bool three_are_called(struct stage *stage) {
    return stage_lines(stage, "flows/agents/stops/calls") == 3;
}

/* Three were under way at once; the file that stands now allows one. */
static void test_recovery__starts_as_many_at_once_as_the_workflow_allows(void **state) {
    struct stage *stage = *state;
    stage_script(stage, "stops", "mode: once\n", STOPS);
    write_flow(stage, "flow", "concurrency: 3\nsteps: [ { id: one, agent: stops } ]\n", RESULT);
    stage_crash(stage, offer_three, three_are_called);
    assert_int_equal(unlink(stage_path(stage, "flows/agents/stops/calls")), 0);
    write_flow(stage, "flow", "steps: [ { id: one, agent: stops } ]\n", RESULT);
    stage_open(stage);
    const struct slot *slot = stage_slot(stage, "flow");
    stage_offer(stage, "flow", "{\"n\":4}");
    stage_until(stage, agent_is_called);
    stage_let_pass(stage, 100);
    assert_int_equal(stage_lines(stage, "flows/agents/stops/calls"), 1);
    assert_int_equal(slot->running, 1);
    assert_int_equal(slot->lined, 2);
    assert_int_equal(slot->queued, 1);
    stage_write(stage, "flows/agents/stops/go", "");
    stage_until_ended(stage, 4);
    assert_text(&stage->said, "normal out {\"n\":1,\"of\":1}\nnormal out {\"n\":2,\"of\":1}\n"
                              "normal out {\"n\":3,\"of\":1}\nnormal out {\"n\":4,\"of\":1}\n");
    assert_true(slot_is_idle(slot));
}

/* --- as deep as a value may be --- */
enum { NESTED_BYTES = 2 * VALUE_DEPTH_MAX + 16 };

/* {"d":[[...1...]]}: so many lists and objects deep. */
static void nest(char out[NESTED_BYTES], int depth) {
    char *at = out + sprintf(out, "{\"d\":");
    (void)memset(at, '[', (size_t)depth - 1);
    at[depth - 1] = '1';
    (void)memset(at + depth, ']', (size_t)depth - 1);
    (void)memcpy(at + 2 * depth - 1, "}", 2);
}

static void offer_deepest(struct stage *stage) {
    char json[NESTED_BYTES];
    nest(json, VALUE_DEPTH_MAX);
    stage_offer(stage, "flow", json);
}

/* What a kept run holds is wrapped once or twice on disk, and read again all the same. */
static void test_recovery__reads_what_is_nested_as_deep_as_may_be(void **state) {
    struct stage *stage = *state;
    char json[NESTED_BYTES];
    char said[NESTED_BYTES + 32];
    stage_agent(stage, "same", "kind: jq\nfilter: .\n");
    stage_agent(stage, "wraps", "kind: jq\nfilter: '{ a: . }'\n");
    stage_script(stage, "stops", "mode: once\n", STOPS);
    write_flow(stage, "flow",
               "steps:\n"
               "  - { id: one, agent: same, repeat: never, with: '${ .event.data }' }\n"
               "  - { id: two, agent: stops, needs: [one] }\n"
               "  - { id: three, agent: wraps, needs: [one, two], with: '${ .steps.one }',\n"
               "      on_error: { skip: step } }\n"
               "  - { id: four, agent: wraps, needs: [three], with: '${ .steps.one.d }',\n"
               "      on_error: { skip: step } }\n",
               "results:\n"
               "  - { name: out, from: '${ .steps.one }' }\n"
               "  - { name: three, from: '${ .steps.three }' }\n"
               "  - { name: four, from: '${ .steps.four }' }\n");
    stage_crash(stage, offer_deepest, agent_is_called);
    stage_write(stage, "flows/agents/stops/go", "");
    stage_open(stage);
    stage_until_ended(stage, 1);
    nest(json, VALUE_DEPTH_MAX);
    (void)snprintf(said, sizeof(said), "normal out %s\n", json);
    assert_part(&stage->said, said);
    assert_part(&stage->said, "normal three null\n"); /* one deeper than it may be */
    json[2] = 'a';
    (void)snprintf(said, sizeof(said), "normal four %s\n", json);
    assert_part(&stage->said, said);
    assert_int_equal(stage->refusals, 0);
}

/* --- without a link --- */
static void call_offline(struct agent *agent, struct agent_call *call) {
    (void)agent;
    (void)(fail)(&call->error, STATUS_OFFLINE, "no link"); /* not cmocka's */
}

static const struct agent_kind OFFLINE_KIND = {
    .name = "offline", .place = AGENT_ON_WORKER, .run = call_offline};

/* Before the turn ends in which it is loaded: no worker has a run yet. */
static void go_offline(void *owner) {
    const struct stage *stage = owner;
    stage_slot(stage, "flow")->version->agents[0].kind = &OFFLINE_KIND;
}

static void offer_aged(struct stage *stage, const char *json, int64_t days) {
    struct event *event = stage_event(json);
    event->boot = (struct id){.bytes = {7}};
    event->arrived.quality = CLOCK_GOOD;
    event->arrived.wall_ms -= days * 86400 * 1000;
    event->time = event->arrived;
    orchestrator_offer(stage_slot(stage, "flow"), event);
}

static void offer_old_and_young(struct stage *stage) {
    offer_aged(stage, "{\"n\":8}", 8);
    offer_aged(stage, "{\"n\":6}", 6);
}

static bool two_wait(struct stage *stage) {
    return stage_slot(stage, "flow")->waiting == 2;
}

static bool two_rows_wait(struct stage *stage) {
    return stage_count_listed(stage, READ_RUNS, LANE_COUNT, "\"state\":\"waiting\"") == 2;
}

/* Both have just begun to wait in the life before, whatever their age. */
static void test_recovery__counts_the_wait_for_a_link_across_lives(void **state) {
    struct stage *stage = *state;
    stage_agent(stage, "same", "kind: jq\nfilter: .\n");
    write_flow(stage, "flow", "steps: [ { id: one, agent: same } ]\n", RESULT);
    stage->options.on_loaded = go_offline;
    stage_open(stage);
    offer_old_and_young(stage);
    stage_until(stage, two_wait);
    while (!two_rows_wait(stage)) {
        stage_let_pass(stage, 2);
    }
    stage_close(stage);
    stage_open(stage);
    stage_until_ended(stage, 1);
    assert_part(&stage->ended, "flow failed: step 'one' was offline for 7 days");
    stage_let_pass(stage, 50);
    assert_int_equal(stage->ends, 1);
    assert_int_equal(stage_slot(stage, "flow")->waiting, 1);
    assert_text(&stage->said, "normal failure one offline\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_recovery__goes_on_with_a_kept_event, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_recovery__repeats_nothing_whose_output_was_kept,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(
            test_recovery__reports_what_had_begun_and_must_not_be_repeated, stage_make, stage_end),
        cmocka_unit_test_setup_teardown(
            test_recovery__goes_on_with_the_text_that_the_run_began_with, stage_make, stage_end),
        cmocka_unit_test_setup_teardown(
            test_recovery__ends_what_was_kept_of_a_workflow_that_is_gone, stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_recovery__keeps_what_it_cannot_go_on_with, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_recovery__parks_a_run_at_the_third_crash, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_recovery__parks_a_resumed_run_that_kills_again,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_recovery__parks_the_run_of_a_file_that_kills,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_recovery__blames_no_run_that_only_waited, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_recovery__blames_nobody_after_a_power_cut, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(
            test_recovery__starts_as_many_at_once_as_the_workflow_allows, stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_recovery__reads_what_is_nested_as_deep_as_may_be,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_recovery__counts_the_wait_for_a_link_across_lives,
                                        stage_make, stage_end),
    };
    return cmocka_run_group_tests_name("runtime/recovery", tests, NULL, NULL);
}

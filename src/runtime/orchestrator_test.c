// SPDX-License-Identifier: Apache-2.0
/* Which run begins when, what is dropped, what waits, and how all of it ends. */
#include "runtime/orchestrator.h"

#include <stdatomic.h>

#include "runtime/test_stage.h"

static const char RESULT[] = "results:\n"
                             "  - { name: out, from: { n: '${ .event.data.n }' } }\n";

static void write_flow(struct stage *stage, const char *name, const char *rest) {
    char text[4096];
    (void)snprintf(text, sizeof(text), "%s%s", rest, RESULT);
    stage_flow(stage, name, text);
}

static void offer_numbers(struct stage *stage, const char *flow, int from, int to) {
    for (int n = from; n < to; n++) {
        char json[32];
        (void)snprintf(json, sizeof(json), "{\"n\":%d}", n);
        stage_offer(stage, flow, json);
    }
}

/* --- order --- */

static void test_orchestrator__keeps_the_order_of_events_by_default(void **state) {
    struct stage *stage = *state;
    stage_script(
        stage, "uneven", "mode: once\ninputs: { n: integer }\n",
        "#!/bin/sh\nread -r line\ncase $line in *[02468]*) sleep 0.02;; esac\necho '{}'\n");
    write_flow(stage, "flow",
               "trigger: { stdin: json }\n"
               "steps: [ { id: one, agent: uneven, with: { n: '${ .event.data.n }' } } ]\n");
    stage_open(stage);
    offer_numbers(stage, "flow", 0, 6);
    assert_int_equal(stage_slot(stage, "flow")->running, 1);
    assert_int_equal(stage_slot(stage, "flow")->queued, 5);
    stage_until_ended(stage, 6);
    assert_text(&stage->said, "normal out {\"n\":0}\nnormal out {\"n\":1}\nnormal out {\"n\":2}\n"
                              "normal out {\"n\":3}\nnormal out {\"n\":4}\nnormal out {\"n\":5}\n");
}

/* Each call waits until four are under way: with less than four at once none would ever end. */
static void test_orchestrator__runs_as_many_at_once_as_it_is_told(void **state) {
    struct stage *stage = *state;
    stage_script(stage, "four", "mode: once\ninstances: 8\n",
                 "#!/bin/sh\nmkdir -p here; touch here/$$\n"
                 "while test $(ls here | wc -l) -lt 4; do sleep 0.01; done\n"
                 "sleep 0.02; echo '{}'\n");
    write_flow(stage, "flow",
               "trigger: { stdin: json }\nconcurrency: 4\n"
               "steps: [ { id: one, agent: four } ]\n");
    stage_open(stage);
    offer_numbers(stage, "flow", 0, 9);
    assert_int_equal(stage_slot(stage, "flow")->running, 4);
    assert_int_equal(stage_slot(stage, "flow")->queued, 5);
    for (int ends = 1; ends <= 9; ends++) {
        stage_until_ended(stage, ends);
        assert_true(stage_slot(stage, "flow")->running <= 4);
    }
    assert_true(slot_is_idle(stage_slot(stage, "flow")));
    assert_int_equal(stage->results, 9);
    assert_true(stage->idles > 0);
}

/* --- queues --- */
static int outcomes[EVENT_REFUSED + 1];

static void count_outcome(struct event *event, enum event_outcome outcome) {
    (void)event;
    outcomes[outcome]++;
}

static void test_orchestrator__drops_and_counts_by_the_policy(void **state) {
    static const struct {
        const char *name, *queue;
    } CASES[] = {
        {"oldest", "{ max: 2, full: drop_oldest }"},
        {"newest", "{ max: 2, full: drop_newest }"},
        {"latest", "{ keep: latest }"},
    };
    struct stage *stage = *state;
    stage_script(stage, "waits", "mode: once\n",
                 "#!/bin/sh\nwhile ! test -e go; do sleep 0.01; done\necho '{}'\n");
    for (int i = 0; i < 3; i++) {
        char text[1024];
        (void)snprintf(text, sizeof(text),
                       "trigger: { stdin: json, queue: %s }\n"
                       "steps: [ { id: one, agent: waits } ]\n",
                       CASES[i].queue);
        write_flow(stage, CASES[i].name, text);
    }
    stage_open(stage);
    int ends = 0;
    for (int i = 0; i < 3; i++) {
        struct slot *slot = stage_slot(stage, CASES[i].name);
        (void)memset(outcomes, 0, sizeof(outcomes));
        for (int n = 0; n < 10; n++) {
            char json[32];
            (void)snprintf(json, sizeof(json), "{\"n\":%d}", n);
            struct event *event = stage_event(json);
            event->repeatable = true;
            event->seen_hash = (uint64_t)n + 1;
            event->settle = count_outcome;
            orchestrator_offer(slot, event);
        }
        const int kept = i == 2 ? 2 : 3; /* the one that runs, and the queue */
        assert_int_equal(slot->counts.events, 10);
        assert_int_equal(slot->counts.dropped, 10 - kept);
        assert_int_equal(outcomes[EVENT_DROPPED], 10 - kept);
        stage_write(stage, "flows/agents/waits/go", "");
        stage_until_ended(stage, ends += kept);
        stage_let_pass(stage, 10);
        assert_int_equal(outcomes[EVENT_STORED], kept);
        assert_int_equal(unlink(stage_path(stage, "flows/agents/waits/go")), 0);
        char room[SLOT_NAME_BYTES * 3];
        const struct slice mark = slot_mark(slot, SLICE("test"), room, sizeof(room));
        for (uint64_t n = 1; n <= 10; n++) { /* what was dropped is not taken again */
            assert_true(store_seen(stage->daemon->store, mark, n));
        }
        assert_int_equal(slot->open_count, 0);
    }
    assert_text(&stage->said, "normal out {\"n\":0}\nnormal out {\"n\":8}\nnormal out {\"n\":9}\n"
                              "normal out {\"n\":0}\nnormal out {\"n\":1}\nnormal out {\"n\":2}\n"
                              "normal out {\"n\":0}\nnormal out {\"n\":9}\n");
}

static void test_orchestrator__refuses_what_comes_when_it_is_stopped(void **state) {
    struct stage *stage = *state;
    stage_script(stage, "hangs", "mode: once\n", "#!/bin/sh\nexec sleep 600\n");
    write_flow(stage, "flow", "trigger: { stdin: json }\nsteps: [ { id: one, agent: hangs } ]\n");
    stage_open(stage);
    (void)memset(outcomes, 0, sizeof(outcomes));
    struct slot *slot = stage_slot(stage, "flow");
    for (int i = 0; i < 3; i++) {
        struct event *event = stage_event("{}");
        event->repeatable = true;
        event->settle = count_outcome;
        orchestrator_offer(slot, event);
    }
    orchestrator_stop_slot(slot);
    assert_int_equal(outcomes[EVENT_REFUSED], 2); /* the one that runs goes on */
    assert_int_equal(slot->queued, 0);
    daemon_stop(stage->daemon);
    struct event *event = stage_event("{}");
    event->settle = count_outcome;
    orchestrator_offer(slot, event);
    assert_int_equal(outcomes[EVENT_REFUSED], 3);
    daemon_stop(stage->daemon); /* asked again: it waits for no agent */
    stage_close(stage);
    assert_int_equal(outcomes[EVENT_REFUSED], 4);
}

/* --- time --- */
static void offer_old(struct stage *stage, const char *flow, int64_t age_ms) {
    struct event *event = stage_event("{\"n\":1}");
    event->time.wall_ms -= age_ms;
    orchestrator_offer(stage_slot(stage, flow), event);
}

static void test_orchestrator__does_nothing_late(void **state) {
    static const struct {
        const char *name, *rest, *said, *outcome;
    } CASES[] = {
        {"deadline", "deadline: 1m\nsteps: [ { id: one, agent: acts } ]\n",
         "normal failure one expired\n", "expired: the run's deadline passed before step 'one'"},
        {"step", "durability: { runs: each }\nsteps: [ { id: one, agent: acts, expires: 1m } ]\n",
         "normal failure one expired\n", "expired: step 'one' expired before it could begin"},
        {"skips",
         "durability: { runs: each }\n"
         "steps: [ { id: one, agent: acts, expires: 1m, on_error: { skip: step } } ]\n",
         "normal out {\"n\":1}\nnormal failure one expired\n", "done"},
        {"leaves",
         "durability: { runs: each }\n"
         "steps: [ { id: one, agent: acts, expires: 1m, on_error: { skip: run } } ]\n",
         "normal failure one expired\n", "skipped: step 'one' expired"},
        {"young", "deadline: 1h\nsteps: [ { id: one, agent: same } ]\n", "normal out {\"n\":1}\n",
         "done"},
        {"unwanted",
         "durability: { runs: each }\n"
         "steps: [ { id: one, agent: acts, expires: 1m, when: .event.data.no } ]\n",
         "normal out {\"n\":1}\n", "done"},
    };
    struct stage *stage = *state;
    stage_script(stage, "acts", "mode: once\n", "#!/bin/sh\necho >> acted\necho '{}'\n");
    stage_agent(stage, "same", "kind: jq\nfilter: .\n");
    for (int i = 0; i < 6; i++) {
        char text[1024];
        (void)snprintf(text, sizeof(text), "trigger: { stdin: json }\n%s", CASES[i].rest);
        write_flow(stage, CASES[i].name, text);
    }
    stage_open(stage);
    for (int i = 0; i < 6; i++) {
        char ended[256];
        stage_forget(stage);
        offer_old(stage, CASES[i].name, 30 * 60 * 1000);
        stage_until_ended(stage, i + 1);
        (void)snprintf(ended, sizeof(ended), "%s %s", CASES[i].name, CASES[i].outcome);
        assert_part(&stage->ended, ended);
        assert_text(&stage->said, CASES[i].said);
    }
    assert_false(stage_has(stage, "flows/agents/acts/acted"));
}

/* A retry that would come too late does not come. */
static void test_orchestrator__gives_up_retries_at_the_deadline(void **state) {
    struct stage *stage = *state;
    stage_script(stage, "dies", "mode: once\n", "#!/bin/sh\necho >> calls\nexit 1\n");
    write_flow(stage, "flow",
               "trigger: { stdin: json }\ndeadline: 1h\n"
               "steps: [ { id: one, agent: dies, "
               "retry: { attempts: 5, backoff: 300ms, on: [crash] } } ]\n");
    stage_open(stage);
    offer_old(stage, "flow", 3600 * 1000 - 200);
    stage_until_ended(stage, 1);
    assert_text(&stage->said, "normal failure one expired\n");
    assert_int_equal(stage_lines(stage, "flows/agents/dies/calls"), 1);
}

/* --- without a link --- */

/* No agent of the spine can be offline: this one is, as often as it is told. */
static atomic_int offline_left;
static atomic_int offline_calls;

static void call_offline(struct agent *agent, struct agent_call *call) {
    (void)agent;
    atomic_fetch_add(&offline_calls, 1);
    if (atomic_fetch_sub(&offline_left, 1) > 0) {
        (void)(fail)(&call->error, STATUS_OFFLINE, "no link"); /* not cmocka's */
        return;
    }
    (void)value_new_object(call->arena, 0, &call->out);
}

static const struct agent_kind OFFLINE_KIND = {
    .name = "offline", .place = AGENT_ON_WORKER, .run = call_offline};

static void write_link_flow(struct stage *stage, const char *name, const char *rest,
                            const char *more) {
    char text[1024];
    (void)snprintf(text, sizeof(text),
                   "trigger: { stdin: json }\n%ssteps:\n"
                   "  - { id: one, agent: same%s }\n"
                   "  - { id: two, agent: same, needs: [one] }\n",
                   rest, more);
    write_flow(stage, name, text);
}

/* While no run of the workflow is on a worker: workers read what is changed here. */
static void go_offline(struct stage *stage, const char *name, int times) {
    stage_slot(stage, name)->version->agents[0].kind = &OFFLINE_KIND;
    stage->daemon->orchestrator->runner.link_wait_ms = 5;
    atomic_store(&offline_left, times);
    atomic_store(&offline_calls, 0);
}

static bool has_been_offline(struct stage *stage) {
    (void)stage;
    return atomic_load(&offline_calls) >= 3;
}

static void test_orchestrator__lets_a_run_wait_for_its_link(void **state) {
    struct stage *stage = *state;
    stage_agent(stage, "same", "kind: jq\nfilter: .\n");
    write_link_flow(stage, "flow", "durability: { runs: each }\n", "");
    stage_open(stage);
    go_offline(stage, "flow", 1 << 20);
    struct slot *slot = stage_slot(stage, "flow");
    struct event *event = stage_event("{\"n\":0}");
    event->repeatable = true; /* it has no row before it waits */
    orchestrator_offer(slot, event);
    offer_numbers(stage, "flow", 1, 2);
    stage_until(stage, has_been_offline);
    stage_let_pass(stage, 20);
    assert_int_equal(slot->waiting, 2); /* it makes place for the next one */
    assert_int_equal(slot->running, 0);
    assert_int_equal(slot_room(slot), QUEUE_MAX_DEFAULT - 2);
    assert_false(slot_is_idle(slot));
    assert_int_equal(stage_count_listed(stage, READ_RUNS, LANE_COUNT, "\"state\":\"waiting\""), 2);
    assert_int_equal(stage->ends, 0);
    atomic_store(&offline_left, 1);
    stage_until_ended(stage, 2);
    assert_int_equal(stage->results, 2);
    assert_int_equal(slot->waiting, 0);
    assert_true(slot_is_idle(slot));
    assert_int_equal(stage_count_listed(stage, READ_RUNS, LANE_COUNT, "\"state\""), 0);
}

static void test_orchestrator__does_not_wait_for_a_link_where_it_must_not(void **state) {
    static const struct {
        const char *name, *rest, *more, *said;
    } CASES[] = {
        {"none", "", "", "normal failure one offline\n"},
        {"given", "durability: { runs: each }\n", ", on_error: { use: { a: 1 } }",
         "normal out {\"n\":1}\n"},
        {"deadline", "durability: { runs: each }\ndeadline: 50ms\n", "",
         "normal failure one expired\n"},
        {"step", "durability: { runs: each }\n",
         ", expires: 50ms, retry: { attempts: 2, "
         "backoff: 1ms, on: [offline] }",
         "normal failure one expired\n"},
    };
    struct stage *stage = *state;
    stage_agent(stage, "same", "kind: jq\nfilter: .\n");
    for (int i = 0; i < 4; i++) {
        write_link_flow(stage, CASES[i].name, CASES[i].rest, CASES[i].more);
    }
    stage_open(stage);
    for (int i = 0; i < 4; i++) {
        stage_forget(stage);
        go_offline(stage, CASES[i].name, 1 << 20);
        stage->daemon->orchestrator->runner.link_wait_ms = LINK_WAIT_MS; /* the bound comes first */
        offer_numbers(stage, CASES[i].name, 1, 2);
        stage_until_ended(stage, i + 1);
        assert_text(&stage->said, CASES[i].said);
        assert_int_equal(stage_slot(stage, CASES[i].name)->waiting, 0);
    }
}

static void test_orchestrator__lets_waiting_runs_fill_a_queue_that_drops(void **state) {
    struct stage *stage = *state;
    stage_agent(stage, "same", "kind: jq\nfilter: .\n");
    write_flow(stage, "flow",
               "trigger: { stdin: json, queue: { max: 3, full: drop_oldest } }\n"
               "durability: { runs: each }\n"
               "steps: [ { id: one, agent: same } ]\n");
    stage_open(stage);
    go_offline(stage, "flow", 1 << 20);
    struct slot *slot = stage_slot(stage, "flow");
    for (int n = 0; n < 8; n++) {
        offer_numbers(stage, "flow", n, n + 1);
        stage_let_pass(stage, 20);
    }
    assert_int_equal(slot->waiting, 3);
    assert_int_equal(slot->counts.dropped, 5);
    atomic_store(&offline_left, 0);
    stage_until_ended(stage, 3); /* in the order in which they find the link */
    for (int n = 0; n < 3; n++) {
        char line[32];
        (void)snprintf(line, sizeof(line), "normal out {\"n\":%d}\n", n);
        assert_part(&stage->said, line);
    }
}

/* --- the end --- */

static bool link_flow_is_idle(struct stage *stage) {
    return slot_is_idle(stage_slot(stage, "flow-4"));
}

/* Runs that wait for whatever a run can wait for, when the daemon ends: nothing leaks, and what was
 * kept is done in the next life. */
static void test_orchestrator__ends_wherever_its_runs_are(void **state) {
    struct stage *stage = *state;
    stage_agent(stage, "same", "kind: jq\nfilter: .\n");
    stage_agent(stage, "jq", "kind: jq\nfilter: '{a: ([1, 2] | length)}'\n");
    stage_script(stage, "lines", "", "#!/bin/sh\ntest -e go || exec sleep 600\nexec cat\n");
    stage_script(stage, "once", "mode: once\n",
                 "#!/bin/sh\ntest -e go || exec sleep 600\necho '{}'\n");
    stage_script(stage, "dies", "mode: once\n", "#!/bin/sh\ntest -e go || exit 1\necho '{}'\n");
    static const char *const STEPS[] = {
        "agent: lines", "agent: once", "agent: jq",
        "agent: dies, retry: { attempts: 9, backoff: 1h, on: [crash] }", "agent: same"};
    for (int i = 0; i < 5; i++) {
        char name[16];
        char text[1024];
        (void)snprintf(name, sizeof(name), "flow-%d", i);
        (void)snprintf(text, sizeof(text),
                       "trigger: { stdin: json }\nconcurrency: 3\ndurability: { runs: each }\n"
                       "steps: [ { id: one, %s } ]\n",
                       STEPS[i]);
        write_flow(stage, name, text);
    }
    for (int turns = 0; turns < 6; turns++) { /* in the turn of the offer, and some later */
        stage_open(stage);
        stage_until(stage, link_flow_is_idle); /* what the last life kept finds its link */
        go_offline(stage, "flow-4", 1 << 20);
        for (int i = 0; i < 5; i++) {
            char name[16];
            (void)snprintf(name, sizeof(name), "flow-%d", i);
            offer_numbers(stage, name, 0, 5);
        }
        if (turns > 0) {
            stage_let_pass(stage, 1 << turns);
        }
        daemon_stop(stage->daemon);
        daemon_stop(stage->daemon);
        stage_close(stage);
    }
    stage_write(stage, "flows/agents/lines/go", "");
    stage_write(stage, "flows/agents/once/go", "");
    stage_write(stage, "flows/agents/dies/go", "");
    stage_forget(stage);
    stage_open(stage);
    const int kept = stage_count_listed(stage, READ_RUNS, LANE_COUNT, "\"id\"");
    stage_let_pass(stage, 300);
    assert_int_equal(stage->failures, 0);
    assert_true(kept <= 5 * 3 * 6);
}

static bool script_was_asked(struct stage *stage) {
    return stage_has(stage, "flows/agents/slow/asked");
}

static void test_orchestrator__lets_an_agent_finish_before_it_ends(void **state) {
    struct stage *stage = *state;
    stage_script(stage, "slow", "mode: once\n",
                 "#!/bin/sh\ntouch asked\nsleep 0.2\necho acted >> acted\necho '{}'\n");
    write_flow(stage, "flow",
               "trigger: { stdin: json }\ndurability: { runs: each }\n"
               "steps: [ { id: one, agent: slow, repeat: never } ]\n");
    stage_open(stage);
    offer_numbers(stage, "flow", 0, 1);
    stage_until(stage, script_was_asked);
    stage_close(stage);
    assert_text(&stage->said, "normal out {\"n\":0}\n");
    stage_open(stage);
    assert_int_equal(stage_count_listed(stage, READ_RUNS, LANE_COUNT, "\"id\""), 0);
    assert_int_equal(stage_lines(stage, "flows/agents/slow/acted"), 1);
}

static void stop_when_it_begins(void *owner) {
    const struct stage *stage = owner;
    if (stage->daemon->orchestrator->runner.acting > 0) {
        loop_stop(stage->daemon->loop);
    }
}

/* That the step begins is being written when the daemon is told to end. */
static void test_orchestrator__lets_a_step_act_whose_begin_it_writes(void **state) {
    static const char *const AGENTS[] = {"same", "slow"}; /* on a worker, on the loop */
    struct stage *stage = *state;
    stage_agent(stage, "same", "kind: jq\nfilter: .\n");
    stage_script(stage, "slow", "mode: once\n", "#!/bin/sh\nsleep 0.05\necho '{}'\n");
    for (int i = 0; i < 2; i++) {
        struct error err;
        struct turn *turn = NULL;
        char text[512];
        (void)snprintf(text, sizeof(text),
                       "trigger: { stdin: json }\ndurability: { runs: each }\n"
                       "steps: [ { id: one, agent: %s, repeat: never } ]\n",
                       AGENTS[i]);
        write_flow(stage, AGENTS[i], text);
        stage_open(stage);
        assert_int_equal(turn_create(stage->daemon->loop, stop_when_it_begins, stage, &turn, &err),
                         STATUS_OK);
        offer_numbers(stage, AGENTS[i], 0, 1);
        loop_run(stage->daemon->loop);
        turn_destroy(turn);
        stage_forget(stage);
        stage_close(stage);
        assert_text(&stage->said, "normal out {\"n\":0}\n");
        stage_open(stage);
        assert_int_equal(stage_count_listed(stage, READ_RUNS, LANE_COUNT, "\"id\""), 0);
        stage_close(stage);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_orchestrator__keeps_the_order_of_events_by_default,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_orchestrator__runs_as_many_at_once_as_it_is_told,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_orchestrator__drops_and_counts_by_the_policy,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_orchestrator__refuses_what_comes_when_it_is_stopped,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_orchestrator__does_nothing_late, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_orchestrator__gives_up_retries_at_the_deadline,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_orchestrator__lets_a_run_wait_for_its_link, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(
            test_orchestrator__does_not_wait_for_a_link_where_it_must_not, stage_make, stage_end),
        cmocka_unit_test_setup_teardown(
            test_orchestrator__lets_waiting_runs_fill_a_queue_that_drops, stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_orchestrator__ends_wherever_its_runs_are, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_orchestrator__lets_an_agent_finish_before_it_ends,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_orchestrator__lets_a_step_act_whose_begin_it_writes,
                                        stage_make, stage_end),
    };
    return cmocka_run_group_tests_name("runtime/orchestrator", tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "runtime/triggers/feed.h"

#include "runtime/test_stage.h"

static int make(void **state) {
    const int made = stage_make(state);
    struct stage *stage = *state;
    stage->options.feeds_closed = false;
    return made;
}

static const char QUICK[] =
    "trigger: { interval: 20ms }\n"
    "results: [ { name: out, from: { of: '${ .event.source }', is: '${ .event.type }' } } ]\n";

static void test_interval_feed__gives_event_after_event(void **state) {
    struct stage *stage = *state;
    stage_flow(stage, "flow", QUICK);
    stage_open(stage);
    stage_until_ended(stage, 5);
    assert_part(&stage->said, "normal out {\"of\":\"interval\",\"is\":\"tick\"}\n");
    assert_true(stage_slot(stage, "flow")->counts.events >= 5);
    assert_int_equal(stage->refusals, 0);
    assert_int_equal(stage->idles, 0); /* it has no end */
}

static void test_interval_feed__keeps_its_events_where_runs_are_durable(void **state) {
    struct stage *stage = *state;
    stage_flow(stage, "flow",
               "trigger: { interval: 20ms }\n"
               "durability: { runs: each, results: each }\n"
               "results: [ { name: out, from: { m: '${ .event.missed >= 0 }' } } ]\n");
    stage_open(stage);
    stage_until_ended(stage, 3);
    assert_part(&stage->said, "normal out {\"m\":true}\n");
    assert_int_equal(stage->failures, 0);
}

static void
test_interval_feed__misses_what_a_full_queue_has_no_room_for_and_says_how_many(void **state) {
    struct stage *stage = *state;
    stage_script(stage, "slow", "mode: once\n", "#!/bin/sh\nsleep 0.3\necho '{}'\n");
    stage_flow(stage, "flow",
               "trigger: { interval: 20ms, queue: { max: 1 } }\n"
               "steps: [ { id: wait, agent: slow } ]\n"
               "results:\n"
               "  - { name: late, when: .event.missed > 1, from: { t: '${ .event.type }' } }\n");
    stage_open(stage);
    stage_until_ended(stage, 4);
    const struct slot *slot = stage_slot(stage, "flow");
    assert_int_equal(slot->counts.dropped, 0);
    assert_true(slot->counts.events < 20);
    assert_part(&stage->said, "normal late {\"t\":\"tick\"}\n");
}

static void test_interval_feed__gives_nothing_once_its_workflow_is_stopped(void **state) {
    struct stage *stage = *state;
    stage_flow(stage, "flow", QUICK);
    stage_flow(stage, "other", QUICK);
    stage_open(stage);
    stage_until_ended(stage, 2);
    struct slot *slot = stage_slot(stage, "flow");
    orchestrator_stop_slot(slot);
    const uint64_t events = slot->counts.events;
    stage_until_ended(stage, stage->ends + 5);
    assert_int_equal(slot->counts.events, events);
    assert_int_equal(orchestrator_start_slot(slot, NULL), STATUS_OK);
    stage_until_ended(stage, stage->ends + 10);
    assert_true(slot->counts.events > events);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_interval_feed__gives_event_after_event, make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_interval_feed__keeps_its_events_where_runs_are_durable,
                                        make, stage_end),
        cmocka_unit_test_setup_teardown(
            test_interval_feed__misses_what_a_full_queue_has_no_room_for_and_says_how_many, make,
            stage_end),
        cmocka_unit_test_setup_teardown(
            test_interval_feed__gives_nothing_once_its_workflow_is_stopped, make, stage_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
/* What becomes of a step: conditions, order, failures, retries, stand-ins. */
#include "runtime/agent_runner.h"

#include "runtime/test_stage.h"

static const char TRIGGER[] = "trigger: { stdin: json }\n";
static const char RESULT[] = "results:\n"
                             "  - name: out\n"
                             "    from: ${ .steps }\n";

/* A workflow, an event for it, and what becomes of that. */
struct story {
    const char *name;
    const char *rest; /* behind the trigger */
    const char *data;
    const char *said;
    const char *ended;
};

static void write_agents(struct stage *stage) {
    stage_agent(stage, "same", "kind: jq\nfilter: .\n");
    /* Fails for null: a comparison of null and a number is an error. */
    stage_agent(stage, "warm", "kind: jq\nfilter: '{warm: (.t > -15)}'\n");
    stage_script(stage, "echo", "", "#!/bin/sh\nexec cat\n");
    stage_script(stage, "dies", "mode: once\n", "#!/bin/sh\nexit 3\n");
    stage_script(stage, "hangs", "mode: once\n", "#!/bin/sh\nexec sleep 600\n");
    stage_script(stage, "talks", "mode: once\n", "#!/bin/sh\necho no object\n");
    /* Notes each call under the name it is given, and answers from the n-th on. */
    stage_script(stage, "third", "mode: once\ninputs: { file: string, from: integer }\n",
                 "#!/bin/sh\n"
                 "read -r line\n"
                 "file=${line#*\\\"file\\\":\\\"}; file=${file%%\\\"*}\n"
                 "from=${line#*\\\"from\\\":}; from=${from%%\\}*}; from=${from%%,*}\n"
                 "echo call >> \"$file\"\n"
                 "test $(wc -l < \"$file\") -ge $from || exit 1\n"
                 "echo '{\"answered\":true}'\n");
}

/* One daemon runs all. */
static void tell(struct stage *stage, const struct story *stories, size_t count) {
    write_agents(stage);
    for (size_t i = 0; i < count; i++) {
        char text[4096];
        (void)snprintf(text, sizeof(text), "%s%s%s", TRIGGER, stories[i].rest, RESULT);
        stage_flow(stage, stories[i].name, text);
    }
    stage_open(stage);
    assert_text(&stage->faults, "");
    for (size_t i = 0; i < count; i++) {
        char ended[128];
        stage_forget(stage);
        stage_offer(stage, stories[i].name, stories[i].data);
        stage_until_ended(stage, (int)i + 1);
        (void)snprintf(ended, sizeof(ended), "%s %s", stories[i].name, stories[i].ended);
        assert_part(&stage->ended, ended);
        assert_text(&stage->said, stories[i].said);
    }
}

static void test_agent_runner__takes_steps_in_the_order_of_their_needs(void **state) {
    static const struct story STORIES[] = {
        {"plain",
         "steps:\n"
         "  - { id: one, agent: same, with: { t: '${ .event.data.t }' } }\n"
         "  - { id: two, agent: warm, needs: [one], with: { t: '${ .steps.one.t }' } }\n",
         "{\"t\":-20}", "normal out {\"one\":{\"t\":-20},\"two\":{\"warm\":false}}\n", "done"},
        {"skipped-step",
         "steps:\n"
         "  - { id: one, agent: same, when: .event.data.t > 0, with: { a: 1 } }\n"
         "  - { id: two, agent: same, needs: [one], with: { saw: '${ .steps.one }' } }\n",
         "{\"t\":-1}", "normal out {\"one\":null,\"two\":{\"saw\":null}}\n", "done"},
        {"order-of-needs",
         "steps:\n"
         "  - { id: last, agent: same, needs: [first], with: { saw: '${ .steps.first.a }' } }\n"
         "  - { id: first, agent: same, with: { a: 7 } }\n",
         "{}", "normal out {\"first\":{\"a\":7},\"last\":{\"saw\":7}}\n", "done"},
    };
    tell(*state, STORIES, sizeof(STORIES) / sizeof(STORIES[0]));
}

static void test_agent_runner__a_step_that_fails_ends_its_run(void **state) {
    static const struct story STORIES[] = {
        {"condition-fails",
         "steps:\n"
         "  - { id: one, agent: same, when: .event.data.none > 0 }\n",
         "{}", "normal failure one invalid\n", "failed"},
        {"input-of-the-wrong-type",
         "steps:\n"
         "  - { id: one, agent: third, with: { file: x, from: '${ .event.data.n }' } }\n",
         "{\"n\":\"many\"}", "normal failure one invalid\n", "failed"},
        {"fails",
         "steps:\n"
         "  - { id: one, agent: warm }\n"
         "  - { id: two, agent: same, needs: [one] }\n",
         "{}", "normal failure one invalid\n", "failed"},
    };
    tell(*state, STORIES, sizeof(STORIES) / sizeof(STORIES[0]));
}

static void test_agent_runner__goes_on_as_on_error_says(void **state) {
    static const struct story STORIES[] = {
        {"skips-the-step",
         "steps:\n"
         "  - { id: one, agent: warm, on_error: { skip: step } }\n"
         "  - { id: two, agent: same, needs: [one], with: { saw: '${ .steps.one }' } }\n",
         "{}", "normal out {\"one\":null,\"two\":{\"saw\":null}}\n", "done"},
        {"skips-the-run",
         "steps:\n"
         "  - { id: one, agent: warm, on_error: { skip: run } }\n"
         "  - { id: two, agent: same, needs: [one] }\n",
         "{}", "", "skipped"},
        {"uses-a-value",
         "steps:\n"
         "  - { id: one, agent: warm, on_error: { use: { warm: true } } }\n",
         "{}", "normal out {\"one\":{\"warm\":true}}\n", "done"},
    };
    tell(*state, STORIES, sizeof(STORIES) / sizeof(STORIES[0]));
}

static void test_agent_runner__a_stand_in_runs_when_it_must(void **state) {
    static const struct story STORIES[] = {
        {"has-a-stand-in",
         "steps:\n"
         "  - { id: other, agent: same, with: { warm: maybe } }\n"
         "  - { id: one, agent: warm, on_error: { step: other } }\n"
         "  - { id: two, agent: same, needs: [one], with: { saw: '${ .steps.one.warm }' } }\n",
         "{}",
         "normal out {\"other\":{\"warm\":\"maybe\"},\"one\":{\"warm\":\"maybe\"},"
         "\"two\":{\"saw\":\"maybe\"}}\n",
         "done"},
        {"needs-no-stand-in",
         "steps:\n"
         "  - { id: other, agent: same, with: { warm: maybe } }\n"
         "  - { id: one, agent: warm, with: { t: 1 }, on_error: { step: other } }\n",
         "{}", "normal out {\"one\":{\"warm\":true},\"other\":null}\n", "done"},
        {"stand-in-fails",
         "steps:\n"
         "  - { id: other, agent: warm }\n"
         "  - { id: one, agent: warm, on_error: { step: other } }\n",
         "{}", "normal failure other invalid\n", "failed"},
        {"stand-in-is-skipped",
         "steps:\n"
         "  - { id: other, agent: warm, on_error: { skip: step } }\n"
         "  - { id: one, agent: warm, on_error: { step: other } }\n",
         "{}", "normal out {\"other\":null,\"one\":null}\n", "done"},
    };
    tell(*state, STORIES, sizeof(STORIES) / sizeof(STORIES[0]));
}

static void test_agent_runner__waits_for_processes_and_outlives_them(void **state) {
    static const struct story STORIES[] = {
        {"waits-for-a-process",
         "steps:\n"
         "  - { id: one, agent: echo, with: { a: 1 } }\n"
         "  - { id: two, agent: echo, needs: [one], with: { b: '${ .steps.one.a }' } }\n",
         "{}", "normal out {\"one\":{\"a\":1},\"two\":{\"b\":1}}\n", "done"},
        {"process-dies",
         "steps:\n"
         "  - { id: one, agent: dies }\n",
         "{}", "normal failure one crash\n", "failed"},
        {"process-hangs",
         "steps:\n"
         "  - { id: one, agent: hangs, timeout: 50ms }\n",
         "{}", "normal failure one timeout\n", "failed"},
        {"process-talks",
         "steps:\n"
         "  - { id: one, agent: talks }\n",
         "{}", "normal failure one invalid\n", "failed"},
    };
    tell(*state, STORIES, sizeof(STORIES) / sizeof(STORIES[0]));
}

static void test_agent_runner__tries_again_as_often_as_it_is_told(void **state) {
    static const struct story STORIES[] = {
        {"is-tried-again",
         "steps:\n"
         "  - id: one\n"
         "    agent: third\n"
         "    with: { file: calls, from: 3 }\n"
         "    retry: { attempts: 3, backoff: 1ms, on: [crash] }\n",
         "{}", "normal out {\"one\":{\"answered\":true}}\n", "done"},
        {"is-tried-as-often-as-said",
         "steps:\n"
         "  - id: one\n"
         "    agent: third\n"
         "    with: { file: few-calls, from: 3 }\n"
         "    retry: { attempts: 2, backoff: 1ms, on: [crash, timeout] }\n",
         "{}", "normal failure one crash\n", "failed"},
        {"is-not-tried-again-for-another-class",
         "steps:\n"
         "  - id: one\n"
         "    agent: third\n"
         "    with: { file: one-call, from: 3 }\n"
         "    retry: { attempts: 3, backoff: 1ms, on: [timeout] }\n",
         "{}", "normal failure one crash\n", "failed"},
        {"is-never-repeated",
         "durability: { runs: each }\n"
         "steps:\n"
         "  - id: one\n"
         "    agent: third\n"
         "    with: { file: never-calls, from: 3 }\n"
         "    repeat: never\n"
         "    on_error: { skip: step }\n",
         "{}", "normal out {\"one\":null}\n", "done"},
    };
    struct stage *stage = *state;
    tell(stage, STORIES, sizeof(STORIES) / sizeof(STORIES[0]));
    assert_int_equal(stage_lines(stage, "flows/agents/third/calls"), 3);
    assert_int_equal(stage_lines(stage, "flows/agents/third/few-calls"), 2);
    assert_int_equal(stage_lines(stage, "flows/agents/third/one-call"), 1);
    assert_int_equal(stage_lines(stage, "flows/agents/third/never-calls"), 1);
}

static void test_agent_runner__a_let_is_evaluated_when_it_is_asked_for(void **state) {
    static const struct story STORIES[] = {
        {"lets",
         "let:\n"
         "  cold: ${ .event.data.t < -15 }\n"
         "steps:\n"
         "  - { id: one, agent: same, with: { cold: '${ $cold }' } }\n",
         "{\"t\":-18}", "normal out {\"one\":{\"cold\":true}}\n", "done"},
        {"let-that-fails-is-not-asked",
         "let:\n"
         "  cold: ${ .event.data.t < -15 }\n"
         "steps:\n"
         "  - { id: one, agent: same, when: .event.data.never, with: { cold: '${ $cold }' } }\n",
         "{}", "normal out {\"one\":null}\n", "done"},
    };
    tell(*state, STORIES, sizeof(STORIES) / sizeof(STORIES[0]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_agent_runner__takes_steps_in_the_order_of_their_needs,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_agent_runner__a_step_that_fails_ends_its_run,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_agent_runner__goes_on_as_on_error_says, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_agent_runner__a_stand_in_runs_when_it_must, stage_make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_agent_runner__waits_for_processes_and_outlives_them,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_agent_runner__tries_again_as_often_as_it_is_told,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_agent_runner__a_let_is_evaluated_when_it_is_asked_for,
                                        stage_make, stage_end),
    };
    return cmocka_run_group_tests_name("runtime/agent_runner", tests, NULL, NULL);
}

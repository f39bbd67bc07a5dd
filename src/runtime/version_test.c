// SPDX-License-Identifier: Apache-2.0
/* Versions with jq programs: what they are asked, by whom, and for how long. */
#include "runtime/version.h"

#include "runtime/test_stage.h"

static void write_flow(struct stage *stage, const char *name, const char *rest) {
    char text[2048];
    (void)snprintf(text, sizeof(text), "trigger: { stdin: json }\n%s", rest);
    stage_flow(stage, name, text);
}

static void test_version__numbers_expressions_and_filters_each_for_its_child(void **state) {
    struct stage *stage = *state;
    stage_agent(stage, "twice", "kind: jq\nfilter: '{n: ([.n, .n] | add)}'\n");
    stage_agent(stage, "plain", "kind: jq\nfilter: '{n: .n}'\n");
    stage_agent(stage, "less", "kind: jq\nfilter: '{n: (.n - 1)}'\n");
    write_flow(stage, "one",
               "let: { five: '${ 2 + 3 }' }\n"
               "steps:\n"
               "  - { id: a, agent: twice, when: '(.event.data.n + 0) > 0', "
               "with: { n: '${ .event.data.n + 1 }' } }\n"
               "  - { id: b, agent: less, needs: [a], with: { n: '${ .steps.a.n }' } }\n"
               "  - { id: c, agent: twice, needs: [b], with: { n: '${ $five }' } }\n"
               "results: [ { name: out, from: { b: '${ .steps.b.n * 10 }', "
               "c: '${ .steps.c.n }' } } ]\n");
    write_flow(stage, "two",
               "steps: [ { id: a, agent: plain, with: { n: '${ [1, 2] | length }' } } ]\n"
               "results: [ { name: out, from: '${ .steps }' } ]\n");
    write_flow(stage, "three",
               "steps: [ { id: a, agent: less, with: { n: 4 } } ]\n"
               "results: [ { name: out, from: '${ .steps }' } ]\n");
    stage_open(stage);
    assert_text(&stage->faults, "");
    stage_offer(stage, "one", "{\"n\":1}");
    stage_until_ended(stage, 1);
    stage_offer(stage, "two", "{}");
    stage_until_ended(stage, 2);
    stage_offer(stage, "three", "{}");
    stage_until_ended(stage, 3);
    assert_text(&stage->said, "normal out {\"b\":30,\"c\":10}\nnormal out {\"a\":{\"n\":2}}\n"
                              "normal out {\"a\":{\"n\":3}}\n");
}

static void test_version__fails_only_the_step_whose_program_loops(void **state) {
    struct stage *stage = *state;
    stage_agent(stage, "loops", "kind: jq\nfilter: 'def f: f; f'\n");
    stage_agent(stage, "same", "kind: jq\nfilter: .\n");
    write_flow(stage, "flow",
               "steps:\n"
               "  - { id: one, agent: loops, timeout: 100ms, on_error: { skip: step } }\n"
               "  - { id: two, agent: same, needs: [one], with: { n: '${ 1 + 1 }' } }\n"
               "results: [ { name: out, from: '${ .steps }' } ]\n");
    stage_open(stage);
    stage_offer(stage, "flow", "{}");
    stage_until_ended(stage, 1);
    assert_text(&stage->said, "normal out {\"one\":null,\"two\":{\"n\":2}}\n");
}

static bool both_are_at_it(struct stage *stage) {
    return stage_slot(stage, "quick")->counts.runs >= 3;
}

/* A filter that takes longer than any expression may, while expressions are answered. */
static void test_version__lets_a_filter_take_as_long_as_its_step(void **state) {
    struct stage *stage = *state;
    stage_agent(stage, "loops", "kind: jq\nfilter: 'def f: f; f'\n");
    write_flow(stage, "slow",
               "steps: [ { id: one, agent: loops, timeout: 2s } ]\n"
               "results: [ { name: out, from: { n: 1 } } ]\n");
    write_flow(stage, "quick", "results: [ { name: out, from: { n: '${ 1 + 1 }' } } ]\n");
    stage_open(stage);
    const int64_t begun_ns = clock_boot_ns();
    stage_offer(stage, "slow", "{}");
    for (int i = 0; i < 3; i++) {
        stage_offer(stage, "quick", "{}");
    }
    stage_until(stage, both_are_at_it);
    assert_int_equal(stage_slot(stage, "slow")->counts.runs, 0);
    stage_until_ended(stage, 4);
    assert_true(clock_boot_ns() - begun_ns >= INT64_C(2000) * 1000000);
    assert_part(&stage->ended, "slow failed: step 'one': ");
    assert_part(&stage->said, "normal failure one timeout\n");
}

static void test_version__says_where_an_expression_took_too_long(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "flow",
               "results:\n"
               "  - name: out\n"
               "    from: { n: '${ def f: f; f }' }\n");
    stage_open(stage);
    stage_offer(stage, "flow", "{}");
    stage_until_ended(stage, 1);
    assert_part(&stage->ended, "flow failed: result 'out': 6:");
    assert_part(&stage->ended, "took more than 1000 ms");
    assert_text(&stage->said, "normal failure  timeout\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_version__numbers_expressions_and_filters_each_for_its_child, stage_make,
            stage_end),
        cmocka_unit_test_setup_teardown(test_version__fails_only_the_step_whose_program_loops,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_version__lets_a_filter_take_as_long_as_its_step,
                                        stage_make, stage_end),
        cmocka_unit_test_setup_teardown(test_version__says_where_an_expression_took_too_long,
                                        stage_make, stage_end),
    };
    return cmocka_run_group_tests_name("runtime/version", tests, NULL, NULL);
}

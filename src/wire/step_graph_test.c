// SPDX-License-Identifier: Apache-2.0
// The order in which steps run, and what a step knows of the others by then.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* ours is in base/error.h */

#include "wire/workflow.h"

static struct workflow *read_steps(const char *steps) {
    struct buffer text;
    struct workflow *workflow = NULL;
    struct fault_list *faults = NULL;
    struct error err;
    buffer_init(&text, WORKFLOW_BYTES_MAX);
    buffer_add_text(&text, "ebb: 1\nworkflow: w\ntrigger: { stdin: json }\nsteps:\n");
    buffer_add_text(&text, steps);
    const status code =
        workflow_read(SLICE("w"), buffer_slice(&text), NULL, &workflow, &faults, &err);
    if (code != STATUS_OK && faults != NULL) {
        print_error("%.*s\n", SLICE_ARGS(faults->faults[0].text));
    }
    assert_int_equal(code, STATUS_OK);
    fault_list_release(faults);
    buffer_done(&text);
    return workflow;
}

/* The ids in the order of running, with a blank between them. */
static void assert_order(const char *steps, const char *expected) {
    struct workflow *workflow = read_steps(steps);
    struct buffer order;
    buffer_init(&order, WORKFLOW_BYTES_MAX);
    for (uint32_t i = 0; i < workflow->step_count; i++) {
        buffer_print(&order, "%s%.*s", i > 0 ? " " : "", SLICE_ARGS(workflow->steps[i].id));
    }
    buffer_add_byte(&order, 0);
    assert_string_equal(order.bytes, expected);
    for (uint32_t i = 0; i < workflow->step_count; i++) {
        for (uint32_t k = 0; k < workflow->steps[i].need_count; k++) {
            assert_true(workflow->steps[i].needs[k] < i);
        }
    }
    buffer_done(&order);
    workflow_release(workflow);
}

static void test_step_graph__keeps_the_order_of_the_file_where_nothing_is_needed(void **state) {
    (void)state;
    assert_order("  - { id: c, agent: x }\n"
                 "  - { id: a, agent: x }\n"
                 "  - { id: b, agent: x }\n",
                 "c a b");
}

static void test_step_graph__puts_what_is_needed_first(void **state) {
    (void)state;
    assert_order("  - { id: last, agent: x, needs: [left, right] }\n"
                 "  - { id: right, agent: x, needs: [first] }\n"
                 "  - { id: left, agent: x, needs: [first] }\n"
                 "  - { id: alone, agent: x }\n"
                 "  - { id: first, agent: x }\n",
                 "alone first right left last");
}

static void test_step_graph__puts_a_stand_in_before_who_needs_the_other(void **state) {
    (void)state;
    assert_order("  - { id: after, agent: x, needs: [try] }\n"
                 "  - { id: try, agent: x, on_error: { step: plan_b } }\n"
                 "  - { id: plan_c, agent: x }\n"
                 "  - { id: plan_b, agent: x, on_error: { step: plan_c } }\n",
                 "try plan_b plan_c after");
}

static void test_step_graph__lets_a_stand_in_need_what_went_before(void **state) {
    (void)state;
    struct workflow *workflow =
        read_steps("  - { id: try, agent: x, needs: [load], on_error: { step: plan_b } }\n"
                   "  - id: plan_b\n"
                   "    agent: x\n"
                   "    needs: [load, try]\n"
                   "    with: { a: '${ .steps.load.a }', b: '${ .steps.try.b }' }\n"
                   "  - { id: load, agent: x }\n"
                   "  - id: after\n"
                   "    agent: x\n"
                   "    needs: [try]\n"
                   "    with: { a: '${ .steps.load.a }', b: '${ .steps.plan_b.b }' }\n");
    const struct step *attempt = &workflow->steps[1];
    assert_true(slice_is(attempt->id, "try"));
    assert_int_equal(attempt->on_error, ON_ERROR_STEP);
    assert_int_equal(attempt->other_step, 2);
    assert_true(workflow->steps[2].only_on_error);
    assert_int_equal(workflow->steps[2].need_count, 2);
    assert_false(workflow->steps[3].only_on_error);
    assert_int_equal(workflow->steps[3].need_count, 1);
    workflow_release(workflow);
}

static void test_step_graph__takes_as_many_steps_as_there_may_be(void **state) {
    (void)state;
    struct buffer steps;
    buffer_init(&steps, WORKFLOW_BYTES_MAX);
    for (int i = WORKFLOW_STEPS_MAX - 1; i >= 0; i--) {
        buffer_print(&steps, "  - { id: s%d, agent: x", i);
        if (i > 0) {
            buffer_print(&steps, ", needs: [s%d]", i - 1);
        }
        buffer_add_text(&steps, " }\n");
    }
    buffer_add_byte(&steps, 0);
    struct workflow *workflow = read_steps(steps.bytes);
    assert_int_equal(workflow->step_count, WORKFLOW_STEPS_MAX);
    assert_true(slice_is(workflow->steps[0].id, "s0"));
    assert_true(slice_is(workflow->steps[WORKFLOW_STEPS_MAX - 1].id, "s255"));
    workflow_release(workflow);
    buffer_done(&steps);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_graph__keeps_the_order_of_the_file_where_nothing_is_needed),
        cmocka_unit_test(test_step_graph__puts_what_is_needed_first),
        cmocka_unit_test(test_step_graph__puts_a_stand_in_before_who_needs_the_other),
        cmocka_unit_test(test_step_graph__lets_a_stand_in_need_what_went_before),
        cmocka_unit_test(test_step_graph__takes_as_many_steps_as_there_may_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "agents/agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_agent__requirements_are_the_guides_unless_the_manifest_says_better(void **state) {
    (void)state;
    struct agent_manifest manifest = {.model_bytes = 3 << 20, .needs_offline = true};
    struct agent_requirements needs;
    agent_requirements_of(&manifest, &needs);
    assert_true(needs.model_size_mb == 3.0);
    assert_true(needs.min_memory_mb == 6.0);
    assert_true(needs.recommended_memory_mb == 12.0);
    assert_true(needs.offline_capable);
    manifest.needs_memory_bytes = 32 << 20;
    agent_requirements_of(&manifest, &needs);
    assert_true(needs.min_memory_mb == 32.0);
    assert_true(needs.recommended_memory_mb == 32.0);
    manifest.memory_bytes = 64 << 20;
    agent_requirements_of(&manifest, &needs);
    assert_true(needs.recommended_memory_mb == 64.0);
}

static void test_agent__an_output_is_an_object(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 16);
    const struct agent_manifest manifest = {.name = SLICE("pick"), .outputs = {.open = true}};
    struct agent_call call = {.arena = &arena};
    assert_int_equal(agent_take_output(&manifest, &call, value_of_integer(7)), STATUS_INVALID);
    assert_string_equal(call.error.text, "the output of agent 'pick' is a number, not an object");
    struct value object;
    struct member *members = value_new_object(&arena, 1, &object);
    assert_non_null(members);
    members[0] = (struct member){.name = SLICE("n"), .value = value_of_integer(7)};
    assert_int_equal(agent_take_output(&manifest, &call, object), STATUS_OK);
    assert_int_equal(call.error.code, STATUS_OK);
    assert_true(value_equal(call.out, object));
    arena_done(&arena);
}

/* {"n":7,"state":8}, or what else the names say. */
static struct value pair(struct arena *arena, const char *first, const char *second) {
    struct value object;
    struct member *members = value_new_object(arena, 2, &object);
    assert_non_null(members);
    members[0] = (struct member){.name = slice_of(first), .value = value_of_integer(7)};
    members[1] = (struct member){.name = slice_of(second), .value = value_of_integer(8)};
    return object;
}

static void test_agent__the_state_of_a_keyed_call_is_a_field_that_goes_in_and_out(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 16);
    struct error err;
    struct value input;
    const struct agent_manifest manifest = {.name = SLICE("pick"), .outputs = {.open = true}};
    struct agent_call call = {.arena = &arena, .keyed = true, .with = pair(&arena, "n", "state")};
    assert_int_equal(agent_whole_input(&call, &input, &err), STATUS_OK);
    assert_true(value_equal(input, call.with)); /* nothing is remembered yet: the default stays */
    call.state = value_of_integer(9);
    assert_int_equal(agent_whole_input(&call, &input, &err), STATUS_OK);
    assert_int_equal(input.count, 2);
    assert_int_equal(value_get(input, SLICE("n"))->integer, 7);
    assert_int_equal(value_get(input, SLICE("state"))->integer, 9);
    assert_int_equal(agent_take_output(&manifest, &call, pair(&arena, "n", "state")), STATUS_OK);
    assert_int_equal(call.out.count, 1);
    assert_int_equal(value_get(call.out, SLICE("n"))->integer, 7);
    assert_int_equal(call.state_out.integer, 8);
    call = (struct agent_call){.arena = &arena, .keyed = true};
    assert_int_equal(agent_take_output(&manifest, &call, pair(&arena, "n", "m")), STATUS_OK);
    assert_int_equal(call.out.count, 2);
    assert_int_equal(call.state_out.kind, VALUE_NULL);
    arena_done(&arena);
}

static void test_agent__without_a_keyed_step_state_is_a_field_like_any_other(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 16);
    const struct agent_manifest manifest = {.name = SLICE("pick"), .outputs = {.open = true}};
    struct agent_call call = {.arena = &arena};
    assert_int_equal(agent_take_output(&manifest, &call, pair(&arena, "n", "state")), STATUS_OK);
    assert_int_equal(call.out.count, 2);
    assert_int_equal(call.state_out.kind, VALUE_NULL);
    arena_done(&arena);
}

static void test_agent__a_state_has_the_bound_of_its_field(void **state) {
    (void)state;
    struct field field = {.name = SLICE("state"), .type = FIELD_OBJECT, .count_max = 4096};
    struct agent_manifest manifest = {.outputs = {.fields = &field, .count = 1}};
    assert_int_equal(agent_state_bytes_max(&manifest), 4096);
    field.count_max = 1 << 20;
    assert_int_equal(agent_state_bytes_max(&manifest), AGENT_STATE_BYTES_MAX);
    field.count_max = 0;
    assert_int_equal(agent_state_bytes_max(&manifest), AGENT_STATE_BYTES_DEFAULT);
    manifest.carries = true;
    assert_int_equal(agent_state_bytes_max(&manifest), AGENT_STATE_BYTES_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agent__requirements_are_the_guides_unless_the_manifest_says_better),
        cmocka_unit_test(test_agent__an_output_is_an_object),
        cmocka_unit_test(test_agent__the_state_of_a_keyed_call_is_a_field_that_goes_in_and_out),
        cmocka_unit_test(test_agent__without_a_keyed_step_state_is_a_field_like_any_other),
        cmocka_unit_test(test_agent__a_state_has_the_bound_of_its_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

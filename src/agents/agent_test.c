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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agent__requirements_are_the_guides_unless_the_manifest_says_better),
        cmocka_unit_test(test_agent__an_output_is_an_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

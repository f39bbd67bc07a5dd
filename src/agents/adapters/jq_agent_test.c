// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/jq_agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/adapters/jq_child.h"
#include "base/buffer.h"
#include "platform/clock.h"
#include "platform/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fixture {
    struct arena arena;
    struct agent_manifest manifest;
    struct agent *agent;
    struct jq_child *jq;
    struct context context;
    struct agent_call call;
    char shown[1024];
};

static int find_program(void **state) {
    static char path[4096];
    const char *build = getenv("EBB_BUILD");
    (void)state;
    if (build != NULL) {
        (void)snprintf(path, sizeof(path), "%s/ebb-jq", build);
        return setenv("EBB_JQ", path, 1);
    }
    return getenv("EBB_JQ") != NULL ? 0 : -1;
}

static status ask_jq(void *owner, const struct expression *expression, struct slice input,
                     struct arena *arena, struct value *out_value, struct error *err) {
    struct fixture *fixture = owner;
    (void)expression;
    return jq_child_ask(fixture->jq, 0, input, clock_boot_ns() + INT64_C(20000000000), arena,
                        out_value, err);
}

static void open_agent(struct fixture *fixture, const char *filter) {
    struct error err = {0};
    struct place place = {.line = 1, .column = 1};
    *fixture = (struct fixture){0};
    arena_init(&fixture->arena, 1 << 20);
    assert_int_equal(expression_compile(&fixture->arena, slice_of(filter), place,
                                        &fixture->manifest.filter, &place, &err),
                     STATUS_OK);
    fixture->manifest.name = SLICE("pick");
    fixture->manifest.outputs.open = true;
    if (!expression_is_native(fixture->manifest.filter)) {
        const struct slice program = expression_program(fixture->manifest.filter);
        assert_int_equal(jq_child_create(&program, 1, &fixture->jq, &err), STATUS_OK);
    }
    assert_int_equal(JQ_AGENT.open(NULL, &fixture->manifest, &fixture->agent, &err), STATUS_OK);
    fixture->context.query = ask_jq;
    fixture->context.query_owner = fixture;
}

static const char *run_agent(struct fixture *fixture, const char *with) {
    struct error err = {0};
    fixture->call = (struct agent_call){
        .context = &fixture->context,
        .arena = &fixture->arena,
        .deadline_ns = clock_boot_ns() + INT64_C(20000000000),
    };
    assert_int_equal(json_read(&fixture->arena, slice_of(with), &fixture->call.with, &err),
                     STATUS_OK);
    JQ_AGENT.run(fixture->agent, &fixture->call);
    if (fixture->call.error.code != STATUS_OK) {
        return fixture->call.error.text;
    }
    struct buffer out;
    buffer_init(&out, sizeof(fixture->shown) - 1);
    json_write(&out, fixture->call.out);
    (void)snprintf(fixture->shown, sizeof(fixture->shown), "%.*s", SLICE_ARGS(buffer_slice(&out)));
    buffer_done(&out);
    return fixture->shown;
}

static void close_agent(struct fixture *fixture) {
    JQ_AGENT.close(fixture->agent);
    jq_child_destroy(fixture->jq);
    arena_done(&fixture->arena);
}

static void test_jq_agent__a_native_filter_needs_no_child(void **state) {
    struct fixture fixture;
    (void)state;
    open_agent(&fixture, "{t: .reading.t, warm: (.reading.t > .limit)}");
    assert_string_equal(run_agent(&fixture, "{\"reading\":{\"t\":5},\"limit\":3}"),
                        "{\"t\":5,\"warm\":true}");
    assert_null(fixture.jq);
    assert_string_equal(run_agent(&fixture, "{}"), "{\"t\":null,\"warm\":false}");
    close_agent(&fixture);
}

static void test_jq_agent__any_other_filter_is_asked_of_jq(void **state) {
    struct fixture fixture;
    (void)state;
    open_agent(&fixture, "{sum: (.list | add), keys: keys}");
    assert_string_equal(run_agent(&fixture, "{\"list\":[1,2,3]}"),
                        "{\"sum\":6,\"keys\":[\"list\"]}");
    close_agent(&fixture);
}

static void test_jq_agent__a_failing_filter_fails_the_call(void **state) {
    struct fixture fixture;
    (void)state;
    open_agent(&fixture, ".a | error(\"no\")");
    assert_string_equal(run_agent(&fixture, "{}"), "1:1: jq: no");
    assert_int_equal(fixture.call.error.code, STATUS_INVALID);
    close_agent(&fixture);
    open_agent(&fixture, ".a.b");
    assert_string_equal(run_agent(&fixture, "{\"a\":1}"),
                        "1:1: `.a.b`: cannot index number with \"b\"");
    close_agent(&fixture);
}

static void test_jq_agent__what_is_late_does_not_begin(void **state) {
    struct fixture fixture;
    (void)state;
    open_agent(&fixture, ".");
    (void)run_agent(&fixture, "{}");
    fixture.call = (struct agent_call){.context = &fixture.context, .arena = &fixture.arena};
    fixture.call.deadline_ns = clock_boot_ns();
    JQ_AGENT.run(fixture.agent, &fixture.call);
    assert_int_equal(fixture.call.error.code, STATUS_TIMEOUT);
    close_agent(&fixture);
}

static void test_jq_agent__it_needs_a_filter(void **state) {
    const struct agent_manifest manifest = {.name = SLICE("pick")};
    struct agent *agent = NULL;
    struct error err = {0};
    (void)state;
    assert_int_equal(JQ_AGENT.open(NULL, &manifest, &agent, &err), STATUS_INVALID);
}

static void test_jq_agent__an_output_that_was_not_promised_fails_the_call(void **state) {
    static const struct field PROMISED[] = {{.name = {"t", 1}, .type = FIELD_NUMBER}};
    struct fixture fixture;
    (void)state;
    open_agent(&fixture, "{t: .name}");
    fixture.manifest.outputs = (struct field_set){.fields = PROMISED, .count = 1};
    assert_string_equal(run_agent(&fixture, "{\"name\":4}"), "{\"t\":4}");
    assert_non_null(strstr(run_agent(&fixture, "{\"name\":\"a1\"}"), "'t'"));
    assert_int_equal(fixture.call.error.code, STATUS_INVALID);
    close_agent(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jq_agent__a_native_filter_needs_no_child),
        cmocka_unit_test(test_jq_agent__any_other_filter_is_asked_of_jq),
        cmocka_unit_test(test_jq_agent__a_failing_filter_fails_the_call),
        cmocka_unit_test(test_jq_agent__an_output_that_was_not_promised_fails_the_call),
        cmocka_unit_test(test_jq_agent__what_is_late_does_not_begin),
        cmocka_unit_test(test_jq_agent__it_needs_a_filter),
    };
    return cmocka_run_group_tests(tests, find_program, NULL);
}

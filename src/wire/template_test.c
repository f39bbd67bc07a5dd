// SPDX-License-Identifier: Apache-2.0
#include "wire/test_context.h"

/* Renders what stands behind `v:` in a YAML text. */
static const char *rendered(struct test_context *test, const char *yaml) {
    const struct yaml_document *documents = NULL;
    const struct template *template = NULL;
    struct value value = {0};
    uint32_t count = 0;
    if (yaml_read(&test->arena, slice_of(yaml), &documents, &count, &test->place, &test->err) !=
        STATUS_OK) {
        fail_msg("%s: %s", yaml, test->err.text);
    }
    const struct yaml *node = yaml_get(&documents[0].root, "v");
    assert_non_null(node);
    if (template_compile(&test->arena, node, &template, &test->place, &test->err) != STATUS_OK) {
        return test->err.text;
    }
    const status code = template_render(template, &test->context, &value, &test->err);
    return test_shown(test, code, value);
}

static void check(const char *yaml, const char *wanted) {
    struct test_context test;
    test_context_init(&test);
    const char *got = rendered(&test, yaml);
    if (strcmp(got, wanted) != 0) {
        fail_msg("%s: %s, wanted %s", yaml, got, wanted);
    }
    test_context_done(&test);
}

static void test_template__a_scalar_that_is_one_mark_keeps_its_type(void **state) {
    (void)state;
    check("v: ${ .event.data.n }", "48211");
    check("v: ${.event.data.n}", "48211");
    check("v: \"${ .event.data.list }\"", "[1,\"two\",{\"x\":3}]");
    check("v: ${ .event.data.big }", "9007199254740993");
    check("v: ${ .event.data.none }", "null");
    check("v: |-\n  ${ .event.data.t }", "-18.4");
    check("v: |\n  ${ .event.data.t }\n", "-18.4");
}

static void test_template__anything_else_is_text(void **state) {
    (void)state;
    check("v: room ${ .event.data.room } is at ${ .event.data.t }", "\"room a b is at -18.4\"");
    check("v: \"${ .event.data.n } \"", "\"48211 \"");
    check("v: ${ .event.data.n }${ .event.data.off }", "\"48211false\"");
    check("v: n ${ .event.data.none }", "\"n null\"");
    check("v: ${ .event.data.list } x", "\"[1,\\\"two\\\",{\\\"x\\\":3}] x\"");
    check("v: |\n  a\n  ${ .event.data.n }\n", "\"a\\n48211\\n\"");
}

static void test_template__literals_stay(void **state) {
    (void)state;
    check("v: 12", "12");
    check("v: \"12\"", "\"12\"");
    check("v: 1.50", "1.5");
    check("v: null", "null");
    check("v: text", "\"text\"");
    check("v: {a: [1, true], b: no}", "{\"a\":[1,true],\"b\":\"no\"}");
    check("v: costs $5 {a} $", "\"costs $5 {a} $\"");
    check("v: []", "[]");
}

static void test_template__two_dollars_are_a_literal_one(void **state) {
    (void)state;
    check("v: $${ .event }", "\"${ .event }\"");
    check("v: a $${x} ${ .event.data.n }", "\"a ${x} 48211\"");
    check("v: $$${ .event.data.n }", "\"$${ .event.data.n }\"");
    check("v: $${", "\"${\"");
}

static void test_template__lists_and_objects_hold_marks(void **state) {
    (void)state;
    check("v:\n  a: ${ .event.data.n }\n  b: [1, \"${ .event.data.t }\", x]\n  c: {d: 5}\n",
          "{\"a\":48211,\"b\":[1,-18.4,\"x\"],\"c\":{\"d\":5}}");
}

static void test_template__the_lexer_finds_the_closing_brace(void **state) {
    (void)state;
    check("v: '${ {\"a\": \"}\"} }'", "{\"a\":\"}\"}");
    check("v: '${ {a: {b: 1}}.a.b } and ${ \"}{\" }'", "\"1 and }{\"");
    check("v: '${ \"x\\(\"}\")\" }'", "\"x}\"");
    check("v: |-\n  ${ 1 # not here }\n  }", "1");
}

static void check_fault(const char *yaml, int line, int column, const char *wanted) {
    struct test_context test;
    test_context_init(&test);
    const char *got = rendered(&test, yaml);
    if (strcmp(got, wanted) != 0 || test.place.line != line || test.place.column != column) {
        fail_msg("%s: %d:%d: %s, wanted %d:%d: %s", yaml, test.place.line, test.place.column, got,
                 line, column, wanted);
    }
    test_context_done(&test);
}

static void test_template__faults_have_their_place(void **state) {
    (void)state;
    check_fault("v: a ${ .x", 1, 6, "'${' is not closed: '}' is missing");
    check_fault("v: a ${ .x == }", 1, 14, "a value is missing at the end");
    check_fault("v: \"a ${ env }\"", 1, 10,
                "`env` is not for expressions: expressions see no environment; `$params` and "
                "`$device` are what the device says");
    check_fault("v: |-\n    one\n    ${ 1 < 2 < 3 }", 3, 14,
                "comparisons do not chain: write `a < b and b < c`");
    check_fault("v: |-\n    one ${ 1 ==\n      ) }", 3, 7, "')' closes nothing");
    check_fault("v:\n  a:\n    - ${ }", 3, 9, "an expression is missing");
    check_fault("v: { \"${ .a }\": 1 }", 1, 7,
                "a key is literal; an object with a key that is not is one expression: "
                "${ {(.a): .b} }");
}

/* Places are counted from mark to mark: over lines, indents and letters of several bytes. */
static void test_template__the_place_of_a_late_mark_is_counted_from_the_one_before(void **state) {
    (void)state;
    check_fault("v: |-\n    ä ${ .a } ö $${x} ${ .b }\n    ${ .c }\n\n    ü ${.d} ${ 1 < 2 < 3 }",
                5, 22, "comparisons do not chain: write `a < b and b < c`");
    check_fault("v: ä ${ .a } ${\"ö\"} ${ .x", 1, 21, "'${' is not closed: '}' is missing");
    check("v: |-\n  ${ 1 } ä ${ 2 }\n  é ${ .event.data.n.x }",
          "3:8: `.event.data.n.x`: cannot index number with \"x\"");
}

static void test_template__an_error_of_the_run_has_its_place(void **state) {
    (void)state;
    check("v: |-\n  one\n  two ${ .event.data.n.x }",
          "3:10: `.event.data.n.x`: cannot index number with \"x\"");
    check("v: n ${ .event.data.n.x }", "1:9: `.event.data.n.x`: cannot index number with \"x\"");
}

static const struct template *compiled(struct test_context *test, const char *yaml) {
    const struct yaml_document *documents = NULL;
    const struct template *template = NULL;
    uint32_t count = 0;
    assert_int_equal(
        yaml_read(&test->arena, slice_of(yaml), &documents, &count, &test->place, &test->err),
        STATUS_OK);
    assert_int_equal(
        template_compile(&test->arena, &documents[0].root, &template, &test->place, &test->err),
        STATUS_OK);
    return template;
}

static void count_expression(void *owner, const struct expression *expression) {
    (void)expression;
    (*(int *)owner)++;
}

static void test_template__the_checker_sees_its_shape_and_expressions(void **state) {
    struct test_context test;
    struct value shape = {0};
    int count = 0;
    (void)state;
    test_context_init(&test);
    const struct template *template =
        compiled(&test, "a: 1\nb: ${ .event }\nc: x ${ .event }\nd: [1, \"${ .x }\"]\ne: [1]\n");
    assert_true(template_shape(template, &test.arena, &shape));
    assert_string_equal(test_shown(&test, STATUS_OK, shape),
                        "{\"a\":1,\"b\":null,\"c\":null,\"d\":[1,null],\"e\":[1]}");
    assert_false(template_member_is_marked(template, SLICE("a")));
    assert_true(template_member_is_marked(template, SLICE("b")));
    assert_true(template_member_is_marked(template, SLICE("c")));
    assert_true(template_member_is_marked(template, SLICE("d")));
    assert_false(template_member_is_marked(template, SLICE("e")));
    assert_false(template_member_is_marked(template, SLICE("nobody")));
    assert_false(template_is_literal(template));
    template_visit(template, count_expression, &count);
    assert_int_equal(count, 3);
    assert_true(template_is_literal(compiled(&test, "a: {b: [1, \"$${x}\"]}")));
    test_context_done(&test);
}

/* A value that grows by a let at a time stays readable JSON. */
static void test_template__depth_is_bounded(void **state) {
    static char deep[2 * VALUE_DEPTH_MAX + 2];
    struct test_context test;
    (void)state;
    test_context_init(&test);
    for (int i = 0; i < VALUE_DEPTH_MAX; i++) {
        deep[i] = '[';
        deep[VALUE_DEPTH_MAX + i] = ']';
    }
    test.context.event = test_json(&test, deep);
    assert_string_equal(rendered(&test, "v: ${ .event }"), deep);
    assert_string_equal(rendered(&test, "v: \"${ [.event] }\""),
                        "the value is nested more than 64 deep");
    test_context_done(&test);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_template__a_scalar_that_is_one_mark_keeps_its_type),
        cmocka_unit_test(test_template__anything_else_is_text),
        cmocka_unit_test(test_template__literals_stay),
        cmocka_unit_test(test_template__two_dollars_are_a_literal_one),
        cmocka_unit_test(test_template__lists_and_objects_hold_marks),
        cmocka_unit_test(test_template__the_lexer_finds_the_closing_brace),
        cmocka_unit_test(test_template__faults_have_their_place),
        cmocka_unit_test(test_template__the_place_of_a_late_mark_is_counted_from_the_one_before),
        cmocka_unit_test(test_template__an_error_of_the_run_has_its_place),
        cmocka_unit_test(test_template__the_checker_sees_its_shape_and_expressions),
        cmocka_unit_test(test_template__depth_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

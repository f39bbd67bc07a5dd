// SPDX-License-Identifier: Apache-2.0
#include "hub/labels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "platform/json.h"

static struct arena arena;

static struct value read(const char *json) {
    struct value value;
    struct error err = {0};
    assert_int_equal(json_read(&arena, slice_of(json), &value, &err), STATUS_OK);
    return value;
}

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 1 << 20);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

static void test_labels__are_names_with_texts(void **state) {
    (void)state;
    static const char *const GOOD[] = {"null", "{}", "{\"line\":\"3\"}", "{\"line\":null}"};
    static const char *const WRONG[] = {"[]",           "\"a\"",        "{\"line\":3}",
                                        "{\"L\":\"\"}", "{\"\":\"x\"}", "{\"a\":{}}"};
    struct error err = {0};
    for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
        assert_int_equal(labels_check(read(GOOD[i]), &err), STATUS_OK);
    }
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        assert_int_equal(labels_check(read(WRONG[i]), &err), STATUS_INVALID);
    }
}

static void test_labels__are_bounded(void **state) {
    (void)state;
    CLEANUP(buffer_done) struct buffer many = {0};
    struct error err = {0};
    struct slice json;
    buffer_init(&many, 1 << 16);
    buffer_add_text(&many, "{");
    for (int i = 0; i < LABELS_MAX; i++) {
        buffer_print(&many, "%s\"a%d\":\"\"", i > 0 ? "," : "", i);
    }
    buffer_add_text(&many, "}");
    buffer_add_byte(&many, '\0');
    const struct value full = read(many.bytes);
    assert_int_equal(labels_check(full, &err), STATUS_OK);
    assert_int_equal(labels_merge(&arena, full, read("{\"a0\":\"x\"}"), &json, &err), STATUS_OK);
    assert_int_equal(labels_merge(&arena, full, read("{\"b\":\"x\"}"), &json, &err), STATUS_FULL);
}

static void expect_merged(const char *base, const char *over, const char *merged) {
    struct slice json;
    struct error err = {0};
    assert_int_equal(labels_merge(&arena, read(base), read(over), &json, &err), STATUS_OK);
    assert_true(slice_is(json, merged));
}

static void test_labels__over_others_take_their_place(void **state) {
    (void)state;
    expect_merged("null", "null", "{}");
    expect_merged("{\"a\":\"1\",\"b\":\"2\"}", "{\"b\":\"3\",\"c\":\"4\"}",
                  "{\"a\":\"1\",\"b\":\"3\",\"c\":\"4\"}");
    expect_merged("{\"a\":\"1\",\"b\":\"2\"}", "{\"a\":null}", "{\"b\":\"2\"}");
    expect_merged("{\"a\":null}", "null", "{}"); /* a device cannot bring what is none */
}

static void test_labels__are_met_by_name_and_value(void **state) {
    (void)state;
    const struct value labels = read("{\"line\":\"3\",\"room\":\"b=c\"}");
    assert_true(labels_meet(labels, SLICE("")));
    assert_true(labels_meet(labels, SLICE("line")));
    assert_true(labels_meet(labels, SLICE("line=3")));
    assert_true(labels_meet(labels, SLICE("room=b=c")));
    assert_false(labels_meet(labels, SLICE("line=")));
    assert_false(labels_meet(labels, SLICE("hall")));
    assert_false(labels_meet(labels, SLICE("line=33")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_labels__are_names_with_texts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_labels__are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_labels__over_others_take_their_place, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_labels__are_met_by_name_and_value, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

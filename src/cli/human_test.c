// SPDX-License-Identifier: Apache-2.0
#include "cli/human.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/json.h"

#include <cmocka.h>

static int set_up(void **state) {
    static struct arena arena;
    arena_init(&arena, 1 << 20);
    *state = &arena;
    return 0;
}

static int tear_down(void **state) {
    arena_done(*state);
    return 0;
}

/* The slices here are ended by a zero, since they come from arena_print or a literal. */
static void test_human__spans_have_the_two_units_that_matter(void **state) {
    static const struct {
        int64_t ms;
        const char *text;
    } CASES[] = {{0, "0 ms"},
                 {999, "999 ms"},
                 {1000, "1 s"},
                 {59999, "59 s"},
                 {60000, "1 min 0 s"},
                 {3599999, "59 min 59 s"},
                 {3600000, "1 h 0 min"},
                 {86399999, "23 h 59 min"},
                 {86400000, "1 d 0 h"},
                 {900000000000, "10416 d 16 h"}};
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        assert_string_equal(human_span(*state, CASES[i].ms).bytes, CASES[i].text);
    }
}

static void test_human__moments_lose_fraction_and_zone(void **state) {
    assert_string_equal(human_moment(*state, SLICE("2026-11-23T10:00:00.120")).bytes,
                        "2026-11-23 10:00:00");
    assert_string_equal(human_moment(*state, SLICE("2026-11-23T10:00:00Z")).bytes,
                        "2026-11-23 10:00:00");
    assert_string_equal(human_moment(*state, SLICE("")).bytes, "-");
    assert_string_equal(human_moment(*state, SLICE("yesterday")).bytes, "yesterday");
}

static struct value parse(struct arena *arena, const char *text) {
    struct value value;
    struct error err;
    assert_int_equal(json_read(arena, slice_of(text), &value, &err), STATUS_OK);
    return value;
}

static void test_human__a_member_is_a_cell_whatever_it_is(void **state) {
    const struct value object =
        parse(*state, "{\"text\":\"abc\",\"none\":null,\"number\":1.5,\"list\":[1,{\"a\":true}],"
                      "\"empty\":\"\"}");
    assert_true(slice_is(human_member(*state, object, "text"), "abc"));
    assert_true(slice_is(human_member(*state, object, "none"), "-"));
    assert_true(slice_is(human_member(*state, object, "missing"), "-"));
    assert_true(slice_is(human_member(*state, object, "empty"), "-"));
    assert_true(slice_is(human_member(*state, object, "number"), "1.5"));
    assert_true(slice_is(human_member(*state, object, "list"), "[1,{\"a\":true}]"));
}

static void test_human__a_state_says_that_a_newer_file_has_faults(void **state) {
    static const char *const CASES[][2] = {
        {"{\"state\":\"running\"}", "running"},
        {"{\"state\":\"running\",\"fault\":\"x\"}", "running, newer file has faults"},
        {"{\"state\":\"stopped\",\"fault\":\"x\"}", "stopped, newer file has faults"},
        {"{\"state\":\"faulty\",\"fault\":\"x\"}", "faulty"},
        {"{}", "-"},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        const struct slice told = human_state(*state, parse(*state, CASES[i][0]));
        assert_true(slice_is(told, CASES[i][1]));
    }
}

static void test_human__what_is_no_number_counts_as_none(void **state) {
    const struct value object = parse(*state, "{\"a\":12,\"b\":3.9,\"c\":\"4\"}");
    assert_int_equal(human_number(object, "a"), 12);
    assert_int_equal(human_number(object, "b"), 3);
    assert_int_equal(human_number(object, "c"), 0);
    assert_int_equal(human_number(object, "d"), 0);
    uint32_t count = 7;
    assert_null(human_items(object, "a", &count));
    assert_int_equal(count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_human__spans_have_the_two_units_that_matter, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_human__moments_lose_fraction_and_zone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_human__a_member_is_a_cell_whatever_it_is, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_human__a_state_says_that_a_newer_file_has_faults,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_human__what_is_no_number_counts_as_none, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests_name("human", tests, NULL, NULL);
}

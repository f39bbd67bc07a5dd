// SPDX-License-Identifier: Apache-2.0
#include "base/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static struct value number_text(const char *digits) {
    const struct slice text = slice_of(digits);
    return (struct value){.kind = VALUE_RAW, .count = (uint32_t)text.count, .text = text.bytes};
}

static struct value text_of(const char *text) {
    return value_of_text(slice_of(text));
}

static struct value list_of(struct arena *arena, size_t count, const struct value *items) {
    struct value list;
    struct value *room = value_new_list(arena, (uint32_t)count, &list);
    assert_non_null(room);
    for (size_t i = 0; i < count; i++) {
        room[i] = items[i];
    }
    return list;
}

static struct value object_of(struct arena *arena, size_t count, const struct member *members) {
    struct value object;
    struct member *room = value_new_object(arena, (uint32_t)count, &object);
    assert_non_null(room);
    for (size_t i = 0; i < count; i++) {
        room[i] = members[i];
    }
    return object;
}

static int open_arena(void **state) {
    static struct arena arena;
    arena_init(&arena, 64 << 20);
    *state = &arena;
    return 0;
}

static int close_arena(void **state) {
    arena_done(*state);
    return 0;
}

static void test_value_compare__follows_jqs_order(void **state) {
    struct arena *arena = *state;
    const struct value one = value_of_integer(1);
    const struct value two = value_of_integer(2);
    const struct member a1[] = {{SLICE("a"), one}};
    const struct member a2[] = {{SLICE("a"), two}};
    const struct member b1[] = {{SLICE("b"), one}};
    const struct member ab[] = {{SLICE("b"), one}, {SLICE("a"), one}};
    const struct value pair[] = {one, two};
    const struct value ordered[] = {
        (struct value){0},
        value_of_boolean(false),
        value_of_boolean(true),
        number_text("-1e400"),
        value_of_integer(INT64_MIN),
        value_of_real(-1.5),
        value_of_integer(-1),
        value_of_real(0),
        value_of_real(0.5),
        one,
        two,
        value_of_integer(9007199254740992),
        value_of_integer(9007199254740993),
        value_of_integer(INT64_MAX),
        number_text("9223372036854775808"),
        number_text("18446744073709551615"),
        number_text("18446744073709551616"),
        value_of_real(1e300),
        text_of(""),
        text_of("A"),
        text_of("a"),
        text_of("aa"),
        text_of("\xC3\xBC"),
        list_of(arena, 0, NULL),
        list_of(arena, 1, pair),
        list_of(arena, 2, pair),
        list_of(arena, 1, pair + 1),
        object_of(arena, 0, NULL),
        object_of(arena, 1, a1),
        object_of(arena, 1, a2),
        object_of(arena, 2, ab),
        object_of(arena, 1, b1),
    };
    const size_t count = sizeof(ordered) / sizeof(ordered[0]);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < count; k++) {
            const int order = value_compare(ordered[i], ordered[k]);
            assert_int_equal(order < 0 ? -1 : order > 0, i < k ? -1 : i > k);
            assert_int_equal(value_equal(ordered[i], ordered[k]), i == k);
        }
    }
}

static void test_value_equal__holds_for_numbers_of_any_kind(void **state) {
    (void)state;
    assert_true(value_equal(value_of_integer(1), value_of_real(1.0)));
    assert_true(value_equal(value_of_integer(0), value_of_real(-0.0)));
    assert_true(value_equal(number_text("1.50"), value_of_real(1.5)));
    assert_true(value_equal(number_text("18446744073709551616"), value_of_real(0x1p64)));
    assert_false(value_equal(value_of_integer(INT64_MAX), value_of_real(0x1p63)));
    assert_false(value_equal(value_of_integer(9007199254740993), value_of_real(0x1p53)));
    assert_true(value_equal(value_of_integer(INT64_MIN), value_of_real(-0x1p63)));
    assert_false(value_equal(value_of_integer(1), text_of("1")));
    assert_false(value_equal((struct value){0}, value_of_boolean(false)));
}

static void test_value_equal__looks_at_members_in_any_order_and_the_last_of_a_name(void **state) {
    struct arena *arena = *state;
    const struct member ab[] = {{SLICE("a"), value_of_integer(1)}, {SLICE("b"), text_of("x")}};
    const struct member ba[] = {{SLICE("b"), text_of("x")}, {SLICE("a"), value_of_real(1)}};
    const struct member aab[] = {{SLICE("a"), value_of_integer(7)},
                                 {SLICE("b"), text_of("x")},
                                 {SLICE("a"), value_of_integer(1)}};
    const struct member ac[] = {{SLICE("a"), value_of_integer(1)}, {SLICE("c"), text_of("x")}};
    const struct value first = object_of(arena, 2, ab);
    assert_true(value_equal(first, object_of(arena, 2, ba)));
    assert_true(value_equal(first, object_of(arena, 3, aab)));
    assert_true(value_equal(object_of(arena, 3, aab), object_of(arena, 3, aab)));
    assert_false(value_equal(first, object_of(arena, 2, ac)));
    assert_false(value_equal(first, object_of(arena, 1, ab)));
}

/* Objects of many members are sorted, unless the heap is used up: the answer is the same. */
static void test_value_compare__sorts_large_objects_with_and_without_memory(void **state) {
    struct arena *arena = *state;
    enum { MANY = 300 };
    struct value left;
    struct value right;
    struct member *forward = value_new_object(arena, MANY, &left);
    struct member *backward = value_new_object(arena, MANY, &right);
    assert_non_null(forward);
    assert_non_null(backward);
    for (int i = 0; i < MANY; i++) {
        const struct slice name = arena_print(arena, "name-%d", i % (MANY - 10));
        forward[i] = (struct member){name, value_of_integer(i % (MANY - 10))};
        backward[MANY - 1 - i] = forward[i];
    }
    assert_int_equal(value_compare(left, right), 0);
    (void)memory_fail_at(0, 1);
    assert_int_equal(value_compare(left, right), 0);
    (void)memory_fail_at(-1, 0);
    backward[40].value = value_of_integer(100000);
    for (long k = -1; k < 2; k++) {
        (void)memory_fail_at(k, 1);
        assert_int_equal(value_compare(left, right), -1);
        assert_int_equal(value_compare(right, left), 1);
    }
    (void)memory_fail_at(-1, 0);
}

static void test_value_truth__is_jqs(void **state) {
    struct arena *arena = *state;
    assert_false(value_truth((struct value){0}));
    assert_false(value_truth(value_of_boolean(false)));
    assert_true(value_truth(value_of_boolean(true)));
    assert_true(value_truth(value_of_integer(0)));
    assert_true(value_truth(text_of("")));
    assert_true(value_truth(list_of(arena, 0, NULL)));
}

static void test_value_number__rounds_raw_digits_of_any_length(void **state) {
    (void)state;
    assert_true(value_number(number_text("18446744073709551616")) == 0x1p64);
    assert_true(value_number(number_text("1e400")) == DBL_MAX);
    assert_true(value_number(number_text("-1e400")) == -DBL_MAX);
    assert_true(value_number(number_text("-0.25")) == -0.25);
    assert_true(value_number(text_of("12")) == 0);
    char *longer = calloc(1, 5000);
    assert_non_null(longer);
    /* 1.000...0 with 2,000 noughts, then an exponent */
    (void)memset(longer, '0', 2002);
    longer[0] = '1';
    longer[1] = '.';
    (void)strcpy(longer + 2002, "e3");
    assert_true(value_number(number_text(longer)) == 1000.0);
    /* 0.000...01 with 2,000 noughts, lifted by its exponent */
    (void)memset(longer, '0', 2003);
    longer[1] = '.';
    (void)strcpy(longer + 2002, "1e2001");
    assert_true(value_number(number_text(longer)) == 1.0);
    /* 1,200 digits, brought down again */
    (void)memset(longer, '1', 1200);
    (void)strcpy(longer + 1200, "e-1199");
    assert_true(fabs(value_number(number_text(longer)) - 10.0 / 9) < 1e-14);
    longer[0] = '-';
    assert_true(value_number(number_text(longer)) < 0);
    (void)strcpy(longer + 1200, "e99999999999999999999999");
    assert_true(value_number(number_text(longer)) == -DBL_MAX);
    free(longer);
}

static void test_value_get__finds_the_last_of_a_name(void **state) {
    struct arena *arena = *state;
    const struct member members[] = {{SLICE("a"), value_of_integer(1)},
                                     {SLICE("a"), value_of_integer(2)},
                                     {SLICE(""), value_of_integer(3)}};
    const struct value object = object_of(arena, 3, members);
    assert_int_equal(value_get(object, SLICE("a"))->integer, 2);
    assert_int_equal(value_get(object, (struct slice){0})->integer, 3);
    assert_null(value_get(object, SLICE("b")));
    assert_null(value_get(text_of("a"), SLICE("a")));
}

static void test_value_of_real__has_no_infinity(void **state) {
    (void)state;
    assert_int_equal(value_of_real((double)INFINITY).kind, VALUE_NULL);
    assert_int_equal(value_of_real((double)NAN).kind, VALUE_NULL);
    assert_int_equal(value_of_real(DBL_MAX).kind, VALUE_REAL);
}

static void test_value_depth__counts_lists_and_objects(void **state) {
    struct arena *arena = *state;
    assert_int_equal(value_depth(text_of("x")), 0);
    struct value value = list_of(arena, 0, NULL);
    assert_int_equal(value_depth(value), 1);
    for (uint32_t i = 2; i < 10; i++) {
        const struct member members[] = {{SLICE("x"), value_of_integer(1)}, {SLICE("y"), value}};
        value = i % 2 == 0 ? list_of(arena, 1, &value) : object_of(arena, 2, members);
        assert_int_equal(value_depth(value), i);
    }
}

static void test_value_copy__shares_nothing_and_says_when_there_is_no_room(void **state) {
    struct arena *arena = *state;
    char words[] = "words";
    const struct value inner[] = {text_of(words), value_of_real(0.5), number_text("1e999")};
    const struct member members[] = {{slice_of(words), list_of(arena, 3, inner)},
                                     {SLICE("n"), value_of_integer(1)}};
    const struct value value = object_of(arena, 2, members);
    struct arena other;
    bool copied = false;
    for (size_t most = 0; !copied; most += 16) {
        struct value copy;
        arena_init(&other, most);
        copied = value_copy(&other, value, &copy);
        if (copied) {
            assert_true(value_equal(value, copy));
            words[0] = 'W';
            assert_true(slice_is(copy.members[0].name, "words"));
            assert_true(slice_is(value_text(copy.members[0].value.items[0]), "words"));
        }
        arena_done(&other);
        assert_true(most < 100000);
    }
}

static void test_value_kind_name__says_what_users_read(void **state) {
    struct arena *arena = *state;
    assert_string_equal(value_kind_name(VALUE_NULL), "null");
    assert_string_equal(value_kind_name(VALUE_BOOLEAN), "boolean");
    assert_string_equal(value_kind_name(VALUE_INTEGER), "number");
    assert_string_equal(value_kind_name(VALUE_REAL), "number");
    assert_string_equal(value_kind_name(VALUE_RAW), "number");
    assert_string_equal(value_kind_name(VALUE_TEXT), "string");
    assert_string_equal(value_kind_name(list_of(arena, 0, NULL).kind), "list");
    assert_string_equal(value_kind_name(object_of(arena, 0, NULL).kind), "object");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_value_compare__follows_jqs_order, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(test_value_equal__holds_for_numbers_of_any_kind, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(
            test_value_equal__looks_at_members_in_any_order_and_the_last_of_a_name, open_arena,
            close_arena),
        cmocka_unit_test_setup_teardown(
            test_value_compare__sorts_large_objects_with_and_without_memory, open_arena,
            close_arena),
        cmocka_unit_test_setup_teardown(test_value_truth__is_jqs, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(test_value_number__rounds_raw_digits_of_any_length,
                                        open_arena, close_arena),
        cmocka_unit_test_setup_teardown(test_value_get__finds_the_last_of_a_name, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(test_value_of_real__has_no_infinity, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(test_value_depth__counts_lists_and_objects, open_arena,
                                        close_arena),
        cmocka_unit_test_setup_teardown(
            test_value_copy__shares_nothing_and_says_when_there_is_no_room, open_arena,
            close_arena),
        cmocka_unit_test_setup_teardown(test_value_kind_name__says_what_users_read, open_arena,
                                        close_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

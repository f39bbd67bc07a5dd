// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <string.h>

static void test_memory_new__gives_zeroes_also_for_nothing(void **state) {
    (void)state;
    unsigned char *bytes = memory_new(100, 3);
    assert_non_null(bytes);
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(bytes[i], 0);
    }
    memory_free(bytes);
    void *nothing = memory_new(0, 8);
    assert_non_null(nothing);
    memory_free(nothing);
    memory_free(NULL);
}

static void test_memory_new__refuses_a_product_that_overflows(void **state) {
    (void)state;
    volatile size_t many = SIZE_MAX / 2;
    assert_null(memory_new(many, 4));
}

static void test_memory_resize__keeps_what_was_there(void **state) {
    (void)state;
    char *bytes = memory_resize(NULL, 8);
    assert_non_null(bytes);
    (void)memcpy(bytes, "1234567", 8);
    bytes = memory_resize(bytes, 10000);
    assert_non_null(bytes);
    assert_string_equal(bytes, "1234567");
    char *least = memory_resize(bytes, 0);
    assert_non_null(least);
    memory_free(least);
}

static void test_memory_fail_at__fails_one_or_all_after_it(void **state) {
    (void)state;
    for (int forever = 0; forever <= 1; forever++) {
        (void)memory_fail_at(1, forever);
        void *first = memory_new(1, 1);
        void *second = memory_new(1, 1);
        void *third = memory_resize(NULL, 1);
        assert_int_equal(memory_fail_at(-1, 0), 3);
        assert_non_null(first);
        assert_null(second);
        assert_true((third == NULL) == (forever == 1));
        memory_free(first);
        memory_free(third);
    }
}

static void test_memory_fail_at__counts_without_failing(void **state) {
    (void)state;
    (void)memory_fail_at(LONG_MAX, 0);
    for (int i = 0; i < 5; i++) {
        void *block = memory_new(1, 1);
        assert_non_null(block);
        memory_free(block);
    }
    assert_int_equal(memory_fail_at(-1, 0), 5);
    assert_int_equal(memory_fail_at(-1, 0), 0);
}

static void test_memory_resize__leaves_the_block_when_it_fails(void **state) {
    (void)state;
    char *bytes = memory_new(4, 1);
    assert_non_null(bytes);
    bytes[0] = 'x';
    (void)memory_fail_at(0, 1);
    assert_null(memory_resize(bytes, 1 << 20));
    (void)memory_fail_at(-1, 0);
    assert_int_equal(bytes[0], 'x');
    memory_free(bytes);
}

static void test_memory_give_back__leaves_what_is_in_use(void **state) {
    (void)state;
    enum { COUNT = 512, BYTES = 4096 };
    char *blocks[COUNT];
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = memory_new(BYTES, 1);
        assert_non_null(blocks[i]);
        (void)memset(blocks[i], i & 0x7f, BYTES);
    }
    for (int i = 0; i < COUNT; i++) {
        if (i % 16 != 0) {
            memory_free(blocks[i]);
        }
    }
    memory_give_back();
    for (int i = 0; i < COUNT; i += 16) {
        assert_int_equal(blocks[i][0], i & 0x7f);
        assert_int_equal(blocks[i][BYTES - 1], i & 0x7f);
        memory_free(blocks[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_new__gives_zeroes_also_for_nothing),
        cmocka_unit_test(test_memory_new__refuses_a_product_that_overflows),
        cmocka_unit_test(test_memory_resize__keeps_what_was_there),
        cmocka_unit_test(test_memory_fail_at__fails_one_or_all_after_it),
        cmocka_unit_test(test_memory_fail_at__counts_without_failing),
        cmocka_unit_test(test_memory_resize__leaves_the_block_when_it_fails),
        cmocka_unit_test(test_memory_give_back__leaves_what_is_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"

static void test_buffer__takes_exactly_its_bound(void **state) {
    (void)state;
    for (size_t most = 0; most < 300; most++) {
        struct buffer buffer;
        buffer_init(&buffer, most);
        for (size_t i = 0; i < most; i++) {
            buffer_add_byte(&buffer, (uint8_t)i);
        }
        assert_int_equal(buffer_status(&buffer, NULL), STATUS_OK);
        assert_int_equal(buffer.count, most);
        buffer_add_byte(&buffer, 1);
        struct error err = {0};
        assert_int_equal(buffer_status(&buffer, &err), STATUS_FULL);
        assert_int_equal(buffer.count, most);
        for (size_t i = 0; i < most; i++) {
            assert_int_equal((uint8_t)buffer.bytes[i], (uint8_t)i);
        }
        buffer_done(&buffer);
    }
}

static void test_buffer_status__names_the_bound(void **state) {
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 3);
    buffer_add_text(&buffer, "four");
    struct error err = {0};
    assert_int_equal(buffer_status(&buffer, &err), STATUS_FULL);
    assert_string_equal(err.text, "more than 3 bytes");
    assert_int_equal(buffer.count, 0);
    buffer_done(&buffer);
}

static void test_buffer__does_nothing_after_a_failure_until_cleared(void **state) {
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 4);
    buffer_add_text(&buffer, "abc");
    buffer_add_text(&buffer, "defg");
    buffer_add_text(&buffer, "d");
    buffer_print(&buffer, "d");
    buffer_add_byte(&buffer, 'd');
    assert_null(buffer_reserve(&buffer, 0));
    assert_true(slice_is(buffer_slice(&buffer), "abc"));
    buffer_clear(&buffer);
    buffer_add_text(&buffer, "defg");
    assert_true(slice_is(buffer_slice(&buffer), "defg"));
    assert_int_equal(buffer_status(&buffer, NULL), STATUS_OK);
    buffer_done(&buffer);
}

static void test_buffer_print__fills_the_bound_to_its_last_byte(void **state) {
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 6);
    buffer_print(&buffer, "%s-%d", "ab", 123);
    assert_true(slice_is(buffer_slice(&buffer), "ab-123"));
    buffer_print(&buffer, "%s", "");
    assert_int_equal(buffer_status(&buffer, NULL), STATUS_OK);
    buffer_print(&buffer, "x");
    assert_int_equal(buffer_status(&buffer, NULL), STATUS_FULL);
    buffer_done(&buffer);
}

static void test_buffer__says_when_the_heap_is_used_up_and_keeps_what_it_has(void **state) {
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 1 << 20);
    buffer_add_text(&buffer, "kept");
    (void)memory_fail_at(0, 1);
    assert_null(buffer_reserve(&buffer, 5000));
    (void)memory_fail_at(-1, 0);
    struct error err = {0};
    assert_int_equal(buffer_status(&buffer, &err), STATUS_NO_MEMORY);
    assert_string_equal(err.text, "out of memory");
    assert_true(slice_is(buffer_slice(&buffer), "kept"));
    buffer_done(&buffer);
}

static void test_buffer__fails_or_succeeds_whole_at_each_allocation(void **state) {
    (void)state;
    for (long k = 0; k < 8; k++) {
        struct buffer buffer;
        buffer_init(&buffer, 4096);
        (void)memory_fail_at(k, 0);
        for (int i = 0; i < 100; i++) {
            buffer_print(&buffer, "%016d", i);
        }
        (void)memory_fail_at(-1, 0);
        assert_int_equal(buffer.count % 16, 0);
        const status code = buffer_status(&buffer, NULL);
        assert_true(code == STATUS_NO_MEMORY || buffer.count == 1600);
        buffer_done(&buffer);
    }
}

static void test_buffer_reserve__lets_others_write(void **state) {
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 100);
    buffer_add_text(&buffer, "a");
    char *end = buffer_reserve(&buffer, 99);
    assert_non_null(end);
    (void)memcpy(end, "bcd", 3);
    buffer_took(&buffer, 3);
    assert_true(slice_is(buffer_slice(&buffer), "abcd"));
    assert_null(buffer_reserve(&buffer, 97));
    buffer_done(&buffer);
}

static void test_buffer_reserve__survives_counts_near_the_largest(void **state) {
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 1000);
    buffer_add_text(&buffer, "abc");
    assert_null(buffer_reserve(&buffer, SIZE_MAX));
    buffer_clear(&buffer);
    assert_null(buffer_reserve(&buffer, SIZE_MAX - 1));
    buffer_done(&buffer);
}

static void test_buffer_drop__moves_the_rest_to_the_front(void **state) {
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 100);
    buffer_add_text(&buffer, "line one\nrest");
    buffer_drop(&buffer, 9);
    assert_true(slice_is(buffer_slice(&buffer), "rest"));
    buffer_drop(&buffer, 0);
    buffer_drop(&buffer, 4);
    assert_int_equal(buffer.count, 0);
    buffer_done(&buffer);
}

static void test_buffer_add_u64__is_little_endian(void **state) {
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 100);
    buffer_add_u32(&buffer, UINT32_C(0x04030201));
    buffer_add_u64(&buffer, UINT64_C(0x0807060504030201));
    assert_true(
        slice_is(buffer_slice(&buffer), "\x01\x02\x03\x04\x01\x02\x03\x04\x05\x06\x07\x08"));
    buffer_done(&buffer);
}

static void test_buffer_fail__keeps_the_first_failure(void **state) {
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 1);
    buffer_fail(&buffer, STATUS_INVALID);
    buffer_add_text(&buffer, "long");
    struct error err = {0};
    assert_int_equal(buffer_status(&buffer, &err), STATUS_INVALID);
    assert_string_equal(err.text, "nested too deep");
    buffer_done(&buffer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buffer__takes_exactly_its_bound),
        cmocka_unit_test(test_buffer_status__names_the_bound),
        cmocka_unit_test(test_buffer__does_nothing_after_a_failure_until_cleared),
        cmocka_unit_test(test_buffer_print__fills_the_bound_to_its_last_byte),
        cmocka_unit_test(test_buffer__says_when_the_heap_is_used_up_and_keeps_what_it_has),
        cmocka_unit_test(test_buffer__fails_or_succeeds_whole_at_each_allocation),
        cmocka_unit_test(test_buffer_reserve__lets_others_write),
        cmocka_unit_test(test_buffer_reserve__survives_counts_near_the_largest),
        cmocka_unit_test(test_buffer_drop__moves_the_rest_to_the_front),
        cmocka_unit_test(test_buffer_add_u64__is_little_endian),
        cmocka_unit_test(test_buffer_fail__keeps_the_first_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

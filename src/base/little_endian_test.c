// SPDX-License-Identifier: Apache-2.0
#include "base/little_endian.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* ours is in base/error.h */

static void test_little_endian__the_least_byte_comes_first(void **state) {
    (void)state;
    char bytes[8];
    little_endian_put_u32(bytes, UINT32_C(0x04030201));
    assert_memory_equal(bytes, "\x01\x02\x03\x04", 4);
    little_endian_put_u64(bytes, UINT64_C(0x0807060504030201));
    assert_memory_equal(bytes, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
}

static void test_little_endian__what_is_put_is_got(void **state) {
    (void)state;
    static const uint64_t NUMBERS[] = {0,         1, 0x80, UINT32_MAX, UINT64_C(0x8000000000000000),
                                       UINT64_MAX};
    for (size_t i = 0; i < sizeof(NUMBERS) / sizeof(NUMBERS[0]); i++) {
        char bytes[8];
        little_endian_put_u64(bytes, NUMBERS[i]);
        assert_true(little_endian_get_u64(bytes) == NUMBERS[i]);
        assert_int_equal(little_endian_get_u32(bytes), (uint32_t)NUMBERS[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_little_endian__the_least_byte_comes_first),
        cmocka_unit_test(test_little_endian__what_is_put_is_got),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "base/checksum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* As the reference's own program says (xxHash 0.8.1). */
static void test_checksum__is_xxh64(void **state) {
    (void)state;
    char bytes[256];
    for (int i = 0; i < 256; i++) {
        bytes[i] = (char)i;
    }
    assert_true(checksum_64((struct slice){0}) == UINT64_C(0xef46db3751d8e999));
    assert_true(checksum_64(SLICE("a")) == UINT64_C(0xd24ec4f1a98c6e5b));
    assert_true(checksum_64(SLICE("abc")) == UINT64_C(0x44bc2cf5ad770999));
    assert_true(checksum_64(SLICE("0123456789abcdefghijklmnopqrstuvwxyz")) ==
                UINT64_C(0x69196c1b3af0bff9));
    assert_true(checksum_64((struct slice){.bytes = bytes, .count = sizeof(bytes)}) ==
                UINT64_C(0x1facbe8406cd904b));
}

static void test_checksum__one_bit_more_or_less_is_seen(void **state) {
    (void)state;
    char bytes[100] = {0};
    for (size_t count = 0; count < sizeof(bytes); count++) {
        const struct slice whole = {.bytes = bytes, .count = count};
        const uint64_t sum = checksum_64(whole);
        assert_true(sum != checksum_64((struct slice){.bytes = bytes, .count = count + 1}));
        for (size_t bit = 0; bit < 8 * count; bit++) {
            bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
            assert_true(sum != checksum_64(whole));
            bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checksum__is_xxh64),
        cmocka_unit_test(test_checksum__one_bit_more_or_less_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

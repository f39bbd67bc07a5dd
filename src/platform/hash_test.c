// SPDX-License-Identifier: Apache-2.0
#include "platform/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The test vector of BLAKE2b with 16 bytes of output, and the empty one, as other tools print them.
 */
static void test_hash_128__is_blake2b(void **state) {
    (void)state;
    char hex[ID_HEX_BYTES + 1];
    id_write_hex(hash_128(SLICE(""), SLICE("")), hex);
    assert_string_equal(hex, "cae66941d9efbd404e4d88758ea67670");
    id_write_hex(hash_128(SLICE("abc"), SLICE("")), hex);
    assert_string_equal(hex, "cf4ab791c62b8d2b2109c90275287816");
}

static void test_hash_128__joins_its_two_parts(void **state) {
    (void)state;
    const struct id whole = hash_128(SLICE("abc"), (struct slice){0});
    assert_true(id_equal(whole, hash_128(SLICE("a"), SLICE("bc"))));
    assert_true(id_equal(whole, hash_128((struct slice){0}, SLICE("abc"))));
    assert_false(id_equal(whole, hash_128(SLICE("abd"), SLICE(""))));
}

static void test_hash_64__is_its_first_eight_bytes_little_endian(void **state) {
    (void)state;
    assert_true(hash_64(SLICE("a"), SLICE("bc")) == UINT64_C(0x2b8d2bc691b74acf));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash_128__is_blake2b),
        cmocka_unit_test(test_hash_128__joins_its_two_parts),
        cmocka_unit_test(test_hash_64__is_its_first_eight_bytes_little_endian),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

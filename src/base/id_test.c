// SPDX-License-Identifier: Apache-2.0
#include "base/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static const struct id SOME = {{0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0xFE, 0xDC, 0xBA,
                                0x98, 0x76, 0x54, 0x32, 0x10}};

static void test_id__is_written_as_hex_and_as_uuid(void **state) {
    (void)state;
    char hex[ID_HEX_BYTES + 1];
    char uuid[ID_UUID_BYTES + 1];
    id_write_hex(SOME, hex);
    id_write_uuid(SOME, uuid);
    assert_string_equal(hex, "0123456789abcdeffedcba9876543210");
    assert_string_equal(uuid, "01234567-89ab-cdef-fedc-ba9876543210");
}

static void test_id_read__reads_both_in_either_case(void **state) {
    (void)state;
    static const char *const SAME[] = {
        "0123456789abcdeffedcba9876543210",
        "0123456789ABCDEFFEDCBA9876543210",
        "01234567-89ab-cdef-fedc-ba9876543210",
        "01234567-89AB-CDEF-FEDC-BA9876543210",
    };
    for (size_t i = 0; i < sizeof(SAME) / sizeof(SAME[0]); i++) {
        struct id id = {0};
        assert_true(id_read(slice_of(SAME[i]), &id));
        assert_true(id_equal(id, SOME));
    }
}

static void test_id_read__refuses_everything_else(void **state) {
    (void)state;
    static const char *const BAD[] = {
        "",
        "0123456789abcdeffedcba987654321",
        "0123456789abcdeffedcba98765432100",
        "0123456789abcdeffedcba987654321g",
        "01234567-89ab-cdef-fedc-ba987654321-",
        "0123456-789ab-cdef-fedc-ba9876543210",
        "0123456789abcdeffedcba98765432101234",
        "01234567--9ab-cdef-fedc-ba9876543210",
        "{0123456789abcdeffedcba987654321",
    };
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        struct id id = SOME;
        assert_false(id_read(slice_of(BAD[i]), &id));
        assert_true(id_equal(id, SOME));
    }
}

static void test_id_is_zero__sees_the_last_bit(void **state) {
    (void)state;
    struct id id = {0};
    assert_true(id_is_zero(id));
    id.bytes[ID_BYTES - 1] = 1;
    assert_false(id_is_zero(id));
    assert_false(id_equal(id, SOME));
}

static void test_id__goes_into_bytes_and_back(void **state) {
    const struct id id = {{1, 2, 3, [15] = 9}};
    (void)state;
    assert_int_equal(id_slice(&id).count, ID_BYTES);
    assert_true(id_equal(id_from(id_slice(&id)), id));
    assert_true(id_is_zero(id_from(slice_part(id_slice(&id), 0, 15))));
    assert_true(id_is_zero(id_from((struct slice){.count = 0})));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_id__goes_into_bytes_and_back),
        cmocka_unit_test(test_id__is_written_as_hex_and_as_uuid),
        cmocka_unit_test(test_id_read__reads_both_in_either_case),
        cmocka_unit_test(test_id_read__refuses_everything_else),
        cmocka_unit_test(test_id_is_zero__sees_the_last_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "platform/exif.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char LITTLE[] = "II*\0\x08\0\0\0\x02\0"
                             "\x0f\x01\x02\0\x04\0\0\0abc\0"
                             "\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"
                             "\0\0\0\0";
static const char BIG[] = "MM\0*\0\0\0\x08\0\x01"
                          "\x01\x12\0\x03\0\0\0\x01\0\x08\0\0"
                          "\0\0\0\0";

static void test_exif__reads_both_byte_orders(void **state) {
    (void)state;
    assert_int_equal(exif_orientation((struct slice){LITTLE, sizeof(LITTLE) - 1}), 6);
    assert_int_equal(exif_orientation((struct slice){BIG, sizeof(BIG) - 1}), 8);
}

static void test_exif__that_is_cut_off_anywhere_is_upright(void **state) {
    (void)state;
    for (size_t count = 0; count < 34; count++) {
        assert_int_equal(exif_orientation((struct slice){LITTLE, count}), 1);
    }
}

static void test_exif__that_makes_no_sense_is_upright(void **state) {
    (void)state;
    assert_int_equal(exif_orientation(SLICE("II*\0\xff\xff\xff\xff\0\0\0\0")), 1);
    assert_int_equal(exif_orientation(SLICE("XX*\0\x08\0\0\0\x01\0")), 1);
    assert_int_equal(exif_orientation(SLICE("II*\0\x08\0\0\0\x01\0"
                                            "\x12\x01\x03\0\x01\0\0\0\x09\0\0\0")),
                     1);
    assert_int_equal(exif_orientation(SLICE("II*\0\x08\0\0\0\x01\0"
                                            "\x12\x01\x04\0\x01\0\0\0\x06\0\0\0")),
                     1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exif__reads_both_byte_orders),
        cmocka_unit_test(test_exif__that_is_cut_off_anywhere_is_upright),
        cmocka_unit_test(test_exif__that_makes_no_sense_is_upright),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

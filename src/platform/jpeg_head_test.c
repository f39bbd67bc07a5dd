// SPDX-License-Identifier: Apache-2.0
#include "platform/jpeg_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define START "\xff\xd8"
#define EXIF_6                                                                                     \
    "\xff\xe1\0\x22"                                                                               \
    "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
/* 100 wide, 50 high, three components, the first one twice as fine as the others. */
#define FRAME(kind) "\xff" kind "\0\x11\x08\0\x32\0\x64\x03\x01\x22\0\x02\x11\0\x03\x11\0"
#define SCAN        "\xff\xda\0\x08\x01\x01\0\0\x3f\0 and so on"

static void test_jpeg_head__says_size_and_orientation(void **state) {
    (void)state;
    struct jpeg_head head;
    assert_int_equal(jpeg_head_read(SLICE(START EXIF_6 FRAME("\xc0") SCAN), &head, NULL),
                     STATUS_OK);
    assert_int_equal(head.width, 100);
    assert_int_equal(head.height, 50);
    assert_int_equal(head.orientation, 6);
    assert_int_equal(head.scans, 1);
    assert_int_equal(head.coefficient_bytes, 0);
}

static void test_jpeg_head__counts_what_several_scans_keep(void **state) {
    (void)state;
    struct jpeg_head head;
    /* 7 x 4 units of 16 x 16 pixels, six blocks of 64 numbers of two bytes each. */
    const uint64_t kept = UINT64_C(7) * 4 * 6 * 64 * 2;
    assert_int_equal(jpeg_head_read(SLICE(START FRAME("\xc0") SCAN SCAN), &head, NULL), STATUS_OK);
    assert_int_equal(head.scans, 2);
    assert_int_equal(head.coefficient_bytes, kept);
    assert_int_equal(jpeg_head_read(SLICE(START FRAME("\xc2") SCAN), &head, NULL), STATUS_OK);
    assert_int_equal(head.coefficient_bytes, kept);
}

static void check_refused(struct slice encoded) {
    struct jpeg_head head;
    struct error err = {0};
    assert_int_equal(jpeg_head_read(encoded, &head, &err), STATUS_INVALID);
    assert_true(err.text[0] != '\0');
}

static void test_jpeg_head__refuses_what_makes_no_sense(void **state) {
    (void)state;
    const struct slice whole = SLICE(START EXIF_6 FRAME("\xc0") "\xff\xda");
    for (size_t count = 2; count < whole.count; count++) {
        check_refused(slice_part(whole, 0, count));
    }
    check_refused(SLICE(START SCAN));                                    /* no frame */
    check_refused(SLICE(START "\xff\xc0\0\x08\x08\0\x32\0\x64\0" SCAN)); /* no component */
    check_refused(SLICE(START "\xff\xc0\0\x0b\x08\0\x32\0\x64\x01\x01\x05\0" SCAN));
    check_refused(SLICE(START "\xff\xd9\0\x02" FRAME("\xc0") SCAN)); /* it ends first */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jpeg_head__says_size_and_orientation),
        cmocka_unit_test(test_jpeg_head__counts_what_several_scans_keep),
        cmocka_unit_test(test_jpeg_head__refuses_what_makes_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

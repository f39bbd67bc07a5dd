// SPDX-License-Identifier: Apache-2.0
#include "base/size.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_size_read__wants_a_unit(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes;
    } SIZES[] = {
        {"0", 0},         {"00", 0},         {"0KiB", 0},        {"512B", 512},
        {"64KiB", 65536}, {"4MiB", 4194304}, {"2GiB", 1L << 31}, {"8388608GiB", INT64_C(1) << 53}};
    for (size_t i = 0; i < sizeof(SIZES) / sizeof(SIZES[0]); i++) {
        int64_t bytes = -1;
        assert_true(size_read(slice_of(SIZES[i].text), &bytes));
        assert_true(bytes == SIZES[i].bytes);
    }
}

static void test_size_read__refuses_everything_else(void **state) {
    (void)state;
    static const char *const BAD[] = {"",
                                      "5",
                                      "KiB",
                                      "5 KiB",
                                      "-5B",
                                      "5kb",
                                      "5KB",
                                      "5MB",
                                      "1.5MiB",
                                      "5B ",
                                      "8388609GiB",
                                      "5TiB",
                                      "99999999999999999999999999B"};
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        int64_t bytes = 77;
        assert_false(size_read(slice_of(BAD[i]), &bytes));
        assert_true(bytes == 77);
    }
}

static void test_size_write__is_for_people(void **state) {
    (void)state;
    static const struct {
        int64_t bytes;
        const char *text;
    } SIZES[] = {{0, "0 B"},
                 {812, "812 B"},
                 {1023, "1023 B"},
                 {1024, "1.0 KiB"},
                 {4096, "4.0 KiB"},
                 {1048575, "1.0 MiB"},
                 {1395864371, "1.3 GiB"},
                 {-2048, "-2.0 KiB"},
                 {INT64_MAX, "8.0 EiB"},
                 {INT64_MIN, "-8.0 EiB"}};
    for (size_t i = 0; i < sizeof(SIZES) / sizeof(SIZES[0]); i++) {
        char text[SIZE_TEXT_BYTES];
        size_write(SIZES[i].bytes, text);
        assert_string_equal(text, SIZES[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_size_read__wants_a_unit),
        cmocka_unit_test(test_size_read__refuses_everything_else),
        cmocka_unit_test(test_size_write__is_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

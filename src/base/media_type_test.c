// SPDX-License-Identifier: Apache-2.0
#include "base/media_type.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_media_type_guess__believes_the_bytes_before_the_name(void **state) {
    (void)state;
    assert_string_equal(media_type_guess(SLICE("\xff\xd8\xff\xe0"), SLICE("a.png")), "image/jpeg");
    assert_string_equal(media_type_guess(SLICE("RIFF\x24\x08\x00\x00WAVEfmt "), SLICE("a")),
                        "audio/wav");
    assert_string_equal(media_type_guess(SLICE("RIFF\x24\x08\x00\x00WEBPVP8 "), SLICE("a")),
                        "image/webp");
}

static void test_media_type_guess__goes_by_the_name_where_the_bytes_say_nothing(void **state) {
    (void)state;
    assert_string_equal(media_type_guess(SLICE(""), SLICE("door.JPEG")), "image/jpeg");
    assert_string_equal(media_type_guess(SLICE("a,b\n1,2\n"), SLICE("t.csv")), "text/csv");
    assert_string_equal(media_type_guess(SLICE("RIFF"), SLICE("t")), "application/octet-stream");
    assert_string_equal(media_type_guess(SLICE(""), SLICE("")), "application/octet-stream");
}

static void test_media_type_ending__gives_the_usual_one_or_none(void **state) {
    (void)state;
    assert_string_equal(media_type_ending(SLICE("image/jpeg")), ".jpg");
    assert_string_equal(media_type_ending(SLICE("tensor/float32; shape=1")), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_media_type_guess__believes_the_bytes_before_the_name),
        cmocka_unit_test(test_media_type_guess__goes_by_the_name_where_the_bytes_say_nothing),
        cmocka_unit_test(test_media_type_ending__gives_the_usual_one_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

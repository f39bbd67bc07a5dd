// SPDX-License-Identifier: Apache-2.0
#include "agents/jpeg_within.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "platform/image.h"

/* Noise, which no quality makes small. */
static struct blob *make_picture(uint32_t width, uint32_t height, const char *type) {
    struct image image;
    struct blob *blob = NULL;
    char *bytes = NULL;
    size_t count = 0;
    uint32_t random = 7;
    assert_int_equal(image_create(width, height, &image, NULL), STATUS_OK);
    for (size_t i = 0; i < (size_t)width * height * IMAGE_CHANNELS; i++) {
        random = random * 1664525 + 1013904223;
        image.pixels[i] = (uint8_t)(random >> 24);
    }
    assert_int_equal(image_encode_jpeg(&image, 95, &bytes, &count, NULL), STATUS_OK);
    image_done(&image);
    assert_int_equal(blob_create(slice_of(type), bytes, count, &blob, NULL), STATUS_OK);
    return blob;
}

static void test_jpeg_within__leaves_what_is_small_enough_as_it_is(void **state) {
    (void)state;
    struct blob *picture = make_picture(64, 48, "image/jpeg");
    struct blob *jpeg = NULL;
    assert_int_equal(jpeg_within(picture, (int64_t)blob_count(picture), &jpeg, NULL), STATUS_OK);
    assert_ptr_equal(jpeg, picture);
    blob_release(jpeg);
    blob_release(picture);

    picture = make_picture(64, 48, "image/png"); /* of a wrong name */
    assert_int_equal(jpeg_within(picture, (int64_t)blob_count(picture), &jpeg, NULL), STATUS_OK);
    assert_true(slice_is(blob_type(jpeg), "image/jpeg"));
    assert_int_equal(blob_count(jpeg), blob_count(picture));
    blob_release(jpeg);
    blob_release(picture);
}

static void test_jpeg_within__gives_up_quality_before_size(void **state) {
    (void)state;
    struct blob *picture = make_picture(256, 192, "image/jpeg");
    const int64_t whole = (int64_t)blob_count(picture);
    const struct {
        int64_t bytes_max;
        uint32_t width;
    } wanted[] = {{whole * 3 / 4, 256}, {whole / 8, 128}, {whole / 40, 64}};
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        struct blob *jpeg = NULL;
        struct slice bytes;
        struct image_facts facts;
        assert_int_equal(jpeg_within(picture, wanted[i].bytes_max, &jpeg, NULL), STATUS_OK);
        assert_true((int64_t)blob_count(jpeg) <= wanted[i].bytes_max);
        assert_int_equal(blob_open(jpeg, &bytes, NULL), STATUS_OK);
        assert_int_equal(image_look(bytes, &facts, NULL), STATUS_OK);
        assert_int_equal(facts.width, wanted[i].width);
        blob_release(jpeg);
    }
    blob_release(picture);
}

static void test_jpeg_within__says_what_cannot_be(void **state) {
    (void)state;
    struct blob *picture = make_picture(256, 192, "image/jpeg");
    struct blob *text = NULL;
    struct blob *jpeg = NULL;
    struct error err;
    assert_int_equal(jpeg_within(picture, 50, &jpeg, &err), STATUS_FULL);
    assert_string_equal(err.text, "not even a small JPEG of it has at most 50 bytes");
    assert_int_equal(blob_copy(SLICE("image/jpeg"), SLICE("words"), &text, NULL), STATUS_OK);
    assert_int_equal(jpeg_within(text, 1000, &jpeg, &err), STATUS_INVALID);
    assert_null(jpeg);
    blob_release(text);
    blob_release(picture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jpeg_within__leaves_what_is_small_enough_as_it_is),
        cmocka_unit_test(test_jpeg_within__gives_up_quality_before_size),
        cmocka_unit_test(test_jpeg_within__says_what_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

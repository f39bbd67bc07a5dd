// SPDX-License-Identifier: Apache-2.0
#include "agents/picture_paint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "platform/json.h"

static const struct image_colour RED = {255, 0, 0};

static const uint8_t *pixel(const struct image *image, uint32_t x, uint32_t y) {
    return image->pixels + ((size_t)y * image->width + x) * IMAGE_CHANNELS;
}

static bool is_red(const struct image *image, uint32_t x, uint32_t y) {
    return memcmp(pixel(image, x, y), &RED, IMAGE_CHANNELS) == 0;
}

static uint32_t count_red(const struct image *image) {
    uint32_t count = 0;
    for (uint32_t y = 0; y < image->height; y++) {
        for (uint32_t x = 0; x < image->width; x++) {
            count += is_red(image, x, y);
        }
    }
    return count;
}

static bool read_box(const char *text, struct picture_box *out_box) {
    CLEANUP(arena_done) struct arena arena;
    struct value value;
    arena_init(&arena, 1 << 16);
    assert_int_equal(json_read(&arena, slice_of(text), &value, NULL), STATUS_OK);
    return picture_box_read(value, out_box);
}

static void test_picture_paint__reads_a_box_and_what_has_one(void **state) {
    (void)state;
    struct picture_box box;
    assert_true(read_box("[0.25,0.5,0.125,1]", &box));
    assert_true(box.x == 0.25 && box.y == 0.5 && box.width == 0.125 && box.height == 1);
    assert_true(read_box("{\"label\":\"face\",\"box\":[0,0,1,1]}", &box));
    static const char *const wrong[] = {"[0,0,1]", "[0,0,1,\"1\"]", "[0,0,0,1]", "[0,0,1,-1]",
                                        "{}",      "null",          "7",         "{\"box\":7}"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(read_box(wrong[i], &box));
    }
}

static void test_picture_paint__draws_a_frame_around_the_box(void **state) {
    (void)state;
    CLEANUP(image_done) struct image image = {0};
    assert_int_equal(image_create(100, 80, &image, NULL), STATUS_OK);
    paint_box(&image, &(struct picture_box){0.1, 0.25, 0.5, 0.5}, RED);
    assert_true(is_red(&image, 10, 20) && is_red(&image, 59, 59));
    assert_true(is_red(&image, 35, 20) && is_red(&image, 10, 40));
    assert_false(is_red(&image, 11, 21) || is_red(&image, 60, 40) || is_red(&image, 9, 20));
    assert_int_equal(count_red(&image), 2 * 50 + 2 * 38);
}

static void test_picture_paint__cuts_what_reaches_beyond_the_picture(void **state) {
    (void)state;
    CLEANUP(image_done) struct image image = {0};
    assert_int_equal(image_create(50, 50, &image, NULL), STATUS_OK);
    static const struct picture_box boxes[] = {
        {-0.5, -0.5, 2, 2}, {0.9, 0.9, 5, 5}, {1.5, 0, 1, 1}, {0, -3, 1, 1}, {-1e308, 0, 1e308, 1}};
    for (size_t i = 0; i < sizeof(boxes) / sizeof(boxes[0]); i++) {
        paint_box(&image, &boxes[i], RED);
        paint_label(&image, &boxes[i], RED, SLICE("a label that is longer than the picture"));
        assert_int_equal(paint_blur(&image, &boxes[i], NULL), STATUS_OK);
    }
    paint_dot(&image, 1, 1, RED);
    paint_dot(&image, -1, 3e9, RED);
    assert_true(count_red(&image) > 0);
}

static void test_picture_paint__writes_above_the_box_where_there_is_room(void **state) {
    (void)state;
    CLEANUP(image_done) struct image image = {0};
    assert_int_equal(image_create(100, 100, &image, NULL), STATUS_OK);
    paint_label(&image, &(struct picture_box){0.1, 0.5, 0.5, 0.3}, RED, SLICE("I"));
    /* Ten rows of ground, in it the letter's dots: two bars of three and a line of five between. */
    assert_int_equal(count_red(&image), 7 * 10 - 11);
    assert_true(is_red(&image, 10, 40) && is_red(&image, 16, 49));
    assert_false(is_red(&image, 10, 50) || is_red(&image, 17, 45));
    paint_label(&image, &(struct picture_box){0.5, 0, 0.5, 0.3}, RED, SLICE("I"));
    assert_true(is_red(&image, 50, 0));
}

static void test_picture_paint__blurs_the_box_and_nothing_else(void **state) {
    (void)state;
    CLEANUP(image_done) struct image image = {0};
    assert_int_equal(image_create(60, 60, &image, NULL), STATUS_OK);
    for (uint32_t i = 0; i < 60 * 60; i++) {
        (void)memset(image.pixels + i * IMAGE_CHANNELS, (i + i / 60) % 2 == 0 ? 255 : 0,
                     IMAGE_CHANNELS);
    }
    assert_int_equal(paint_blur(&image, &(struct picture_box){0.25, 0.25, 0.5, 0.5}, NULL),
                     STATUS_OK);
    for (uint32_t y = 0; y < 60; y++) {
        for (uint32_t x = 0; x < 60; x++) {
            const int value = *pixel(&image, x, y);
            const bool is_inside = x >= 15 && x < 45 && y >= 15 && y < 45;
            assert_true(is_inside ? abs(value - 127) < 20 : value == 0 || value == 255);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_picture_paint__reads_a_box_and_what_has_one),
        cmocka_unit_test(test_picture_paint__draws_a_frame_around_the_box),
        cmocka_unit_test(test_picture_paint__cuts_what_reaches_beyond_the_picture),
        cmocka_unit_test(test_picture_paint__writes_above_the_box_where_there_is_room),
        cmocka_unit_test(test_picture_paint__blurs_the_box_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "agents/resample.h"

#include "base/memory.h"
#include "platform/test_pictures.h"

enum { SEEN_HEAD = 8 };

/* Ours against Pillow's: both round, so a step of one is no difference. */
static void check_part(void **state, const char *name, const struct resample_part *part) {
    CLEANUP(buffer_done) struct buffer bytes;
    CLEANUP(image_done) struct image scene = {0};
    CLEANUP(image_done) struct image ours = {0};
    test_picture_scene(state, &scene);
    const struct slice seen = test_picture(state, name, &bytes);
    const struct resample_part whole = {0, 0, scene.width, scene.height};
    assert_int_equal(resample_image(&scene, part != NULL ? part : &whole,
                                    test_picture_size(seen, 0), test_picture_size(seen, 4), &ours,
                                    NULL),
                     STATUS_OK);
    const uint8_t *theirs = (const uint8_t *)seen.bytes + SEEN_HEAD;
    for (size_t i = 0; i < seen.count - SEEN_HEAD; i++) {
        if (abs(ours.pixels[i] - theirs[i]) > 1) {
            fail_msg("%s: byte %zu is %d, not %d", name, i, ours.pixels[i], theirs[i]);
        }
    }
}

static void test_resample__is_what_pillow_makes_of_it(void **state) {
    check_part(state, "resized-64x48.rgb", NULL);
    check_part(state, "resized-100x119.rgb", NULL);
    check_part(state, "resized-203x121.rgb", NULL);
    check_part(state, "resized-450x300.rgb", NULL);
    check_part(state, "resized-7x1.rgb", NULL);
}

static void test_resample__takes_a_part_that_begins_within_pixels(void **state) {
    const struct resample_part part = {20.5, 10.25, 120.25, 89.25};
    check_part(state, "part.rgb", &part);
}

static void test_resample__gives_a_picture_of_one_pixel(void **state) {
    (void)state;
    CLEANUP(image_done) struct image one = {0};
    CLEANUP(image_done) struct image nine = {0};
    assert_int_equal(image_create(1, 1, &one, NULL), STATUS_OK);
    one.pixels[1] = 200;
    assert_int_equal(resample_image(&one, &(struct resample_part){0, 0, 1, 1}, 3, 3, &nine, NULL),
                     STATUS_OK);
    for (int i = 0; i < 9 * IMAGE_CHANNELS; i++) {
        assert_int_equal(nine.pixels[i], i % IMAGE_CHANNELS == 1 ? 200 : 0);
    }
}

static void test_resample__without_memory_says_so(void **state) {
    CLEANUP(image_done) struct image scene = {0};
    test_picture_scene(state, &scene);
    const struct resample_part whole = {0, 0, scene.width, scene.height};
    status code = STATUS_NO_MEMORY;
    long index = 0;
    for (; code == STATUS_NO_MEMORY; index++) {
        CLEANUP(image_done) struct image small = {0};
        (void)memory_fail_at(index, 0);
        code = resample_image(&scene, &whole, 20, 10, &small, NULL);
        (void)memory_fail_at(-1, 0);
    }
    assert_int_equal(code, STATUS_OK);
    assert_true(index > 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resample__is_what_pillow_makes_of_it),
        cmocka_unit_test(test_resample__takes_a_part_that_begins_within_pixels),
        cmocka_unit_test(test_resample__gives_a_picture_of_one_pixel),
        cmocka_unit_test(test_resample__without_memory_says_so),
    };
    return cmocka_run_group_tests(tests, test_pictures_make, test_pictures_remove);
}

// SPDX-License-Identifier: Apache-2.0
#include "cli/sample_pictures.h"

#include "platform/test_pictures.h"

enum { PATH_BYTES = 256 };

static void path_in(void **state, const char *name, char out_path[PATH_BYTES]) {
    (void)snprintf(out_path, PATH_BYTES, "%s/%s", (const char *)*state, name);
}

static void write_picture(void **state, const char *name, uint32_t width, uint32_t height) {
    CLEANUP(image_done) struct image image = {0};
    char path[PATH_BYTES];
    char *bytes = NULL;
    size_t count = 0;
    path_in(state, name, path);
    if (image_create(width, height, &image, NULL) != STATUS_OK ||
        image_encode_jpeg(&image, 90, &bytes, &count, NULL) != STATUS_OK) {
        skip();
    }
    assert_int_equal(file_replace(path, (struct slice){.bytes = bytes, .count = count}, NULL),
                     STATUS_OK);
    free(bytes);
}

static void assert_is(void **state, const char *name, uint32_t width, uint32_t height) {
    CLEANUP(buffer_done) struct buffer picture;
    struct image_facts facts;
    buffer_init(&picture, SAMPLE_PICTURE_BYTES_MAX);
    assert_true(sample_pictures_read(*state, slice_of(name), &picture));
    assert_int_equal(image_look(buffer_slice(&picture), &facts, NULL), STATUS_OK);
    assert_int_equal(facts.width, width);
    assert_int_equal(facts.height, height);
}

static void test_sample_pictures__fit_their_frame_and_are_made_once(void **state) {
    struct sample_pictures pictures;
    char wide[PATH_BYTES], small[PATH_BYTES], text[PATH_BYTES];
    char name[SAMPLE_PICTURE_NAME_BYTES];
    write_picture(state, "wide.jpg", 3200, 480);
    write_picture(state, "small.jpg", 30, 20);
    path_in(state, "wide.jpg", wide);
    path_in(state, "small.jpg", small);
    path_in(state, "text.png", text);
    assert_int_equal(file_replace(text, SLICE("no picture"), NULL), STATUS_OK);
    assert_int_equal(sample_pictures_begin(&pictures, *state, NULL), STATUS_OK);
    assert_true(sample_pictures_take(&pictures, wide, name));
    assert_string_equal(name, "changed/1.jpg");
    assert_is(state, name, 320, 48);
    assert_false(sample_pictures_take(&pictures, text, name));
    assert_false(sample_pictures_take(&pictures, "/nowhere/a.png", name));
    assert_true(sample_pictures_take(&pictures, small, name));
    assert_string_equal(name, "changed/2.jpg");
    assert_is(state, name, 30, 20);
    assert_true(sample_pictures_take(&pictures, wide, name));
    assert_string_equal(name, "changed/1.jpg");
    assert_int_equal(pictures.made, 2);
}

static void test_sample_pictures__those_of_an_earlier_report_go(void **state) {
    struct sample_pictures pictures;
    CLEANUP(buffer_done) struct buffer picture;
    char path[PATH_BYTES];
    buffer_init(&picture, SAMPLE_PICTURE_BYTES_MAX);
    path_in(state, "changed", path);
    assert_int_equal(file_make_folder(path, NULL), STATUS_OK);
    path_in(state, "changed/9.jpg", path);
    assert_int_equal(file_replace(path, SLICE("\xff\xd8\xff old"), NULL), STATUS_OK);
    assert_true(sample_pictures_read(*state, SLICE("changed/9.jpg"), &picture));
    path_in(state, "changed/mine.jpg", path);
    assert_int_equal(file_replace(path, SLICE("mine"), NULL), STATUS_OK);
    assert_int_equal(sample_pictures_begin(&pictures, *state, NULL), STATUS_OK);
    assert_false(sample_pictures_read(*state, SLICE("changed/9.jpg"), &picture));
    assert_true(file_is_there(path));
}

static void test_sample_pictures__no_name_leads_elsewhere(void **state) {
    static const char *const NAMES[] = {"",
                                        "changed/",
                                        "changed/.jpg",
                                        "changed/x.jpg",
                                        "changed/-1.jpg",
                                        "changed/97.jpg",
                                        "changed/../secret.jpg",
                                        "changed/1.jpg/../../secret.jpg",
                                        "../secret.jpg",
                                        "secret.jpg",
                                        "changed/5.jpg"};
    CLEANUP(buffer_done) struct buffer picture;
    char path[PATH_BYTES];
    buffer_init(&picture, SAMPLE_PICTURE_BYTES_MAX);
    path_in(state, "secret.jpg", path);
    assert_int_equal(file_replace(path, SLICE("\xff\xd8\xff"), NULL), STATUS_OK);
    path_in(state, "changed", path);
    assert_int_equal(file_make_folder(path, NULL), STATUS_OK);
    path_in(state, "changed/97.jpg", path); /* one more than there may be */
    assert_int_equal(file_replace(path, SLICE("\xff\xd8\xff"), NULL), STATUS_OK);
    path_in(state, "changed/5.jpg", path); /* is none */
    assert_int_equal(file_replace(path, SLICE("<script>"), NULL), STATUS_OK);
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        assert_false(sample_pictures_read(*state, slice_of(NAMES[i]), &picture));
    }
    assert_int_equal(picture.count, 0);
}

static int make_folder(void **state) {
    static char folder[64];
    (void)snprintf(folder, sizeof(folder), "/tmp/ebb-pictures-XXXXXX");
    *state = folder;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sample_pictures__fit_their_frame_and_are_made_once,
                                        make_folder, test_pictures_remove),
        cmocka_unit_test_setup_teardown(test_sample_pictures__those_of_an_earlier_report_go,
                                        make_folder, test_pictures_remove),
        cmocka_unit_test_setup_teardown(test_sample_pictures__no_name_leads_elsewhere, make_folder,
                                        test_pictures_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

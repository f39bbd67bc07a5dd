// SPDX-License-Identifier: Apache-2.0
#include "model/picture_set.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "platform/file.h"

enum { PATH_ROOM = 128 };

static char home[64];
static char pictures_path[PATH_ROOM];
static char labels_path[PATH_ROOM];

/* Three pictures of 2 rows of 3, and their labels. */
static const char PICTURES[] = "\0\0\x08\x03\0\0\0\x03\0\0\0\x02\0\0\0\x03"
                               "abcdef"
                               "ghijkl"
                               "mnopqr";
static const char LABELS[] = "\0\0\x08\x01\0\0\0\x03\x07\x00\xff";

static int set_up(void **state) {
    (void)state;
    (void)snprintf(home, sizeof(home), "/tmp/ebb-pictures-XXXXXX");
    if (mkdtemp(home) == NULL) {
        return -1;
    }
    (void)snprintf(pictures_path, sizeof(pictures_path), "%s/pictures", home);
    (void)snprintf(labels_path, sizeof(labels_path), "%s/labels", home);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    (void)unlink(pictures_path);
    (void)unlink(labels_path);
    return rmdir(home);
}

static void write_file(const char *path, const char *bytes, size_t count) {
    struct error err;
    const struct slice slice = {.bytes = bytes, .count = count};
    assert_int_equal(file_replace(path, slice, &err), STATUS_OK);
}

static void test_picture_set__idx_files_are_read(void **state) {
    (void)state;
    struct error err;
    struct picture_set set;
    write_file(pictures_path, PICTURES, sizeof(PICTURES) - 1);
    write_file(labels_path, LABELS, sizeof(LABELS) - 1);
    assert_int_equal(picture_set_read_idx(pictures_path, labels_path, 1 << 20, &set, &err),
                     STATUS_OK);
    assert_int_equal(set.count, 3);
    assert_int_equal(set.shape.channels, 1);
    assert_int_equal(set.shape.height, 2);
    assert_int_equal(set.shape.width, 3);
    assert_memory_equal(set.pixels, "abcdefghijklmnopqr", 18);
    assert_int_equal(set.labels[0], 7);
    assert_int_equal(set.labels[2], PICTURE_NO_LABEL);
    picture_set_done(&set);
    assert_int_equal(picture_set_read_idx(pictures_path, NULL, 1 << 20, &set, &err), STATUS_OK);
    assert_int_equal(set.labels[1], PICTURE_NO_LABEL);
    picture_set_done(&set);
}

/* Whatever byte is changed or missing, the file is read or refused with a sentence. */
static void test_picture_set__an_idx_file_that_lies_is_refused(void **state) {
    (void)state;
    struct error err;
    struct picture_set set;
    char bytes[sizeof(PICTURES)];
    for (size_t cut = 0; cut < sizeof(PICTURES) - 1; cut++) {
        write_file(pictures_path, PICTURES, cut);
        assert_int_equal(picture_set_read_idx(pictures_path, NULL, 1 << 20, &set, &err),
                         STATUS_CORRUPT);
        assert_non_null(strstr(err.text, pictures_path));
    }
    for (size_t at = 0; at < 16; at++) {
        (void)memcpy(bytes, PICTURES, sizeof(PICTURES));
        bytes[at] = (char)(bytes[at] ^ 0x81);
        write_file(pictures_path, bytes, sizeof(PICTURES) - 1);
        assert_int_equal(picture_set_read_idx(pictures_path, NULL, 1 << 20, &set, &err),
                         STATUS_CORRUPT);
    }
    /* 2^31 pictures of 2^31 x 4: the count would be 0 if it could turn over. */
    static const char HUGE_SIZES[] = "\0\0\x08\x03\x80\0\0\0\x80\0\0\0\0\0\0\x04";
    write_file(pictures_path, HUGE_SIZES, sizeof(HUGE_SIZES) - 1);
    assert_int_equal(picture_set_read_idx(pictures_path, NULL, 1 << 20, &set, &err),
                     STATUS_CORRUPT);
    assert_non_null(strstr(err.text, "more than"));
    static const char NO_WIDTH[] = "\0\0\x08\x03\0\0\0\x01\0\0\0\x02\0\0\0\0";
    write_file(pictures_path, NO_WIDTH, sizeof(NO_WIDTH) - 1);
    assert_int_equal(picture_set_read_idx(pictures_path, NULL, 1 << 20, &set, &err),
                     STATUS_INVALID);
}

static void test_picture_set__labels_fit_their_pictures(void **state) {
    (void)state;
    struct error err;
    struct picture_set set;
    write_file(pictures_path, PICTURES, sizeof(PICTURES) - 1);
    static const char TWO[] = "\0\0\x08\x01\0\0\0\x02\x07\x00";
    write_file(labels_path, TWO, sizeof(TWO) - 1);
    assert_int_equal(picture_set_read_idx(pictures_path, labels_path, 1 << 20, &set, &err),
                     STATUS_INVALID);
    assert_non_null(strstr(err.text, "2 labels for 3 pictures"));
    assert_int_equal(picture_set_read_idx(pictures_path, pictures_path, 1 << 20, &set, &err),
                     STATUS_CORRUPT);
    write_file(labels_path, "", 0);
    assert_int_equal(picture_set_read_idx(pictures_path, labels_path, 1 << 20, &set, &err),
                     STATUS_CORRUPT);
}

static void test_picture_set__more_than_the_bound_is_refused(void **state) {
    (void)state;
    struct error err;
    struct picture_set set;
    write_file(pictures_path, PICTURES, sizeof(PICTURES) - 1);
    assert_int_equal(picture_set_read_idx(pictures_path, NULL, 3 * 8, &set, &err), STATUS_OK);
    picture_set_done(&set);
    assert_int_equal(picture_set_read_idx(pictures_path, NULL, 3 * 8 - 1, &set, &err), STATUS_FULL);
    const struct picture_shape shape = {.channels = 3, .height = 300, .width = 2};
    assert_int_equal(picture_set_init(&set, &shape, 100, &err), STATUS_INVALID);
}

static void test_picture_set__no_memory_is_an_answer_and_nothing_leaks(void **state) {
    (void)state;
    write_file(pictures_path, PICTURES, sizeof(PICTURES) - 1);
    status done = STATUS_NO_MEMORY;
    long k = 0;
    for (; done != STATUS_OK; k++) {
        struct error err;
        struct picture_set set;
        (void)memory_fail_at(k, 0);
        done = picture_set_read_idx(pictures_path, NULL, 1 << 20, &set, &err);
        (void)memory_fail_at(-1, 0);
        if (done == STATUS_OK) {
            picture_set_done(&set);
        } else {
            assert_int_equal(done, STATUS_NO_MEMORY);
        }
    }
    assert_true(k > 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_picture_set__idx_files_are_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_picture_set__an_idx_file_that_lies_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_picture_set__labels_fit_their_pictures, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_picture_set__more_than_the_bound_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_picture_set__no_memory_is_an_answer_and_nothing_leaks,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

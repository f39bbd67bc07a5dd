// SPDX-License-Identifier: Apache-2.0
#include "model/sample_list.h"

#include "base/memory.h"
#include "platform/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { PATH_ROOM = 512, NAMES_ROOM = 1 << 16, MANY = 400 };

static const char *const ENDINGS[] = {".png", ".jpg", NULL};
static const struct sample_kind FILES = {.endings = ENDINGS, .wanted = "pictures"};
static const struct sample_kind BOTH = {.endings = ENDINGS, .folders = true, .wanted = "pictures"};

static char home[64];

static int set_up(void **state) {
    (void)state;
    (void)snprintf(home, sizeof(home), "/tmp/ebb-sample-list-XXXXXX");
    return mkdtemp(home) != NULL ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    char command[96];
    (void)snprintf(command, sizeof(command), "rm -rf %s", home);
    return system(command);
}

static void put(const char *name) {
    struct error err;
    char path[PATH_ROOM];
    (void)snprintf(path, sizeof(path), "%s/%s", home, name);
    *strrchr(path, '/') = '\0';
    assert_int_equal(file_make_folder(path, &err), STATUS_OK);
    (void)snprintf(path, sizeof(path), "%s/%s", home, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

/* All names with a blank behind each. */
static const char *names_of(const struct sample_kind *kind, enum sample_part part) {
    static char names[NAMES_ROOM];
    struct sample_list list;
    struct error err;
    size_t used = 0;
    names[0] = '\0';
    if (sample_list_open(home, kind, part, &list, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    uint32_t count = 0;
    for (const char *name; (name = sample_list_next(&list)) != NULL; count++) {
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s ", name);
    }
    assert_int_equal(count, list.count);
    assert_null(sample_list_next(&list));
    sample_list_done(&list);
    return names;
}

/* The sentence has the folder between its two halves. */
static void refused(enum sample_part part, const char *before, const char *after) {
    struct sample_list list;
    struct error err;
    char wanted[PATH_ROOM];
    (void)snprintf(wanted, sizeof(wanted), "%s'%s'%s", before, home, after);
    assert_int_equal(sample_list_open(home, &FILES, part, &list, &err), STATUS_NOT_FOUND);
    assert_string_equal(err.text, wanted);
    sample_list_done(&list);
}

static void test_sample_list__names_come_in_the_order_of_their_bytes(void **state) {
    (void)state;
    put("b.png");
    put("a2.jpg");
    put("a10.JPG");
    put("B.Png");
    put("notes.txt");
    put(".hidden.png");
    put("png");
    put("folder/inner.png");
    char pipe[PATH_ROOM];
    (void)snprintf(pipe, sizeof(pipe), "%s/pipe.png", home);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_string_equal(names_of(&FILES, SAMPLE_PART_COUNT), "B.Png a10.JPG a2.jpg b.png ");
    assert_string_equal(names_of(&BOTH, SAMPLE_PART_COUNT), "B.Png a10.JPG a2.jpg b.png folder ");
}

static void test_sample_list__a_list_begins_again(void **state) {
    (void)state;
    put("a.png");
    put("b.png");
    struct sample_list list;
    char path[SAMPLE_PATH_BYTES_MAX];
    char wanted[PATH_ROOM];
    assert_int_equal(sample_list_open(home, &FILES, SAMPLE_PART_COUNT, &list, NULL), STATUS_OK);
    assert_string_equal(sample_list_next(&list), "a.png");
    sample_list_rewind(&list);
    assert_string_equal(sample_list_next(&list), "a.png");
    assert_string_equal(sample_list_next(&list), "b.png");
    assert_null(sample_list_next(&list));
    assert_int_equal(sample_list_path(&list, "b.png", path, NULL), STATUS_OK);
    (void)snprintf(wanted, sizeof(wanted), "%s/b.png", home);
    assert_string_equal(path, wanted);
    sample_list_done(&list);
}

static void test_sample_list__the_parts_never_change(void **state) {
    (void)state;
    assert_int_equal(sample_part_of(SLICE("0000.png")), SAMPLE_CALIBRATION);
    assert_int_equal(sample_part_of(SLICE("0001.png")), SAMPLE_EVALUATION);
    assert_int_equal(sample_part_of(SLICE("0002.png")), SAMPLE_SELECTION);
    assert_int_equal(sample_part_of(SLICE("test_data_set_0")), SAMPLE_CALIBRATION);
}

static void test_sample_list__an_ending_moves_no_sample(void **state) {
    (void)state;
    for (int i = 0; i < MANY; i++) {
        char bare[32];
        char ended[40];
        (void)snprintf(bare, sizeof(bare), "sample-%d", i);
        (void)snprintf(ended, sizeof(ended), "%s.npy", bare);
        assert_int_equal(sample_part_of(slice_of(bare)), sample_part_of(slice_of(ended)));
    }
    /* What only looks like an ending is none: "v1" is for evaluation, "a/" for selection. */
    assert_int_equal(sample_part_of(SLICE("v1.2/x")), SAMPLE_CALIBRATION);
    assert_int_equal(sample_part_of(SLICE("a/.x")), SAMPLE_EVALUATION);
}

static void test_sample_list__each_sample_is_of_one_part(void **state) {
    (void)state;
    uint32_t counts[SAMPLE_PART_COUNT] = {0};
    char all[NAMES_ROOM];
    for (int i = 0; i < MANY; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "%04d.png", i);
        put(name);
    }
    (void)snprintf(all, sizeof(all), "%s", names_of(&FILES, SAMPLE_PART_COUNT));
    for (int part = 0; part < SAMPLE_PART_COUNT; part++) {
        char *rest = strdup(names_of(&FILES, (enum sample_part)part));
        char *place = NULL;
        for (char *name = strtok_r(rest, " ", &place); name != NULL;
             name = strtok_r(NULL, " ", &place)) {
            char *found = strstr(all, name);
            assert_non_null(found);
            found[0] = '-'; /* taken once */
            counts[part]++;
        }
        free(rest);
    }
    assert_int_equal(counts[0] + counts[1] + counts[2], MANY);
    /* Four, two and four of ten, within three deviations of so many throws. */
    assert_in_range(counts[SAMPLE_CALIBRATION], 130, 190);
    assert_in_range(counts[SAMPLE_SELECTION], 56, 104);
}

static void test_sample_list__one_more_moves_no_other(void **state) {
    (void)state;
    char before[NAMES_ROOM];
    for (int i = 0; i < 40; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "%04d.png", i);
        put(name);
    }
    (void)snprintf(before, sizeof(before), "%s", names_of(&FILES, SAMPLE_SELECTION));
    put("0007b.jpg");
    char *rest = before;
    for (char *name = strtok_r(before, " ", &rest); name != NULL;
         name = strtok_r(NULL, " ", &rest)) {
        assert_non_null(strstr(names_of(&FILES, SAMPLE_SELECTION), name));
    }
}

static void test_sample_list__a_folder_may_be_split_by_hand(void **state) {
    (void)state;
    put("calibration/a.png");
    put("calibration/b.png");
    put("selection/c.png");
    put("evaluation/d.png");
    put("evaluation/not-one.txt");
    put("loose.png");
    assert_string_equal(names_of(&FILES, SAMPLE_CALIBRATION), "calibration/a.png "
                                                              "calibration/b.png ");
    assert_string_equal(names_of(&FILES, SAMPLE_SELECTION), "selection/c.png ");
    assert_string_equal(names_of(&BOTH, SAMPLE_EVALUATION), "evaluation/d.png ");
    assert_string_equal(names_of(&FILES, SAMPLE_PART_COUNT),
                        "calibration/a.png calibration/b.png selection/c.png evaluation/d.png ");
}

static void test_sample_list__two_of_three_folders_split_nothing(void **state) {
    (void)state;
    put("calibration/a.png");
    put("selection/c.png");
    put("loose.png");
    assert_string_equal(names_of(&FILES, SAMPLE_PART_COUNT), "loose.png ");
}

static void test_sample_list__what_is_missing_is_said(void **state) {
    (void)state;
    struct sample_list list;
    struct error err;
    put("notes.txt");
    refused(SAMPLE_PART_COUNT, "", " has no samples: pictures are wanted");
    put("0000.png");
    refused(SAMPLE_SELECTION, "none of the 1 samples in ",
            " is for selection: with a dozen more some will be, or put them into folders "
            "calibration, selection and evaluation");
    assert_int_equal(sample_list_open("/nowhere", &FILES, SAMPLE_PART_COUNT, &list, &err),
                     STATUS_NOT_FOUND);
    sample_list_done(&list);
}

static void test_sample_list__memory_that_is_not_there_is_said(void **state) {
    (void)state;
    put("a.png");
    put("b.png");
    bool failed = true;
    for (long index = 0; failed && index < 100; index++) {
        struct sample_list list;
        struct error err;
        (void)memory_fail_at(index, 0);
        const status code = sample_list_open(home, &FILES, SAMPLE_PART_COUNT, &list, &err);
        failed = memory_fail_at(-1, 0) > (size_t)index;
        assert_int_equal(code, failed ? STATUS_NO_MEMORY : STATUS_OK);
        sample_list_done(&list);
    }
    assert_false(failed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_sample_list__names_come_in_the_order_of_their_bytes),
        TEST(test_sample_list__a_list_begins_again),
        TEST(test_sample_list__the_parts_never_change),
        TEST(test_sample_list__an_ending_moves_no_sample),
        TEST(test_sample_list__each_sample_is_of_one_part),
        TEST(test_sample_list__one_more_moves_no_other),
        TEST(test_sample_list__a_folder_may_be_split_by_hand),
        TEST(test_sample_list__two_of_three_folders_split_nothing),
        TEST(test_sample_list__what_is_missing_is_said),
        TEST(test_sample_list__memory_that_is_not_there_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

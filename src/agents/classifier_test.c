// SPDX-License-Identifier: Apache-2.0
#include "agents/classifier.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agents/test_folder.h"

static struct arena arena;
static struct test_folder folder;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 8 << 20);
    test_folder_make(&folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_done(&arena);
    test_folder_remove(&folder);
    return 0;
}

static struct tensor row(float *numbers, size_t count) {
    return (struct tensor){.rank = 2,
                           .shape = {1, (int64_t)count},
                           .bytes = numbers,
                           .byte_count = count * sizeof(*numbers)};
}

static void test_classifier__large_numbers_do_not_overflow(void **state) {
    (void)state;
    float numbers[] = {1000, 1001, -1000};
    const struct tensor tensor = row(numbers, 3);
    const struct classifier_after after = {.top = 9};
    struct classifier_answer answer;
    struct error err;
    assert_int_equal(classifier_decode(&after, &tensor, &arena, &answer, &err), STATUS_OK);
    assert_true(slice_is(value_text(answer.label), "1"));
    assert_true(answer.score.real == 0.731059);
    assert_int_equal(answer.top.count, 3);
    assert_true(answer.top.items[2].members[1].value.real == 0);
}

static void test_classifier__several_rows_are_refused(void **state) {
    (void)state;
    float numbers[] = {1, 2, 3, 4};
    struct tensor tensor = row(numbers, 4);
    const struct classifier_after after = {.top = 1};
    struct classifier_answer answer;
    struct error err;
    tensor.shape[0] = 2;
    tensor.shape[1] = 2;
    assert_int_equal(classifier_decode(&after, &tensor, &arena, &answer, &err), STATUS_INVALID);
    assert_string_equal(err.text, "a classifier wants one row of numbers, not 4 in several");
    tensor.byte_count = 0;
    assert_int_equal(classifier_decode(&after, &tensor, &arena, &answer, &err), STATUS_INVALID);
}

static status read_labels(const char *text, struct labels *out_labels, struct error *err) {
    char path[2 * TEST_PATH_BYTES];
    test_folder_write(&folder, "labels.txt", text);
    (void)snprintf(path, sizeof(path), "%s/labels.txt", folder.path);
    return labels_read_file(path, &arena, out_labels, err);
}

static void test_classifier__labels_are_a_line_each(void **state) {
    (void)state;
    struct labels labels;
    struct error err;
    assert_int_equal(read_labels("cat\r\n big dog \n\ncow\n\n", &labels, &err), STATUS_OK);
    assert_int_equal(labels.count, 4);
    assert_true(slice_is(labels.names[0], "cat"));
    assert_true(slice_is(labels.names[1], "big dog"));
    assert_true(slice_is(labels.names[2], ""));
    assert_true(slice_is(labels_name(&labels, 3, &arena), "cow"));
    assert_true(slice_is(labels_name(&labels, 4, &arena), "4"));
    assert_int_equal(read_labels("\n\n", &labels, &err), STATUS_INVALID);
    assert_int_equal(read_labels("cat\n\xff\n", &labels, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "line 2"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classifier__large_numbers_do_not_overflow),
        cmocka_unit_test(test_classifier__several_rows_are_refused),
        cmocka_unit_test(test_classifier__labels_are_a_line_each),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

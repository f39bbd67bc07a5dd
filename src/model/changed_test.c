// SPDX-License-Identifier: Apache-2.0
#include "model/changed.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

static void show(struct changed *changed, const char *name, const float *reference,
                 const float *given, size_t count, size_t row, bool is_last) {
    const struct sample sample = {.name = name, .path = name, .moment = 3};
    const struct proof_pair pair = {.sample = &sample,
                                    .output = is_last ? "last" : "first",
                                    .reference = reference,
                                    .changed = given,
                                    .count = count,
                                    .row = row,
                                    .is_last = is_last};
    const struct proof_watch watch = changed_watch(changed);
    watch.see(watch.owner, &pair);
}

static struct changed *begin(void) {
    struct changed *changed = memory_new(1, sizeof(*changed));
    assert_non_null(changed);
    return changed;
}

/* Rows 1 and 2 change; the original is surer of the answer of row 2: 9 against 3. */
static void test_changed__a_sample_shows_the_row_that_the_original_was_surest_of(void **state) {
    (void)state;
    struct changed *changed = begin();
    const float reference[] = {1, 0, 0, 5, 4, 3, 3, 9, 1};
    const float given[] = {2, 0, 0, 4, 5, 3, 8, 7, 1};
    show(changed, "a.png", reference, given, 9, 3, true);
    changed_end(changed);
    assert_int_equal(changed->count, 1);
    assert_int_equal(changed->sample_count, 1);
    assert_int_equal(changed->changed_count, 1);
    const struct changed_sample *sample = &changed->samples[0];
    assert_string_equal(sample->name, "a.png");
    assert_string_equal(sample->path, "a.png");
    assert_string_equal(sample->output, "last");
    assert_int_equal(sample->moment, 3);
    assert_int_equal(sample->rows, 3);
    assert_int_equal(sample->rows_changed, 2);
    assert_int_equal(sample->row, 2);
    assert_int_equal(sample->original.place, 1);
    assert_int_equal(sample->variant.place, 0);
    assert_true(sample->original.value == 9 && sample->variant.value == 8 && sample->gap == 6);
    /* Squares: 142 of the reference, 32 of the differences. */
    assert_true(fabs(sample->sqnr_db - 10 * log10(142.0 / 32)) < 1e-9);
    memory_free(changed);
}

static void test_changed__what_has_the_same_answers_is_not_kept(void **state) {
    (void)state;
    struct changed *changed = begin();
    const float reference[] = {1, 9};
    const float same[] = {-80, 2};
    const float other[] = {9, 1};
    show(changed, "same", reference, same, 2, 2, true);
    show(changed, "other", reference, other, 2, 2, true);
    show(changed, "same too", reference, same, 2, 2, true);
    changed_end(changed);
    assert_int_equal(changed->count, 1);
    assert_int_equal(changed->sample_count, 3);
    assert_int_equal(changed->changed_count, 1);
    assert_string_equal(changed->samples[0].name, "other");
    memory_free(changed);
}

/* An output of boxes stands beside that of classes: its large numbers are no answer. */
static void test_changed__numbers_without_rows_do_not_hide_answers(void **state) {
    (void)state;
    struct changed *changed = begin();
    const float box[] = {100, 200};
    const float moved[] = {900, 200};
    const float reference[] = {2, 1};
    const float given[] = {1, 2};
    show(changed, "a", box, moved, 2, 1, false);
    show(changed, "a", reference, given, 2, 2, true);
    changed_end(changed);
    assert_int_equal(changed->count, 1);
    assert_string_equal(changed->samples[0].output, "last");
    assert_true(changed->samples[0].gap == 1);
    memory_free(changed);
}

static void test_changed__without_rows_the_noisiest_come_with_what_moved_most(void **state) {
    (void)state;
    struct changed *changed = begin();
    const float reference[] = {10, 20, 30};
    const float near[] = {10, 20, 30.5F};
    const float far[] = {10, 26, 31};
    show(changed, "same", reference, reference, 3, 1, true);
    show(changed, "near", reference, near, 3, 1, true);
    show(changed, "far", reference, far, 3, 1, true);
    changed_end(changed);
    assert_false(changed->has_rows);
    assert_int_equal(changed->count, 2); /* nothing is to be said of the one that is the same */
    assert_int_equal(changed->changed_count, 0);
    assert_string_equal(changed->samples[0].name, "far");
    assert_string_equal(changed->samples[1].name, "near");
    assert_int_equal(changed->samples[0].original.place, 1);
    assert_int_equal(changed->samples[0].variant.place, 1);
    assert_true(changed->samples[0].variant.value == 26);
    memory_free(changed);
}

/* What would be two rows with other answers are four places. */
static void test_changed__a_mask_has_no_answers(void **state) {
    (void)state;
    struct changed *changed = begin();
    const float reference[] = {0.1F, 0.9F, 0.8F, 0.2F};
    const float given[] = {0.9F, 0.8F, 0.1F, 0.2F};
    changed->is_mask = true;
    show(changed, "a.png", reference, given, 4, 2, true);
    changed_end(changed);
    assert_false(changed->has_rows);
    assert_int_equal(changed->changed_count, 0);
    assert_int_equal(changed->count, 1);
    assert_int_equal(changed->samples[0].original.place, 0);
    assert_true(changed->samples[0].variant.value == 0.9F);
    memory_free(changed);
}

static void test_changed__of_many_the_worst_are_kept_in_order(void **state) {
    (void)state;
    struct changed *changed = begin();
    const float reference[] = {1, 0, 1, 0};
    for (int i = 0; i < 3 * CHANGED_SAMPLES_MAX; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "%d", i);
        const float given[] = {0, 2 + (float)i, i % 2 == 0 ? 0.0F : 2.0F, 1};
        show(changed, name, reference, given, 4, 2, true);
    }
    changed_end(changed);
    assert_int_equal(changed->count, CHANGED_SAMPLES_MAX);
    assert_int_equal(changed->changed_count, 3 * CHANGED_SAMPLES_MAX);
    assert_string_equal(changed->samples[0].name, "34"); /* both rows, the most noise */
    assert_string_equal(changed->samples[1].name, "32");
    assert_string_equal(changed->samples[CHANGED_SAMPLES_MAX - 1].name, "12");
    memory_free(changed);
}

static void test_changed__long_names_are_cut_and_numbers_that_are_none_are_no_answer(void **state) {
    (void)state;
    struct changed *changed = begin();
    char name[2 * CHANGED_NAME_BYTES];
    (void)memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    const float reference[] = {1, 2};
    const float given[] = {NAN, NAN};
    show(changed, name, reference, given, 2, 2, true);
    changed_end(changed);
    assert_int_equal(changed->count, 1);
    assert_int_equal(strlen(changed->samples[0].name), CHANGED_NAME_BYTES - 1);
    assert_int_equal(strlen(changed->samples[0].path), sizeof(name) - 1);
    assert_true(changed->samples[0].sqnr_db < -1e9);
    memory_free(changed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changed__a_sample_shows_the_row_that_the_original_was_surest_of),
        cmocka_unit_test(test_changed__what_has_the_same_answers_is_not_kept),
        cmocka_unit_test(test_changed__numbers_without_rows_do_not_hide_answers),
        cmocka_unit_test(test_changed__without_rows_the_noisiest_come_with_what_moved_most),
        cmocka_unit_test(test_changed__a_mask_has_no_answers),
        cmocka_unit_test(test_changed__of_many_the_worst_are_kept_in_order),
        cmocka_unit_test(test_changed__long_names_are_cut_and_numbers_that_are_none_are_no_answer),
    };
    return cmocka_run_group_tests_name("changed", tests, NULL, NULL);
}

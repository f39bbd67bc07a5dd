// SPDX-License-Identifier: Apache-2.0
#include "agents/candidates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

static struct candidates list;

static void add(float score, uint32_t kind, float x, float y, float size) {
    candidates_add(&list, &(struct candidate){.score = score,
                                              .kind = kind,
                                              .row = list.count,
                                              .x = x,
                                              .y = y,
                                              .width = size,
                                              .height = size});
}

static void test_candidates__overlap_is_a_share_of_both_together(void **state) {
    (void)state;
    const struct candidate a = {.x = 0, .y = 0, .width = 4, .height = 4};
    const struct candidate half = {.x = 2, .y = 0, .width = 4, .height = 4};
    const struct candidate far = {.x = 4, .y = 0, .width = 4, .height = 4};
    assert_true(fabsf(candidate_overlap(&a, &a) - 1) < 1e-6f);
    assert_true(fabsf(candidate_overlap(&a, &half) - 8.0f / 24) < 1e-6f);
    assert_true(candidate_overlap(&a, &far) == 0);
}

static void test_candidates__what_has_no_score_is_none(void **state) {
    (void)state;
    list.count = 0;
    add(INFINITY, 0, 0, 0, 10);
    add(NAN, 0, 20, 0, 10);
    add(-INFINITY, 0, 40, 0, 10);
    add(0.9f, 0, 60, 0, 10);
    assert_int_equal(list.count, 1);
    assert_true(list.items[0].score == 0.9f);
}

static void test_candidates__leave_the_best_of_each_heap(void **state) {
    (void)state;
    list.count = 0;
    add(0.7f, 0, 0, 0, 10);
    add(0.9f, 0, 1, 1, 10);
    add(0.8f, 1, 1, 1, 10); /* another kind in the same place stays */
    add(0.6f, 0, 50, 50, 10);
    add(0.95f, 0, 2, 2, 0); /* nothing at all */
    candidates_choose(&list, 0.45f, 10);
    assert_int_equal(list.count, 3);
    assert_true(list.items[0].score == 0.9f && list.items[1].score == 0.8f);
    assert_true(list.items[2].score == 0.6f);
}

static void test_candidates__a_neighbour_of_what_was_dropped_stays(void **state) {
    (void)state;
    list.count = 0;
    add(0.9f, 0, 0, 0, 10);
    add(0.8f, 0, 4, 0, 10); /* covered by the first */
    add(0.7f, 0, 8, 0, 10); /* covered by the second alone */
    candidates_choose(&list, 0.3f, 10);
    assert_int_equal(list.count, 2);
    assert_true(list.items[1].x == 8);
}

static void test_candidates__with_a_share_of_one_all_stay_up_to_the_most(void **state) {
    (void)state;
    list.count = 0;
    for (int i = 0; i < 5; i++) {
        add(0.5f, 0, 0, 0, 10);
    }
    candidates_choose(&list, 1, 4);
    assert_int_equal(list.count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(list.items[i].row, i);
    }
}

static void test_candidates__of_very_many_the_best_are_kept(void **state) {
    (void)state;
    list.count = 0;
    enum { MANY = 10 * CANDIDATES_MAX };
    for (int i = 0; i < MANY; i++) {
        const int mixed = i * 7919 % MANY; /* every number once, in no order */
        add((float)mixed, 0, (float)(mixed * 20), 0, 10);
    }
    candidates_choose(&list, 0.5f, CANDIDATES_MAX);
    assert_int_equal(list.count, CANDIDATES_MAX);
    for (int i = 0; i < CANDIDATES_MAX; i++) {
        assert_true(list.items[i].score == (float)(MANY - 1 - i));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_candidates__overlap_is_a_share_of_both_together),
        cmocka_unit_test(test_candidates__what_has_no_score_is_none),
        cmocka_unit_test(test_candidates__leave_the_best_of_each_heap),
        cmocka_unit_test(test_candidates__a_neighbour_of_what_was_dropped_stays),
        cmocka_unit_test(test_candidates__with_a_share_of_one_all_stay_up_to_the_most),
        cmocka_unit_test(test_candidates__of_very_many_the_best_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "model/distill_loss.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "model/dice.h"

static const double NEAR = 1e-6;

static void assert_near(double got, double wanted, double tolerance) {
    if (!(fabs(got - wanted) <= tolerance)) {
        print_error("%.9g, wanted %.9g\n", got, wanted);
        assert_true(0);
    }
}

/* softmax(log 3, 0) is (0.75, 0.25); KL from that to (0.5, 0.5) is 0.75 log 1.5 + 0.25 log 0.5. */
static void test_distill_loss__the_teachers_term_by_hand(void **state) {
    (void)state;
    const float teacher[] = {1.0986123F, 0};
    const float hot_teacher[] = {2.1972246F, 0};
    const float student[] = {0, 0};
    float slope[2];
    struct distill_row row = {
        .student = student, .teacher = teacher, .classes = 2, .label = DISTILL_NO_LABEL};
    struct distill_blend blend = {.temperature = 1, .share = 1};
    assert_near(distill_loss(&blend, &row, slope), 0.1308120, NEAR);
    assert_near((double)slope[0], -0.25, NEAR);
    assert_near((double)slope[1], 0.25, NEAR);
    row.teacher = hot_teacher;
    blend = (struct distill_blend){.temperature = 2, .share = 0.5};
    assert_near(distill_loss(&blend, &row, slope), 0.5 * 4 * 0.1308120, NEAR);
    assert_near((double)slope[0], 0.5 * 2 * -0.25, NEAR);
    assert_near((double)slope[1], 0.5 * 2 * 0.25, NEAR);
}

/* softmax(0, log 3) is (0.25, 0.75). */
static void test_distill_loss__the_labels_term_by_hand(void **state) {
    (void)state;
    const float student[] = {0, 1.0986123F};
    float slope[2];
    const struct distill_row row = {.student = student, .classes = 2, .label = 0};
    struct distill_blend blend = {.temperature = 4, .share = 0};
    assert_near(distill_loss(&blend, &row, slope), 1.3862944, NEAR);
    assert_near((double)slope[0], -0.75, NEAR);
    assert_near((double)slope[1], 0.75, NEAR);
    blend.share = 0.9;
    assert_near(distill_loss(&blend, &row, slope), 0.1 * 1.3862944, NEAR);
    assert_near((double)slope[0], 0.1 * -0.75, NEAR);
}

static void test_distill_loss__both_terms_add_up(void **state) {
    (void)state;
    const float teacher[] = {2, -1, 0.5F};
    const float student[] = {-0.5F, 0.25F, 1};
    const struct distill_blend blend = {.temperature = 2, .share = 0.75};
    struct distill_row row = {.student = student, .teacher = teacher, .classes = 3, .label = 1};
    float both[3];
    float first[3];
    float second[3];
    const double whole = distill_loss(&blend, &row, both);
    row.label = DISTILL_NO_LABEL;
    double parts = distill_loss(&blend, &row, first);
    row.label = 1;
    row.teacher = NULL;
    parts += distill_loss(&blend, &row, second);
    assert_near(whole, parts, NEAR);
    for (int i = 0; i < 3; i++) {
        assert_near((double)both[i], (double)first[i] + (double)second[i], NEAR);
    }
}

static void test_distill_loss__nobody_who_knows_teaches_nothing(void **state) {
    (void)state;
    const float student[] = {1, 2};
    float slope[2] = {9, 9};
    const struct distill_row row = {.student = student, .classes = 2, .label = DISTILL_NO_LABEL};
    const struct distill_blend blend = {.temperature = 1, .share = 0.5};
    assert_near(distill_loss(&blend, &row, slope), 0, 0);
    assert_true(slope[0] == 0 && slope[1] == 0);
}

/* Against differences of the loss itself, for every blend that is ever chosen from. */
static void test_distill_loss__the_slope_is_that_of_the_loss(void **state) {
    (void)state;
    enum { CLASSES = 5 };
    const float step = 0x1p-7F;
    uint64_t dice = 11;
    for (int round = 0; round < 60; round++) {
        const struct distill_blend blend = {.temperature = 1 << round % 3,
                                            .share = (double[]){0, 0.5, 0.9, 1}[round % 4]};
        float teacher[CLASSES];
        float student[CLASSES];
        float slope[CLASSES];
        for (int i = 0; i < CLASSES; i++) {
            teacher[i] = 6 * dice_signed(&dice);
            student[i] = 4 * dice_signed(&dice);
        }
        const struct distill_row row = {.student = student,
                                        .teacher = round % 5 == 0 ? NULL : teacher,
                                        .classes = CLASSES,
                                        .label = round % 7 == 0 ? DISTILL_NO_LABEL : round % 5};
        (void)distill_loss(&blend, &row, slope);
        for (int i = 0; i < CLASSES; i++) {
            const float at = student[i];
            student[i] = at + step;
            const double above = distill_loss(&blend, &row, NULL);
            student[i] = at - step;
            const double below = distill_loss(&blend, &row, NULL);
            const double apart = (double)(at + step) - (double)(at - step);
            student[i] = at;
            assert_near((double)slope[i], (above - below) / apart, 1e-4);
        }
    }
}

static void test_distill_loss__no_logit_is_too_large(void **state) {
    (void)state;
    const float far[] = {3e38F, -3e38F, 0};
    const float other[] = {-3e38F, 3e38F, 100};
    const struct distill_blend blend = {.temperature = 1, .share = 0.5};
    float slope[3];
    struct distill_row row = {.student = far, .teacher = far, .classes = 3, .label = 0};
    assert_near(distill_loss(&blend, &row, slope), 0, NEAR);
    row.teacher = other;
    assert_true(isfinite(distill_loss(&blend, &row, slope)));
    assert_near((double)slope[0], 0.5, NEAR);
    assert_near((double)slope[1], -0.5, NEAR);
    row.label = 1;
    assert_true(isfinite(distill_loss(&blend, &row, slope)));
    assert_near((double)slope[0], 1, NEAR);
}

static void test_distill_loss__a_student_that_agrees_has_nothing_to_learn(void **state) {
    (void)state;
    const float teacher[] = {3, 1, -2};
    const float student[] = {13, 11, 8}; /* the same but for what softmax does not see */
    const struct distill_blend blend = {.temperature = 4, .share = 1};
    const struct distill_row row = {.student = student, .teacher = teacher, .classes = 3};
    float slope[3];
    assert_near(distill_loss(&blend, &row, slope), 0, 1e-5);
    for (int i = 0; i < 3; i++) {
        assert_near((double)slope[i], 0, NEAR);
    }
}

static void test_distill_chances__add_up_and_name_the_likeliest(void **state) {
    (void)state;
    const float logits[] = {0, 1.0986123F, 1.0986123F};
    double chances[3];
    assert_int_equal(distill_chances(logits, 3, 1, chances), 1);
    assert_near(chances[0], 1.0 / 7, NEAR);
    assert_near(chances[1], 3.0 / 7, NEAR);
    assert_near(chances[2], 3.0 / 7, NEAR);
    assert_int_equal(distill_best((float[]){2, 1}, 2), 0);
}

static void test_distill_chances__are_told_from_logits(void **state) {
    (void)state;
    assert_true(distill_are_chances((float[]){0.2F, 0.8F, 1, 0}, 2, 2));
    assert_false(distill_are_chances((float[]){0.2F, 0.8F, 0.9F, 0.2F}, 2, 2));
    assert_false(distill_are_chances((float[]){-0.2F, 1.2F}, 1, 2));
    assert_false(distill_are_chances((float[]){NAN, 1}, 1, 2));
    assert_false(distill_are_chances(NULL, 0, 2));
    float chances[] = {0.25F, 0.75F, 0, 1};
    distill_logits_of_chances(chances, 4);
    assert_near((double)chances[1] - (double)chances[0], 1.0986123, NEAR);
    assert_near((double)chances[2], log(DISTILL_CHANCE_LEAST), 1e-5);
    assert_true(chances[3] == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distill_loss__the_teachers_term_by_hand),
        cmocka_unit_test(test_distill_loss__the_labels_term_by_hand),
        cmocka_unit_test(test_distill_loss__both_terms_add_up),
        cmocka_unit_test(test_distill_loss__nobody_who_knows_teaches_nothing),
        cmocka_unit_test(test_distill_loss__the_slope_is_that_of_the_loss),
        cmocka_unit_test(test_distill_loss__no_logit_is_too_large),
        cmocka_unit_test(test_distill_loss__a_student_that_agrees_has_nothing_to_learn),
        cmocka_unit_test(test_distill_chances__add_up_and_name_the_likeliest),
        cmocka_unit_test(test_distill_chances__are_told_from_logits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

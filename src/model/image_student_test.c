// SPDX-License-Identifier: Apache-2.0
#include "model/image_student.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "model/dice.h"

enum { PICTURES = 5, CLASSES = 3 };

static const struct image_form FASHION = {.input = {.channels = 1, .height = 28, .width = 28},
                                          .classes = 10,
                                          .filters = {8, 16},
                                          .hidden = 30};

static void throw_pictures(struct picture_set *set, struct picture_shape shape) {
    struct error err;
    uint8_t pixels[4096];
    uint64_t dice = 9;
    assert_int_equal(picture_set_init(set, &shape, 1 << 20, &err), STATUS_OK);
    for (int i = 0; i < PICTURES; i++) {
        for (size_t j = 0; j < picture_bytes(&shape); j++) {
            pixels[j] = (uint8_t)dice_below(&dice, 256);
        }
        assert_int_equal(picture_set_add(set, pixels, PICTURE_NO_LABEL, &err), STATUS_OK);
    }
}

static void test_image_form__is_counted(void **state) {
    (void)state;
    assert_null(image_form_fault(&FASHION));
    /* 9*8+8, 72*16+16, 784*30+30, 30*10+10 */
    assert_int_equal(image_form_weights(&FASHION), 80 + 1168 + 23550 + 310);
    struct image_form form = FASHION;
    form.hidden = 0;
    assert_int_equal(image_form_weights(&form), 80 + 1168 + 7850);
    form.filters[0] = form.filters[1] = 0;
    assert_int_equal(image_form_weights(&form), 7850);
}

static void test_image_form__what_cannot_be_is_refused(void **state) {
    (void)state;
    struct {
        struct image_form form;
        const char *word;
    } wrong[] = {{FASHION, "channels"},       {FASHION, "sides"},   {FASHION, "classes"},
                 {FASHION, "multiples of 4"}, {FASHION, "filters"}, {FASHION, "at most 128"},
                 {FASHION, "at least 4"},     {FASHION, "hidden"},  {FASHION, "weights"}};
    wrong[0].form.input.channels = 5;
    wrong[1].form.input.width = 257;
    wrong[2].form.classes = 1;
    wrong[3].form.filters[0] = 6;
    wrong[4].form.filters[1] = 0;
    wrong[5].form.filters[1] = 132;
    wrong[6].form.input.height = 3;
    wrong[7].form.hidden = 1025;
    wrong[8].form = (struct image_form){
        .input = {4, 256, 256}, .classes = 2, .filters = {4, 128}, .hidden = 1024};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct error err;
        struct image_student student;
        assert_int_equal(image_student_init(&student, &wrong[i].form, 1, &err), STATUS_INVALID);
        assert_non_null(strstr(err.text, wrong[i].word));
        image_student_done(&student);
    }
}

static void test_image_form__is_as_large_as_there_is_room(void **state) {
    (void)state;
    struct image_form form;
    assert_true(image_form_choose(&FASHION.input, 10, 4 * 26000, &form));
    assert_null(image_form_fault(&form));
    assert_int_equal(form.filters[1], 16);
    assert_int_equal(form.hidden, 31);
    assert_true(image_form_weights(&form) <= 26000);
    form.hidden++;
    assert_true(image_form_weights(&form) > 26000);
    assert_true(image_form_choose(&FASHION.input, 10, (size_t)4 * (80 + 1168 + 7850), &form));
    assert_int_equal(form.hidden, 9); /* fewer weights than without one */
    assert_false(image_form_choose(&FASHION.input, 10, (size_t)4 * (80 + 1168 + 7850) - 1, &form));
    const struct picture_shape tiny = {.channels = 3, .height = 7, .width = 9};
    assert_true(image_form_choose(&tiny, 2, 4 * 500, &form));
    assert_int_equal(form.filters[0], 0);
    assert_int_equal(form.hidden, 0);
    assert_true(image_form_choose(&tiny, 2, 1 << 20, &form));
    assert_int_equal(form.hidden, 128);
}

/* sum of coefficient * logit over a batch: its slope by a logit is the coefficient. */
static double weigh(const struct image_student *student, struct image_pass *pass,
                    const struct picture_set *set, const float *coefficients) {
    const uint32_t rows[PICTURES] = {4, 0, 2, 1, 3};
    float logits[PICTURES * CLASSES];
    image_student_forward(student, pass, set, rows, PICTURES, logits);
    double sum = 0;
    for (int i = 0; i < PICTURES * CLASSES; i++) {
        sum += (double)logits[i] * (double)coefficients[i];
    }
    return sum;
}

/* Every weight's slope against a difference. By one weight an answer is made of straight lines:
 * where it bends in between (a ReLU, another largest of four) there is nothing to compare with. */
static void check_slopes(const struct image_form *form) {
    const float step = 0x1p-9F;
    struct error err;
    struct image_student student;
    struct image_pass pass;
    struct picture_set set;
    float coefficients[PICTURES * CLASSES];
    uint64_t dice = 77;
    throw_pictures(&set, form->input);
    assert_int_equal(image_student_init(&student, form, 3, &err), STATUS_OK);
    assert_int_equal(image_pass_init(&pass, &student, PICTURES, &err), STATUS_OK);
    for (int i = 0; i < PICTURES * CLASSES; i++) {
        coefficients[i] = dice_signed(&dice);
    }
    float *slope = memory_new(student.weights_count, sizeof(*slope));
    assert_non_null(slope);
    for (int twice = 0; twice < 2; twice++) { /* nothing of the first is left in the second */
        (void)weigh(&student, &pass, &set, coefficients);
        image_student_backward(&student, &pass, coefficients, PICTURES, slope);
    }
    size_t apart = 0;
    size_t bent = 0;
    const double here = weigh(&student, &pass, &set, coefficients);
    for (size_t i = 0; i < student.weights_count; i++) {
        const float at = student.weights[i];
        student.weights[i] = at + step;
        const double above = weigh(&student, &pass, &set, coefficients);
        student.weights[i] = at - step;
        const double below = weigh(&student, &pass, &set, coefficients);
        student.weights[i] = at;
        const double wanted = (above - below) / (2 * (double)step);
        const double tolerance = 2e-3 * (1 + fabs(wanted));
        const bool bends = fabs(above + below - 2 * here) / (2 * (double)step) > tolerance / 2;
        bent += bends;
        apart += !bends && fabs((double)slope[i] - wanted) > tolerance;
    }
    assert_int_equal(apart, 0);
    assert_true(bent < student.weights_count / 10);
    memory_free(slope);
    image_pass_done(&pass);
    image_student_done(&student);
    picture_set_done(&set);
}

static void test_image_student__every_slope_is_that_of_the_answer(void **state) {
    (void)state;
    const struct image_form forms[] = {
        {.input = {2, 8, 8}, .classes = CLASSES, .filters = {4, 8}, .hidden = 5},
        {.input = {1, 7, 10}, .classes = CLASSES, .filters = {8, 4}},
        {.input = {3, 4, 5}, .classes = CLASSES, .hidden = 6},
        {.input = {1, 5, 5}, .classes = CLASSES},
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        check_slopes(&forms[i]);
    }
}

/* One pixel alone, no convolution: the order of rows, columns and channels. */
static void test_image_student__pixels_go_by_row_column_channel(void **state) {
    (void)state;
    const struct image_form form = {.input = {.channels = 2, .height = 2, .width = 3},
                                    .classes = 2};
    struct error err;
    struct image_student student;
    struct image_pass pass;
    struct picture_set set;
    assert_int_equal(image_student_init(&student, &form, 1, &err), STATUS_OK);
    assert_int_equal(image_pass_init(&pass, &student, 1, &err), STATUS_OK);
    assert_int_equal(picture_set_init(&set, &form.input, 1 << 20, &err), STATUS_OK);
    uint8_t pixels[12] = {0};
    pixels[1 * 6 + 1 * 3 + 2] = 51; /* channel 1, row 1, column 2: a fifth */
    assert_int_equal(picture_set_add(&set, pixels, 0, &err), STATUS_OK);
    for (size_t i = 0; i < 12; i++) {
        student.weights[2 * i] = (float)i;
        student.weights[2 * i + 1] = 0;
    }
    student.weights[24] = 0.5F; /* a bias */
    float logits[2];
    image_student_forward(&student, &pass, &set, (uint32_t[]){0}, 1, logits);
    assert_true(fabsf(logits[0] - (11 * 0.2F + 0.5F)) < 1e-6F);
    assert_true(logits[1] == 0);
    image_pass_done(&pass);
    image_student_done(&student);
    picture_set_done(&set);
}

/* In a batch or alone, an answer is the same to the bit. */
static void test_image_student__an_answer_does_not_depend_on_its_batch(void **state) {
    (void)state;
    struct error err;
    struct image_student student;
    struct image_pass pass;
    struct picture_set set;
    throw_pictures(&set, FASHION.input);
    assert_int_equal(image_student_init(&student, &FASHION, 8, &err), STATUS_OK);
    assert_int_equal(image_pass_init(&pass, &student, PICTURES, &err), STATUS_OK);
    float together[PICTURES * 10];
    image_student_forward(&student, &pass, &set, (uint32_t[]){0, 1, 2, 3, 4}, PICTURES, together);
    for (uint32_t i = 0; i < PICTURES; i++) {
        float alone[10];
        image_student_forward(&student, &pass, &set, &i, 1, alone);
        assert_memory_equal(alone, together + (size_t)i * 10, sizeof(alone));
    }
    image_pass_done(&pass);
    image_student_done(&student);
    picture_set_done(&set);
}

static void test_image_student__a_seed_gives_the_same_weights(void **state) {
    (void)state;
    struct error err;
    struct image_student first;
    struct image_student second;
    assert_int_equal(image_student_init(&first, &FASHION, 4, &err), STATUS_OK);
    assert_int_equal(image_student_init(&second, &FASHION, 4, &err), STATUS_OK);
    const size_t bytes = first.weights_count * sizeof(float);
    assert_memory_equal(first.weights, second.weights, bytes);
    image_student_done(&second);
    assert_int_equal(image_student_init(&second, &FASHION, 5, &err), STATUS_OK);
    assert_memory_not_equal(first.weights, second.weights, bytes);
    image_student_done(&first);
    image_student_done(&second);
}

static void test_image_student__no_memory_is_an_answer_and_nothing_leaks(void **state) {
    (void)state;
    const struct image_form large = {.input = {4, 256, 256}, .classes = 2, .filters = {128, 128}};
    struct error err;
    struct image_student student;
    struct image_pass pass;
    (void)memory_fail_at(0, 0);
    assert_int_equal(image_student_init(&student, &FASHION, 1, &err), STATUS_NO_MEMORY);
    (void)memory_fail_at(-1, 0);
    assert_int_equal(image_student_init(&student, &FASHION, 1, &err), STATUS_OK);
    for (long k = 0; k < 3; k++) {
        (void)memory_fail_at(k, 1);
        assert_int_equal(image_pass_init(&pass, &student, 2, &err), STATUS_NO_MEMORY);
        (void)memory_fail_at(-1, 0);
    }
    image_student_done(&student);
    assert_int_equal(image_student_init(&student, &large, 1, &err), STATUS_OK);
    assert_int_equal(image_pass_init(&pass, &student, 256, &err), STATUS_NO_MEMORY);
    assert_non_null(strstr(err.text, "256 pictures"));
    image_student_done(&student);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image_form__is_counted),
        cmocka_unit_test(test_image_form__is_as_large_as_there_is_room),
        cmocka_unit_test(test_image_form__what_cannot_be_is_refused),
        cmocka_unit_test(test_image_student__every_slope_is_that_of_the_answer),
        cmocka_unit_test(test_image_student__pixels_go_by_row_column_channel),
        cmocka_unit_test(test_image_student__an_answer_does_not_depend_on_its_batch),
        cmocka_unit_test(test_image_student__a_seed_gives_the_same_weights),
        cmocka_unit_test(test_image_student__no_memory_is_an_answer_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

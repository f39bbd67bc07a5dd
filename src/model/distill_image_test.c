// SPDX-License-Identifier: Apache-2.0
#include "model/distill_image.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "model/dice.h"

enum { SIDE = 8, CLASSES = 3, FEW = 12, MANY = 160, NEW = 160, RANDOM = 100 };

static const struct image_form FORM = {
    .input = {.channels = 1, .height = SIDE, .width = SIDE},
    .classes = CLASSES,
    .filters = {4, 8},
    .hidden = 8,
};

/* Pictures with what a teacher says of them. */
struct lesson {
    struct picture_set set;
    float teacher[(size_t)MANY * CLASSES];
};

/* A bar across, a bar down or a slant, somewhere, in noise. */
static void draw(uint32_t class, uint64_t *dice, uint8_t *pixels) {
    const size_t place = dice_below(dice, SIDE);
    for (size_t i = 0; i < (size_t)SIDE * SIDE; i++) {
        const size_t row = i / SIDE;
        const size_t column = i % SIDE;
        const bool lit = class == 0   ? row == place
                         : class == 1 ? column == place
                                      : (row + place) % SIDE == column;
        pixels[i] = (uint8_t)(dice_below(dice, 100) + (lit ? 150 : 0));
    }
}

/* The first `labelled` have a label. The teacher is right but for one in `wrong` (0: always). */
static void make_lesson(struct lesson *lesson, uint32_t count, uint32_t labelled, uint32_t wrong) {
    struct error err;
    uint64_t dice = count;
    assert_true(count <= MANY);
    assert_int_equal(picture_set_init(&lesson->set, &FORM.input, 1 << 20, &err), STATUS_OK);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t pixels[SIDE * SIDE];
        const uint32_t class = i % CLASSES;
        draw(class, &dice, pixels);
        const int16_t label = i < labelled ? (int16_t) class : PICTURE_NO_LABEL;
        assert_int_equal(picture_set_add(&lesson->set, pixels, label, &err), STATUS_OK);
        const bool errs = wrong > 0 && dice_below(&dice, wrong) == 0;
        for (uint32_t k = 0; k < CLASSES; k++) {
            const bool said = k == (errs ? (class + 1) % CLASSES : class);
            lesson->teacher[i * CLASSES + k] = (said ? 4.0F : 0) + dice_signed(&dice);
        }
    }
}

static struct distill_lesson lesson_of(const struct lesson *lesson, bool taught) {
    return (struct distill_lesson){
        .set = &lesson->set, .teacher = taught ? lesson->teacher : NULL, .classes = CLASSES};
}

static void default_options(struct distill_options *options) {
    distill_options_init(options);
    options->passes = 36;
    options->rate = 1e-2;
}

static void learn(const struct lesson *lesson, bool taught, const struct distill_options *options,
                  struct image_student *student, struct distill_report *report) {
    struct error err;
    const struct distill_lesson from = lesson_of(lesson, taught);
    if (distill_image(&from, &FORM, options, student, report, &err) != STATUS_OK) {
        print_error("%s\n", err.text);
        assert_true(0);
    }
}

static double judge_new(const struct image_student *student) {
    struct error err;
    struct lesson fresh;
    struct distill_trial trial;
    make_lesson(&fresh, NEW, NEW, 0);
    const struct distill_lesson from = lesson_of(&fresh, true);
    assert_int_equal(distill_judge(student, &from, &trial, &err), STATUS_OK);
    assert_true(fabs(trial.right - trial.agreement) < 1e-9); /* this teacher is always right */
    picture_set_done(&fresh.set);
    return trial.right;
}

static void test_distill_image__a_teacher_is_worth_more_than_few_labels(void **state) {
    (void)state;
    struct distill_options options;
    struct lesson lesson;
    struct image_student student;
    struct distill_report report;
    default_options(&options);
    make_lesson(&lesson, MANY, FEW, 0);
    learn(&lesson, true, &options, &student, &report);
    const double distilled = judge_new(&student);
    image_student_done(&student);
    picture_set_done(&lesson.set);
    assert_int_equal(report.rows, MANY);
    assert_int_equal(report.labelled, FEW);
    assert_int_equal(report.held_back, MANY / 10);
    assert_int_equal(report.trials_count, 5);
    assert_true(distilled > 0.9);
    assert_true(report.chosen.right > 0.8);

    make_lesson(&lesson, 2 * FEW, 2 * FEW, 0);
    options.passes *= MANY / (2 * FEW); /* as many steps */
    learn(&lesson, false, &options, &student, &report);
    assert_int_equal(report.trials_count, 1);
    assert_true(report.chosen.share == 0);
    assert_true(judge_new(&student) < distilled - 0.05);
    image_student_done(&student);
    picture_set_done(&lesson.set);
}

static void test_distill_image__the_same_rows_and_seed_give_the_same_bytes(void **state) {
    (void)state;
    struct distill_options options;
    struct lesson lesson;
    struct image_student first;
    struct image_student second;
    struct distill_report report;
    default_options(&options);
    options.passes = 2;
    make_lesson(&lesson, 60, 30, 0);
    learn(&lesson, true, &options, &first, &report);
    learn(&lesson, true, &options, &second, &report);
    const size_t bytes = first.weights_count * sizeof(*first.weights);
    assert_memory_equal(first.weights, second.weights, bytes);
    image_student_done(&second);
    options.seed = 2;
    learn(&lesson, true, &options, &second, &report);
    assert_memory_not_equal(first.weights, second.weights, bytes);
    image_student_done(&first);
    image_student_done(&second);
    picture_set_done(&lesson.set);
}

/* Labels that mean nothing are learned by heart, and still no row that is held back is known. */
static void test_distill_image__what_is_held_back_is_not_learned(void **state) {
    (void)state;
    struct distill_options options;
    struct lesson lesson;
    struct image_student student;
    struct distill_report report;
    default_options(&options);
    options.passes = 100;
    make_lesson(&lesson, RANDOM, RANDOM, 0);
    uint64_t dice = 4;
    for (size_t i = 0; i < RANDOM; i++) {
        lesson.set.labels[i] = (int16_t)dice_below(&dice, CLASSES);
    }
    const struct image_form memory = {.input = FORM.input, .classes = CLASSES, .hidden = 32};
    const struct distill_lesson from = lesson_of(&lesson, false);
    struct distill_trial trial;
    struct error err;
    assert_int_equal(distill_image(&from, &memory, &options, &student, &report, &err), STATUS_OK);
    assert_true(report.chosen.right < 0.7);
    assert_int_equal(distill_judge(&student, &from, &trial, &err), STATUS_OK);
    assert_true(trial.right > 0.9);
    image_student_done(&student);
    picture_set_done(&lesson.set);
}

static void test_distill_image__what_is_set_is_not_chosen(void **state) {
    (void)state;
    struct distill_options options;
    struct lesson lesson;
    struct image_student student;
    struct distill_report report;
    default_options(&options);
    options.passes = 1;
    options.temperature = 3;
    make_lesson(&lesson, 60, 30, 0);
    learn(&lesson, true, &options, &student, &report);
    image_student_done(&student);
    assert_int_equal(report.trials_count, 3);
    assert_true(report.chosen.temperature == 3);
    options.share = 0.7;
    learn(&lesson, true, &options, &student, &report);
    image_student_done(&student);
    assert_int_equal(report.trials_count, 1);
    assert_true(report.chosen.share == 0.7);
    picture_set_done(&lesson.set);
    make_lesson(&lesson, 60, 0, 0); /* without labels there is one share */
    options.share = -1;
    learn(&lesson, true, &options, &student, &report);
    image_student_done(&student);
    assert_int_equal(report.trials_count, 1);
    assert_true(report.chosen.share == 1);
    picture_set_done(&lesson.set);
}

/* Of 100 rows at a share of 0.9, chance explains 3. */
static void test_distill_pick__what_chance_explains_is_no_difference(void **state) {
    (void)state;
    const struct distill_trial trials[] = {{.right = 0.88, .distance = 0.4},
                                           {.right = 0.9, .distance = 0.5},
                                           {.right = 0.86, .distance = 0.1},
                                           {.right = 0.89, .distance = 0.3}};
    assert_int_equal(distill_pick(trials, 4, 100), 3);
    assert_int_equal(distill_pick(trials, 2, 100), 0);
    assert_int_equal(distill_pick(trials, 4, 100000), 1);
    assert_int_equal(distill_pick(trials, 4, 20), 2);
    assert_int_equal(distill_pick(trials, 1, 100), 0);
    const struct distill_trial untaught[] = {{.right = 0}, {.right = 0}};
    assert_int_equal(distill_pick(untaught, 2, 0), 0);
}

/* The best of what the report tells is the one that was taken. */
static void test_distill_image__the_best_trial_is_chosen(void **state) {
    (void)state;
    struct distill_options options;
    struct lesson lesson;
    struct image_student student;
    struct distill_report report;
    default_options(&options);
    make_lesson(&lesson, MANY, MANY, 3);
    learn(&lesson, true, &options, &student, &report);
    const uint32_t best = distill_pick(report.trials, report.trials_count, report.held_back);
    assert_memory_equal(&report.trials[best], &report.chosen, sizeof(report.chosen));
    assert_true(report.chosen.right > report.chosen.agreement); /* the labels were believed */
    image_student_done(&student);
    picture_set_done(&lesson.set);
}

static void refuse(const struct distill_lesson *lesson, const struct image_form *form,
                   const struct distill_options *options, const char *word) {
    struct error err;
    struct image_student student;
    struct distill_report report;
    assert_int_equal(distill_image(lesson, form, options, &student, &report, &err), STATUS_INVALID);
    if (strstr(err.text, word) == NULL) {
        print_error("'%s' does not say '%s'\n", err.text, word);
        assert_true(0);
    }
}

static void test_distill_image__what_cannot_be_is_refused(void **state) {
    (void)state;
    struct lesson lesson;
    make_lesson(&lesson, 30, 20, 0);
    struct distill_lesson from = lesson_of(&lesson, true);
    struct distill_options good;
    default_options(&good);
    struct distill_options options = good;
    options.passes = 0;
    refuse(&from, &FORM, &options, "passes");
    options = good;
    options.batch = STUDENT_BATCH_MAX + 1;
    refuse(&from, &FORM, &options, "at once");
    options = good;
    options.rate = NAN;
    refuse(&from, &FORM, &options, "rate");
    options = good;
    options.temperature = NAN;
    refuse(&from, &FORM, &options, "temperature");
    options = good;
    options.share = 1.1;
    refuse(&from, &FORM, &options, "share");
    struct image_form form = FORM;
    form.classes = 4;
    refuse(&from, &form, &good, "4 classes");
    form = FORM;
    form.input.width = 9;
    refuse(&from, &form, &good, "8 x 9");
    from.teacher = NULL;
    refuse(&from, &FORM, &good, "no teacher");
    from.teacher = lesson.teacher;
    lesson.teacher[7] = INFINITY;
    refuse(&from, &FORM, &good, "picture 2");
    lesson.teacher[7] = 0;
    lesson.set.labels[5] = 3;
    refuse(&from, &FORM, &good, "label 3");
    picture_set_done(&lesson.set);
    make_lesson(&lesson, DISTILL_ROWS_MIN - 1, 1, 0);
    refuse(&from, &FORM, &good, "too few");
    picture_set_done(&lesson.set);
}

/* What progress saw, and after how much of the work it ends it. */
struct seen {
    double last, until;
    unsigned calls;
};

static bool see(void *owner, double share) {
    struct seen *seen = owner;
    assert_true(share >= seen->last && share <= 1.0000001);
    seen->last = share;
    seen->calls++;
    return share < seen->until;
}

static void test_distill_image__progress_goes_to_the_end_and_may_end_it(void **state) {
    (void)state;
    struct lesson lesson;
    struct distill_options options;
    struct image_student student;
    struct distill_report report;
    struct error err;
    struct seen seen = {.until = 2};
    make_lesson(&lesson, 60, 30, 0);
    const struct distill_lesson from = lesson_of(&lesson, true);
    default_options(&options);
    options.passes = 2;
    options.progress = see;
    options.owner = &seen;
    learn(&lesson, true, &options, &student, &report);
    image_student_done(&student);
    assert_true(seen.last > 0.9999999);
    assert_int_equal(seen.calls, 5 * 2 + 2 * 2);
    seen = (struct seen){.until = 0.5};
    assert_int_equal(distill_image(&from, &FORM, &options, &student, &report, &err),
                     STATUS_INTERRUPTED);
    assert_true(seen.last < 0.6);
    picture_set_done(&lesson.set);
}

static void test_distill_image__no_memory_is_an_answer_and_nothing_leaks(void **state) {
    (void)state;
    struct lesson lesson;
    struct distill_options options;
    make_lesson(&lesson, 24, 12, 0);
    const struct distill_lesson from = lesson_of(&lesson, true);
    default_options(&options);
    options.passes = 1;
    options.temperature = 2;
    options.share = 1;
    status done = STATUS_NO_MEMORY;
    long k = 0;
    for (; done != STATUS_OK; k++) {
        struct image_student student;
        struct distill_report report;
        struct error err;
        (void)memory_fail_at(k, 0);
        done = distill_image(&from, &FORM, &options, &student, &report, &err);
        (void)memory_fail_at(-1, 0);
        if (done == STATUS_OK) {
            image_student_done(&student);
        } else {
            assert_int_equal(done, STATUS_NO_MEMORY);
        }
    }
    assert_true(k > 10);
    picture_set_done(&lesson.set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distill_image__a_teacher_is_worth_more_than_few_labels),
        cmocka_unit_test(test_distill_image__the_same_rows_and_seed_give_the_same_bytes),
        cmocka_unit_test(test_distill_image__what_is_held_back_is_not_learned),
        cmocka_unit_test(test_distill_image__what_is_set_is_not_chosen),
        cmocka_unit_test(test_distill_pick__what_chance_explains_is_no_difference),
        cmocka_unit_test(test_distill_image__the_best_trial_is_chosen),
        cmocka_unit_test(test_distill_image__what_cannot_be_is_refused),
        cmocka_unit_test(test_distill_image__progress_goes_to_the_end_and_may_end_it),
        cmocka_unit_test(test_distill_image__no_memory_is_an_answer_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

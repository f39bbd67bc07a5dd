// SPDX-License-Identifier: Apache-2.0
#include "model/distill_image.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "model/adam.h"
#include "model/dice.h"
#include "model/distill_loss.h"

enum { HOLD_BACK_OF = 10, HOLD_BACK_MAX = 5000 };

static const double RATE_DEFAULT = 3e-3;
static const double RATE_MAX = 1;

/* What one training holds; undone as a whole. */
struct training {
    const struct distill_lesson *lesson;
    const struct distill_options *options;
    struct image_student student;
    struct image_pass pass;
    struct adam adam;
    uint32_t *rows;  /* all, those that are held back last */
    uint32_t *order; /* of those that are learned from */
    float *slope;    /* by every weight */
    float *logits;   /* of a batch */
    float *logit_slopes;
    double loss;        /* of the pass under way, a sum */
    double done, whole; /* pictures that were and will be learned from, all trainings together */
};

void distill_options_init(struct distill_options *options) {
    *options = (struct distill_options){.seed = 1,
                                        .passes = DISTILL_PASSES_DEFAULT,
                                        .batch = DISTILL_BATCH_DEFAULT,
                                        .rate = RATE_DEFAULT,
                                        .share = -1};
}

static void training_done(struct training *training) {
    image_student_done(&training->student);
    image_pass_done(&training->pass);
    adam_done(&training->adam);
    memory_free(training->rows);
    memory_free(training->order);
    memory_free(training->slope);
    memory_free(training->logits);
    memory_free(training->logit_slopes);
}

static status check_options(const struct distill_options *options, struct error *err) {
    if (options->passes < 1 || options->passes > DISTILL_PASSES_MAX) {
        return fail(err, STATUS_INVALID, "from 1 to %d passes are made over the pictures",
                    DISTILL_PASSES_MAX);
    }
    if (options->batch < 1 || options->batch > STUDENT_BATCH_MAX) {
        return fail(err, STATUS_INVALID, "from 1 to %d pictures are learned from at once",
                    STUDENT_BATCH_MAX);
    }
    if (!(options->rate > 0 && options->rate <= RATE_MAX)) {
        return fail(err, STATUS_INVALID, "the rate of learning is above 0 and at most 1");
    }
    const struct distill_blend blend = {.temperature = options->temperature,
                                        .share = options->share};
    const char *fault = distill_blend_fault(&blend);
    if (fault != NULL) {
        return fail(err, STATUS_INVALID, "%s", fault);
    }
    return STATUS_OK;
}

static status check_lesson(const struct distill_lesson *lesson, const struct image_form *form,
                           struct error *err) {
    const struct picture_set *set = lesson->set;
    if (set->count < DISTILL_ROWS_MIN) {
        return fail(err, STATUS_INVALID, "%zu pictures are too few to learn from: at least %d",
                    set->count, DISTILL_ROWS_MIN);
    }
    if (form->classes != lesson->classes ||
        memcmp(&form->input, &set->shape, sizeof(set->shape)) != 0) {
        return fail(err, STATUS_INVALID,
                    "the student takes pictures of %u x %u x %u for %u classes, the pictures are "
                    "%u x %u x %u for %u",
                    form->input.channels, form->input.height, form->input.width, form->classes,
                    set->shape.channels, set->shape.height, set->shape.width, lesson->classes);
    }
    for (size_t i = 0; i < set->count; i++) {
        if (set->labels[i] >= (int32_t)lesson->classes) {
            return fail(err, STATUS_INVALID, "picture %zu has label %d: there are %u classes", i,
                        set->labels[i], lesson->classes);
        }
        if (lesson->teacher == NULL && set->labels[i] == PICTURE_NO_LABEL) {
            return fail(err, STATUS_INVALID, "picture %zu has no label, and no teacher knows it",
                        i);
        }
    }
    for (size_t i = 0; lesson->teacher != NULL && i < set->count * lesson->classes; i++) {
        if (!isfinite(lesson->teacher[i])) {
            return fail(err, STATUS_INVALID, "of picture %zu the teacher gives no number",
                        i / lesson->classes);
        }
    }
    return STATUS_OK;
}

/* Everything but the student, which each training begins anew. */
static status make_room(struct training *training, const struct image_form *form,
                        struct error *err) {
    const size_t count = training->lesson->set->count;
    const size_t batch = (size_t)training->options->batch * form->classes;
    training->rows = memory_new(count, sizeof(*training->rows));
    training->order = memory_new(count, sizeof(*training->order));
    training->slope = memory_new(image_form_weights(form), sizeof(*training->slope));
    training->logits = memory_new(batch, sizeof(*training->logits));
    training->logit_slopes = memory_new(batch, sizeof(*training->logit_slopes));
    if (training->rows == NULL || training->order == NULL || training->slope == NULL ||
        training->logits == NULL || training->logit_slopes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory");
    }
    uint64_t dice = training->options->seed;
    for (size_t i = 0; i < count; i++) {
        training->rows[i] = (uint32_t)i;
    }
    dice_shuffle(&dice, training->rows, count);
    TRY(image_student_init(&training->student, form, training->options->seed, err));
    return image_pass_init(&training->pass, &training->student, training->options->batch, err);
}

static struct distill_row row_of(const struct distill_lesson *lesson, uint32_t row,
                                 const float *logits) {
    const float *teacher = lesson->teacher;
    return (struct distill_row){
        .student = logits,
        .teacher = teacher != NULL ? teacher + (size_t)row * lesson->classes : NULL,
        .classes = lesson->classes,
        .label = lesson->set->labels[row],
    };
}

/* One step: the mean slope of a batch. */
static void learn_batch(struct training *training, const struct distill_blend *blend,
                        const uint32_t *rows, uint32_t count, double rate) {
    const struct distill_lesson *lesson = training->lesson;
    const uint32_t classes = lesson->classes;
    image_student_forward(&training->student, &training->pass, lesson->set, rows, count,
                          training->logits);
    for (uint32_t i = 0; i < count; i++) {
        const struct distill_row row =
            row_of(lesson, rows[i], training->logits + (size_t)i * classes);
        training->loss += distill_loss(blend, &row, training->logit_slopes + (size_t)i * classes);
    }
    for (size_t i = 0; i < (size_t)count * classes; i++) {
        training->logit_slopes[i] /= (float)count;
    }
    image_student_backward(&training->student, &training->pass, training->logit_slopes, count,
                           training->slope);
    adam_step(&training->adam, training->student.weights, training->slope, rate);
}

static status go_on(struct training *training, uint32_t count, struct error *err) {
    const struct distill_options *options = training->options;
    training->done += count;
    if (options->progress != NULL &&
        !options->progress(options->owner, training->done / training->whole)) {
        return fail(err, STATUS_INTERRUPTED, "the training was ended before it was done");
    }
    return STATUS_OK;
}

static uint32_t trial_passes(const struct distill_options *options) {
    return (options->passes + 1) / 2;
}

/* Begins a student anew and learns from the first `count` rows, with a rate that shrinks to
 * nothing. */
static status learn(struct training *training, const struct distill_blend *blend, size_t count,
                    uint32_t passes, struct error *err) {
    const struct distill_options *options = training->options;
    const struct image_form form = training->student.form;
    image_student_done(&training->student);
    adam_done(&training->adam);
    TRY(image_student_init(&training->student, &form, options->seed, err));
    TRY(adam_init(&training->adam, training->student.weights_count, err));
    (void)memcpy(training->order, training->rows, count * sizeof(*training->order));
    uint64_t dice = options->seed + 1;
    const double all = (double)count * passes;
    double done = 0;
    for (uint32_t pass = 0; pass < passes; pass++) {
        dice_shuffle(&dice, training->order, count);
        training->loss = 0;
        for (size_t at = 0; at < count;) {
            const size_t left = count - at;
            const uint32_t part = left < options->batch ? (uint32_t)left : options->batch;
            learn_batch(training, blend, training->order + at, part,
                        options->rate * (1 - done / all));
            at += part;
            done += part;
            TRY(go_on(training, part, err));
        }
    }
    training->loss /= (double)count;
    return STATUS_OK;
}

/* Over all temperatures that are chosen from, so that none of them has the say in its own case. */
static double distance_of(const struct distill_row *row) {
    struct distill_row unlabelled = *row;
    unlabelled.label = DISTILL_NO_LABEL;
    double sum = 0;
    for (int i = 0; i < DISTILL_CHOICES; i++) {
        const struct distill_blend blend = {.temperature = DISTILL_TEMPERATURES[i], .share = 1};
        sum += distill_loss(&blend, &unlabelled, NULL);
    }
    return sum / DISTILL_CHOICES;
}

/* Counts over batches; right is a row's label, or else the teacher's answer. */
static void judge(const struct image_student *student, struct image_pass *pass,
                  const struct distill_lesson *lesson, const uint32_t *rows, size_t count,
                  float *logits, struct distill_trial *trial) {
    size_t right = 0;
    size_t agreed = 0;
    double distance = 0;
    for (size_t at = 0; at < count; at += pass->batch) {
        const size_t left = count - at;
        const uint32_t part = left < pass->batch ? (uint32_t)left : pass->batch;
        image_student_forward(student, pass, lesson->set, rows + at, part, logits);
        for (uint32_t i = 0; i < part; i++) {
            const float *own = logits + (size_t)i * lesson->classes;
            const struct distill_row row = row_of(lesson, rows[at + i], own);
            const uint32_t said = distill_best(own, lesson->classes);
            const bool agrees =
                row.teacher != NULL && said == distill_best(row.teacher, lesson->classes);
            agreed += agrees;
            distance += distance_of(&row);
            right += row.label == DISTILL_NO_LABEL ? agrees : said == (uint32_t)row.label;
        }
    }
    trial->right = count > 0 ? (double)right / (double)count : 0;
    trial->agreement = count > 0 ? (double)agreed / (double)count : 0;
    trial->distance = count > 0 ? distance / (double)count : 0;
}

uint32_t distill_pick(const struct distill_trial *trials, uint32_t count, size_t held_back) {
    double most = 0;
    for (uint32_t i = 0; i < count; i++) {
        most = fmax(most, trials[i].right);
    }
    const double chance = held_back > 0 ? sqrt(most * (1 - most) / (double)held_back) : 0;
    uint32_t best = count;
    for (uint32_t i = 0; i < count; i++) {
        if (trials[i].right >= most - chance &&
            (best == count || trials[i].distance < trials[best].distance)) {
            best = i;
        }
    }
    return best;
}

/* Learns without the rows that are held back. */
static status try_blend(struct training *training, struct distill_blend blend, size_t held_back,
                        struct distill_report *report, struct error *err) {
    const size_t count = training->lesson->set->count - held_back;
    struct distill_trial trial = {.temperature = blend.temperature, .share = blend.share};
    TRY(learn(training, &blend, count, trial_passes(training->options), err));
    judge(&training->student, &training->pass, training->lesson, training->rows + count, held_back,
          training->logits, &trial);
    report->trials[report->trials_count++] = trial;
    report->chosen = report->trials[distill_pick(report->trials, report->trials_count, held_back)];
    return STATUS_OK;
}

/* Temperatures first, at the share where the search begins; then shares at the best of them. What
 * the options set is not chosen. */
static status choose(struct training *training, struct distill_report *report, struct error *err) {
    const struct distill_options *options = training->options;
    const bool seeks_heat = options->temperature <= 0 && training->lesson->teacher != NULL;
    const bool seeks_share =
        options->share < 0 && training->lesson->teacher != NULL && report->labelled > 0;
    struct distill_blend blend = {.temperature = options->temperature, .share = options->share};
    blend.temperature = blend.temperature > 0 ? blend.temperature : DISTILL_TEMPERATURES[0];
    blend.share = blend.share >= 0 ? blend.share : report->labelled > 0 ? DISTILL_SHARES[0] : 1;
    blend.share = training->lesson->teacher != NULL ? blend.share : 0;
    const double trials =
        1 + (seeks_heat ? DISTILL_CHOICES - 1 : 0) + (seeks_share ? DISTILL_CHOICES - 1 : 0);
    const size_t count = training->lesson->set->count;
    training->whole = trials * trial_passes(options) * (double)(count - report->held_back) +
                      (double)options->passes * (double)count;
    TRY(try_blend(training, blend, report->held_back, report, err));
    for (int i = 1; seeks_heat && i < DISTILL_CHOICES; i++) {
        blend.temperature = DISTILL_TEMPERATURES[i];
        TRY(try_blend(training, blend, report->held_back, report, err));
    }
    blend.temperature = report->chosen.temperature;
    for (int i = 1; seeks_share && i < DISTILL_CHOICES; i++) {
        blend.share = DISTILL_SHARES[i];
        TRY(try_blend(training, blend, report->held_back, report, err));
    }
    return STATUS_OK;
}

static status run(struct training *training, const struct image_form *form,
                  struct distill_report *report, struct error *err) {
    const struct picture_set *set = training->lesson->set;
    TRY(make_room(training, form, err));
    report->rows = set->count;
    report->held_back = set->count / HOLD_BACK_OF;
    report->held_back = report->held_back < HOLD_BACK_MAX ? report->held_back : HOLD_BACK_MAX;
    for (size_t i = 0; i < set->count; i++) {
        report->labelled += set->labels[i] != PICTURE_NO_LABEL;
    }
    TRY(choose(training, report, err));
    const struct distill_blend blend = {.temperature = report->chosen.temperature,
                                        .share = report->chosen.share};
    TRY(learn(training, &blend, set->count, training->options->passes, err));
    report->loss = training->loss;
    return STATUS_OK;
}

status distill_image(const struct distill_lesson *lesson, const struct image_form *form,
                     const struct distill_options *options, struct image_student *out_student,
                     struct distill_report *out_report, struct error *err) {
    TRY(check_options(options, err));
    TRY(check_lesson(lesson, form, err));
    struct training training = {.lesson = lesson, .options = options};
    struct distill_report report = {0};
    const status done = run(&training, form, &report, err);
    if (done == STATUS_OK) {
        *out_student = training.student;
        *out_report = report;
        training.student = (struct image_student){0};
    }
    training_done(&training);
    return done;
}

status distill_judge(const struct image_student *student, const struct distill_lesson *lesson,
                     struct distill_trial *out_trial, struct error *err) {
    const size_t count = lesson->set->count;
    struct image_pass pass;
    TRY(image_pass_init(&pass, student, DISTILL_BATCH_DEFAULT, err));
    uint32_t *rows = memory_new(count, sizeof(*rows));
    float *logits = memory_new((size_t)DISTILL_BATCH_DEFAULT * lesson->classes, sizeof(*logits));
    if (rows != NULL && logits != NULL) {
        for (size_t i = 0; i < count; i++) {
            rows[i] = (uint32_t)i;
        }
        judge(student, &pass, lesson, rows, count, logits, out_trial);
    }
    const bool whole = rows != NULL && logits != NULL;
    memory_free(rows);
    memory_free(logits);
    image_pass_done(&pass);
    return whole ? STATUS_OK : fail(err, STATUS_NO_MEMORY, "out of memory");
}

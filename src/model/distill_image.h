/*
 * distill_image: a small network learns pictures from what a large one says about them.
 *
 * Rows are pictures with a teacher's logits, some of them with a label as well. Temperature and the
 * teacher's share are chosen by how a tenth of the rows, held back from that trial, is answered: of
 * those that got as many right as the best, but for what chance explains, the one that is nearest
 * to the teacher. Right is the label, or the teacher's answer where there is none. A trial has half
 * of the passes; then a student learns from all rows. The same rows, options and seed give the same
 * weights.
 *
 * Asking the teacher is the caller's.
 *
 * Minutes of one core. Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/image_student.h"
#include "model/picture_set.h"

enum {
    DISTILL_PASSES_DEFAULT = 40,
    DISTILL_PASSES_MAX = 1000,
    DISTILL_BATCH_DEFAULT = 32,
    DISTILL_ROWS_MIN = 20,
    DISTILL_TRIALS_MAX = 9
};

/* What is learned from; not owned. */
struct distill_lesson {
    const struct picture_set *set;
    const float *teacher; /* logits, `classes` for each picture; NULL: the labels alone teach */
    uint32_t classes;
};

struct distill_options {
    uint64_t seed;
    uint32_t passes, batch;
    double rate;        /* of the first step; it shrinks to nothing */
    double temperature; /* 0: chosen */
    double share;       /* of the teacher; below 0: chosen */
    /* NULL, or told now and then how far the work is, from 0 to 1; false ends it. */
    bool (*progress)(void *owner, double share);
    void *owner;
};

/* One choice as the held-back rows saw it. */
struct distill_trial {
    double temperature, share;
    double right;     /* of the held-back rows, from 0 to 1 */
    double agreement; /* the same with the teacher alone */
    double distance;  /* from the teacher: the mean loss over all temperatures; 0 without one */
};

struct distill_report {
    size_t rows, labelled, held_back;
    uint32_t trials_count;
    struct distill_trial trials[DISTILL_TRIALS_MAX];
    struct distill_trial chosen;
    double loss; /* of the last pass over all rows, a mean */
};

void distill_options_init(struct distill_options *options);

/* Which of the trials is the best; there is at least one. */
uint32_t distill_pick(const struct distill_trial *trials, uint32_t count, size_t held_back);

/* INVALID: too few rows, a form that does not fit them, an option out of range, a row with neither
 * label nor teacher, a teacher's number that is none. INTERRUPTED: progress ended it. */
status distill_image(const struct distill_lesson *lesson, const struct image_form *form,
                     const struct distill_options *options, struct image_student *out_student,
                     struct distill_report *out_report, struct error *err);

/* How a student answers all pictures of a lesson: the shares of those that got their label (where
 * there is none, the teacher's answer), and the teacher's answer. */
status distill_judge(const struct image_student *student, const struct distill_lesson *lesson,
                     struct distill_trial *out_trial, struct error *err);

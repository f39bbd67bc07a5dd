/*
 * text_learner: the weights of a linear classifier, learned by logistic regression.
 *
 * Stochastic gradient descent over a corpus: a text is a vector of length 1 (each of its buckets
 * counts the same), one pass after another in an order that the seed decides, with a step that
 * shrinks to nothing. It learns from the labels, or, with a teacher's answers, from both as
 * model/distill_loss blends them. The same corpus, options and seed give the same weights on the
 * same machine.
 *
 * Thread: one at a time. Writing the model is model/train.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "model/distill_loss.h"
#include "model/text_answers.h"
#include "model/text_corpus.h"

enum { LEARNER_PASSES_MAX = 1000, FOLD_NONE = UINT16_MAX };

struct text_learner {
    const struct text_corpus *corpus; /* not owned */
    uint32_t vectors;
    float *weights;  /* owned: buckets * vectors, the vectors of a bucket side by side */
    uint32_t *order; /* owned */
    double biases[TEXT_LABELS_MAX];
    const struct text_answers *answers; /* not owned; NULL: the labels alone teach */
    struct distill_blend blend;         /* of answers and labels */
};

/* The corpus is settled and outlives the learner. */
status text_learner_init(struct text_learner *learner, const struct text_corpus *corpus,
                         struct error *err);
void text_learner_done(struct text_learner *learner);

/* Learns anew from all texts but those of fold `without` (FOLD_NONE: from all). */
void text_learner_learn(struct text_learner *learner, uint16_t without, double step,
                        uint32_t passes, uint64_t seed);

/* What each vector says of a text of the corpus. */
void text_learner_score(const struct text_learner *learner, size_t text, double *out_scores);

/* Makes scores odds: odds = slope * score + offset of the vector. */
struct text_calibration {
    double slope;
    double offsets[TEXT_LABELS_MAX];
    double loss; /* mean of -log of the chance that the right label got */
};

/* Finds slope and offsets under which the scores of texts that were held back are honest chances
 * (Platt's method, and what it becomes with more labels). `scores` has `vectors` for each text.
 * What is right is the label; of a text without one, each label as much as the teacher says. */
struct text_calibration text_calibrate(const struct text_corpus *corpus,
                                       const struct text_answers *answers, const float *scores);

/* The label that scores speak for, and its chance. */
uint32_t text_calibrated(const struct text_calibration *calibration, uint32_t labels_count,
                         const float *scores, double *out_chances);

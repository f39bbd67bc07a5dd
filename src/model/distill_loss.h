/*
 * distill_loss: how far a student's answer is from what it should learn, and which way is nearer.
 *
 * Of one row (an example) with the student's logits s, the teacher's t and the label y:
 *
 *     share * T^2 * KL(softmax(t / T) || softmax(s / T)) + (1 - share) * -log softmax(s)[y]
 *
 * A row without a teacher's answer or without a label has the other term alone. The derivative by
 * s is share * T * (softmax(s / T) - softmax(t / T)) + (1 - share) * (softmax(s) - onehot(y)).
 * No logit that is a number makes it overflow. Going down the slope is model/adam.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DISTILL_NO_LABEL = -1, DISTILL_CHOICES = 3 };

/* What is chosen from where nobody says otherwise; the search begins at the first of each. */
extern const double DISTILL_TEMPERATURES[DISTILL_CHOICES];
extern const double DISTILL_SHARES[DISTILL_CHOICES];

#define DISTILL_TEMPERATURE_MAX 100.0

/* A logit of a chance of 0: what a teacher that gives chances is taken to mean by it. */
#define DISTILL_CHANCE_LEAST 1e-7

struct distill_blend {
    double temperature; /* T, more than 0: the higher, the more the unlikely classes say */
    double share;       /* of the teacher's word, from 0 (labels alone) to 1 (teacher alone) */
};

struct distill_row {
    const float *student; /* logits, one for each class */
    const float *teacher; /* logits; NULL: it was not asked */
    uint32_t classes;
    int32_t label; /* DISTILL_NO_LABEL where nobody knows it */
};

/* NULL, or what is wrong with a temperature (0: it is to be chosen) or a share (below 0: the same),
 * as half a sentence. */
const char *distill_blend_fault(const struct distill_blend *blend);

/* The row's loss and its derivative by each of the student's logits (NULL: not wanted). */
double distill_loss(const struct distill_blend *blend, const struct distill_row *row,
                    float *out_slope);

/* softmax(logits / temperature), in double. Returns the index of the likeliest. */
uint32_t distill_chances(const float *logits, uint32_t classes, double temperature,
                         double *out_chances);

/* Index of the largest; of equals the first. */
uint32_t distill_best(const float *logits, uint32_t classes);

/* Whether rows of numbers are chances (none below 0, each row adds up to 1) rather than logits. */
bool distill_are_chances(const float *numbers, size_t rows, uint32_t classes);

/* Makes chances logits, in place: their logarithms. */
void distill_logits_of_chances(float *numbers, size_t count);

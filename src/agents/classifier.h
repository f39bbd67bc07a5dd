/*
 * classifier: the numbers that a model gives for each class, as the likeliest labels.
 *
 * {label, score, top: [{label, score}, ...]}, the likeliest first. Scores are chances from 0 to 1
 * with six digits: what the model gives when it gives chances, else their softmax.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "agents/labels.h"
#include "base/tensor.h"
#include "base/value.h"

enum { CLASSIFIER_TOP_MAX = 1000, CLASSIFIER_TOP_DEFAULT = 5 };

enum classifier_softmax {
    SOFTMAX_AUTO, /* unless the numbers are chances already: none below 0, their sum 1 */
    SOFTMAX_YES,
    SOFTMAX_NO
};

struct classifier_after {
    struct slice output; /* of the model; empty: its only one */
    struct labels labels;
    int top;
    enum classifier_softmax softmax;
};

struct classifier_answer {
    struct value label, score, top;
};

/* The tensor is one row of numbers, a number a class, all finite. INVALID: it is not, or the labels
 * are of another count. */
status classifier_decode(const struct classifier_after *after, const struct tensor *tensor,
                         struct arena *arena, struct classifier_answer *out_answer,
                         struct error *err);

/*
 * drift: how far a model's outputs are from those of the model it was made of.
 *
 * Takes the outputs of both for one sample after the other and keeps sums; the drift of a sample is
 * one of its own, and can be merged. What is no number, or an infinity that the other does not have
 * too, is a difference that no sum can hold: it is counted, and every figure says the worst then.
 * Running the models is somebody else's, and so is the metric of a task.
 *
 * Thread: one at a time. All outputs are floats: who has whole numbers converts them.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Begins as zeroes, but for the first field. */
struct drift {
    float mask_above; /* a value above this is part of a mask */
    uint64_t count;   /* of pairs of values */
    uint64_t broken;  /* of those: pairs that no sum can hold */
    double largest;   /* difference of the others */
    double difference_squares, reference_squares, candidate_squares, products;
    uint64_t rows, rows_agreeing; /* whose largest value is at the same place */
    uint64_t mask_both, mask_any;
};

/* Adds the outputs of a sample: `count` values each, in rows of `row` values (the last dimension;
 * below 2 there is nothing to agree on). Of equal largest values the first counts. */
void drift_add(struct drift *drift, const float *reference, const float *candidate, size_t count,
               size_t row);

/* As if what `other` saw had come here; the masks are of the same threshold. */
void drift_merge(struct drift *drift, const struct drift *other);

/* Infinity when something is broken. */
double drift_largest(const struct drift *drift);

/* Ratio of signal to noise: 10 * log10 of the squares of the reference over those of the
 * differences. Infinity when both are the same, -infinity when something is broken. */
double drift_sqnr_db(const struct drift *drift);

/* -1 .. 1: exactly 1 when both are the same, 0 when one is all zeros or something is broken. */
double drift_cosine(const struct drift *drift);

/* 0 .. 1, of all rows; 1 when there are none. A row with something broken does not agree. */
double drift_agreement(const struct drift *drift);

/* 0 .. 1: what both masks hold of what any of them holds; 1 when both are empty. */
double drift_mask_overlap(const struct drift *drift);

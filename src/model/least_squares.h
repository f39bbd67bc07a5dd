/*
 * least_squares: the weights with which a linear layer comes nearest to wanted outputs.
 *
 * Examples come one by one and are not kept: what is kept of all of them is how inputs go together
 * with each other and with the outputs, so memory depends on the layer alone. Then weights are
 * found that make the sum of squares of what is missing as small as it gets,
 *
 *     |Y - W X|^2 + ridge |W - W0|^2,
 *
 * where the second part keeps them at what they were (W0) in directions of which the examples say
 * little. Sums are doubles, made in the order of the examples.
 *
 * Pure but for memory. Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/cholesky.h"

enum {
    LEAST_SQUARES_COLUMNS_MAX = 4609, /* a constant one included: 512 channels of 3x3 */
    LEAST_SQUARES_ROWS_MAX = 1 << 13,
    LEAST_SQUARES_CHUNK = 128 /* examples that are added up at once */
};

struct least_squares {
    uint32_t columns, rows; /* inputs and outputs of the layer */
    uint64_t count;         /* of examples */
    uint64_t passed_over;   /* of those that had what is no number */
    double *gram;           /* owned: X X' up to the diagonal; behind it room for a factor */
    double *diagonal;       /* owned: room for that of X X' while a factor has its place */
    double *cross;          /* owned: Y X' */
    double squares;         /* the sum of those of all outputs */
    double (*sides)[CHOLESKY_SIDES], (*products)[CHOLESKY_SIDES]; /* owned: room */
    double *inputs, *outputs; /* owned: panels of the chunk at hand */
    uint32_t pending;         /* examples in it */
};

/* INVALID: more columns or rows than the bounds. */
status least_squares_init(struct least_squares *system, uint32_t columns, uint32_t rows,
                          struct error *err);
void least_squares_done(struct least_squares *system); /* one of zeroes is fine */

/* What the layer was given and what it should have answered (NULL where there are no rows). */
void least_squares_add(struct least_squares *system, const float *inputs, const float *outputs);

/* `weights` are rows of `columns` numbers: what they were, then the best there are. `ridge` counts
 * in sums of an input's squares, the mean of all inputs; where it is too small for a solution it is
 * raised. INVALID: there is none, and the weights stay. */
status least_squares_solve(struct least_squares *system, double ridge, double *weights,
                           struct error *err);

/* The inverse of X X' with the ridge on its diagonal; `out_inverse` has room for `columns` rows of
 * as many numbers. INVALID: there is none. */
status least_squares_invert(struct least_squares *system, double ridge, double *out_inverse,
                            struct error *err);

/* The mean over examples of the squares of what is missing with these weights. */
double least_squares_missing(struct least_squares *system, const double *weights);

/* How much `rows` answers of these weights vary: over all examples the sum of their squares, with
 * `has_constant` (the last input is always one) of what they are away from their means. */
double least_squares_energy(struct least_squares *system, const double *weights, uint32_t rows,
                            bool has_constant);

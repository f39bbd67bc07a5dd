/*
 * elimination: inputs are taken from a linear layer one by one, and those left make up for them.
 *
 * Kept up to date are the weights that answer best with the inputs that are left, and the inverse
 * of how inputs go together, which says at once what the layer would miss without some of them: the
 * optimal brain surgeon's rule, for whole blocks of inputs.
 *
 * Pure but for memory. Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

struct elimination {
    uint32_t columns, rows; /* inputs and outputs of the layer */
    double *inverse;        /* owned: of the sums of products of inputs */
    double *weights;        /* owned: rows of `columns` numbers */
    double *block;          /* owned: room for those of some inputs */
    double *column;         /* owned: room for one of the inverse */
};

/* The caller fills `inverse` and `weights`. At most `block_max` inputs go at once. */
status elimination_init(struct elimination *layer, uint32_t columns, uint32_t rows,
                        uint32_t block_max, struct error *err);
void elimination_done(struct elimination *layer); /* one of zeroes is fine */

/* By how much the sum of squares of what is missing grows, over all examples, when the inputs go
 * that are listed: columns that are still there. */
double elimination_cost(struct elimination *layer, const uint32_t *list, uint32_t count);

/* They go. */
void elimination_drop(struct elimination *layer, const uint32_t *list, uint32_t count);

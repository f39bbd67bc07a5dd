/*
 * adam: steps down a slope, each weight at its own pace (Kingma and Ba's Adam).
 *
 *     mean = 0.9 mean + 0.1 g,  square = 0.999 square + 0.001 g^2
 *     weight -= rate * (mean / (1 - 0.9^t)) / (sqrt(square / (1 - 0.999^t)) + 1e-8)
 *
 * t counts the steps: of all weights, or, where a step touches few rows of a large table, of each
 * row by itself; a row that is not touched stays as it is. The same slopes give the same weights on
 * every machine. What the slope is of is the caller's business (model/distill_loss).
 *
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct adam {
    float *means;    /* owned */
    float *squares;  /* owned */
    uint32_t *steps; /* owned: of each row; one for all where there are no rows */
    size_t count;    /* of weights */
    size_t width;    /* weights of a row; 0: there are no rows */
};

/* For `count` weights that all take every step. */
status adam_init(struct adam *adam, size_t count, struct error *err);

/* For a table of rows of `width` weights. */
status adam_init_rows(struct adam *adam, size_t rows, size_t width, struct error *err);
void adam_done(struct adam *adam);

/* One step of all weights. */
void adam_step(struct adam *adam, float *weights, const float *slope, double rate);

/* One step of row `row` of the table `weights`, whose own slope (`width` numbers) is given. */
void adam_step_row(struct adam *adam, float *weights, size_t row, const float *slope, double rate);

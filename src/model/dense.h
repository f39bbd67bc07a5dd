/*
 * dense: a layer in which every input counts for every output, for a batch of rows: its answer, and
 * what it learns from the slopes by its answer.
 *
 * Weights are `inputs` rows of `outputs` numbers. Slopes are added to what is there; answers are
 * written.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct dense {
    uint32_t inputs, outputs;
};

void dense_forward(const struct dense *dense, const float *rows, uint32_t count,
                   const float *weights, const float *biases, float *out);

/* Adds the slopes by weights and biases. */
void dense_learn(const struct dense *dense, const float *rows, uint32_t count, const float *slopes,
                 float *weights_slope, float *biases_slope);

/* Writes the slopes by the inputs; `turned` has room for as many numbers as the weights. */
void dense_back(const struct dense *dense, const float *slopes, uint32_t count,
                const float *weights, float *turned, float *out);

/* ReLU in place; and what it lets through of the slopes by what it gave. */
void relu_forward(float *numbers, size_t count);
void relu_back(const float *given, float *slopes, size_t count);

/*
 * number_tensor: numbers of a value as the tensor that a model wants, and a tensor's numbers as a
 * value.
 *
 * Numbers come nested as the tensor's shape, or as a row of it, or flat in row-major order. On
 * their way in they may be scaled. What does not fit (another count, a fraction or a size that the
 * type does not hold, a word) is a sentence, never a guess.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/tensor.h"
#include "base/value.h"

/* What a number becomes: (number * scale - mean) / deviation. */
struct number_scaling {
    double scale;
    const double *means, *deviations; /* of each channel */
    uint32_t channels;                /* 0: no means; 1: the same for all numbers */
};

extern const struct number_scaling NUMBER_SCALING_NONE;

/* The dimension that counts the channels: the second of three or more (as in batch, channel, row,
 * column), or the last. -1: neither has so many. */
int number_tensor_channel_axis(const int64_t *shape, uint32_t rank, uint32_t channels);

/* Fills `tensor`, whose type, rank and shape are what is wanted, -1 for a dimension that becomes
 * what is given. Its bytes are made in the arena. INVALID: the numbers do not fit. */
status number_tensor_from_value(struct value value, const struct number_scaling *scaling,
                                struct arena *arena, struct tensor *tensor, struct error *err);

/* Puts it there. false: the type does not hold it. */
bool number_tensor_put(struct tensor *tensor, size_t index, double number);

/* Every number is one: no NaN, nothing infinite. *out_index is the first that is not. */
bool number_tensor_is_finite(const struct tensor *tensor, size_t *out_index);

/* The number as a value: a float as the shortest digits that name it; the arena is for those above
 * an int64. false: it has no room. */
bool number_tensor_value(const struct tensor *tensor, size_t index, struct arena *arena,
                         struct value *out_value);

/* All of it as lists in lists from dimension `from_axis` on; those before it must be 1. FULL: the
 * arena has no room. */
status number_tensor_to_lists(const struct tensor *tensor, uint32_t from_axis, struct arena *arena,
                              struct value *out_value, struct error *err);

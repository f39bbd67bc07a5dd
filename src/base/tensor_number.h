/*
 * tensor_number: single numbers of a tensor, whatever their type.
 *
 * For what looks at a few; who computes with many works on the bytes of the type that it knows.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/tensor.h"

/* Floats of any width; else whole numbers, or truths. */
bool tensor_type_is_real(enum tensor_type type);

/* The number at a place in row-major order, as near as a double comes. */
double tensor_number_at(const struct tensor *tensor, size_t index);

/* The same without loss: of a float type, and of a whole one (of uint64 the same bits). */
double tensor_real_at(const struct tensor *tensor, size_t index);
int64_t tensor_whole_at(const struct tensor *tensor, size_t index);

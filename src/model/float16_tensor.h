/*
 * float16_tensor: one tensor of float32 numbers as float16, and whether it can be; part of float16.
 *
 * Pure but for the model's memory.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "model/float16.h"

/* Adds what is to be said of the numbers to the counts of the report. false: some are too large, or
 * all that are something would be 0, so that the tensor stays as it is. */
bool float16_fits(const struct graph_tensor *tensor, struct float16_report *report);

/* NULL: no memory. */
struct graph_tensor *float16_tensor(struct graph_model *model, const struct graph_tensor *tensor);

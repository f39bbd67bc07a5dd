/*
 * quantize_between: operators between quantised layers, in whole numbers as well; part of quantize.
 *
 * Where what goes into an operator and what comes out of it has a scale, runtimes have a kernel for
 * whole numbers, and the way through floats (to four times the bytes, and back) is saved:
 *   - Add and Mul of two values;
 *   - Add of a number is a zero point that moves, Mul of one a step that changes: both are gone;
 *   - HardSigmoid is an Add of its offset whose result ends where it does;
 *   - Concat, and what moves numbers into it (Resize and the like), in the scale of what comes out.
 * Gates (Sigmoid, HardSigmoid, and a number added to them) have a range without being measured.
 * Everything else stays as it is. What it costs in truth is for who holds it against the original.
 *
 * Thread: one at a time for each model.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "model/quantize_pairs.h"

/* After all layers. *out_count: operators that take whole numbers, or are gone. */
status quantize_between(struct quantize_pairs *pairs, uint32_t *out_count, struct error *err);

/* Makes the steps of a value that is something and a number added a little larger, so that the
 * number is whole steps; as it is where they would become much larger. */
void quantize_between_fit(const struct graph_value *value, enum scale_kind kind, float low,
                          struct scale *scale);

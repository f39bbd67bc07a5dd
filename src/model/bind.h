/*
 * bind: inputs, sizes and branches that are always the same, settled in the file.
 *
 * An input that is bound is none any more: `sr=16000` for a model that is always given 16 kHz. A
 * size that is bound is declared: `batch=1`. An If whose condition is then known gives way to the
 * branch that is taken; Loop and Scan stay. What the other branch needed goes with it.
 *
 * Thread: one at a time for each model.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "model/graph.h"

enum { BIND_NUMBERS_MAX = 4096 };

/* Binds the input to numbers with commas between them ("16000", "0.5,0.25", "true"), as many as its
 * shape has; one open size is what the numbers fill. NOT_FOUND: no such input; INVALID says what
 * does not fit. */
status bind_input(struct graph_model *model, struct slice input, struct slice numbers,
                  struct error *err);

/* Declares a size, by its name ("batch") or by where it is ("input.0"), of at least 1. */
status bind_dim(struct graph_model *model, struct slice dim, int64_t size, struct error *err);

/* Takes the branches whose conditions are constants. */
status bind_branches(struct graph_model *model, uint32_t *out_changes, struct error *err);

/*
 * canonicalise: the same model said in one way, so that other passes need to know only that one.
 *
 * Constant nodes become initializers; initializers that are alike become one; operators that give
 * what they take (Identity, Dropout, a Cast to the type that is there, a Reshape to the shape, two
 * Transposes that undo each other, times one) go. No number changes. What can be computed without
 * an input is model/constant_fold.
 *
 * Thread: one at a time for each model.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "model/graph.h"

status canonicalise_graph(struct graph_model *model, uint32_t *out_changes, struct error *err);

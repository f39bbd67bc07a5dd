/*
 * shape_fold: what a model asks of a value's shape and is known, as numbers.
 *
 * Shape and Size of values whose sizes are known, and what Gather and Slice take of a Shape of
 * which only some are. An exporter writes these for sizes that were fixed when it ran.
 *
 * Thread: one at a time for each model.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "model/graph.h"

status shape_fold_graph(struct graph_model *model, uint32_t *out_changes, struct error *err);

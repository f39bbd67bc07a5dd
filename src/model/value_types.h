/*
 * value_types: element type and rank of the values of a graph, also where its file is silent.
 *
 * Found by what operators make of their inputs, in the order of the nodes, bodies too, for files of
 * all ages. What a file declares of shapes between nodes is not relied on: tools that change one
 * forget to. What is not found stays unknown (an operator of another domain, a rank that depends on
 * numbers), and a pass that needs it refuses. Whole shapes are ONNX Runtime's to infer: here only
 * ranks, and how long vectors are, since shapes are computed in them.
 *
 * Thread: one at a time for each model.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "model/graph.h"

/* Gives each value between nodes the type that is found; what the file declares is written back
 * all the same. A pass that changes types calls it before it does. */
status value_types_find(struct graph_model *model, struct error *err);

/* ELEMENT_UNDEFINED: it is not known, or the value is no tensor. */
enum element_type value_element(const struct graph_value *value);

/* false: it is not known. */
bool value_rank(const struct graph_value *value, uint32_t *out_rank);

/* Whole numbers that are always the same: an initializer or a Constant of int64 or int32 numbers.
 * false: it is none, or has more than `room` numbers. */
bool value_integers(const struct graph_value *value, int64_t *out_numbers, uint32_t room,
                    uint32_t *out_count);

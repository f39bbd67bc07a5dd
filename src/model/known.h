/*
 * known: what can be said of a value's type and shape by looking at what makes it.
 *
 * As declared of an input, which ONNX Runtime enforces, or as known of a tensor, or from the
 * operators above it as far as they tell. What a file declares between nodes is not relied on:
 * asking ONNX Runtime is model/inferred, and what it said is known from then on.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/graph.h"

enum { KNOWN_STEPS_MAX = 64 /* values that are looked at for one */ };

/* ELEMENT_UNDEFINED: nothing is known. */
enum element_type known_element(const struct graph_value *value);

/* The rank where it is known. */
bool known_rank(const struct graph_value *value, uint32_t *out_rank);

/* A rank that it has at least. */
uint32_t known_rank_least(const struct graph_value *value);

/* The size along an axis; -1: not known. */
int64_t known_size(const struct graph_value *value, uint32_t axis);

/* The size along axis 1. */
int64_t known_channels(const struct graph_value *value);

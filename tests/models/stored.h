/*
 * stored: the inputs and outputs that lie beside a model of ONNX's own test data, for harnesses.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/tensor.h"

enum { STORED_PORTS_MAX = 64, STORED_PATH_BYTES = 1024 };

/* A stored set of inputs and outputs. */
struct stored_set {
    struct tensor inputs[STORED_PORTS_MAX], outputs[STORED_PORTS_MAX];
    uint32_t input_count, output_count;
};

/* Of a folder test_data_set_N. false: one of them is no tensor that we have. */
bool stored_set_read(const char *folder, struct arena *arena, struct stored_set *out_set);

/* Whether all numbers are the same but for float noise and `tolerance`, a share of the largest of
 * `wanted`; infinite: only types and shapes count. */
bool stored_same_tensor(const struct tensor *ours, const struct tensor *wanted, double tolerance);

/*
 * inferred: what ONNX Runtime knows of the types and shapes of values, asked and kept.
 *
 * It reads a model like this one without the large weights and with the values as outputs, and is
 * asked what they are; nothing runs. What it knows is then the values' type, marked as sure, for
 * those of the main graph. Files are not believed on this: tools that change a size forget to
 * declare it.
 *
 * Thread: one at a time for each model.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "model/graph.h"

enum {
    INFERRED_VALUES_MAX = 512,        /* asked at once */
    INFERRED_ROUNDS_MAX = 64,         /* beyond these it is not asked */
    INFERRED_WEIGHT_BYTES_MAX = 4096, /* what it must know as numbers, such as a Reshape's shape */
    INFERRED_MEMORY_MAX = 1 << 30
};

/* OK as well where ONNX Runtime does not take the model: then nothing more is known. NOT_FOUND:
 * there is no ONNX Runtime. */
status inferred_types(struct graph_model *model, struct error *err);

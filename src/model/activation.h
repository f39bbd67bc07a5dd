/*
 * activation: activations as exporters write them out, put into the form that ONNX Runtime knows.
 *
 * A hard sigmoid of Add, Clip and Div becomes HardSigmoid, and times its input it is a hard swish,
 * which ONNX Runtime from 1.30 on puts into the convolution before it; in whatever order it is
 * written. x + x * g becomes x * (g + 1), whose sum is as small as g, the gates of channels mostly.
 * A MatMul and an Add of matrices become Gemm. What ONNX Runtime finds by itself (GELU,
 * LayerNormalization, x * Sigmoid(x)) is left alone. Numbers change by rounding alone.
 *
 * Thread: one at a time for each model.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "model/graph.h"

status activation_rewrite(struct graph_model *model, uint32_t *out_changes, struct error *err);

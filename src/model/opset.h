/*
 * opset: brings a model to a newer version of the standard operators without changing what it says.
 *
 * What newer tools need is there from 13 on (a scale for each channel), and most operators only
 * take more types of numbers with a new version; those whose form or meaning changed are rewritten,
 * one version after the other. What cannot be kept (training, an operator that no table knows) is
 * refused with a sentence that names the node. Beyond 17 is another matter: axes move again there.
 * Where ONNX left a meaning open, ONNX Runtime's is kept. Other domains stay as they are.
 *
 * Thread: one at a time for each model.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "model/graph.h"

enum { OPSET_LEAST = 13, OPSET_MOST = 17 };

/* Brings the model to opset `target`, OPSET_LEAST to OPSET_MOST; one that is there or beyond stays
 * as it is. *out_changes is how many nodes were rewritten. INVALID: it cannot be done, and the
 * model may be half rewritten: it is to be closed. */
status opset_upgrade(struct graph_model *model, int64_t target, uint32_t *out_changes,
                     struct error *err);

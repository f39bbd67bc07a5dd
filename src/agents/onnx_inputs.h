/*
 * onnx_inputs: the guide's preprocess: what a call gives becomes the tensors that the model takes.
 *
 * Thread: worker; nothing is shared but the plan.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/onnx_plan.h"
#include "base/value.h"

/* Fills a tensor for each input of the model. Bytes lie in the scratch arena or are the plan's.
 * INVALID: what was given does not fit; the sentence names the input. */
status onnx_inputs_fill(const struct onnx_plan *plan, struct value with, struct value state,
                        struct arena *scratch, struct tensor *out_tensors, struct error *err);

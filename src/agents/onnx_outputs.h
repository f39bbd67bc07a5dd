/*
 * onnx_outputs: the guide's postprocess: the tensors that the model gave become the call's output,
 * and the state of the next call.
 *
 * Thread: worker; nothing is shared but the plan.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/onnx_inputs.h"
#include "agents/onnx_plan.h"
#include "base/value.h"

/* The output as an object. INVALID: a number of the model is none
 * (NaN, infinite), or an output is not what the manifest says; FULL: it is more than
 * `limits.output`. */
status onnx_outputs_write(const struct onnx_plan *plan, const struct onnx_filled *inputs,
                          const struct tensor *outputs, struct arena *arena,
                          struct value *out_value, struct error *err);

/* What goes to the next call; null where the model carries nothing. */
status onnx_outputs_state(const struct onnx_plan *plan, const struct onnx_filled *inputs,
                          const struct tensor *outputs, struct arena *arena,
                          struct value *out_state, struct error *err);

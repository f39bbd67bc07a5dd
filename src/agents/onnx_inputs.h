/*
 * onnx_inputs: the guide's preprocess: what a call gives becomes the tensors that the model takes.
 *
 * Thread: worker; nothing is shared but the plan.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/onnx_plan.h"
#include "base/value.h"

/* What a call gave, as the model takes it. */
struct onnx_filled {
    struct tensor tensors[ONNX_PORTS_MAX]; /* of each of its inputs */
    struct picture_fit fit;                /* where there is a picture */
    double score_least;                    /* the call's `min_score`; negative: none */
};

/* Fills a tensor for each input of the model. Bytes lie in the scratch arena or are the plan's.
 * INVALID: what was given does not fit; the sentence names the input. */
status onnx_inputs_fill(const struct onnx_plan *plan, struct value with, struct value state,
                        struct arena *scratch, struct onnx_filled *out_filled, struct error *err);

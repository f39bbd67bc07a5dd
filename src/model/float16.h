/*
 * float16: a model whose numbers take two bytes each: in its file alone, or when it runs as well.
 *
 * float16_store halves the file and nothing else: each large tensor is kept as float16 with a Cast
 * behind it, which ONNX Runtime does away with when it loads the model, so it runs in float32 as
 * before and as fast. float16_convert has the model compute in float16, for processors that are
 * faster in it; a usual CPU is not. What does not fit into float16 stays in float32 and is counted.
 * Numbers are rounded by base/float16.
 *
 * Thread: one at a time for each model.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "model/graph.h"

enum {
    FLOAT16_STORE_BYTES_MIN = 256, /* of a tensor: a Cast takes some bytes as well */
    FLOAT16_OPSET_LEAST = 7
};

struct float16_report {
    uint32_t tensor_count; /* that are float16 now */
    uint32_t kept_count;   /* that stay float32 since their numbers do not fit */
    uint32_t cast_count;   /* nodes that were added for it */
    uint32_t half_count;   /* nodes that compute in float16 */
    uint32_t full_count;   /* nodes that go on computing in float32 */
    /* Of the numbers of all these tensors: beyond 65504, too small for anything but 0, none. */
    uint64_t too_large, underflown, not_numbers;
};

struct float16_options {
    bool keep_io; /* inputs and outputs of the model stay float32 */
    /* Values that stay float32, and with them the nodes that make and take them: those of which a
     * calibration saw too large numbers. */
    const struct slice *full_names;
    uint32_t full_name_count;
};

/* INVALID: the model is of an opset below FLOAT16_OPSET_LEAST. */
status float16_store(struct graph_model *model, struct float16_report *out_report,
                     struct error *err);

/* INVALID as well: the model has functions of its own. It may be half rewritten when this fails. */
status float16_convert(struct graph_model *model, const struct float16_options *options,
                       struct float16_report *out_report, struct error *err);

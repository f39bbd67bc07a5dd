/*
 * onnx_outline: a model that is begun anew: its inputs, its output, what it says of itself.
 *
 * Between the inputs and the output stands one node that holds the output's place; whoever makes
 * the model adds nodes and ends with onnx_outline_end. Notes are the texts that an ONNX file
 * carries beside its graph (metadata_props): ours say what inputs mean and what outputs are called.
 *
 * Thread: one at a time for each model.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "model/element_type.h"
#include "model/graph.h"

enum {
    OUTLINE_INPUTS_MAX = 4,
    OUTLINE_RANK_MAX = 4,
    OUTLINE_NOTES_MAX = 8,
    OUTLINE_OPSET = 13,
    OUTLINE_IR = 8
};

struct onnx_port {
    const char *name;
    enum element_type element;
    uint32_t rank;
    int64_t dims[OUTLINE_RANK_MAX]; /* -1: open, called as below */
    const char *open_name;
};

struct onnx_note {
    const char *name;
    const char *text;
};

struct onnx_outline {
    const char *name; /* of the graph */
    struct onnx_port inputs[OUTLINE_INPUTS_MAX];
    uint32_t input_count; /* at least 1 */
    struct onnx_port output;
    struct onnx_note notes[OUTLINE_NOTES_MAX];
    uint32_t note_count;
};

/* The inputs are main.inputs of the model, in order. To be closed by onnx_file_close. */
status onnx_outline_begin(const struct onnx_outline *outline, struct graph_model **out_model,
                          struct error *err);

/* `value` is the model's output, under the outline's name. */
status onnx_outline_end(struct graph_model *model, struct graph_value *value, struct error *err);

/* What a model says of itself under that name; no bytes: nothing. The model's. */
struct slice onnx_note(const struct graph_model *model, const char *name);

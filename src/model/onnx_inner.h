/*
 * onnx_inner: what onnx_file, onnx_reader and onnx_writer know together: protobuf-c's structures.
 *
 * Part of onnx_file; nobody else includes it.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <onnx.pb-c.h>

#include "base/buffer.h"
#include "base/error.h"
#include "model/graph.h"
#include "model/onnx_file.h"

/* A tensor of the file. `model` gives memory, and the folder of external data; with NULL, memory is
 * `arena` and there is no external data. */
status onnx_read_tensor(struct graph_model *model, struct arena *arena,
                        const Onnx__TensorProto *proto, struct graph_tensor *out_tensor,
                        struct error *err);

/* The whole of an external file, mapped once and until the model is gone. */
status onnx_external_bytes(struct graph_model *model, struct slice location,
                           struct slice *out_bytes, struct error *err);

/* Fills the model's graph from what its origin says. */
status onnx_read_graph(struct graph_model *model, const Onnx__ModelProto *proto, struct error *err);

/* A file beside the model's, for the bytes of its large initializers: what goes into it, in order.
 * `location` is its name; it may be written after the model was built, and before it is packed. */
struct onnx_data {
    char location[GRAPH_NAME_BYTES_MAX];
    struct slice *parts; /* in the arena */
    size_t part_count, room;
    uint64_t byte_count;
};

/* The model as protobuf-c packs it; all of it lies in `arena` or is the model's. With `data`, large
 * initializers go there; with NULL, they stay where they are. */
status onnx_build(const struct graph_model *model, struct arena *arena, struct onnx_data *data,
                  Onnx__ModelProto *out_proto, struct error *err);

static inline struct slice onnx_text(const char *text) {
    return text != NULL ? slice_of(text) : (struct slice){.bytes = "", .count = 0};
}

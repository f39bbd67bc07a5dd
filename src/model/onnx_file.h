/*
 * onnx_file: models in ONNX files, read into a graph and written from one.
 *
 * A file is foreign: how deep it nests, how much memory it asks for, whether the bytes of a tensor
 * are as many as its shape says, whether names are made once and before they are used, all of it is
 * looked at before anything relies on it, and what is wrong is a sentence. External data is mapped,
 * so that weights of many gigabytes are there without being read. A file that is written back
 * unchanged has the same bytes. Whether an operator is one, ONNX Runtime says.
 *
 * The protocol buffers are protobuf-c's; onnx_reader and onnx_writer are parts of this.
 *
 * Thread: any; one at a time for each model. A file is written by file_replace.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "model/graph.h"

enum {
    ONNX_NESTING_MAX = 96,           /* messages within messages */
    ONNX_BYTES_MAX = 0x7fffffff,     /* of a file; what is more lies in external data */
    ONNX_INLINE_BYTES_MAX = 1 << 30, /* weights beyond it go into a file beside the model's */
    ONNX_EXTERNAL_BYTES_MIN = 1024,  /* of a tensor that goes there */
    ONNX_EXTERNAL_ALIGN_BYTES = 4096
};

/* CORRUPT: no ONNX file, or one that contradicts itself; INVALID: what no tool here can take; FULL:
 * it asks for more memory than a file of its size may. */
status onnx_file_open(const char *path, struct graph_model **out_model, struct error *err);

/* The same from bytes, which need not stay; external data is looked for in `folder`. */
status onnx_file_read(struct slice bytes, const char *folder, struct graph_model **out_model,
                      struct error *err);

void onnx_file_close(struct graph_model *model); /* NULL is fine */

/* The bytes of the file, for ONNX Runtime; external data stays where it is. FULL: they are more
 * than a file may have. */
status onnx_file_pack(const struct graph_model *model, struct buffer *out, struct error *err);

/* Writes PATH. Large weights of a model that had external data, or has grown too large for one
 * file, go into PATH-HASH.data beside it, which is complete before PATH names it. */
status onnx_file_write(const struct graph_model *model, const char *path, struct error *err);

/* A tensor in a file of its own, as ONNX's test data has them. It lies in `arena`. */
status onnx_file_read_tensor(struct slice bytes, struct arena *arena,
                             struct graph_tensor *out_tensor, struct error *err);

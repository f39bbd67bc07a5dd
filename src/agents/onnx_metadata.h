/*
 * onnx_metadata: the guide's metadata.json: what a model's first input looks like, and what is done
 * with the numbers that go in.
 *
 *     {"input_shape": [1, 3, 224, 224], "input_type": "float32",
 *      "preprocessing": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}}
 *
 * What is missing is as above, but mean and std only where the shape has three channels. A
 * dimension may be -1, null or a word: any size. Other keys are for others and passed over.
 *
 * Foreign bytes. Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/tensor.h"

enum { ONNX_METADATA_BYTES_MAX = 1 << 20, ONNX_METADATA_CHANNELS_MAX = 4096 };

struct onnx_metadata {
    enum tensor_type type;
    uint32_t rank;
    int64_t shape[TENSOR_RANK_MAX];   /* -1: any */
    const double *means, *deviations; /* of each channel, in the arena or static */
    uint32_t channels;                /* 0: nothing is taken off or divided; 1: all the same */
};

/* The guide's defaults. */
extern const struct onnx_metadata ONNX_METADATA_DEFAULT;

/* INVALID says which key, and what it may be. */
status onnx_metadata_read(struct slice json, struct arena *arena,
                          struct onnx_metadata *out_metadata, struct error *err);

/*
 * prune: the smallest weights of a model become zero, so that its file compresses better.
 *
 * That is all there is to gain: no runtime here skips a zero, so the model is as fast, takes as
 * much memory and is as large a file as before. Sent and stored compressed it is smaller, which
 * prune_measure says before and after. Models that run faster are model/channel_prune's.
 *
 * Pure but for memory: any thread, one at a time for each model.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/graph.h"

struct prune_options {
    double share;   /* of the weights, that are zero afterwards: from 0 up to but not including 1 */
    bool is_global; /* of all layers together; else of each layer */
};

/* Weights: what Conv, ConvTranspose, Gemm, MatMul, LSTM, GRU and RNN multiply with. */
struct prune_size {
    uint32_t tensors;
    uint64_t weights;
    uint64_t zeros;
    uint64_t file_bytes;
    uint64_t compressed_bytes; /* zstd, in frames of COMPRESS_PLAIN_BYTES_MAX */
};

/* Exactly the share becomes zero, or stays it where there are more: among equal weights those that
 * come first. Weights that a caller sees as an output stay as they are. *out_changes counts the
 * tensors that are others now. */
status prune_weights(struct graph_model *model, const struct prune_options *options,
                     uint32_t *out_changes, struct error *err);

/* What the model's file would take as it is now. INVALID: its weights lie in external data. */
status prune_measure(const struct graph_model *model, int level, struct prune_size *out_size,
                     struct error *err);

/*
 * blocked: networks of convolutions kept in the blocks of channels that processors compute them in.
 *
 * On x86 ONNX Runtime computes convolutions in blocks of 8 or 16 channels and puts every tensor in
 * order again for what knows no blocks. So what is added to channels between convolutions is
 * written as a convolution itself, of one number for each channel; and where channels do not fill
 * their last block they are filled up with zeros, weights and all. The answers are the same but for
 * rounding; the file grows a little. Whether it is faster is for whoever measures: elsewhere it is
 * not.
 *
 * Thread: one at a time for each model.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "model/graph.h"

enum { BLOCKED_CHANNELS_MIN = 4, BLOCKED_CHANNELS_MAX = 64 /* in a block */ };

/* Both, for blocks of `block` channels (8, or 16 with AVX-512); between them ONNX Runtime is asked
 * for shapes. NOT_FOUND: there is none. */
status blocked_graph(struct graph_model *model, uint32_t block, uint32_t *out_changes,
                     struct error *err);

/* Sums between convolutions that become convolutions, where the channels are known and whole
 * blocks. */
status blocked_sums(struct graph_model *model, uint32_t block, uint32_t *out_changes,
                    struct error *err);

/* Convolutions whose channels are filled up; by at most half of what they have. */
status blocked_fill(struct graph_model *model, uint32_t block, uint32_t *out_changes,
                    struct error *err);

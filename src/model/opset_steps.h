/*
 * opset_steps: how one node goes to the version in which its operator changed; part of opset.
 *
 * Each takes a node as the version before has it. What it makes beside the node stands before it,
 * is as the least opset that anything is brought to has it, and is not looked at again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "model/graph.h"

typedef status opset_step(struct graph_node *node, struct error *err);

/* "node 'x' (Add) cannot be of a newer opset: ..." */
status opset_refuse(const struct graph_node *node, struct error *err, const char *why);

/* Has the node take numbers at `index` that are always the same. */
status opset_give_integers(struct graph_node *node, uint32_t index, const int64_t *numbers,
                           uint32_t count, bool is_scalar);

/* Whether all outputs from `index` on are there for nobody; then they are gone. */
bool opset_cut_outputs(struct graph_node *node, uint32_t index);

/* What nobody computed with since: hints for memory, whether to train, how to broadcast. */
opset_step opset_drop_hint;     /* consumed_inputs, before 6 */
opset_step opset_batch_norm_7;  /* is_test */
opset_step opset_batch_norm_9;  /* spatial */
opset_step opset_batch_norm_14; /* outputs that training has */
opset_step opset_broadcast_7;   /* broadcast and axis */
opset_step opset_cast_6;        /* a type's name */
opset_step opset_concat_4;      /* an axis without a default from here on */
opset_step opset_dropout_7;     /* is_test */
opset_step opset_gemm_7;        /* broadcast */
opset_step opset_gru_3;         /* a default that was misspelt */
opset_step opset_lp_pool_2;     /* p became a whole number */
opset_step opset_pad_2;         /* an attribute's name */
opset_step opset_prelu_7;       /* a slope for each channel */
opset_step opset_recurrent_7;   /* output_sequence */
opset_step opset_scan_9;        /* batches: refused */
opset_step opset_scatter_11;    /* another name */
opset_step opset_selu_6;        /* other defaults */
opset_step opset_split_2;       /* lengths in an input, once before */
opset_step opset_tile_6;        /* one axis: refused */

/* What was an attribute and is an input. */
opset_step opset_clip_11;
opset_step opset_dropout_12;
opset_step opset_pad_11;
opset_step opset_axes_13; /* Squeeze, Unsqueeze, ReduceSum */
opset_step opset_reshape_5;
opset_step opset_slice_10;
opset_step opset_split_13;
opset_step opset_top_k_10;

/* Pictures of other sizes, and what was taken to two dimensions first. */
opset_step opset_upsample_7;
opset_step opset_upsample_9;
opset_step opset_upsample_10;
opset_step opset_resize_11;
opset_step opset_resize_13;
opset_step opset_roi_align_16;
opset_step opset_softmax_13;

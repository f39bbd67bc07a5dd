/*
 * channel_inner: following channels from node to node, for the rules of the operators; part of
 * channel_groups.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "model/channel_groups.h"

/* Where the channels of a value lie. */
struct channel_layout {
    uint32_t rank;     /* 0: not known */
    uint32_t from_end; /* their axis, the last one being 1; 0: the value has none that are known */
    uint32_t count;
    const uint32_t *channels;
    bool is_spread; /* each covers as many positions in a row, nobody knows yet how many */
};

struct channel_finder {
    struct graph_model *model;
    struct channel_groups *groups;
    struct channel_layout *layouts; /* of a node's outputs, from its mark on */
    /* Of each channel another one of its unit, at last the first; and who wants that to stay. */
    uint32_t *parents;
    const struct graph_node **keepers;
    uint32_t channel_count, channel_room;
    struct channel_place *places;
    uint32_t place_count, place_room;
};

/* NULL: no channels of it are known. */
const struct channel_layout *channel_layout_of(const struct channel_finder *finder,
                                               const struct graph_value *value);

/* The node's first output has its channels there. */
void channel_lay(struct channel_finder *finder, const struct graph_node *node,
                 struct channel_layout layout);

/* Two layouts of as many channels: the n-th of one stays or goes with the n-th of the other. */
void channel_tie(struct channel_finder *finder, const struct channel_layout *a,
                 const struct channel_layout *b);

/* All of them must stay, since `node` needs them. NULL is fine. */
void channel_keep(struct channel_finder *finder, const struct channel_layout *layout,
                  const struct graph_node *node);

/* All channels that reach the node must stay. */
void channel_keep_inputs(struct channel_finder *finder, const struct graph_node *node);

/* Numbers of whole bytes, at least one. */
bool channel_can_cut(const struct graph_tensor *tensor);

/* Room for that many channels; NULL: no memory. */
uint32_t *channel_list(struct channel_finder *finder, uint32_t count);

/* Channels that are born here. */
status channel_birth(struct channel_finder *finder, uint32_t count, const uint32_t **out_channels,
                     struct error *err);

/* The axis of the node's constant input is one of those channels; the place's units are theirs. */
status channel_put(struct channel_finder *finder, const struct channel_layout *layout,
                   struct channel_place place, struct error *err);

/* --- rules: each lays the channels of its node's output, or has those of its inputs stay --- */

typedef status channel_rule(struct channel_finder *finder, struct graph_node *node,
                            struct error *err);

channel_rule channel_rule_conv, channel_rule_conv_transpose, channel_rule_gemm, channel_rule_matmul;
channel_rule channel_rule_norm, channel_rule_elementwise, channel_rule_same, channel_rule_pool;
channel_rule channel_rule_concat, channel_rule_flatten, channel_rule_reshape, channel_rule_squeeze,
    channel_rule_unsqueeze, channel_rule_reduce, channel_rule_transpose, channel_rule_pad,
    channel_rule_resize;

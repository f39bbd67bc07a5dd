// SPDX-License-Identifier: Apache-2.0
#include "model/channel_inner.h"

/* The rules of the layers that make channels and take them. */

/* Weights that can be cut: constant floats of that rank (at least it, where it may be more). */
static const struct graph_tensor *weights_of(const struct graph_node *node, uint32_t rank_least,
                                             uint32_t rank_most) {
    const struct graph_tensor *tensor = graph_constant(graph_input(node, 1));
    if (tensor == NULL || tensor->type != ELEMENT_FLOAT32 || tensor->rank < rank_least ||
        tensor->rank > rank_most || !channel_can_cut(tensor)) {
        return NULL;
    }
    for (uint32_t i = 0; i < tensor->rank; i++) {
        if (tensor->dims[i] > CHANNEL_COUNT_MAX) {
            return NULL;
        }
    }
    return tensor;
}

/* How often each channel of the node's first input comes along an axis of that many positions of
 * its weights, when that axis is `from_end` of the input; 0: the two do not go together. */
static uint32_t repeat_of(const struct channel_layout *layout, uint32_t from_end, int64_t size) {
    if (layout->from_end != from_end || size % layout->count != 0) {
        return 0;
    }
    const uint32_t repeat = (uint32_t)(size / layout->count);
    return repeat == 1 || layout->is_spread ? repeat : 0;
}

/* What the node takes of the input's channels is an axis of its weights. */
static status take(struct channel_finder *finder, struct graph_node *node, uint32_t from_end,
                   uint32_t axis, struct error *err) {
    const struct channel_layout *layout = channel_layout_of(finder, graph_input(node, 0));
    const struct graph_tensor *weights = graph_constant(graph_input(node, 1));
    if (layout == NULL) {
        return STATUS_OK;
    }
    const uint32_t repeat = repeat_of(layout, from_end, weights->dims[axis]);
    if (repeat == 0) {
        channel_keep(finder, layout, node);
        return STATUS_OK;
    }
    const struct channel_place place = {
        .node = node, .input = 1, .axis = axis, .role = CHANNEL_TAKEN, .repeat = repeat};
    return channel_put(finder, layout, place, err);
}

/* The constant at `input` has a number for each channel along its last axis, or one for all; else
 * the channels stay. */
static status add_bias(struct channel_finder *finder, struct graph_node *node,
                       const struct channel_layout *layout, struct error *err) {
    const struct graph_value *value = graph_input(node, 2);
    const struct graph_tensor *bias = graph_constant(value);
    if (value == NULL) {
        return STATUS_OK;
    }
    if (bias == NULL || !channel_can_cut(bias)) {
        channel_keep(finder, layout, node);
        channel_keep(finder, channel_layout_of(finder, value), node);
        return STATUS_OK;
    }
    if (bias->rank == 0 || (bias->dims[bias->rank - 1] == 1 && layout->count > 1)) {
        return STATUS_OK;
    }
    if (bias->dims[bias->rank - 1] != layout->count) {
        channel_keep(finder, layout, node);
        return STATUS_OK;
    }
    const struct channel_place place = {
        .node = node, .input = 2, .axis = bias->rank - 1, .role = CHANNEL_FOLLOW, .repeat = 1};
    return channel_put(finder, layout, place, err);
}

/* What the node gives is born along that axis of its weights. */
static status make(struct channel_finder *finder, struct graph_node *node, uint32_t axis,
                   struct channel_layout layout, struct error *err) {
    const struct graph_tensor *weights = graph_constant(graph_input(node, 1));
    layout.count = (uint32_t)weights->dims[axis];
    TRY(channel_birth(finder, layout.count, &layout.channels, err));
    const struct channel_place place = {
        .node = node, .input = 1, .axis = axis, .role = CHANNEL_MADE, .repeat = 1};
    TRY(channel_put(finder, &layout, place, err));
    channel_lay(finder, node, layout);
    return STATUS_OK;
}

/* A filter, or `times` of them, for each channel alone: they are that channel. */
static status filter(struct channel_finder *finder, struct graph_node *node, uint32_t from_end,
                     struct error *err) {
    const struct graph_tensor *weights = graph_constant(graph_input(node, 1));
    const struct channel_layout *in = channel_layout_of(finder, graph_input(node, 0));
    if (in == NULL || in->from_end != from_end || in->count != graph_integer(node, "group", 1) ||
        weights->dims[0] % in->count != 0) {
        channel_keep(finder, in, node);
        return STATUS_OK;
    }
    struct channel_layout layout = *in;
    const uint32_t times = (uint32_t)weights->dims[0] / in->count;
    layout.count = in->count * times;
    uint32_t *channels = channel_list(finder, layout.count);
    if (channels == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a model's channels");
    }
    for (uint32_t i = 0; i < layout.count; i++) {
        channels[i] = in->channels[i / times];
    }
    layout.channels = channels;
    const struct channel_place place = {
        .node = node, .input = 1, .axis = 0, .role = CHANNEL_FILTER, .repeat = 1};
    TRY(channel_put(finder, &layout, place, err));
    channel_lay(finder, node, layout);
    return add_bias(finder, node, &layout, err);
}

status channel_rule_conv(struct channel_finder *finder, struct graph_node *node,
                         struct error *err) {
    const struct graph_tensor *weights = weights_of(node, 3, GRAPH_RANK_MAX);
    if (weights == NULL) {
        channel_keep_inputs(finder, node);
        return STATUS_OK;
    }
    const struct channel_layout layout = {.rank = weights->rank, .from_end = weights->rank - 1};
    if (graph_integer(node, "group", 1) != 1) {
        return filter(finder, node, layout.from_end, err);
    }
    TRY(take(finder, node, layout.from_end, 1, err));
    TRY(make(finder, node, 0, layout, err));
    return add_bias(finder, node, &finder->layouts[node->mark], err);
}

status channel_rule_conv_transpose(struct channel_finder *finder, struct graph_node *node,
                                   struct error *err) {
    const struct graph_tensor *weights = weights_of(node, 3, GRAPH_RANK_MAX);
    if (weights == NULL || graph_integer(node, "group", 1) != 1) {
        channel_keep_inputs(finder, node);
        return STATUS_OK;
    }
    const struct channel_layout layout = {.rank = weights->rank, .from_end = weights->rank - 1};
    TRY(take(finder, node, layout.from_end, 0, err));
    TRY(make(finder, node, 1, layout, err));
    return add_bias(finder, node, &finder->layouts[node->mark], err);
}

status channel_rule_gemm(struct channel_finder *finder, struct graph_node *node,
                         struct error *err) {
    if (weights_of(node, 2, 2) == NULL) {
        channel_keep_inputs(finder, node);
        return STATUS_OK;
    }
    const uint32_t columns = graph_integer(node, "transB", 0) != 0 ? 1 : 0;
    const uint32_t from_end = graph_integer(node, "transA", 0) != 0 ? 2 : 1;
    const struct channel_layout layout = {.rank = 2, .from_end = 1};
    TRY(take(finder, node, from_end, columns, err));
    TRY(make(finder, node, 1 - columns, layout, err));
    return add_bias(finder, node, &finder->layouts[node->mark], err);
}

status channel_rule_matmul(struct channel_finder *finder, struct graph_node *node,
                           struct error *err) {
    if (weights_of(node, 2, 2) == NULL) {
        channel_keep_inputs(finder, node);
        return STATUS_OK;
    }
    const struct channel_layout *in = channel_layout_of(finder, graph_input(node, 0));
    const struct graph_type *type = graph_input(node, 0)->type;
    struct channel_layout layout = {.rank = in != NULL ? in->rank : 0, .from_end = 1};
    if (layout.rank == 0 && type != NULL && type->is_tensor && type->has_shape) {
        layout.rank = type->rank;
    }
    TRY(take(finder, node, 1, 0, err));
    return make(finder, node, 1, layout, err);
}

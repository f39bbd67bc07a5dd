// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "model/channel_inner.h"

/* The rules of the operators that pass channels on. */

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory for a model's channels");
}

static const struct channel_layout *first_layout(const struct channel_finder *finder,
                                                 const struct graph_node *node) {
    return channel_layout_of(finder, graph_input(node, 0));
}

/* The axis of the channels, counted from the front; UINT32_MAX: nobody knows. */
static uint32_t axis_of(const struct channel_layout *layout) {
    return layout->rank >= layout->from_end ? layout->rank - layout->from_end : UINT32_MAX;
}

/* The shape that is declared of a value; or NULL. */
static const struct graph_type *shape_of(const struct graph_value *value,
                                         const struct channel_layout *layout) {
    const struct graph_type *type = value->type;
    const bool fits =
        type != NULL && type->is_tensor && type->has_shape && type->rank == layout->rank;
    return fits ? type : NULL;
}

/* Whole numbers that an attribute has or, where there is none, a constant input. */
struct numbers {
    const int64_t *items;
    uint32_t count;
};

static struct numbers numbers_of(const struct graph_node *node, const char *name, uint32_t input) {
    const struct graph_attribute *found = graph_attribute(node, name);
    if (found != NULL && found->kind == GRAPH_INTS) {
        return (struct numbers){found->integers, found->count};
    }
    const struct graph_tensor *tensor = graph_constant(graph_input(node, input));
    if (tensor == NULL || tensor->type != ELEMENT_INT64 || tensor->rank != 1 ||
        (uintptr_t)tensor->bytes % _Alignof(int64_t) != 0) {
        return (struct numbers){0};
    }
    return (struct numbers){tensor->bytes, (uint32_t)graph_tensor_count(tensor)};
}

/* --- operators that compute each number by itself, or each channel --- */

status channel_rule_same(struct channel_finder *finder, struct graph_node *node,
                         struct error *err) {
    (void)err;
    const struct channel_layout *layout = first_layout(finder, node);
    if (layout != NULL) {
        channel_lay(finder, node, *layout);
    }
    return STATUS_OK;
}

status channel_rule_pool(struct channel_finder *finder, struct graph_node *node,
                         struct error *err) {
    const struct channel_layout *layout = first_layout(finder, node);
    if (layout == NULL || axis_of(layout) != 1) {
        channel_keep_inputs(finder, node);
        return STATUS_OK;
    }
    return channel_rule_same(finder, node, err);
}

/* Scale, shift, mean and variance: a number for each channel, which is axis 1. */
status channel_rule_norm(struct channel_finder *finder, struct graph_node *node,
                         struct error *err) {
    const struct channel_layout *layout = first_layout(finder, node);
    bool fits =
        layout != NULL && axis_of(layout) == 1 && graph_integer(node, "training_mode", 0) == 0;
    uint32_t repeat = 0;
    for (uint32_t i = 1; fits && i < node->input_count; i++) {
        const struct graph_tensor *tensor = graph_constant(node->inputs[i].value);
        fits = tensor != NULL && tensor->rank == 1 && tensor->dims[0] <= CHANNEL_COUNT_MAX &&
               tensor->dims[0] % layout->count == 0 && channel_can_cut(tensor) &&
               (tensor->dims[0] == layout->count || layout->is_spread);
        repeat = fits ? (uint32_t)(tensor->dims[0] / layout->count) : 0;
    }
    if (!fits) {
        channel_keep_inputs(finder, node);
        return STATUS_OK;
    }
    for (uint32_t i = 1; i < node->input_count; i++) {
        const struct channel_place place = {
            .node = node, .input = i, .axis = 0, .role = CHANNEL_FOLLOW, .repeat = repeat};
        TRY(channel_put(finder, layout, place, err));
    }
    channel_lay(finder, node, *layout);
    return STATUS_OK;
}

/* --- operators of several inputs, number by number --- */

/* One number, whatever else it is. */
static bool is_single(const struct graph_type *type) {
    bool is_one = type != NULL && type->is_tensor && type->has_shape;
    for (uint32_t i = 0; is_one && i < type->rank; i++) {
        is_one = type->dims[i].size == 1;
    }
    return is_one;
}

/* Whether the value can be met by the channels number by number: it has the same ones, or one for
 * all of them, or is one number. */
static bool goes_with(const struct channel_finder *finder, const struct graph_value *value,
                      const struct channel_layout *common) {
    const struct channel_layout *layout = channel_layout_of(finder, value);
    if (layout == NULL) {
        return value == NULL || graph_constant(value) != NULL || is_single(value->type);
    }
    return layout->from_end == common->from_end &&
           (layout->count == common->count || (layout->count == 1 && !layout->is_spread));
}

/* The layout of what the inputs give together: that of the input with the most channels; NULL: they
 * do not go together. */
static const struct channel_layout *common_layout(const struct channel_finder *finder,
                                                  const struct graph_node *node) {
    const struct channel_layout *common = NULL;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const struct channel_layout *layout = channel_layout_of(finder, node->inputs[i].value);
        if (layout != NULL && (common == NULL || layout->count > common->count)) {
            common = layout;
        }
    }
    for (uint32_t i = 0; common != NULL && i < node->input_count; i++) {
        if (!goes_with(finder, node->inputs[i].value, common)) {
            return NULL;
        }
    }
    return common;
}

/* How many axes the inputs have together; 0: nobody knows. */
static uint32_t common_rank(const struct channel_finder *finder, const struct graph_node *node) {
    uint32_t common = 0;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const struct graph_value *value = node->inputs[i].value;
        const struct channel_layout *layout = channel_layout_of(finder, value);
        const struct graph_tensor *tensor = graph_constant(value);
        if (layout != NULL && layout->rank == 0) {
            return 0;
        }
        const uint32_t rank = layout != NULL   ? layout->rank
                              : tensor != NULL ? tensor->rank
                              : value != NULL  ? value->type->rank
                                               : 0;
        common = rank > common ? rank : common;
    }
    return common;
}

/* How a constant lies on the channels: *out_size positions of its axis, 1 where it has none. */
static bool lies_on(const struct graph_tensor *tensor, const struct channel_layout *layout,
                    uint32_t *out_axis, uint32_t *out_size) {
    *out_axis = 0;
    *out_size = 1;
    if (tensor->rank < layout->from_end) {
        return true;
    }
    *out_axis = tensor->rank - layout->from_end;
    const int64_t size = tensor->dims[*out_axis];
    *out_size = (uint32_t)(size <= CHANNEL_COUNT_MAX ? size : 0);
    return size == 1 || (size > 0 && size <= CHANNEL_COUNT_MAX && size % layout->count == 0 &&
                         (size == layout->count || layout->is_spread) && channel_can_cut(tensor));
}

static bool all_lie_on(const struct graph_node *node, const struct channel_layout *layout) {
    for (uint32_t i = 0; i < node->input_count; i++) {
        const struct graph_tensor *tensor = graph_constant(node->inputs[i].value);
        uint32_t axis;
        uint32_t size;
        if (tensor != NULL && !lies_on(tensor, layout, &axis, &size)) {
            return false;
        }
    }
    return true;
}

status channel_rule_elementwise(struct channel_finder *finder, struct graph_node *node,
                                struct error *err) {
    const struct channel_layout *common = common_layout(finder, node);
    if (common == NULL || !all_lie_on(node, common)) {
        channel_keep_inputs(finder, node);
        return STATUS_OK;
    }
    struct channel_layout result = *common;
    result.rank = common_rank(finder, node);
    for (uint32_t i = 0; i < node->input_count; i++) {
        const struct graph_value *value = node->inputs[i].value;
        const struct channel_layout *layout = channel_layout_of(finder, value);
        const struct graph_tensor *tensor = graph_constant(value);
        uint32_t axis;
        uint32_t size;
        if (layout != NULL && layout->count == common->count) {
            channel_tie(finder, common, layout);
        } else if (tensor != NULL && lies_on(tensor, common, &axis, &size) && size > 1) {
            const struct channel_place place = {.node = node,
                                                .input = i,
                                                .axis = axis,
                                                .role = CHANNEL_FOLLOW,
                                                .repeat = size / common->count};
            TRY(channel_put(finder, common, place, err));
        }
    }
    channel_lay(finder, node, result);
    return STATUS_OK;
}

/* --- side by side --- */

/* The channels of a value along the axis: its own, or those of a constant or of a declared shape,
 * which are born here and stay. Count 0: nobody knows how many. */
static status beside(struct channel_finder *finder, const struct graph_node *node,
                     const struct graph_value *value, const struct channel_layout *like,
                     struct channel_layout *out_layout, struct error *err) {
    const struct channel_layout *layout = channel_layout_of(finder, value);
    *out_layout = (struct channel_layout){0};
    if (layout != NULL) {
        if (layout->from_end == like->from_end && !layout->is_spread) {
            *out_layout = *layout;
        }
        return STATUS_OK;
    }
    const struct graph_tensor *tensor = graph_constant(value);
    const struct graph_type *type = value != NULL ? value->type : NULL;
    int64_t size = 0;
    if (tensor != NULL && tensor->rank >= like->from_end) {
        size = tensor->dims[tensor->rank - like->from_end];
    } else if (type != NULL && type->is_tensor && type->has_shape && type->rank >= like->from_end) {
        size = type->dims[type->rank - like->from_end].size;
    }
    if (size <= 0 || size > CHANNEL_COUNT_MAX) {
        return STATUS_OK;
    }
    out_layout->count = (uint32_t)size;
    TRY(channel_birth(finder, out_layout->count, &out_layout->channels, err));
    channel_keep(finder, out_layout, node);
    return STATUS_OK;
}

static status put_beside(struct channel_finder *finder, struct graph_node *node,
                         const struct channel_layout *like, struct error *err) {
    struct channel_layout *parts =
        arena_get(&finder->groups->arena, node->input_count + 1, sizeof(*parts));
    struct channel_layout result = *like;
    uint64_t count = 0;
    if (parts == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        TRY(beside(finder, node, node->inputs[i].value, like, &parts[i], err));
        count += parts[i].count > 0 ? parts[i].count : (uint64_t)CHANNEL_COUNT_MAX + 1;
    }
    if (count > CHANNEL_COUNT_MAX) {
        channel_keep_inputs(finder, node);
        return STATUS_OK;
    }
    uint32_t *channels = channel_list(finder, (uint32_t)count);
    if (channels == NULL) {
        return no_memory(err);
    }
    result.count = (uint32_t)count;
    result.channels = channels;
    for (uint32_t i = 0; i < node->input_count; i++) {
        (void)memcpy(channels, parts[i].channels, parts[i].count * sizeof(*channels));
        channels += parts[i].count;
        result.rank = result.rank > 0 ? result.rank : parts[i].rank;
    }
    channel_lay(finder, node, result);
    return STATUS_OK;
}

/* Along another axis than the channels' own: the n-th of each part is the same one. */
static void put_behind(struct channel_finder *finder, const struct graph_node *node,
                       const struct channel_layout *like) {
    bool fits = axis_of(like) != UINT32_MAX;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const struct channel_layout *layout = channel_layout_of(finder, node->inputs[i].value);
        fits = fits && layout != NULL && layout->from_end == like->from_end &&
               layout->count == like->count;
    }
    if (!fits) {
        channel_keep_inputs(finder, node);
        return;
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        channel_tie(finder, like, channel_layout_of(finder, node->inputs[i].value));
    }
    channel_lay(finder, node, *like);
}

status channel_rule_concat(struct channel_finder *finder, struct graph_node *node,
                           struct error *err) {
    const struct channel_layout *like = NULL;
    for (uint32_t i = 0; i < node->input_count && like == NULL; i++) {
        like = channel_layout_of(finder, node->inputs[i].value);
    }
    if (like == NULL) {
        return STATUS_OK;
    }
    const int64_t axis = graph_integer(node, "axis", 1);
    if (axis == axis_of(like) || axis == -(int64_t)like->from_end) {
        return put_beside(finder, node, like, err);
    }
    put_behind(finder, node, like);
    return STATUS_OK;
}

/* --- operators that move axes --- */

/* Everything from the channels' axis on becomes one axis, in which they are spread. */
static void lay_flat(struct channel_finder *finder, const struct graph_node *node,
                     const struct channel_layout *layout) {
    struct channel_layout result = *layout;
    result.is_spread = true;
    result.rank = 2;
    result.from_end = 1;
    channel_lay(finder, node, result);
}

status channel_rule_flatten(struct channel_finder *finder, struct graph_node *node,
                            struct error *err) {
    (void)err;
    const struct channel_layout *layout = first_layout(finder, node);
    if (layout == NULL) {
        return STATUS_OK;
    }
    const int64_t axis = graph_integer(node, "axis", 1);
    if (axis_of(layout) == UINT32_MAX ||
        (axis != axis_of(layout) && axis != -(int64_t)layout->from_end)) {
        channel_keep(finder, layout, node);
        return STATUS_OK;
    }
    lay_flat(finder, node, layout);
    return STATUS_OK;
}

/* Whether the target of a Reshape says "the first axis as it is, all others in one". */
static bool is_flat(const struct graph_value *value, const struct channel_layout *layout,
                    const int64_t *target) {
    if (target[0] == 0) {
        return true; /* whatever the second says, it can only be all others */
    }
    const struct graph_type *type = shape_of(value, layout);
    int64_t columns = layout->count;
    for (uint32_t i = 2; type != NULL && i < type->rank; i++) {
        const int64_t size = type->dims[i].size;
        if (size <= 0 || size > INT32_MAX || columns > INT32_MAX) {
            return false;
        }
        columns *= size;
    }
    return type != NULL && (target[1] == columns ||
                            (target[1] == -1 && target[0] > 0 && target[0] == type->dims[0].size));
}

status channel_rule_reshape(struct channel_finder *finder, struct graph_node *node,
                            struct error *err) {
    const struct channel_layout *layout = first_layout(finder, node);
    const struct numbers target = numbers_of(node, "shape", 1);
    channel_keep(finder, channel_layout_of(finder, graph_input(node, 1)), node);
    if (layout == NULL) {
        return STATUS_OK;
    }
    if (graph_attribute(node, "shape") != NULL || axis_of(layout) != 1 || target.count != 2 ||
        graph_integer(node, "allowzero", 0) != 0 ||
        !is_flat(graph_input(node, 0), layout, target.items)) {
        channel_keep(finder, layout, node);
        return STATUS_OK;
    }
    if (target.items[1] != -1) {
        const struct channel_place place = {
            .node = node, .input = 1, .axis = 0, .role = CHANNEL_SHAPE, .repeat = 1};
        TRY(channel_put(finder, layout, place, err));
    }
    lay_flat(finder, node, layout);
    return STATUS_OK;
}

/* Which of `rank` axes are named; false: one of them is none, or is named twice. */
static bool mark_axes(struct numbers axes, uint32_t rank, bool *marks) {
    if (axes.items == NULL || axes.count == 0 || rank > GRAPH_RANK_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < axes.count; i++) {
        const int64_t axis = axes.items[i] < 0 ? axes.items[i] + rank : axes.items[i];
        if (axis < 0 || axis >= rank || marks[axis]) {
            return false;
        }
        marks[axis] = true;
    }
    return true;
}

/* Takes the named axes away, which are not the channels' own. */
static void drop_axes(struct channel_finder *finder, const struct graph_node *node,
                      struct numbers axes, bool stay_as_one) {
    const struct channel_layout *layout = first_layout(finder, node);
    bool marks[GRAPH_RANK_MAX] = {false};
    if (layout == NULL) {
        return;
    }
    if (axis_of(layout) == UINT32_MAX || !mark_axes(axes, layout->rank, marks) ||
        marks[axis_of(layout)]) {
        channel_keep(finder, layout, node);
        return;
    }
    struct channel_layout result = *layout;
    for (uint32_t i = 0; !stay_as_one && i < layout->rank; i++) {
        result.rank -= marks[i];
        result.from_end -= marks[i] && i > axis_of(layout);
    }
    channel_lay(finder, node, result);
}

status channel_rule_squeeze(struct channel_finder *finder, struct graph_node *node,
                            struct error *err) {
    (void)err;
    drop_axes(finder, node, numbers_of(node, "axes", 1), false);
    return STATUS_OK;
}

status channel_rule_reduce(struct channel_finder *finder, struct graph_node *node,
                           struct error *err) {
    (void)err;
    drop_axes(finder, node, numbers_of(node, "axes", 1), graph_integer(node, "keepdims", 1) != 0);
    return STATUS_OK;
}

status channel_rule_unsqueeze(struct channel_finder *finder, struct graph_node *node,
                              struct error *err) {
    (void)err;
    const struct channel_layout *layout = first_layout(finder, node);
    const struct numbers axes = numbers_of(node, "axes", 1);
    bool marks[GRAPH_RANK_MAX] = {false};
    if (layout == NULL) {
        return STATUS_OK;
    }
    if (axis_of(layout) == UINT32_MAX || axes.count > GRAPH_RANK_MAX ||
        !mark_axes(axes, layout->rank + axes.count, marks)) {
        channel_keep(finder, layout, node);
        return STATUS_OK;
    }
    struct channel_layout result = *layout;
    result.rank += axes.count;
    result.from_end = 0;
    uint32_t old = layout->rank; /* axes of the input that are still ahead, from the last one on */
    for (uint32_t i = result.rank; i > 0 && old > axis_of(layout); i--) {
        result.from_end++;
        old -= !marks[i - 1];
    }
    channel_lay(finder, node, result);
    return STATUS_OK;
}

status channel_rule_transpose(struct channel_finder *finder, struct graph_node *node,
                              struct error *err) {
    (void)err;
    const struct channel_layout *layout = first_layout(finder, node);
    const struct numbers order = numbers_of(node, "perm", UINT32_MAX);
    if (layout == NULL) {
        return STATUS_OK;
    }
    struct channel_layout result = *layout;
    result.from_end = 0;
    for (uint32_t i = 0; order.count == layout->rank && i < order.count; i++) {
        if (order.items[i] == axis_of(layout)) {
            result.from_end = order.count - i;
        }
    }
    if (result.from_end == 0) {
        channel_keep(finder, layout, node);
        return STATUS_OK;
    }
    channel_lay(finder, node, result);
    return STATUS_OK;
}

/* --- operators that change how large the other axes are --- */

status channel_rule_pad(struct channel_finder *finder, struct graph_node *node, struct error *err) {
    const struct channel_layout *layout = first_layout(finder, node);
    const struct numbers pads = numbers_of(node, "pads", 1);
    const uint32_t axis = layout != NULL ? axis_of(layout) : UINT32_MAX;
    if (axis == UINT32_MAX || graph_input(node, 3) != NULL || pads.items == NULL ||
        pads.count != 2 * layout->rank || pads.items[axis] != 0 ||
        pads.items[layout->rank + axis] != 0) {
        channel_keep_inputs(finder, node);
        return STATUS_OK;
    }
    return channel_rule_same(finder, node, err);
}

/* The factors by which each axis grows; NULL: they are not constant, or sizes stand for them, which
 * name how many channels there are. */
static const float *scales_of(const struct graph_node *node, uint32_t *out_count) {
    const struct graph_attribute *found = graph_attribute(node, "scales");
    if (found != NULL && found->kind == GRAPH_FLOATS) {
        *out_count = found->count;
        return found->numbers;
    }
    const uint32_t input =
        graph_node_is(node, "Resize") && graph_opset(node->graph->model) >= 11 ? 2 : 1;
    const struct graph_tensor *tensor = graph_constant(graph_input(node, input));
    if (tensor == NULL || tensor->type != ELEMENT_FLOAT32 || tensor->rank != 1 ||
        (uintptr_t)tensor->bytes % _Alignof(float) != 0) {
        return NULL;
    }
    *out_count = (uint32_t)graph_tensor_count(tensor);
    return tensor->bytes;
}

status channel_rule_resize(struct channel_finder *finder, struct graph_node *node,
                           struct error *err) {
    const struct channel_layout *layout = first_layout(finder, node);
    const uint32_t axis = layout != NULL ? axis_of(layout) : UINT32_MAX;
    uint32_t count = 0;
    const float *scales = scales_of(node, &count);
    const struct slice mode = graph_text(node, "coordinate_transformation_mode");
    if (axis == UINT32_MAX || graph_attribute(node, "axes") != NULL ||
        slice_is(mode, "tf_crop_and_resize") || scales == NULL || count != layout->rank ||
        !(scales[axis] >= 1 && scales[axis] <= 1)) {
        channel_keep_inputs(finder, node);
        return STATUS_OK;
    }
    return channel_rule_same(finder, node, err);
}

// SPDX-License-Identifier: Apache-2.0
#include "model/patch.h"

/* The number at `index` of a list of `count`; `otherwise` where there is no list. false: the list
 * has another length. */
static bool number_of(const struct graph_node *node, const char *name, uint32_t index,
                      uint32_t count, int64_t otherwise, int64_t *out_number) {
    const struct graph_attribute *found = graph_attribute(node, name);
    *out_number = otherwise;
    if (found == NULL) {
        return true;
    }
    if (found->kind != GRAPH_INTS || found->count != count) {
        return false;
    }
    *out_number = found->integers[index];
    return true;
}

static bool is_sane(int64_t number, int64_t least) {
    return number >= least && number <= INT32_MAX;
}

/* What is padded before and behind an axis, as `auto_pad` or the list says. */
static bool find_pads(const struct graph_node *node, struct patch_axis *axis, uint32_t index,
                      uint32_t count, int64_t *out_behind) {
    const struct slice mode = graph_text(node, "auto_pad");
    const bool is_upper = slice_is(mode, "SAME_UPPER");
    axis->pad = 0;
    *out_behind = 0;
    if (is_upper || slice_is(mode, "SAME_LOWER")) {
        const int64_t covered = (axis->kernel - 1) * axis->dilation + 1;
        const int64_t out = (axis->in + axis->stride - 1) / axis->stride;
        const int64_t all = (out - 1) * axis->stride + covered - axis->in;
        axis->pad = all <= 0 ? 0 : is_upper ? all / 2 : all - all / 2;
        *out_behind = all <= 0 ? 0 : all - axis->pad;
        return true;
    }
    return slice_is(mode, "VALID") ||
           (number_of(node, "pads", index, 2 * count, 0, &axis->pad) &&
            number_of(node, "pads", count + index, 2 * count, 0, out_behind) &&
            is_sane(axis->pad, 0) && is_sane(*out_behind, 0));
}

/* Axis `index` of `count`. */
static bool find_axis(const struct graph_node *node, const struct tensor *in, uint32_t index,
                      struct patch_axis *axis) {
    const uint32_t count = in->rank - 2;
    int64_t behind = 0;
    axis->in = in->shape[2 + index];
    axis->kernel = graph_constant(graph_input(node, 1))->dims[2 + index];
    if (!number_of(node, "strides", index, count, 1, &axis->stride) ||
        !number_of(node, "dilations", index, count, 1, &axis->dilation) || !is_sane(axis->in, 1) ||
        !is_sane(axis->kernel, 1) || !is_sane(axis->stride, 1) || !is_sane(axis->dilation, 1) ||
        !find_pads(node, axis, index, count, &behind)) {
        return false;
    }
    const int64_t covered = (axis->kernel - 1) * axis->dilation + 1;
    const int64_t room = axis->in + axis->pad + behind - covered;
    axis->out = room / axis->stride + 1;
    return room >= 0;
}

bool patch_shape_of(const struct graph_node *node, const struct tensor *in,
                    struct patch_shape *out_shape) {
    const struct graph_tensor *weights = graph_constant(graph_input(node, 1));
    if (!graph_node_is(node, "Conv") || graph_integer(node, "group", 1) != 1 || weights == NULL ||
        (weights->rank != 3 && weights->rank != 4) || in->rank != weights->rank ||
        in->shape[1] != weights->dims[1] || !is_sane(in->shape[0], 1) ||
        !is_sane(in->shape[1], 1)) {
        return false;
    }
    *out_shape = (struct patch_shape){.pictures = (uint32_t)in->shape[0],
                                      .channels = (uint32_t)in->shape[1],
                                      .rows = {1, 1, 1, 1, 1, 0}};
    const bool is_flat = weights->rank == 3;
    return (is_flat || find_axis(node, in, 0, &out_shape->rows)) &&
           find_axis(node, in, is_flat ? 0 : 1, &out_shape->columns);
}

size_t patch_positions(const struct patch_shape *shape) {
    return (size_t)shape->pictures * (size_t)shape->rows.out * (size_t)shape->columns.out;
}

size_t patch_numbers(const struct patch_shape *shape) {
    return (size_t)shape->channels * (size_t)shape->rows.kernel * (size_t)shape->columns.kernel;
}

void patch_take(const struct patch_shape *shape, const float *in, size_t position,
                float *out_numbers) {
    const struct patch_axis *rows = &shape->rows;
    const struct patch_axis *columns = &shape->columns;
    const size_t each = (size_t)(rows->in * columns->in);
    const int64_t column = (int64_t)(position % (size_t)columns->out);
    const int64_t row = (int64_t)(position / (size_t)columns->out % (size_t)rows->out);
    const size_t picture = position / (size_t)(rows->out * columns->out);
    const float *channel = in + picture * shape->channels * each;
    for (uint32_t c = 0; c < shape->channels; c++, channel += each) {
        for (int64_t i = 0; i < rows->kernel; i++) {
            const int64_t y = row * rows->stride + i * rows->dilation - rows->pad;
            for (int64_t j = 0; j < columns->kernel; j++) {
                const int64_t x = column * columns->stride + j * columns->dilation - columns->pad;
                const bool is_in = y >= 0 && y < rows->in && x >= 0 && x < columns->in;
                *out_numbers++ = is_in ? channel[y * columns->in + x] : 0;
            }
        }
    }
}

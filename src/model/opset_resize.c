// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "model/opset_steps.h"
#include "model/value_types.h"

/* Before opset 11 a place x of the new picture was x / scale of the old one. The nearest to it was
 * the one before it where the picture grows, and the one behind it where it shrinks: ONNX's own
 * test of that opset has it so, and ONNX Runtime in all opsets below 11. Later versions have one
 * way for all dimensions, and another default for where the places are. */

/* How the scales of a node go. */
struct scales {
    bool grow, shrink; /* for all that is known */
};

static struct scales look_at(const struct graph_value *value) {
    const struct graph_tensor *tensor = graph_constant(value);
    if (tensor == NULL || tensor->type != ELEMENT_FLOAT32) {
        return (struct scales){.grow = true, .shrink = true};
    }
    struct scales scales = {0};
    const uint64_t count = graph_tensor_count(tensor);
    for (uint64_t i = 0; i < count; i++) {
        float scale;
        (void)memcpy(&scale, (const char *)tensor->bytes + i * sizeof(scale), sizeof(scale));
        scales.grow = scales.grow || scale > 1;
        scales.shrink = scales.shrink || scale < 1;
    }
    return scales;
}

/* --- what became of Upsample --- */

status opset_upsample_7(struct graph_node *node, struct error *err) {
    const float scales[] = {1, 1, graph_number(node, "height_scale", 0),
                            graph_number(node, "width_scale", 0)};
    if (!(scales[2] >= 1) || !(scales[3] >= 1)) {
        return opset_refuse(node, err, "it does not say its scales");
    }
    if (slice_is(graph_text(node, "mode"), "bilinear")) {
        TRY(graph_set_text(node, "mode", SLICE("linear")));
    }
    struct graph_value *given =
        graph_add_floats(node->graph, graph_node_called(node), scales, 4, false);
    graph_drop_attribute(node, "height_scale");
    graph_drop_attribute(node, "width_scale");
    return given != NULL ? graph_set_input(node, 1, given) : STATUS_NO_MEMORY;
}

status opset_upsample_9(struct graph_node *node, struct error *err) {
    const struct graph_attribute *scales = graph_attribute(node, "scales");
    if (node->input_count > 1) {
        return STATUS_OK; /* from before 7 */
    }
    if (scales == NULL || scales->kind != GRAPH_FLOATS) {
        return opset_refuse(node, err, "it does not say its scales");
    }
    struct graph_value *given = graph_add_floats(node->graph, graph_node_called(node),
                                                 scales->numbers, scales->count, false);
    graph_drop_attribute(node, "scales");
    return given != NULL ? graph_set_input(node, 1, given) : STATUS_NO_MEMORY;
}

status opset_upsample_10(struct graph_node *node, struct error *err) {
    (void)err;
    graph_set_op(node, "Resize");
    return STATUS_OK;
}

/* --- Resize --- */

/* The scales, or 1 where they are on the other side of it. */
static struct graph_value *bound_scales(struct graph_node *node, const char *op,
                                        struct graph_value *scales) {
    const float one = 1;
    struct graph_value *inputs[] = {
        scales, graph_add_floats(node->graph, graph_node_called(node), &one, 1, true)};
    struct graph_node *bounded = inputs[1] != NULL ? graph_add_node(node->graph, node, op, inputs,
                                                                    2, 1, graph_node_called(node))
                                                   : NULL;
    return bounded != NULL ? bounded->outputs[0] : NULL;
}

/* First what grows, in a node of its own, then what shrinks: dimensions do not touch each other. */
static status grow_first(struct graph_node *node) {
    struct graph_value *scales = graph_input(node, 1);
    struct graph_value *inputs[] = {graph_input(node, 0), NULL, bound_scales(node, "Max", scales)};
    struct graph_value *shrinking = bound_scales(node, "Min", scales);
    struct graph_node *grown =
        inputs[2] != NULL && shrinking != NULL
            ? graph_add_node(node->graph, node, "Resize", inputs, 3, 1, graph_node_called(node))
            : NULL;
    if (grown == NULL) {
        return STATUS_NO_MEMORY;
    }
    TRY(graph_set_text(grown, "mode", SLICE("nearest")));
    TRY(graph_set_text(grown, "coordinate_transformation_mode", SLICE("asymmetric")));
    TRY(graph_set_text(grown, "nearest_mode", SLICE("floor")));
    TRY(graph_set_input(node, 0, grown->outputs[0]));
    return graph_set_input(node, 1, shrinking);
}

status opset_resize_11(struct graph_node *node, struct error *err) {
    (void)err;
    const struct scales scales = look_at(graph_input(node, 1));
    const struct slice mode = graph_text(node, "mode");
    const bool is_nearest = mode.count == 0 || slice_is(mode, "nearest");
    if (is_nearest && scales.grow && scales.shrink) {
        TRY(grow_first(node));
    }
    TRY(graph_set_input(node, 2, graph_input(node, 1)));
    TRY(graph_set_input(node, 1, NULL));
    TRY(graph_set_text(node, "coordinate_transformation_mode", SLICE("asymmetric")));
    return is_nearest ? graph_set_text(node, "nearest_mode",
                                       scales.shrink ? SLICE("ceil") : SLICE("floor"))
                      : STATUS_OK;
}

/* Scales of no numbers stood beside sizes: now one of both is left out. */
status opset_resize_13(struct graph_node *node, struct error *err) {
    const struct graph_tensor *scales = graph_constant(graph_input(node, 2));
    if (slice_is(graph_text(node, "coordinate_transformation_mode"), "tf_half_pixel_for_nn")) {
        return opset_refuse(node, err, "coordinates of tf_half_pixel_for_nn are gone");
    }
    if (graph_input(node, 3) == NULL) {
        return STATUS_OK;
    }
    if (graph_input(node, 2) != NULL && (scales == NULL || graph_tensor_count(scales) > 0)) {
        return opset_refuse(node, err, "it has scales and sizes");
    }
    return graph_set_input(node, 2, NULL);
}

status opset_roi_align_16(struct graph_node *node, struct error *err) {
    (void)err;
    return graph_set_text(node, "coordinate_transformation_mode", SLICE("output_half_pixel"));
}

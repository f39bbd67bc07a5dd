// SPDX-License-Identifier: Apache-2.0
#include "model/opset_steps.h"
#include "model/value_types.h"

/* Before opset 13 the input was made two-dimensional at the axis, and a row was one distribution:
 * all dimensions from the axis on. Now it is the axis alone. Where that is the last one it is the
 * same; else the two dimensions are made by nodes, which need no shape to be known. */

/* A new node before this one; NULL: no memory. */
static struct graph_value *before(struct graph_node *node, const char *op,
                                  struct graph_value *input, int64_t axis) {
    struct graph_node *added =
        graph_add_node(node->graph, node, op, &input, 1, 1, graph_node_called(node));
    if (added == NULL || graph_set_integer(added, "axis", axis) != STATUS_OK) {
        return NULL;
    }
    return added->outputs[0];
}

static const char *op_of(const struct graph_node *node) {
    return graph_node_is(node, "Softmax")   ? "Softmax"
           : graph_node_is(node, "Hardmax") ? "Hardmax"
                                            : "LogSoftmax";
}

status opset_softmax_13(struct graph_node *node, struct error *err) {
    (void)err;
    const int64_t axis = graph_integer(node, "axis", 1);
    struct graph_value *input = graph_input(node, 0);
    uint32_t rank;
    if (axis == -1 || (value_rank(input, &rank) && axis == (int64_t)rank - 1)) {
        return graph_set_integer(node, "axis", -1);
    }
    struct graph_node *shape =
        graph_add_node(node->graph, node, "Shape", &input, 1, 1, graph_node_called(node));
    struct graph_value *rows = before(node, "Flatten", input, axis);
    struct graph_value *given = rows != NULL ? before(node, op_of(node), rows, -1) : NULL;
    if (shape == NULL || given == NULL) {
        return STATUS_NO_MEMORY;
    }
    graph_drop_attribute(node, "axis");
    graph_set_op(node, "Reshape");
    TRY(graph_set_input(node, 0, given));
    return graph_set_input(node, 1, shape->outputs[0]);
}

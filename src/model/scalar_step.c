// SPDX-License-Identifier: Apache-2.0
#include "model/scalar_step.h"

#include <math.h>

#include "model/known.h"

bool scalar_step_number(const struct graph_node *node, uint32_t index, double *out_number) {
    const struct graph_tensor *constant = graph_constant(graph_input(node, index));
    const struct graph_value *from = graph_input(node, 1 - index);
    float number;
    if (node->input_count != 2 || from == NULL || !graph_scalar(constant, &number) ||
        !isfinite(number) || constant->rank > known_rank_least(from)) {
        return false;
    }
    *out_number = (double)number;
    return true;
}

bool scalar_step_read(const struct graph_value *value, struct scalar_step *out_step) {
    const struct graph_node *node = value->producer;
    double number;
    if (node == NULL) {
        return false;
    }
    const bool is_product = graph_node_is(node, "Mul");
    const bool is_sum = graph_node_is(node, "Add");
    uint32_t index = 1;
    bool is_read =
        (is_product || is_sum || graph_node_is(node, "Div") || graph_node_is(node, "Sub")) &&
        scalar_step_number(node, 1, &number);
    if (!is_read && (is_product || is_sum)) {
        index = 0;
        is_read = scalar_step_number(node, 0, &number);
    }
    if (!is_read || (graph_node_is(node, "Div") && number == 0)) {
        return false;
    }
    *out_step = (struct scalar_step){.from = graph_input(node, 1 - index),
                                     .scale = is_product                   ? number
                                              : graph_node_is(node, "Div") ? 1 / number
                                                                           : 1,
                                     .shift = is_sum                       ? number
                                              : graph_node_is(node, "Sub") ? -number
                                                                           : 0};
    return true;
}

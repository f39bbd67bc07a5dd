// SPDX-License-Identifier: Apache-2.0
#include <assert.h>

#include "model/graph_inner.h"

/* Names of a body need only differ from those around it: in there they must be new. */
static bool move_value(struct graph_value *value, struct graph *graph) {
    value->graph = graph;
    value->name = graph_new_name(graph->model, value->name);
    return value->name.bytes != NULL;
}

static bool move_initializers(struct graph *body, struct graph *graph) {
    for (uint32_t i = 0; i < body->initializers.count; i++) {
        struct graph_value *value = body->initializers.items[i];
        if (!move_value(value, graph) ||
            !graph_values_add(graph->model, &graph->initializers, value)) {
            return false;
        }
    }
    body->initializers.count = 0;
    return true;
}

static bool move_nodes(struct graph *body, struct graph_node *place) {
    while (body->first != NULL) {
        struct graph_node *node = body->first;
        graph_unlink_node(node);
        graph_link_node(place->graph, place, node);
        for (uint32_t i = 0; i < node->output_count; i++) {
            if (node->outputs[i] != NULL && !move_value(node->outputs[i], place->graph)) {
                return false;
            }
        }
    }
    return true;
}

/* What the body gives is used where the node's outputs were. */
static status hand_over(struct graph_node *node, struct graph *body) {
    for (uint32_t i = 0; i < body->output_count; i++) {
        struct graph_value *value = body->outputs[i].value;
        graph_use_value(&body->outputs[i], NULL);
        struct graph_value *old = graph_output(node, i);
        if (old != NULL && old->uses != NULL) {
            TRY(graph_replace(old, value));
        }
    }
    return STATUS_OK;
}

status graph_inline(struct graph_node *node, struct graph *body) {
    assert(body->owner == node && body->inputs.count == 0);
    if (!move_initializers(body, node->graph) || !move_nodes(body, node)) {
        return STATUS_NO_MEMORY;
    }
    TRY(hand_over(node, body));
    graph_remove_node(node);
    return STATUS_OK;
}

// SPDX-License-Identifier: Apache-2.0
#include "model/graph.h"

/* The body number `index` of a node, counted over all of its attributes. */
static struct graph *body_of(const struct graph_node *node, uint32_t index) {
    for (uint32_t i = 0; i < node->attribute_count; i++) {
        const struct graph_attribute *at = &node->attributes[i];
        const uint32_t count = at->kind == GRAPH_BODY     ? 1
                               : at->kind == GRAPH_BODIES ? at->count
                                                          : 0;
        if (index < count) {
            return at->kind == GRAPH_BODY ? at->body : at->bodies[index];
        }
        index -= count;
    }
    return NULL;
}

/* The first node of the first body from number `index` on that has one. */
static struct graph_node *enter(const struct graph_node *node, uint32_t index) {
    for (struct graph *body; (body = body_of(node, index)) != NULL; index++) {
        if (body->first != NULL) {
            return body->first;
        }
    }
    return NULL;
}

struct graph_node *graph_walk(const struct graph_model *model, const struct graph_node *node) {
    if (node == NULL) {
        return model->main.first;
    }
    struct graph_node *next = enter(node, 0);
    while (next == NULL && node != NULL) {
        next = node->after;
        const struct graph_node *owner = node->graph->owner;
        if (next == NULL && owner != NULL) {
            uint32_t index = 0;
            while (body_of(owner, index) != node->graph) {
                index++;
            }
            next = enter(owner, index + 1);
        }
        node = owner;
    }
    return next;
}

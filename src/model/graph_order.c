// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/graph_inner.h"

/* --- the order of nodes --- */

/* The node of `graph` in which `node` lies, itself or deep in a body; NULL: it is elsewhere. */
static struct graph_node *within(const struct graph *graph, struct graph_node *node) {
    while (node != NULL && node->graph != graph) {
        node = node->graph->owner;
    }
    return node;
}

/* Calls `each` for every node of the producer's graph that needs one of its outputs. */
static void each_needing(struct graph_node *producer,
                         void (*each)(void *owner, struct graph_node *node), void *owner) {
    for (uint32_t i = 0; i < producer->output_count; i++) {
        const struct graph_use *use =
            producer->outputs[i] != NULL ? producer->outputs[i]->uses : NULL;
        for (; use != NULL; use = use->next) {
            if (use->node != NULL) {
                struct graph_node *node = within(producer->graph, use->node);
                if (node != NULL) {
                    each(owner, node);
                }
            }
        }
    }
}

static uint32_t number_nodes(struct graph *graph) {
    uint32_t count = 0;
    for (struct graph_node *node = graph->first; node != NULL; node = node->after) {
        node->mark = count++;
    }
    return count;
}

struct order_check {
    const struct graph_node *producer;
    const struct graph_node *early; /* a node that needs it and stands before it */
};

static void check_later(void *owner, struct graph_node *node) {
    struct order_check *check = owner;
    if (node->mark <= check->producer->mark) {
        check->early = node;
    }
}

/* A node that stands before what it needs; NULL: there is none. */
static const struct graph_node *early_node(struct graph *graph) {
    (void)number_nodes(graph);
    struct order_check check = {0};
    for (struct graph_node *node = graph->first; node != NULL && check.early == NULL;
         node = node->after) {
        check.producer = node;
        each_needing(node, check_later, &check);
    }
    return check.early;
}

static void one_more(void *owner, struct graph_node *node) {
    (void)owner;
    node->mark++;
}

struct ready {
    struct graph_node **nodes;
    uint32_t count;
};

static void one_less(void *owner, struct graph_node *node) {
    struct ready *ready = owner;
    if (--node->mark == 0) {
        ready->nodes[ready->count++] = node;
    }
}

/* Names the first node that was never ready. */
static status fail_circle(const struct graph *graph, struct error *err) {
    const struct graph_node *node = graph->first;
    while (node != NULL && node->mark == 0) {
        node = node->after;
    }
    if (node == NULL) {
        return fail(err, STATUS_INVALID, "its nodes go in a circle");
    }
    return fail(err, STATUS_INVALID, "node '%.*s' (%.*s) needs what is made of its own output",
                SLICE_ARGS(graph_node_called(node)), SLICE_ARGS(node->op));
}

/* Kahn's way: a node is ready when nothing that it needs is missing. */
static status sort_graph(struct graph *graph, struct error *err) {
    const uint32_t count = number_nodes(graph);
    struct ready ready = {.nodes =
                              arena_get(&graph->model->arena, count, sizeof(struct graph_node *))};
    if (ready.nodes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a model's nodes");
    }
    for (struct graph_node *node = graph->first; node != NULL; node = node->after) {
        node->mark = 0;
    }
    for (struct graph_node *node = graph->first; node != NULL; node = node->after) {
        each_needing(node, one_more, NULL);
    }
    for (struct graph_node *node = graph->first; node != NULL; node = node->after) {
        if (node->mark == 0) {
            ready.nodes[ready.count++] = node;
        }
    }
    for (uint32_t i = 0; i < ready.count; i++) {
        each_needing(ready.nodes[i], one_less, &ready);
    }
    if (ready.count < count) {
        return fail_circle(graph, err);
    }
    graph->first = NULL;
    graph->last = NULL;
    for (uint32_t i = 0; i < ready.count; i++) {
        graph_link_node(graph, NULL, ready.nodes[i]);
    }
    return STATUS_OK;
}

status graph_sort(struct graph *graph, struct error *err) {
    return early_node(graph) == NULL ? STATUS_OK : sort_graph(graph, err);
}

/* --- what must hold --- */

static bool is_reachable(const struct graph_value *value, const struct graph *graph) {
    while (graph != NULL && graph != value->graph) {
        graph = graph->owner != NULL ? graph->owner->graph : NULL;
    }
    return graph != NULL;
}

static bool is_there(const struct graph_value *value) {
    return value->producer != NULL || value->tensor != NULL || value->is_input;
}

static status verify_graph(struct graph *graph, struct error *err) {
    const struct graph_node *early = early_node(graph);
    if (early != NULL) {
        return fail(err, STATUS_INVALID, "node '%.*s' stands before what it needs",
                    SLICE_ARGS(graph_node_called(early)));
    }
    for (uint32_t i = 0; i < graph->output_count; i++) {
        const struct graph_value *value = graph->outputs[i].value;
        if (value == NULL || !is_there(value) || !is_reachable(value, graph)) {
            return fail(err, STATUS_INVALID, "output %u of graph '%.*s' is made by nothing", i,
                        SLICE_ARGS(graph->name));
        }
    }
    return STATUS_OK;
}

status graph_verify(const struct graph_model *model, struct error *err) {
    struct graph *checked = NULL;
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL;
         node = graph_walk(model, node)) {
        if (node == node->graph->first && node->graph != checked) {
            checked = node->graph;
            TRY(verify_graph(node->graph, err));
        }
        for (uint32_t i = 0; i < node->input_count; i++) {
            const struct graph_value *value = node->inputs[i].value;
            if (value != NULL && (!is_there(value) || !is_reachable(value, node->graph))) {
                return fail(err, STATUS_INVALID, "node '%.*s' needs '%.*s', which nothing makes",
                            SLICE_ARGS(graph_node_called(node)), SLICE_ARGS(value->name));
            }
        }
    }
    return STATUS_OK;
}

/* --- what nothing depends on --- */

static void drop_bodies(struct graph_node *node);

static void drop_uses(struct graph *body) {
    for (uint32_t i = 0; i < body->output_count; i++) {
        graph_use_value(&body->outputs[i], NULL);
    }
    for (struct graph_node *node = body->first; node != NULL; node = node->after) {
        for (uint32_t i = 0; i < node->input_count; i++) {
            graph_use_value(&node->inputs[i], NULL);
        }
        drop_bodies(node);
    }
}

static void each_body(struct graph_node *node, void (*each)(struct graph *body)) {
    for (uint32_t i = 0; i < node->attribute_count; i++) {
        const struct graph_attribute *at = &node->attributes[i];
        if (at->kind == GRAPH_BODY) {
            each(at->body);
        }
        for (uint32_t k = 0; at->kind == GRAPH_BODIES && k < at->count; k++) {
            each(at->bodies[k]);
        }
    }
}

static void drop_bodies(struct graph_node *node) {
    each_body(node, drop_uses);
}

void graph_remove_node(struct graph_node *node) {
    for (uint32_t i = 0; i < node->input_count; i++) {
        graph_use_value(&node->inputs[i], NULL);
    }
    drop_bodies(node);
    for (uint32_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i] != NULL) {
            node->outputs[i]->producer = NULL;
        }
    }
    graph_unlink_node(node);
    node->graph->model->changed = true;
}

static bool is_needed(const struct graph_node *node) {
    for (uint32_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i] != NULL && node->outputs[i]->uses != NULL) {
            return true;
        }
    }
    return false;
}

/* Before IR 4 every initializer is an input in name, and goes like any other. */
static void remove_dead_tensors(struct graph *graph) {
    const bool has_defaults = graph->model->ir_version >= 4;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < graph->initializers.count; i++) {
        struct graph_value *value = graph->initializers.items[i];
        if (value->uses != NULL || (value->is_input && has_defaults)) {
            graph->initializers.items[kept++] = value;
        } else {
            value->tensor = NULL;
            value->is_input = false;
        }
    }
    uint32_t inputs = 0;
    for (uint32_t i = 0; i < graph->inputs.count; i++) {
        if (graph->inputs.items[i]->is_input) {
            graph->inputs.items[inputs++] = graph->inputs.items[i];
        }
    }
    graph->inputs.count = inputs;
    graph->model->changed = graph->model->changed || kept < graph->initializers.count;
    graph->initializers.count = kept;
}

/* From the last to the first: what goes lets go of what stands before it, in its own graph and
 * around it. */
static void remove_dead_nodes(struct graph *graph) {
    struct graph_node *before;
    for (struct graph_node *node = graph->last; node != NULL; node = before) {
        before = node->before;
        if (is_needed(node)) {
            each_body(node, remove_dead_nodes);
        } else {
            graph_remove_node(node);
        }
    }
}

static uint32_t count_nodes(const struct graph_model *model) {
    uint32_t count = 0;
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL;
         node = graph_walk(model, node)) {
        count++;
    }
    return count;
}

uint32_t graph_remove_dead(struct graph_model *model) {
    const uint32_t before = count_nodes(model);
    remove_dead_nodes(&model->main);
    remove_dead_tensors(&model->main);
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL;
         node = graph_walk(model, node)) {
        each_body(node, remove_dead_tensors);
    }
    return before - count_nodes(model);
}

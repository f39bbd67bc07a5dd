// SPDX-License-Identifier: Apache-2.0
#include "model/graph_inner.h"

status graph_set_outputs(struct graph *graph, struct graph_value *const *values, uint32_t count) {
    struct arena *arena = &graph->model->arena;
    struct graph_use *uses = arena_get(arena, count + 1, sizeof(*uses));
    const struct graph_type **types =
        arena_get(arena, count + 1, sizeof(const struct graph_type *));
    const void **origins = arena_get(arena, count + 1, sizeof(const void *));
    if (uses == NULL || types == NULL || origins == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        types[i] = values[i]->type;
        origins[i] = values[i]->origin;
        for (uint32_t old = 0; old < graph->output_count; old++) {
            if (graph->outputs[old].value == values[i]) {
                types[i] = graph->output_types[old];
                origins[i] = graph->output_origins[old];
            }
        }
        graph_use_value(&uses[i], values[i]);
    }
    for (uint32_t old = 0; old < graph->output_count; old++) {
        graph_use_value(&graph->outputs[old], NULL);
    }
    graph->outputs = uses;
    graph->output_types = types;
    graph->output_origins = origins;
    graph->output_count = count;
    graph->model->changed = true;
    return STATUS_OK;
}

status graph_add_output(struct graph *graph, struct graph_value *value) {
    const uint32_t count = graph->output_count;
    struct graph_value **values =
        arena_get(&graph->model->arena, count + 1, sizeof(struct graph_value *));
    if (values == NULL) {
        return STATUS_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        values[i] = graph->outputs[i].value;
        if (values[i] == value) {
            return STATUS_OK;
        }
    }
    values[count] = value;
    return graph_set_outputs(graph, values, count + 1);
}

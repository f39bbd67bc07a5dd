// SPDX-License-Identifier: Apache-2.0
#include "model/quantize_pairs.h"

#include <string.h>

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory for quantising a model");
}

status quantize_pairs_init(struct graph_model *model, enum scale_kind kind,
                           struct quantize_pairs *out_pairs, struct error *err) {
    struct quantize_pairs pairs = {.model = model, .kind = kind, .room = model->main.inputs.count};
    for (const struct graph_node *node = model->main.first; node != NULL; node = node->after) {
        pairs.room += node->output_count;
    }
    pairs.items = arena_get(&model->arena, (size_t)pairs.room + 1, sizeof(*pairs.items));
    *out_pairs = pairs;
    return pairs.items != NULL ? STATUS_OK : no_memory(err);
}

const struct quantize_pair *quantize_pair_whole(const struct quantize_pairs *pairs,
                                                const struct graph_value *whole) {
    for (uint32_t i = 0; i < pairs->count; i++) {
        if (pairs->items[i].whole == whole) {
            return &pairs->items[i];
        }
    }
    return NULL;
}

struct quantize_pair *quantize_pair_of(const struct quantize_pairs *pairs,
                                       const struct graph_value *value) {
    for (uint32_t i = 0; i < pairs->count; i++) {
        if (pairs->items[i].value == value) {
            return &pairs->items[i];
        }
    }
    return NULL;
}

struct graph_value *quantize_pairs_number(const struct quantize_pairs *pairs, struct slice base,
                                          int32_t number) {
    const uint8_t plain = (uint8_t)number;
    void *place = NULL;
    const enum element_type type = pairs->kind == SCALE_UINT8 ? ELEMENT_UINT8 : ELEMENT_INT8;
    struct graph_tensor *tensor = graph_tensor_new(pairs->model, type, NULL, 0, &place);
    if (tensor == NULL) {
        return NULL;
    }
    (void)memcpy(place, &plain, sizeof(plain));
    return graph_add_tensor(&pairs->model->main, base, tensor);
}

struct graph_value *quantize_pairs_read(const struct quantize_pairs *pairs,
                                        struct graph_node *place, struct graph_value *numbers,
                                        const struct scale *scale) {
    struct graph *graph = &pairs->model->main;
    struct graph_value *inputs[] = {numbers,
                                    graph_add_floats(graph, numbers->name, &scale->step, 1, true),
                                    quantize_pairs_number(pairs, numbers->name, scale->zero_point)};
    const struct graph_node *node =
        inputs[1] != NULL && inputs[2] != NULL
            ? graph_add_node(graph, place, "DequantizeLinear", inputs, 3, 1, numbers->name)
            : NULL;
    return node != NULL ? node->outputs[0] : NULL;
}

status quantize_pairs_add(struct quantize_pairs *pairs, struct graph_value *value,
                          const struct scale *scale, struct quantize_pair **out_pair,
                          struct error *err) {
    struct graph *graph = &pairs->model->main;
    struct graph_node *place = value->producer != NULL ? value->producer->after : graph->first;
    struct graph_value *inputs[] = {value,
                                    graph_add_floats(graph, value->name, &scale->step, 1, true),
                                    quantize_pairs_number(pairs, value->name, scale->zero_point)};
    if (inputs[1] == NULL || inputs[2] == NULL || pairs->count == pairs->room) {
        return no_memory(err);
    }
    struct graph_node *first =
        graph_add_node(graph, place, "QuantizeLinear", inputs, 3, 1, value->name);
    inputs[0] = first != NULL ? first->outputs[0] : NULL;
    const struct graph_node *second =
        first != NULL ? graph_add_node(graph, place, "DequantizeLinear", inputs, 3, 1, value->name)
                      : NULL;
    if (second == NULL) {
        return no_memory(err);
    }
    *out_pair = &pairs->items[pairs->count++];
    **out_pair = (struct quantize_pair){.value = value,
                                        .quantizes = first,
                                        .whole = second->outputs[0],
                                        .scale = *scale,
                                        .scale_in = *scale};
    return STATUS_OK;
}

status quantize_pair_spread(const struct quantize_pair *pair, struct error *err) {
    const bool replaced = graph_replace(pair->value, pair->whole) == STATUS_OK &&
                          graph_set_input(pair->quantizes, 0, pair->value) == STATUS_OK;
    return replaced ? STATUS_OK : no_memory(err);
}

status quantize_pairs_take(const struct quantize_pairs *pairs, struct graph_node *node,
                           uint32_t index, struct error *err) {
    const struct quantize_pair *pair = quantize_pair_of(pairs, graph_input(node, index));
    return pair == NULL || graph_set_input(node, index, pair->whole) == STATUS_OK ? STATUS_OK
                                                                                  : no_memory(err);
}

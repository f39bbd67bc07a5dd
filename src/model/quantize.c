// SPDX-License-Identifier: Apache-2.0
#include "model/quantize.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/quantize_layer.h"
#include "model/quantized_layer.h"

/* A value, its scale, and what it is when it has been through whole numbers. */
struct pair {
    const struct graph_value *value;
    struct graph_value *whole; /* behind DequantizeLinear */
    struct scale scale;
};

struct quantizing {
    struct graph_model *model;
    const struct quantize_options *options;
    struct quantize_report *report;
    struct pair *pairs;
    uint32_t pair_count;
};

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory for quantising a model");
}

/* --- scales of activations --- */

static const struct pair *pair_of_whole(const struct quantizing *work,
                                        const struct graph_value *whole) {
    for (uint32_t i = 0; i < work->pair_count; i++) {
        if (work->pairs[i].whole == whole) {
            return &work->pairs[i];
        }
    }
    return NULL;
}

static const struct pair *pair_of_value(const struct quantizing *work,
                                        const struct graph_value *value) {
    for (uint32_t i = 0; i < work->pair_count; i++) {
        if (work->pairs[i].value == value) {
            return &work->pairs[i];
        }
    }
    return NULL;
}

/* Nodes that move numbers and change none. */
static bool is_mover(const struct graph_node *node) {
    static const char *const MOVERS[] = {"MaxPool",   "Reshape", "Transpose", "Squeeze",
                                         "Unsqueeze", "Flatten", "Slice",     "Gather"};
    for (size_t i = 0; i < sizeof(MOVERS) / sizeof(MOVERS[0]); i++) {
        if (graph_node_is(node, MOVERS[i])) {
            return true;
        }
    }
    return graph_node_is(node, "Resize") && slice_is(graph_text(node, "mode"), "nearest");
}

/* The scale of what was moved here from a value that has one. */
static bool moved_scale(const struct quantizing *work, const struct graph_value *value,
                        struct scale *out_scale) {
    while (value != NULL && value->producer != NULL && is_mover(value->producer)) {
        value = graph_input(value->producer, 0);
        const struct pair *pair = value != NULL ? pair_of_whole(work, value) : NULL;
        if (pair != NULL) {
            *out_scale = pair->scale;
            return true;
        }
    }
    return false;
}

static bool bound_scale(const struct quantizing *work, const struct graph_value *value,
                        struct scale *out_scale) {
    const struct quantize_options *options = work->options;
    for (uint32_t i = 0; i < options->bound_count; i++) {
        if (slice_equal(options->bounds[i].value, value->name)) {
            return scale_choose(options->activations, options->bounds[i].threshold.low,
                                options->bounds[i].threshold.high, out_scale);
        }
    }
    return false;
}

static status scale_of(const struct quantizing *work, const struct graph_value *value,
                       struct scale *out_scale, struct error *err) {
    const struct pair *whole = pair_of_whole(work, value);
    const struct pair *pair = whole != NULL ? whole : pair_of_value(work, value);
    if (pair != NULL) {
        *out_scale = pair->scale;
        return STATUS_OK;
    }
    if (moved_scale(work, value, out_scale) || bound_scale(work, value, out_scale)) {
        return STATUS_OK;
    }
    return fail(err, STATUS_INVALID, "'%.*s' has no range that a scale can be made of",
                SLICE_ARGS(value->name));
}

/* --- pairs of QuantizeLinear and DequantizeLinear --- */

static struct graph_value *add_small(struct graph *graph, struct slice base, enum element_type type,
                                     const void *bytes, uint32_t rank, int64_t count) {
    void *place = NULL;
    struct graph_tensor *tensor = graph_tensor_new(graph->model, type, &count, rank, &place);
    if (tensor == NULL) {
        return NULL;
    }
    (void)memcpy(place, bytes, tensor->byte_count);
    return graph_add_tensor(graph, base, tensor);
}

static struct graph_value *add_zero_point(const struct quantizing *work, struct slice base,
                                          const struct scale *scale) {
    const uint8_t plain = (uint8_t)scale->zero_point;
    return add_small(&work->model->main, base,
                     work->options->activations == SCALE_UINT8 ? ELEMENT_UINT8 : ELEMENT_INT8,
                     &plain, 0, 0);
}

/* Behind what makes the value; whoever takes the value takes it still. */
static status add_pair(struct quantizing *work, struct graph_value *value,
                       const struct scale *scale, struct graph_node **out_first,
                       struct error *err) {
    struct graph *graph = &work->model->main;
    struct graph_node *place = value->producer != NULL ? value->producer->after : graph->first;
    struct graph_value *step = graph_add_floats(graph, value->name, &scale->step, 1, true);
    struct graph_value *zero = add_zero_point(work, value->name, scale);
    if (step == NULL || zero == NULL) {
        return no_memory(err);
    }
    struct graph_node *first =
        graph_add_node(graph, place, "QuantizeLinear", (struct graph_value *[]){value, step, zero},
                       3, 1, value->name);
    struct graph_node *second =
        first != NULL ? graph_add_node(graph, place, "DequantizeLinear",
                                       (struct graph_value *[]){first->outputs[0], step, zero}, 3,
                                       1, value->name)
                      : NULL;
    if (second == NULL) {
        return no_memory(err);
    }
    work->pairs[work->pair_count++] =
        (struct pair){.value = value, .whole = second->outputs[0], .scale = *scale};
    *out_first = first;
    return STATUS_OK;
}

static status pair_input(struct quantizing *work, struct graph_node *node,
                         const struct scale *scale, struct error *err) {
    struct graph_value *value = graph_input(node, 0);
    if (pair_of_whole(work, value) != NULL) {
        return STATUS_OK;
    }
    const struct pair *pair = pair_of_value(work, value);
    if (pair == NULL) {
        struct graph_node *first = NULL;
        TRY(add_pair(work, value, scale, &first, err));
        pair = &work->pairs[work->pair_count - 1];
    }
    return graph_set_input(node, 0, pair->whole) == STATUS_OK ? STATUS_OK : no_memory(err);
}

/* Everybody behind takes the whole numbers. */
static status pair_output(struct quantizing *work, struct graph_value *value,
                          const struct scale *scale, struct error *err) {
    struct graph_node *first = NULL;
    TRY(add_pair(work, value, scale, &first, err));
    const struct pair *pair = &work->pairs[work->pair_count - 1];
    const bool replaced = graph_replace(value, pair->whole) == STATUS_OK &&
                          graph_set_input(first, 0, value) == STATUS_OK;
    return replaced ? STATUS_OK : no_memory(err);
}

/* --- weights --- */

/* DequantizeLinear of whole numbers with a step for each channel, before the node. */
static struct graph_value *dequantize(const struct quantize_layer *layer, struct slice base,
                                      const struct graph_tensor *numbers,
                                      const struct graph_tensor *steps, uint32_t axis) {
    struct graph *graph = layer->node->graph;
    void *zeroes = NULL;
    const int64_t channels = (int64_t)layer->layout.count;
    struct graph_value *values[3] = {
        graph_add_tensor(graph, base, numbers), graph_add_tensor(graph, base, steps),
        graph_add_tensor(graph, base,
                         graph_tensor_new(graph->model, numbers->type, &channels, 1, &zeroes))};
    if (values[0] == NULL || values[1] == NULL || values[2] == NULL) {
        return NULL;
    }
    struct graph_node *node =
        graph_add_node(graph, layer->node, "DequantizeLinear", values, 3, 1, base);
    return node != NULL && graph_set_integer(node, "axis", (int64_t)axis) == STATUS_OK
               ? node->outputs[0]
               : NULL;
}

/* A layer's whole numbers, as tensors that nobody takes yet. */
struct whole_layer {
    struct graph_tensor *weights, *steps, *biases, *bias_steps;
};

static status compute(const struct quantizing *work, const struct quantize_layer *layer,
                      const struct scale *input, struct whole_layer *out_whole, struct error *err) {
    struct graph_model *model = work->model;
    const int64_t channels = (int64_t)layer->layout.count;
    struct quantized_layer numbers = {0};
    void *places[4] = {0};
    const struct whole_layer whole = {
        .weights = graph_tensor_new(model, ELEMENT_INT8, layer->weights->dims, layer->weights->rank,
                                    &places[0]),
        .steps = graph_tensor_new(model, ELEMENT_FLOAT32, &channels, 1, &places[1]),
        .biases = graph_tensor_new(model, ELEMENT_INT32, &channels, 1, &places[2]),
        .bias_steps = graph_tensor_new(model, ELEMENT_FLOAT32, &channels, 1, &places[3])};
    if (whole.weights == NULL || whole.steps == NULL || whole.biases == NULL ||
        whole.bias_steps == NULL) {
        return no_memory(err);
    }
    numbers.weights = places[0];
    numbers.steps = places[1];
    numbers.biases = places[2];
    const struct plain_layer plain = {
        .weights = layer->weights->bytes,
        .layout = layer->layout,
        .biases = layer->bias != NULL ? layer->bias->bytes : NULL,
        .input_step = input->step,
        .order = work->options->pairs_saturate && layer->adds_pairs ? &layer->order : NULL};
    TRY(quantize_layer(&plain, &numbers, err));
    float *bias_steps = places[3];
    for (size_t i = 0; i < layer->layout.count; i++) {
        bias_steps[i] = bias_step(input->step, numbers.steps[i]);
    }
    work->report->narrow_channels += (uint32_t)numbers.narrow;
    work->report->widened_channels += (uint32_t)numbers.widened;
    *out_whole = whole;
    return STATUS_OK;
}

static status put_weights(const struct quantize_layer *layer, const struct whole_layer *whole,
                          struct error *err) {
    struct graph_node *node = layer->node;
    struct graph_value *weights =
        dequantize(layer, graph_input(node, 1)->name, whole->weights, whole->steps, layer->axis);
    if (weights == NULL || graph_set_input(node, 1, weights) != STATUS_OK) {
        return no_memory(err);
    }
    if (layer->bias == NULL) {
        return STATUS_OK;
    }
    struct graph_value *biases =
        dequantize(layer, graph_input(node, 2)->name, whole->biases, whole->bias_steps, 0);
    return biases != NULL && graph_set_input(node, 2, biases) == STATUS_OK ? STATUS_OK
                                                                           : no_memory(err);
}

/* --- layers --- */

/* The value to quantise behind the layer. A Relu or Clip whose bounds the whole numbers have, too,
 * is taken out. */
static status take_end(const struct quantizing *work, const struct quantize_layer *layer,
                       const struct scale *scale, struct graph_value **out_end, struct error *err) {
    float least;
    float most;
    struct graph_node *clamp = quantize_layer_clamp(layer, &least, &most);
    const enum scale_kind kind = work->options->activations;
    *out_end = graph_output(clamp != NULL ? clamp : layer->node, 0);
    if (clamp == NULL || scale_value(scale, scale_least(kind)) < least ||
        scale_value(scale, scale_most(kind)) > most) {
        return STATUS_OK;
    }
    *out_end = graph_output(layer->node, 0);
    if (graph_replace(graph_output(clamp, 0), *out_end) != STATUS_OK) {
        return no_memory(err);
    }
    graph_remove_node(clamp);
    return STATUS_OK;
}

static status quantize_one(struct quantizing *work, const struct quantize_layer *layer,
                           struct error *err) {
    struct scale input;
    struct scale output = {0};
    struct whole_layer whole = {0};
    TRY(scale_of(work, graph_input(layer->node, 0), &input, err));
    if (layer->wants_output) {
        TRY(scale_of(work, quantize_layer_end(layer), &output, err));
    }
    TRY(compute(work, layer, &input, &whole, err));
    TRY(put_weights(layer, &whole, err));
    TRY(pair_input(work, layer->node, &input, err));
    if (layer->wants_output) {
        struct graph_value *end;
        TRY(take_end(work, layer, &output, &end, err));
        TRY(pair_output(work, end, &output, err));
    }
    work->report->layers++;
    work->report->weight_count += graph_tensor_count(layer->weights);
    return STATUS_OK;
}

static status quantize_node(struct quantizing *work, struct graph_node *node, struct error *err) {
    struct quantize_layer layer;
    if (!quantize_layer_read(node, &layer)) {
        return STATUS_OK;
    }
    if (work->options->takes != NULL && !work->options->takes(work->options->owner, node)) {
        work->report->left++;
        return STATUS_OK;
    }
    struct error why = {0};
    const status code = quantize_one(work, &layer, &why);
    if (code == STATUS_NO_MEMORY) {
        return fail(err, code, "%s", why.text);
    }
    if (code != STATUS_OK) {
        work->report->left++;
        if (work->report->first_reason[0] == '\0') {
            (void)snprintf(work->report->first_reason, sizeof(work->report->first_reason),
                           "layer '%.100s': %.300s", graph_node_called(node).bytes, why.text);
        }
    }
    return STATUS_OK;
}

status quantize(struct graph_model *model, const struct quantize_options *options,
                struct quantize_report *out_report, struct error *err) {
    struct quantize_report report = {0};
    struct quantizing work = {.model = model, .options = options, .report = &report};
    if (graph_opset(model) < QUANTIZE_OPSET_LEAST) {
        return fail(err, STATUS_INVALID,
                    "scales per channel need opset %d, the model has %lld: upgrade it first",
                    QUANTIZE_OPSET_LEAST, (long long)graph_opset(model));
    }
    uint32_t count = 0;
    for (const struct graph_node *node = model->main.first; node != NULL; node = node->after) {
        count++;
    }
    struct graph_node **nodes =
        arena_get(&model->arena, (size_t)count + 1, sizeof(struct graph_node *));
    work.pairs = arena_get(&model->arena, (size_t)count * 2 + 1, sizeof(*work.pairs));
    if (nodes == NULL || work.pairs == NULL) {
        return no_memory(err);
    }
    count = 0;
    for (struct graph_node *node = model->main.first; node != NULL; node = node->after) {
        if (quantize_is_layer(node)) {
            nodes[count++] = node;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        TRY(quantize_node(&work, nodes[i], err));
    }
    (void)graph_remove_dead(model);
    *out_report = report;
    return graph_verify(model, err);
}

bool quantize_is_layer(const struct graph_node *node) {
    struct quantize_layer layer;
    /* Only read: the layer keeps the node for who changes it. */
    union {
        const struct graph_node *shown;
        struct graph_node *read;
    } same = {.shown = node};
    return quantize_layer_read(same.read, &layer);
}

/* --- whose bounds are needed --- */

static int compare_names(const void *a, const void *b) {
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

status quantize_values(struct graph_model *model, const struct slice **out_names,
                       uint32_t *out_count, struct error *err) {
    uint32_t room = 0;
    for (const struct graph_node *node = model->main.first; node != NULL; node = node->after) {
        room += quantize_is_layer(node) ? 2 : 0;
    }
    struct slice *names = arena_get(&model->arena, (size_t)room + 1, sizeof(*names));
    if (names == NULL) {
        return no_memory(err);
    }
    uint32_t count = 0;
    for (struct graph_node *node = model->main.first; node != NULL; node = node->after) {
        struct quantize_layer layer;
        if (quantize_layer_read(node, &layer)) {
            names[count++] = graph_input(node, 0)->name;
            if (layer.wants_output) {
                names[count++] = quantize_layer_end(&layer)->name;
            }
        }
    }
    qsort(names, count, sizeof(*names), compare_names);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (kept == 0 || !slice_equal(names[kept - 1], names[i])) {
            names[kept++] = names[i];
        }
    }
    *out_names = names;
    *out_count = kept;
    return STATUS_OK;
}

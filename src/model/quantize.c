// SPDX-License-Identifier: Apache-2.0
#include "model/quantize.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/quantize_between.h"
#include "model/quantize_layer.h"
#include "model/quantize_pairs.h"
#include "model/quantized_layer.h"

struct quantizing {
    struct graph_model *model;
    const struct quantize_options *options;
    struct quantize_report *report;
    struct quantize_pairs pairs;
};

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory for quantising a model");
}

/* --- scales of activations --- */

/* The scale of what was moved here from a value that has one. */
static bool moved_scale(const struct quantizing *work, const struct graph_value *value,
                        struct scale *out_scale) {
    while (value != NULL && value->producer != NULL && quantize_is_mover(value->producer)) {
        value = graph_input(value->producer, 0);
        const struct quantize_pair *pair =
            value != NULL ? quantize_pair_whole(&work->pairs, value) : NULL;
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
            const struct threshold *threshold = &options->bounds[i].threshold;
            const bool has_scale =
                scale_choose(options->activations, threshold->low, threshold->high, out_scale);
            if (has_scale) {
                quantize_between_fit(value, options->activations, threshold->low, out_scale);
            }
            return has_scale;
        }
    }
    return false;
}

static status scale_of(const struct quantizing *work, const struct graph_value *value,
                       struct scale *out_scale, struct error *err) {
    const struct quantize_pair *whole = quantize_pair_whole(&work->pairs, value);
    const struct quantize_pair *pair =
        whole != NULL ? whole : quantize_pair_of(&work->pairs, value);
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

static status pair_input(struct quantizing *work, struct graph_node *node,
                         const struct scale *scale, struct error *err) {
    struct graph_value *value = graph_input(node, 0);
    struct quantize_pair *pair;
    if (quantize_pair_whole(&work->pairs, value) == NULL &&
        quantize_pair_of(&work->pairs, value) == NULL) {
        TRY(quantize_pairs_add(&work->pairs, value, scale, &pair, err));
    }
    return quantize_pairs_take(&work->pairs, node, 0, err);
}

/* Everybody behind takes the whole numbers. */
static status pair_output(struct quantizing *work, struct graph_value *value,
                          const struct scale *scale, struct error *err) {
    struct quantize_pair *pair;
    TRY(quantize_pairs_add(&work->pairs, value, scale, &pair, err));
    return quantize_pair_spread(pair, err);
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
    if (nodes == NULL) {
        return no_memory(err);
    }
    TRY(quantize_pairs_init(model, options->activations, &work.pairs, err));
    count = 0;
    for (struct graph_node *node = model->main.first; node != NULL; node = node->after) {
        if (quantize_is_layer(node)) {
            nodes[count++] = node;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        TRY(quantize_node(&work, nodes[i], err));
    }
    TRY(quantize_between(&work.pairs, &report.between, err));
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

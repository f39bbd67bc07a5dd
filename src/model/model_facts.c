// SPDX-License-Identifier: Apache-2.0
#include "model/model_facts.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "model/quantize.h"

enum { OPSET_WANTED = 13, TEXT_BYTES_MAX = 4096 };

static uint32_t count_nodes(const struct graph_model *model) {
    uint32_t count = 0;
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL;
         node = graph_walk(model, node)) {
        count++;
    }
    return count;
}

/* --- operators --- */

static void count_operator(struct model_facts *facts, const struct graph_node *node) {
    for (uint32_t i = 0; i < facts->operator_count; i++) {
        struct model_operator *known = &facts->operators[i];
        if (slice_equal(known->op, node->op) && slice_equal(known->domain, node->domain)) {
            known->count++;
            return;
        }
    }
    facts->operators[facts->operator_count++] =
        (struct model_operator){.op = node->op, .domain = node->domain, .count = 1};
}

static int compare_operators(const void *a, const void *b) {
    const struct model_operator *first = a;
    const struct model_operator *second = b;
    return first->count != second->count ? (first->count < second->count ? 1 : -1)
                                         : slice_compare(first->op, second->op);
}

/* --- weights --- */

/* Weights of a layer that may be quantised. */
static bool is_quantizable(const struct graph_use *use) {
    const struct graph_node *node = use->node;
    return node != NULL && node->input_count > 1 && use == &node->inputs[1] &&
           quantize_is_layer(node);
}

/* What several layers share counts for the first of them. */
static bool counts_as_quantizable(const struct graph_use *use) {
    bool is_first = true;
    for (const struct graph_use *other = use->next; other != NULL; other = other->next) {
        is_first = is_first && !is_quantizable(other);
    }
    return is_first && is_quantizable(use);
}

static void add_weight(struct model_facts *facts, struct model_layer *layer,
                       const struct graph_node *node, uint32_t index) {
    const struct graph_value *value = graph_input(node, index);
    const struct graph_tensor *tensor = graph_constant(value);
    if (tensor == NULL || tensor->bytes == NULL) {
        return;
    }
    layer->weight_count += graph_tensor_count(tensor);
    layer->byte_count += tensor->byte_count;
    if (layer->largest == NULL || tensor->byte_count > layer->largest->byte_count) {
        layer->largest = tensor;
    }
    if (counts_as_quantizable(&node->inputs[index])) {
        facts->quantizable_byte_count += tensor->byte_count;
        facts->constant_node_count += value->producer != NULL;
    }
}

static void count_layer(struct model_facts *facts, const struct graph_node *node) {
    struct model_layer layer = {.name = graph_node_called(node), .op = node->op};
    for (uint32_t i = 0; i < node->input_count; i++) {
        add_weight(facts, &layer, node, i);
    }
    if (layer.weight_count > 0) {
        facts->layers[facts->layer_count++] = layer;
    }
}

static int compare_layers(const void *a, const void *b) {
    const struct model_layer *first = a;
    const struct model_layer *second = b;
    return first->byte_count != second->byte_count
               ? (first->byte_count < second->byte_count ? 1 : -1)
               : slice_compare(first->name, second->name);
}

static void count_constant(struct model_facts *facts, const struct graph_tensor *tensor) {
    if (tensor != NULL && tensor->bytes != NULL) {
        facts->weight_count += graph_tensor_count(tensor);
        facts->byte_count += tensor->byte_count;
        facts->float_byte_count += tensor->type == ELEMENT_FLOAT32 ? tensor->byte_count : 0;
    }
}

/* Each constant once, however many take it. */
static void count_constants(struct model_facts *facts, const struct graph *graph) {
    for (uint32_t i = 0; i < graph->initializers.count; i++) {
        count_constant(facts, graph->initializers.items[i]->tensor);
    }
}

status model_facts_read(const struct graph_model *model, struct arena *arena,
                        struct model_facts *out_facts, struct error *err) {
    struct model_facts facts = {.node_count = count_nodes(model),
                                .has_external_data = model->external != NULL};
    facts.operators = arena_get(arena, facts.node_count + 1, sizeof(*facts.operators));
    facts.layers = arena_get(arena, facts.node_count + 1, sizeof(*facts.layers));
    if (facts.operators == NULL || facts.layers == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for what is in a model");
    }
    count_constants(&facts, &model->main);
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL;
         node = graph_walk(model, node)) {
        if (node->graph->owner != NULL && node == node->graph->first) {
            facts.body_count++;
            count_constants(&facts, node->graph);
        }
        count_operator(&facts, node);
        count_layer(&facts, node);
        if (graph_node_is(node, "Constant")) {
            count_constant(&facts, graph_constant(graph_output(node, 0)));
        }
    }
    qsort(facts.operators, facts.operator_count, sizeof(*facts.operators), compare_operators);
    qsort(facts.layers, facts.layer_count, sizeof(*facts.layers), compare_layers);
    *out_facts = facts;
    return STATUS_OK;
}

/* --- what could be won --- */

static uint32_t count_of(const struct model_facts *facts, const char *op) {
    for (uint32_t i = 0; i < facts->operator_count; i++) {
        if (slice_is(facts->operators[i].op, op) && facts->operators[i].domain.count == 0) {
            return facts->operators[i].count;
        }
    }
    return 0;
}

/* An input of one whole number that a body hangs on: it may be the same for ever. */
static const struct graph_value *number_input(const struct graph_model *model) {
    for (uint32_t i = 0; i < model->main.inputs.count; i++) {
        const struct graph_value *input = model->main.inputs.items[i];
        const struct graph_type *type = input->type;
        if (graph_constant(input) == NULL && type != NULL && type->is_tensor && type->has_shape &&
            (type->element == ELEMENT_INT64 || type->element == ELEMENT_INT32 ||
             type->element == ELEMENT_BOOLEAN) &&
            (type->rank == 0 || (type->rank == 1 && type->dims[0].size == 1))) {
            return input;
        }
    }
    return NULL;
}

uint32_t model_facts_chances(const struct graph_model *model, const struct model_facts *facts,
                             const char *path, struct arena *arena,
                             struct model_chance out_chances[MODEL_CHANCES_MAX]) {
    uint32_t count = 0;
    const struct graph_value *number = number_input(model);
    const uint32_t cheap = count_of(facts, "Mul") + count_of(facts, "Add") +
                           count_of(facts, "Div") + count_of(facts, "Clip") +
                           count_of(facts, "BatchNormalization");
    if (facts->quantizable_byte_count > 0) {
        out_chances[count++] = (struct model_chance){
            arena_print(arena,
                        "%.0f %% of the weights are float32 of Conv, MatMul and Gemm: as "
                        "int8 they take a quarter",
                        100.0 * (double)facts->quantizable_byte_count /
                            (double)(facts->byte_count > 0 ? facts->byte_count : 1)),
            arena_print(arena, "ebb model quantize %.200s --data DIR", path)};
    }
    if (number != NULL && facts->body_count > 0) {
        out_chances[count++] = (struct model_chance){
            arena_print(arena,
                        "input '%.*s' is one number and the model has branches: bound to "
                        "the number it always is, a branch goes",
                        SLICE_ARGS(number->name)),
            arena_print(arena, "ebb model bind %.200s --set %.*s=NUMBER", path,
                        SLICE_ARGS(number->name))};
    }
    if (cheap > 0) {
        out_chances[count++] = (struct model_chance){
            arena_print(arena,
                        "%u Mul, Add, Div, Clip and BatchNormalization: some can go into "
                        "the layers beside them",
                        cheap),
            arena_print(arena, "ebb model fold %.200s", path)};
    }
    if (facts->constant_node_count > 0) {
        out_chances[count++] = (struct model_chance){
            arena_print(arena, "%u weights are in Constant nodes, which other tools do not see",
                        facts->constant_node_count),
            arena_print(arena, "ebb model fold %.200s", path)};
    }
    if (graph_opset(model) > 0 && graph_opset(model) < OPSET_WANTED) {
        out_chances[count++] =
            (struct model_chance){arena_print(arena, "opset %lld has no scales per channel: %d has",
                                              (long long)graph_opset(model), OPSET_WANTED),
                                  arena_print(arena, "ebb model upgrade %.200s", path)};
    }
    return count;
}

/* --- types as texts --- */

static struct slice finish(struct buffer *text, struct arena *arena) {
    const struct slice copy =
        text->failed == STATUS_OK ? arena_copy(arena, buffer_slice(text)) : (struct slice){0};
    buffer_done(text);
    return copy;
}

struct slice model_type_text(const struct graph_type *type, struct arena *arena) {
    if (type == NULL || !type->is_tensor) {
        return type == NULL ? SLICE("of any type") : SLICE("no tensor");
    }
    struct buffer text;
    buffer_init(&text, TEXT_BYTES_MAX);
    buffer_add_text(&text, element_type_name(type->element));
    for (uint32_t i = 0; i < type->rank; i++) {
        const struct graph_dim *dim = &type->dims[i];
        buffer_add_text(&text, i > 0 ? " x " : " ");
        if (dim->size >= 0) {
            buffer_print(&text, "%lld", (long long)dim->size);
        } else {
            buffer_add(&text, dim->name.count > 0 ? dim->name : SLICE("?"));
        }
    }
    buffer_add_text(&text, type->has_shape ? "" : " of any shape");
    return finish(&text, arena);
}

struct slice model_tensor_text(const struct graph_tensor *tensor, struct arena *arena) {
    struct buffer text;
    buffer_init(&text, TEXT_BYTES_MAX);
    buffer_add_text(&text, element_type_name(tensor->type));
    for (uint32_t i = 0; i < tensor->rank; i++) {
        buffer_print(&text, "%s%lld", i > 0 ? " x " : " ", (long long)tensor->dims[i]);
    }
    return finish(&text, arena);
}

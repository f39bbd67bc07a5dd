// SPDX-License-Identifier: Apache-2.0
#include "model/dynamic_quantize.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "model/quantized_layer.h"

/* What was made here stands before all who come later; a node of the file need not. */
enum mark { NOT_OURS, CUTS };

/* Weights of which whole numbers were made already. */
struct made {
    const struct graph_value *weights;
    bool turned;
    float factor;
    struct graph_value *numbers, *steps;
    struct made *next;
};

struct work {
    struct graph_model *model;
    const struct dynamic_quantize_options *options;
    struct dynamic_quantize_report report;
    struct made *made;
};

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory for a model");
}

static void floats_done(float **floats) {
    memory_free(*floats);
}

/* --- weights --- */

/* A matrix as it lies in a tensor: [depth, columns], or turned, [columns, depth]. A file's bytes
 * may begin anywhere. */
struct matrix {
    const char *bytes;
    size_t depth, columns;
    bool turned;
};

static void copy(const struct matrix *matrix, float *out_numbers) {
    if (!matrix->turned) {
        (void)memcpy(out_numbers, matrix->bytes, matrix->depth * matrix->columns * sizeof(float));
        return;
    }
    for (size_t column = 0; column < matrix->columns; column++) {
        for (size_t i = 0; i < matrix->depth; i++) {
            const size_t at = column * matrix->depth + i;
            (void)memcpy(&out_numbers[i * matrix->columns + column],
                         matrix->bytes + at * sizeof(float), sizeof(float));
        }
    }
}

/* Whole numbers as [depth, columns] and a step for each column. INVALID: none can be made. */
static status quantize(struct work *work, const struct matrix *matrix, int8_t *out_numbers,
                       float *out_steps, struct error *err) {
    CLEANUP(floats_done)
    float *weights = memory_new(matrix->depth * matrix->columns, sizeof(*weights));
    if (weights == NULL) {
        return no_memory(err);
    }
    copy(matrix, weights);
    const struct pair_order order = pair_order_matrix(matrix->depth, matrix->columns, false);
    const struct plain_layer plain = {
        .weights = weights,
        .layout = {.outer = matrix->depth, .count = matrix->columns, .inner = 1},
        .order = work->options->adds_in_pairs ? &order : NULL};
    struct quantized_layer layer = {.weights = out_numbers, .steps = out_steps};
    TRY(quantize_layer(&plain, &layer, err));
    work->report.narrow += (uint32_t)layer.narrow;
    return STATUS_OK;
}

static struct matrix matrix_of(const struct graph_tensor *tensor, bool turned) {
    const size_t first = (size_t)tensor->dims[0];
    const size_t second = (size_t)tensor->dims[1];
    return (struct matrix){.bytes = tensor->bytes,
                           .depth = turned ? second : first,
                           .columns = turned ? first : second,
                           .turned = turned};
}

/* Numbers and steps of a weight as initializers beside it, made once. */
static status make_weights(struct work *work, struct graph_value *weights, bool turned,
                           float factor, struct made **out_made, struct error *err) {
    for (struct made *at = work->made; at != NULL; at = at->next) {
        if (at->weights == weights && at->turned == turned && at->factor == factor) {
            *out_made = at;
            return STATUS_OK;
        }
    }
    const struct matrix matrix = matrix_of(graph_constant(weights), turned);
    const int64_t dims[] = {(int64_t)matrix.depth, (int64_t)matrix.columns};
    void *numbers = NULL;
    void *steps = NULL;
    struct graph_tensor *whole = graph_tensor_new(work->model, ELEMENT_INT8, dims, 2, &numbers);
    struct graph_tensor *scale =
        graph_tensor_new(work->model, ELEMENT_FLOAT32, &dims[1], 1, &steps);
    struct made *made = arena_get(&work->model->arena, 1, sizeof(*made));
    if (whole == NULL || scale == NULL || made == NULL) {
        return no_memory(err);
    }
    TRY(quantize(work, &matrix, numbers, steps, err));
    for (size_t i = 0; i < matrix.columns; i++) {
        ((float *)steps)[i] *= factor;
    }
    *made = (struct made){.weights = weights,
                          .turned = turned,
                          .factor = factor,
                          .numbers = graph_add_tensor(weights->graph, weights->name, whole),
                          .steps = graph_add_tensor(weights->graph, weights->name, scale),
                          .next = work->made};
    work->made = made;
    *out_made = made;
    return made->numbers != NULL && made->steps != NULL ? STATUS_OK : no_memory(err);
}

/* --- products --- */

static struct graph_value *node_before(struct graph_node *node, const char *op,
                                       struct graph_value *const *inputs, uint32_t count) {
    struct graph_node *made =
        graph_add_node(node->graph, node, op, inputs, count, 1, graph_node_called(node));
    return made != NULL ? made->outputs[0] : NULL;
}

/* The node that cuts the value into steps: one for all who multiply by it. */
static struct graph_node *cut_into_steps(struct graph_node *node, struct graph_value *value) {
    for (const struct graph_use *use = value->uses; use != NULL; use = use->next) {
        if (use->node != NULL && use->node->graph == node->graph && use->node->mark == CUTS) {
            return use->node;
        }
    }
    struct graph_node *made =
        graph_add_node(node->graph, node, "DynamicQuantizeLinear", &value, 1, 3, value->name);
    if (made != NULL) {
        made->mark = CUTS;
    }
    return made;
}

/* What the product is but for the last multiplication: its whole numbers as floats, and the step of
 * each column of them. ONNX Runtime looks for them in this order. */
static bool multiply(struct graph_node *node, const struct made *made,
                     struct graph_value *out_factors[2]) {
    struct graph_node *cut = cut_into_steps(node, graph_input(node, 0));
    if (cut == NULL) {
        return false;
    }
    struct graph_value *const wholes[] = {cut->outputs[0], made->numbers, cut->outputs[2]};
    struct graph_value *const steps[] = {cut->outputs[1], made->steps};
    struct graph_value *product = node_before(node, "MatMulInteger", wholes, 3);
    out_factors[0] = product != NULL ? node_before(node, "Cast", &product, 1) : NULL;
    out_factors[1] = node_before(node, "Mul", steps, 2);
    return out_factors[0] != NULL && out_factors[1] != NULL &&
           graph_set_integer(out_factors[0]->producer, "to", ELEMENT_FLOAT32) == STATUS_OK;
}

/* The node becomes the operator of the two, and is no product any more. */
static bool become(struct graph_node *node, const char *op, struct graph_value *first,
                   struct graph_value *second) {
    static const char *const OLD[] = {"alpha", "beta", "transA", "transB"};
    for (size_t i = 0; i < sizeof(OLD) / sizeof(OLD[0]); i++) {
        graph_drop_attribute(node, OLD[i]);
    }
    graph_set_op(node, op);
    graph_cut_inputs(node, 2);
    return graph_set_input(node, 0, first) == STATUS_OK &&
           graph_set_input(node, 1, second) == STATUS_OK;
}

static bool is_weight(const struct graph_value *value, uint32_t rank) {
    const struct graph_tensor *tensor = graph_constant(value);
    return tensor != NULL && tensor->type == ELEMENT_FLOAT32 && tensor->rank == rank;
}

static bool is_large(const struct graph_value *value) {
    return graph_tensor_count(graph_constant(value)) >= DYNAMIC_QUANTIZE_NUMBERS_MIN;
}

/* What Gemm adds; NULL: nothing. false: it multiplies that by a number first. */
static bool addend_of(const struct graph_node *node, struct graph_value **out_addend) {
    const float beta = graph_number(node, "beta", 1);
    *out_addend = graph_node_is(node, "Gemm") && beta != 0 ? graph_input(node, 2) : NULL;
    return *out_addend == NULL || beta == 1;
}

static status quantize_product(struct work *work, struct graph_node *node, struct error *err) {
    struct graph_value *addend;
    struct graph_value *weights = graph_input(node, 1);
    const bool turned = graph_integer(node, "transB", 0) != 0;
    const float factor = graph_number(node, "alpha", 1);
    if (weights == NULL || !is_weight(weights, 2) || graph_integer(node, "transA", 0) != 0 ||
        !addend_of(node, &addend)) {
        return STATUS_OK;
    }
    struct made *made = NULL;
    const status code = is_large(weights) ? make_weights(work, weights, turned, factor, &made, err)
                                          : STATUS_INVALID;
    if (code == STATUS_INVALID) {
        work->report.left++;
        return STATUS_OK;
    }
    TRY(code);
    struct graph_value *factors[2];
    if (!multiply(node, made, factors)) {
        return no_memory(err);
    }
    struct graph_value *product = addend != NULL ? node_before(node, "Mul", factors, 2) : NULL;
    if (addend != NULL && product == NULL) {
        return no_memory(err);
    }
    work->report.products++;
    return (addend != NULL ? become(node, "Add", product, addend)
                           : become(node, "Mul", factors[0], factors[1]))
               ? STATUS_OK
               : no_memory(err);
}

/* --- LSTM --- */

/* The inputs of com.microsoft's DynamicQuantizeLSTM behind those of LSTM. */
enum { INPUT_STEPS = 8, INPUT_ZERO = 9, INPUTS_APART = 2 };

/* One of both weights, [directions, 4 * hidden, depth], with a matrix for each direction: turned,
 * with steps, and a zero of the same shape as these. */
static status quantize_gates(struct work *work, struct graph_node *node, uint32_t index,
                             struct error *err) {
    struct graph_value *weights = graph_input(node, index);
    const struct graph_tensor *tensor = graph_constant(weights);
    const int64_t dims[] = {tensor->dims[0], tensor->dims[2], tensor->dims[1]};
    const int64_t step_dims[] = {tensor->dims[0], tensor->dims[1]};
    struct graph_model *model = work->model;
    void *bytes[3];
    struct graph_tensor *made[] = {
        graph_tensor_new(model, ELEMENT_INT8, dims, 3, &bytes[0]),
        graph_tensor_new(model, ELEMENT_FLOAT32, step_dims, 2, &bytes[1]),
        graph_tensor_new(model, ELEMENT_INT8, step_dims, 2, &bytes[2])};
    struct matrix matrix = {.bytes = tensor->bytes,
                            .depth = (size_t)dims[1],
                            .columns = (size_t)dims[2],
                            .turned = true};
    if (made[0] == NULL || made[1] == NULL || made[2] == NULL) {
        return no_memory(err);
    }
    for (int64_t i = 0; i < dims[0]; i++) {
        const size_t count = matrix.depth * matrix.columns;
        TRY(quantize(work, &matrix, (int8_t *)bytes[0] + (size_t)i * count,
                     (float *)bytes[1] + (size_t)i * matrix.columns, err));
        matrix.bytes += count * sizeof(float);
    }
    const uint32_t places[] = {index, INPUT_STEPS + (index - 1) * INPUTS_APART,
                               INPUT_ZERO + (index - 1) * INPUTS_APART};
    for (size_t i = 0; i < 3; i++) {
        struct graph_value *value = graph_add_tensor(weights->graph, weights->name, made[i]);
        if (value == NULL || graph_set_input(node, places[i], value) != STATUS_OK) {
            return no_memory(err);
        }
    }
    return STATUS_OK;
}

static bool is_finite(const struct graph_tensor *tensor) {
    const uint64_t count = graph_tensor_count(tensor);
    for (uint64_t i = 0; i < count; i++) {
        float number;
        (void)memcpy(&number, (const char *)tensor->bytes + i * sizeof(number), sizeof(number));
        if (!isfinite(number)) {
            return false;
        }
    }
    return true;
}

static status use_domain(struct graph_model *model, const char *domain, struct error *err) {
    for (uint32_t i = 0; i < model->opset_count; i++) {
        if (slice_is(model->opsets[i].domain, domain)) {
            return STATUS_OK;
        }
    }
    struct graph_opset *opsets = arena_get(&model->arena, model->opset_count + 1, sizeof(*opsets));
    if (opsets == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < model->opset_count; i++) {
        opsets[i] = model->opsets[i];
    }
    opsets[model->opset_count++] = (struct graph_opset){.domain = slice_of(domain), .version = 1};
    model->opsets = opsets;
    return STATUS_OK;
}

static status quantize_recurrence(struct work *work, struct graph_node *node, struct error *err) {
    struct graph_value *weights[] = {graph_input(node, 1), graph_input(node, 2)};
    if (weights[0] == NULL || weights[1] == NULL || !is_weight(weights[0], 3) ||
        !is_weight(weights[1], 3) || graph_integer(node, "layout", 0) != 0) {
        return STATUS_OK;
    }
    for (size_t i = 0; i < 2; i++) {
        const struct graph_tensor *tensor = graph_constant(weights[i]);
        if (tensor->dims[1] * tensor->dims[2] < DYNAMIC_QUANTIZE_NUMBERS_MIN ||
            !is_finite(tensor)) {
            work->report.left++;
            return STATUS_OK;
        }
    }
    TRY(quantize_gates(work, node, 1, err));
    TRY(quantize_gates(work, node, 2, err));
    TRY(use_domain(work->model, "com.microsoft", err));
    graph_drop_attribute(node, "layout");
    graph_set_op(node, "DynamicQuantizeLSTM");
    node->domain = SLICE("com.microsoft");
    work->report.recurrences++;
    return STATUS_OK;
}

/* --- models --- */

status dynamic_quantize(struct graph_model *model, const struct dynamic_quantize_options *options,
                        struct dynamic_quantize_report *out_report, struct error *err) {
    struct work work = {.model = model, .options = options};
    if (graph_opset(model) < DYNAMIC_QUANTIZE_OPSET_LEAST) {
        return fail(err, STATUS_INVALID, "dynamic quantization is for models of opset %d and newer",
                    DYNAMIC_QUANTIZE_OPSET_LEAST);
    }
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL;
         node = graph_walk(model, node)) {
        node->mark = NOT_OURS;
    }
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL;
         node = graph_walk(model, node)) {
        if (graph_node_is_any(node, "Gemm MatMul")) {
            TRY(quantize_product(&work, node, err));
        } else if (graph_node_is(node, "LSTM")) {
            TRY(quantize_recurrence(&work, node, err));
        }
    }
    (void)graph_remove_dead(model);
    *out_report = work.report;
    return graph_verify(model, err);
}

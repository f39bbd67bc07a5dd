// SPDX-License-Identifier: Apache-2.0
#include "tests/models/mutate.h"

#include <math.h>
#include <string.h>

enum { RANK_MAX = 8, NUMBERS_MAX = 64 };

uint32_t mutation_next(struct mutation *mutation, uint32_t below) {
    uint32_t number = 0;
    for (int i = 0; i < (below > UINT8_MAX ? 2 : 1); i++) {
        const uint8_t byte =
            mutation->at < mutation->count ? mutation->bytes[mutation->at++] : (uint8_t)0;
        number = number << 8 | byte;
    }
    return below > 0 ? number % below : 0;
}

static int64_t whole_number(struct mutation *mutation) {
    static const int64_t NUMBERS[] = {
        0, 1, 2, 3, 4, -1, -2, -3, 8, 16, 64, INT64_MAX, INT64_MIN, INT32_MAX, INT32_MIN, 1 << 20};
    return NUMBERS[mutation_next(mutation, mutation->is_wild ? 16 : 9)];
}

static float real_number(struct mutation *mutation) {
    static const float NUMBERS[] = {0,     1,     -1,     0.5F,  2,      6,        3,   -0.25F,
                                    1e-3F, 1e30F, 1e-30F, 65505, 1e-44F, INFINITY, NAN, -INFINITY};
    return NUMBERS[mutation_next(mutation, mutation->is_wild ? 16 : 9)];
}

/* --- what there is --- */

static struct graph_node *pick_node(struct graph_model *model, struct mutation *mutation) {
    uint32_t count = 0;
    for (const struct graph_node *node = model->main.first; node != NULL; node = node->after) {
        count++;
    }
    uint32_t index = mutation_next(mutation, count);
    struct graph_node *node = model->main.first;
    for (; node != NULL && index > 0; index--) {
        node = node->after;
    }
    return node;
}

/* Counts values that are made before the node (NULL: all), and finds the one of that index. */
static uint32_t values_before(const struct graph *graph, const struct graph_node *end,
                              uint32_t index, struct graph_value **out_value) {
    const struct graph_values *const lists[] = {&graph->inputs, &graph->initializers};
    uint32_t count = 0;
    for (int list = 0; list < 2; list++) {
        for (uint32_t i = 0; i < lists[list]->count; i++, count++) {
            *out_value = count == index ? lists[list]->items[i] : *out_value;
        }
    }
    for (const struct graph_node *node = graph->first; node != end; node = node->after) {
        for (uint32_t i = 0; i < node->output_count; i++) {
            if (node->outputs[i] != NULL) {
                *out_value = count == index ? node->outputs[i] : *out_value;
                count++;
            }
        }
    }
    return count;
}

static struct graph_value *pick_value(const struct graph *graph, const struct graph_node *end,
                                      struct mutation *mutation) {
    struct graph_value *value = NULL;
    const uint32_t count = values_before(graph, end, UINT32_MAX, &value);
    (void)values_before(graph, end, mutation_next(mutation, count), &value);
    return value;
}

/* --- attributes --- */

static status change_list(struct graph_node *node, const char *name,
                          const struct graph_attribute *attribute, struct mutation *mutation) {
    int64_t numbers[NUMBERS_MAX];
    const uint32_t count = attribute->count < NUMBERS_MAX - 1 ? attribute->count : NUMBERS_MAX - 1;
    if (count == 0) {
        return STATUS_OK;
    }
    (void)memcpy(numbers, attribute->integers, count * sizeof(*numbers));
    numbers[mutation_next(mutation, count)] = whole_number(mutation);
    numbers[count] = 1;
    const uint32_t longer = mutation_next(mutation, 8);
    return graph_set_integers(node, name, numbers,
                              longer == 0 ? count - 1 : (longer == 1 ? count + 1 : count));
}

static status change_attribute(struct graph_node *node, struct mutation *mutation) {
    static const char *const TEXTS[] = {"",        "SAME_UPPER", "VALID",  "nearest",    "linear",
                                        "reflect", "edge",       "NOTSET", "asymmetric", "floor"};
    if (node == NULL || node->attribute_count == 0) {
        return STATUS_OK;
    }
    const struct graph_attribute *attribute =
        &node->attributes[mutation_next(mutation, node->attribute_count)];
    const char *name = arena_copy(&node->graph->model->arena, attribute->name).bytes;
    if (name == NULL) {
        return STATUS_NO_MEMORY;
    }
    if (mutation_next(mutation, 6) == 0 && attribute->kind != GRAPH_BODY) {
        graph_drop_attribute(node, name);
        return STATUS_OK;
    }
    return attribute->kind == GRAPH_INT     ? graph_set_integer(node, name, whole_number(mutation))
           : attribute->kind == GRAPH_FLOAT ? graph_set_number(node, name, real_number(mutation))
           : attribute->kind == GRAPH_INTS  ? change_list(node, name, attribute, mutation)
           : attribute->kind == GRAPH_TEXT
               ? graph_set_text(node, name, slice_of(TEXTS[mutation_next(mutation, 10)]))
               : STATUS_OK;
}

static status add_attribute(struct graph_node *node, struct mutation *mutation) {
    static const char *const NAMES[] = {"axis", "group", "transB",  "transA",   "alpha",
                                        "beta", "pads",  "strides", "keepdims", "axes"};
    const uint32_t which = mutation_next(mutation, 10);
    const int64_t pair[4] = {whole_number(mutation), 1, 0, 1};
    if (node == NULL) {
        return STATUS_OK;
    }
    return which == 4 || which == 5 ? graph_set_number(node, NAMES[which], real_number(mutation))
           : which == 6             ? graph_set_integers(node, NAMES[which], pair, 4)
           : which == 7 || which == 9
               ? graph_set_integers(node, NAMES[which], pair, 1 + mutation_next(mutation, 2))
               : graph_set_integer(node, NAMES[which], pair[0]);
}

/* --- operators, edges --- */

static status change_operator(struct graph_node *node, struct mutation *mutation) {
    static const char *const ONE[] = {
        "Relu",    "Sigmoid", "Identity",    "Neg",     "Abs",
        "Softmax", "Flatten", "Transpose",   "Clip",    "LeakyRelu",
        "Tanh",    "Sqrt",    "HardSigmoid", "Dropout", "GlobalAveragePool",
        "Shape"};
    static const char *const TWO[] = {"Add", "Sub",    "Mul", "Div",  "MatMul",  "Pow",
                                      "Max", "Concat", "Min", "Gemm", "Reshape", "Conv"};
    if (node != NULL && graph_node_is_standard(node) && node->output_count == 1) {
        if (node->input_count == 1) {
            graph_set_op(node, ONE[mutation_next(mutation, 16)]);
        } else if (node->input_count > 1) {
            graph_set_op(node, TWO[mutation_next(mutation, 12)]);
        }
    }
    return STATUS_OK;
}

static status change_edge(struct graph_node *node, struct mutation *mutation) {
    if (node == NULL || node->input_count == 0) {
        return STATUS_OK;
    }
    const uint32_t index = mutation_next(mutation, node->input_count);
    struct graph_value *value = pick_value(node->graph, node, mutation);
    return value != NULL ? graph_set_input(node, index, value) : STATUS_OK;
}

/* One more output: what passes may not take away. */
static status show_value(struct graph_model *model, struct mutation *mutation) {
    struct graph_value *value = pick_value(&model->main, NULL, mutation);
    return value != NULL && value->producer != NULL && !graph_is_output(value)
               ? graph_add_output(&model->main, value)
               : STATUS_OK;
}

/* --- constants --- */

static bool is_small(const struct graph_tensor *tensor) {
    return tensor != NULL && tensor->bytes != NULL && tensor->byte_count > 0 &&
           tensor->byte_count <= 1 << 20 && tensor->rank <= RANK_MAX;
}

static void change_numbers(const struct graph_tensor *tensor, void *bytes,
                           struct mutation *mutation) {
    const size_t count = (size_t)graph_tensor_count(tensor);
    const size_t at = mutation_next(mutation, (uint32_t)(count < UINT16_MAX ? count : UINT16_MAX));
    const bool all = mutation_next(mutation, 4) == 0;
    const float real = real_number(mutation);
    const int64_t whole = whole_number(mutation);
    for (size_t i = all ? 0 : at; i < (all ? count : at + 1) && i < count; i++) {
        if (tensor->type == ELEMENT_FLOAT32) {
            (void)memcpy((char *)bytes + i * sizeof(real), &real, sizeof(real));
        } else if (tensor->type == ELEMENT_INT64) {
            (void)memcpy((char *)bytes + i * sizeof(whole), &whole, sizeof(whole));
        }
    }
}

/* The same numbers in another shape. */
static uint32_t change_shape(const struct graph_tensor *tensor, int64_t dims[RANK_MAX + 1],
                             struct mutation *mutation) {
    const uint32_t rank = tensor->rank;
    (void)memcpy(dims, tensor->dims, rank * sizeof(*dims));
    const uint32_t way = mutation_next(mutation, 3);
    if (way == 0 && rank >= 2) {
        const uint32_t at = mutation_next(mutation, rank - 1);
        const int64_t kept = dims[at];
        dims[at] = dims[at + 1];
        dims[at + 1] = kept;
        return rank;
    }
    if (way == 1) {
        dims[0] = (int64_t)graph_tensor_count(tensor);
        return 1;
    }
    dims[rank] = 1;
    return rank + 1;
}

static status change_constant(struct graph_model *model, struct mutation *mutation) {
    const uint32_t count = model->main.initializers.count;
    struct graph_value *value =
        count > 0 ? model->main.initializers.items[mutation_next(mutation, count)] : NULL;
    if (value == NULL || !is_small(value->tensor)) {
        return STATUS_OK;
    }
    const struct graph_tensor *old = value->tensor;
    int64_t dims[RANK_MAX + 1];
    uint32_t rank = old->rank;
    (void)memcpy(dims, old->dims, rank * sizeof(*dims));
    const bool is_shape = mutation_next(mutation, 3) == 0;
    if (is_shape) {
        rank = change_shape(old, dims, mutation);
    }
    void *bytes = NULL;
    const struct graph_tensor *tensor = graph_tensor_new(model, old->type, dims, rank, &bytes);
    if (tensor == NULL || tensor->byte_count != old->byte_count) {
        return STATUS_OK;
    }
    (void)memcpy(bytes, old->bytes, old->byte_count);
    if (!is_shape) {
        change_numbers(tensor, bytes, mutation);
    }
    value->tensor = tensor;
    value->type = NULL;
    model->changed = true;
    return STATUS_OK;
}

/* --- nodes between --- */

/* A constant that goes with pictures of some channels, or with anything. */
static struct graph_value *new_constant(struct graph *graph, struct mutation *mutation) {
    float numbers[4];
    void *bytes = NULL;
    for (int i = 0; i < 4; i++) {
        numbers[i] = real_number(mutation);
    }
    const uint32_t way = mutation_next(mutation, 4);
    if (way == 0) {
        return graph_add_floats(graph, SLICE("k"), numbers, 1, true);
    }
    const int64_t channels = 1 + mutation_next(mutation, 4);
    const int64_t dims[4] = {1, channels, 1, 1};
    const struct graph_tensor *tensor =
        way == 1 ? graph_tensor_new(graph->model, ELEMENT_FLOAT32, dims, 4, &bytes)
                 : graph_tensor_new(graph->model, ELEMENT_FLOAT32, &channels, 1, &bytes);
    if (tensor != NULL) {
        (void)memcpy(bytes, numbers, tensor->byte_count);
    }
    return graph_add_tensor(graph, SLICE("k"), tensor);
}

/* Between a node and what it takes. */
static status put_between(struct graph_node *node, struct mutation *mutation) {
    static const char *const OPS[] = {"Mul",      "Add",         "Sub",  "Div",       "Relu",
                                      "Identity", "HardSigmoid", "Clip", "Transpose", "Flatten"};
    if (node == NULL || node->input_count == 0) {
        return STATUS_OK;
    }
    const uint32_t index = mutation_next(mutation, node->input_count);
    struct graph_value *value = graph_input(node, index);
    const uint32_t op = mutation_next(mutation, 10);
    if (value == NULL) {
        return STATUS_OK;
    }
    struct graph_value *inputs[2] = {value, NULL};
    uint32_t count = 1;
    if (op < 4) {
        struct graph_value *constant = new_constant(node->graph, mutation);
        if (constant == NULL) {
            return STATUS_NO_MEMORY;
        }
        const uint32_t turned = mutation_next(mutation, 2);
        inputs[turned] = value;
        inputs[1 - turned] = constant;
        count = 2;
    }
    struct graph_node *between =
        graph_add_node(node->graph, node, OPS[op], inputs, count, 1, SLICE("between"));
    return between != NULL ? graph_set_input(node, index, between->outputs[0]) : STATUS_NO_MEMORY;
}

/* Behind an output of the model, where nothing refuses what it is given for its shape. */
static status put_behind(struct graph_model *model, struct mutation *mutation) {
    static const char *const OPS[] = {"Mul", "Add", "Relu", "Sub"};
    struct graph *graph = &model->main;
    struct graph_use *use = graph->output_count > 0
                                ? &graph->outputs[mutation_next(mutation, graph->output_count)]
                                : NULL;
    if (use == NULL || use->value == NULL || use->value->producer == NULL) {
        return STATUS_OK;
    }
    struct graph_value *constant = new_constant(graph, mutation);
    const uint32_t op = mutation_next(mutation, 4);
    struct graph_value *inputs[2] = {use->value, constant};
    struct graph_node *behind =
        constant != NULL
            ? graph_add_node(graph, NULL, OPS[op], inputs, op == 2 ? 1 : 2, 1, SLICE("behind"))
            : NULL;
    if (behind == NULL) {
        return STATUS_NO_MEMORY;
    }
    graph_use_value(use, behind->outputs[0]);
    return STATUS_OK;
}

status mutate_graph(struct graph_model *model, struct mutation *mutation) {
    const uint32_t way = mutation_next(mutation, 9);
    struct graph_node *node = pick_node(model, mutation);
    model->changed = true;
    switch (way) {
    case 0:
        return change_attribute(node, mutation);
    case 1:
        return change_operator(node, mutation);
    case 2:
        return change_edge(node, mutation);
    case 3:
        return show_value(model, mutation);
    case 4:
        return change_constant(model, mutation);
    case 5:
        return add_attribute(node, mutation);
    case 6:
        return put_behind(model, mutation);
    default:
        return put_between(node, mutation);
    }
}

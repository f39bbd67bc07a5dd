// SPDX-License-Identifier: Apache-2.0
#include "model/known.h"

/* Operators whose output has the shape of their first input. */
static const char *const SHAPELESS[] = {"Relu",
                                        "LeakyRelu",
                                        "PRelu",
                                        "Elu",
                                        "Selu",
                                        "Celu",
                                        "Sigmoid",
                                        "Tanh",
                                        "Softplus",
                                        "Softsign",
                                        "Softmax",
                                        "Clip",
                                        "Abs",
                                        "Neg",
                                        "Exp",
                                        "Log",
                                        "Sqrt",
                                        "Erf",
                                        "Floor",
                                        "Ceil",
                                        "Round",
                                        "Cast",
                                        "Identity",
                                        "Dropout",
                                        "HardSwish",
                                        "HardSigmoid",
                                        "Reciprocal",
                                        "BatchNormalization",
                                        "InstanceNormalization",
                                        "LayerNormalization",
                                        "Gelu",
                                        "Mish",
                                        "QuantizeLinear",
                                        "DequantizeLinear"};

/* Operators that keep the first input's rank, and its size along axis 1. */
static const char *const POOLS[] = {"MaxPool",       "AveragePool",       "LpPool",
                                    "GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool"};

static const char *const PAIRS[] = {"Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Sum", "Mean"};

struct rank {
    uint32_t least;
    bool is_exact;
};

static bool is_any(const struct graph_node *node, const char *const *ops, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (graph_node_is(node, ops[i])) {
            return true;
        }
    }
    return false;
}

#define IS_ANY(node, ops) is_any(node, ops, sizeof(ops) / sizeof((ops)[0]))

static bool is_shapeless(const struct graph_node *node) {
    return IS_ANY(node, SHAPELESS);
}

static bool is_convolution(const struct graph_node *node) {
    return graph_node_is(node, "Conv") || graph_node_is(node, "ConvTranspose");
}

/* NULL: nothing is declared that can be relied on. */
static const struct graph_type *declared(const struct graph_value *value) {
    const struct graph_type *type = value->type;
    const bool is_given = value->is_input && value->graph->owner == NULL;
    return type != NULL && type->is_tensor && (type->is_sure || is_given) ? type : NULL;
}

enum element_type known_element(const struct graph_value *value) {
    const struct graph_tensor *tensor = graph_constant(value);
    if (tensor != NULL) {
        return tensor->type;
    }
    const struct graph_type *type = declared(value);
    if (type != NULL) {
        return type->element;
    }
    if (value->producer == NULL) {
        return ELEMENT_UNDEFINED;
    }
    if (graph_node_is(value->producer, "Cast")) {
        return (enum element_type)graph_integer(value->producer, "to", ELEMENT_UNDEFINED);
    }
    return graph_node_is(value->producer, "Shape") || graph_node_is(value->producer, "Size")
               ? ELEMENT_INT64
               : ELEMENT_UNDEFINED;
}

/* --- rank --- */

static struct rank rank_of(const struct graph_value *value, int *steps);

static struct rank rank_of_weights(const struct graph_node *node) {
    const struct graph_tensor *weights = graph_constant(graph_input(node, 1));
    return weights != NULL ? (struct rank){weights->rank, true} : (struct rank){3, false};
}

static struct rank rank_of_pair(const struct graph_node *node, int *steps) {
    struct rank rank = {0, true};
    for (uint32_t i = 0; i < node->input_count; i++) {
        const struct rank one = rank_of(node->inputs[i].value, steps);
        rank.least = one.least > rank.least ? one.least : rank.least;
        rank.is_exact = rank.is_exact && one.is_exact;
    }
    return rank;
}

/* Of two matrices at least the larger; a row loses its axis. */
static struct rank rank_of_product(const struct graph_node *node, int *steps) {
    const struct rank first = rank_of(graph_input(node, 0), steps);
    const struct rank second = rank_of(graph_input(node, 1), steps);
    if (first.least < 2 || second.least < 2) {
        return (struct rank){0, false};
    }
    return (struct rank){first.least > second.least ? first.least : second.least,
                         first.is_exact && second.is_exact};
}

static struct rank rank_of_output(const struct graph_node *node, int *steps) {
    if (is_convolution(node)) {
        return rank_of_weights(node);
    }
    if (graph_node_is(node, "Gemm") || graph_node_is(node, "Flatten")) {
        return (struct rank){2, true};
    }
    if (is_shapeless(node) || IS_ANY(node, POOLS) || graph_node_is(node, "Concat")) {
        return rank_of(graph_input(node, 0), steps);
    }
    if (IS_ANY(node, PAIRS)) {
        return rank_of_pair(node, steps);
    }
    if (graph_node_is(node, "MatMul")) {
        return rank_of_product(node, steps);
    }
    const struct graph_attribute *order = graph_attribute(node, "perm");
    if (graph_node_is(node, "Transpose") && order != NULL) {
        return (struct rank){order->count, true};
    }
    const struct graph_tensor *shape = graph_constant(graph_input(node, 1));
    if (graph_node_is(node, "Reshape") && shape != NULL && shape->rank == 1) {
        return (struct rank){(uint32_t)shape->dims[0], true};
    }
    return (struct rank){0, false};
}

static struct rank rank_of(const struct graph_value *value, int *steps) {
    if (value == NULL || (*steps)-- <= 0) {
        return (struct rank){0, false};
    }
    const struct graph_tensor *tensor = graph_constant(value);
    if (tensor != NULL) {
        return (struct rank){tensor->rank, true};
    }
    const struct graph_type *type = declared(value);
    if (type != NULL && type->has_shape) {
        return (struct rank){type->rank, true};
    }
    return value->producer != NULL ? rank_of_output(value->producer, steps)
                                   : (struct rank){0, false};
}

bool known_rank(const struct graph_value *value, uint32_t *out_rank) {
    int steps = KNOWN_STEPS_MAX;
    const struct rank rank = rank_of(value, &steps);
    if (rank.is_exact) {
        *out_rank = rank.least;
    }
    return rank.is_exact;
}

uint32_t known_rank_least(const struct graph_value *value) {
    int steps = KNOWN_STEPS_MAX;
    return rank_of(value, &steps).least;
}

/* --- sizes --- */

int64_t known_size(const struct graph_value *value, uint32_t axis) {
    const struct graph_tensor *tensor = graph_constant(value);
    if (tensor != NULL) {
        return axis < tensor->rank ? tensor->dims[axis] : -1;
    }
    const struct graph_type *type = declared(value);
    return type != NULL && type->has_shape && axis < type->rank ? type->dims[axis].size : -1;
}

/* What the operator gives its output along axis 1; -1: it does not say. */
static int64_t channels_made(const struct graph_node *node) {
    const struct graph_tensor *weights = graph_constant(graph_input(node, 1));
    if (weights == NULL || weights->rank < 2) {
        return -1;
    }
    if (graph_node_is(node, "Conv")) {
        return weights->dims[0];
    }
    if (graph_node_is(node, "ConvTranspose")) {
        const int64_t group = graph_integer(node, "group", 1);
        return group > 0 && group <= INT32_MAX && weights->dims[1] <= INT32_MAX
                   ? weights->dims[1] * group
                   : -1;
    }
    if (graph_node_is(node, "Gemm")) {
        return weights->dims[graph_integer(node, "transB", 0) != 0 ? 0 : 1];
    }
    return -1;
}

/* The input whose channels the output has, unless it is one alone; NULL: that is not known. */
static const struct graph_value *main_input(const struct graph_node *node) {
    const struct graph_value *first = graph_input(node, 0);
    if (is_shapeless(node) || IS_ANY(node, POOLS)) {
        return first;
    }
    const struct graph_value *second = graph_input(node, 1);
    if (!IS_ANY(node, PAIRS) || node->input_count != 2 || first == NULL || second == NULL) {
        return NULL;
    }
    const bool is_second = graph_constant(first) != NULL;
    const struct graph_value *from = is_second ? second : first;
    const struct graph_tensor *constant = graph_constant(is_second ? first : second);
    return constant != NULL && constant->rank <= known_rank_least(from) ? from : NULL;
}

int64_t known_channels(const struct graph_value *value) {
    bool is_paired = false;
    for (int steps = 0; value != NULL && steps < KNOWN_STEPS_MAX; steps++) {
        int64_t size = known_size(value, 1);
        const struct graph_node *node = value->producer;
        if (size < 0 && node != NULL) {
            size = channels_made(node);
        }
        if (size >= 0) {
            return size == 1 && is_paired ? -1 : size;
        }
        is_paired = is_paired || (node != NULL && IS_ANY(node, PAIRS));
        value = node != NULL ? main_input(node) : NULL;
    }
    return -1;
}

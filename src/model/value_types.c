// SPDX-License-Identifier: Apache-2.0
#include "model/value_types.h"

#include <string.h>

/* Where an output's element type comes from; what is less than OF_INPUT is the type itself. */
enum element_rule {
    OF_INPUT = 64, /* and one more for each input behind the first */
    OF_TO = 96,    /* the attribute */
    OF_DTYPE,      /* the attribute; float32 without it */
    OF_LIKE,       /* the same attribute; as input 0 without it */
    OF_STASH,      /* the attribute for what it computes in; float32 without it */
    OF_VALUE,      /* the tensor in the attribute; float32 without it */
    OF_ZERO_POINT, /* input 2; uint8 without it */
    OF_CONSTANT
};

/* Where its rank comes from; what is less than RANK_SHAPE is the rank itself. */
enum rank_rule {
    RANK_UNKNOWN = -1,
    RANK_SHAPE = 8, /* the very shape of input 0 */
    RANK_SAME,      /* as many dimensions as input 0 has */
    RANK_MOST,      /* as many as the input that has the most */
    RANK_PRODUCT,   /* of matrices */
    RANK_REDUCED,
    RANK_ONE_MORE,
    RANK_SQUEEZED,
    RANK_UNSQUEEZED,
    RANK_GATHERED,
    RANK_RESHAPED, /* as many as the shape has numbers, in an attribute or in input 1 */
    RANK_OF_COUNT, /* as many as input 0 has numbers */
    RANK_COUNTS,   /* a vector with a number for each dimension of input 0 */
    RANK_JOINED
};

/* Words are operators. */
static const struct rule {
    const char *words;
    int element, rank;
} RULES[] = {
    {"Abs Acos Acosh Asin Asinh Atan Atanh BatchNormalization Ceil Celu Clip Cos Cosh "
     "CumSum Dropout Elu Erf Exp Floor HardSigmoid HardSwish Hardmax Identity "
     "InstanceNormalization LRN LayerNormalization LeakyRelu Log LogSoftmax LpNormalization "
     "MeanVarianceNormalization Neg PRelu Reciprocal Relu ReverseSequence Round Scatter "
     "ScatterElements ScatterND Selu Shrink Sigmoid Sign Sin Sinh Softmax Softplus Softsign Sqrt "
     "Tan Tanh ThresholdedRelu Trilu",
     OF_INPUT, RANK_SHAPE},
    {"AveragePool Conv ConvTranspose DepthToSpace GatherElements GlobalAveragePool GlobalLpPool "
     "GlobalMaxPool GridSample LpPool MaxPool MaxUnpool Pad Resize Slice SpaceToDepth Split Tile "
     "TopK Transpose Upsample",
     OF_INPUT, RANK_SAME},
    {"Add BitShift Div Max Mean Min Mod Mul Pow Sub Sum", OF_INPUT, RANK_MOST},
    {"And Equal Greater GreaterOrEqual Less LessOrEqual Or Xor", ELEMENT_BOOLEAN, RANK_MOST},
    {"IsInf IsNaN Not", ELEMENT_BOOLEAN, RANK_SHAPE},
    {"ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd "
     "ReduceSum ReduceSumSquare",
     OF_INPUT, RANK_REDUCED},
    {"ArgMax ArgMin", ELEMENT_INT64, RANK_REDUCED},
    {"MatMul", OF_INPUT, RANK_PRODUCT},
    {"MatMulInteger", ELEMENT_INT32, RANK_PRODUCT},
    {"ConvInteger", ELEMENT_INT32, RANK_SAME},
    {"Flatten Gemm", OF_INPUT, 2},
    {"MaxRoiPool RoiAlign", OF_INPUT, 4},
    {"Range", OF_INPUT, 1},
    {"NonMaxSuppression NonZero", ELEMENT_INT64, 2},
    {"Shape", ELEMENT_INT64, RANK_COUNTS},
    {"Size", ELEMENT_INT64, 0},
    {"Squeeze", OF_INPUT, RANK_SQUEEZED},
    {"Unsqueeze", OF_INPUT, RANK_UNSQUEEZED},
    {"Gather", OF_INPUT, RANK_GATHERED},
    {"Reshape", OF_INPUT, RANK_RESHAPED},
    {"ConstantOfShape", OF_VALUE, RANK_OF_COUNT},
    {"Concat", OF_INPUT, RANK_JOINED},
    {"Constant", OF_CONSTANT, RANK_UNKNOWN},
    {"Cast", OF_TO, RANK_SHAPE},
    {"CastLike", OF_INPUT + 1, RANK_SHAPE},
    {"DequantizeLinear", OF_INPUT + 1, RANK_SHAPE},
    {"Where", OF_INPUT + 1, RANK_MOST},
    {"OneHot", OF_INPUT + 2, RANK_ONE_MORE},
    {"Bernoulli EyeLike RandomNormalLike RandomUniformLike", OF_LIKE, RANK_SHAPE},
    {"RandomNormal RandomUniform", OF_DTYPE, RANK_UNKNOWN},
    {"QuantizeLinear", OF_ZERO_POINT, RANK_SHAPE},
    {"QLinearConv QLinearMatMul", OF_INPUT + 7, RANK_UNKNOWN},
    {"DynamicQuantizeLinear", ELEMENT_UINT8, RANK_SHAPE},
    {"GRU LSTM RNN", OF_INPUT, 4},
    {"Compress Det Einsum Expand GatherND Unique", OF_INPUT, RANK_UNKNOWN},
};

/* Outputs behind the first that are not as it is. */
static const struct {
    const char *op;
    uint32_t output;
    int element, rank;
} OTHERS[] = {
    {"BatchNormalization", 1, OF_INPUT + 3, 1},
    {"BatchNormalization", 2, OF_INPUT + 4, 1},
    {"BatchNormalization", 3, OF_INPUT + 3, 1},
    {"BatchNormalization", 4, OF_INPUT + 4, 1},
    {"Dropout", 1, ELEMENT_UNDEFINED, RANK_SHAPE}, /* a boolean or not: it depends on the opset */
    {"DynamicQuantizeLinear", 1, ELEMENT_FLOAT32, 0},
    {"DynamicQuantizeLinear", 2, ELEMENT_UINT8, 0},
    {"GRU", 1, OF_INPUT, 3},
    {"LSTM", 1, OF_INPUT, 3},
    {"LSTM", 2, OF_INPUT, 3},
    {"LayerNormalization", 1, OF_STASH, RANK_SAME},
    {"LayerNormalization", 2, OF_STASH, RANK_SAME},
    {"MaxPool", 1, ELEMENT_INT64, RANK_SAME},
    {"RNN", 1, OF_INPUT, 3},
    {"TopK", 1, ELEMENT_INT64, RANK_SAME},
    {"Unique", 1, ELEMENT_INT64, 1},
    {"Unique", 2, ELEMENT_INT64, 1},
    {"Unique", 3, ELEMENT_INT64, 1},
};

/* A shape of which only the count of dimensions is known. */
static const struct graph_dim OPEN[GRAPH_RANK_MAX] = {
    [0 ... GRAPH_RANK_MAX - 1] = {.size = -1},
};

/* What is found of one output; rank -1: not known. */
struct found {
    enum element_type element;
    int64_t rank;
    const struct graph_dim *dims;
};

/* --- what is known of a value --- */

enum element_type value_element(const struct graph_value *value) {
    if (value == NULL) {
        return ELEMENT_UNDEFINED;
    }
    if (value->tensor != NULL) {
        return value->tensor->type;
    }
    return value->type != NULL && value->type->is_tensor ? value->type->element : ELEMENT_UNDEFINED;
}

bool value_rank(const struct graph_value *value, uint32_t *out_rank) {
    if (value == NULL) {
        return false;
    }
    if (value->tensor != NULL) {
        *out_rank = value->tensor->rank;
        return true;
    }
    const bool is_parameter = value->is_input && value->graph->owner != NULL;
    if (value->type == NULL || !value->type->is_tensor || !value->type->has_shape || is_parameter) {
        return false; /* what a body is given need not be as it declares */
    }
    *out_rank = value->type->rank;
    return true;
}

static int64_t rank_of(const struct graph_value *value) {
    uint32_t rank;
    return value_rank(value, &rank) ? (int64_t)rank : -1;
}

/* How many numbers a vector has; -1: not known, or no vector. */
static int64_t length_of(const struct graph_value *value) {
    if (rank_of(value) != 1) {
        return -1;
    }
    return value->tensor != NULL ? value->tensor->dims[0] : value->type->dims[0].size;
}

bool value_integers(const struct graph_value *value, int64_t *out_numbers, uint32_t room,
                    uint32_t *out_count) {
    const struct graph_tensor *tensor = graph_constant(value);
    if (tensor == NULL || (tensor->type != ELEMENT_INT64 && tensor->type != ELEMENT_INT32) ||
        graph_tensor_count(tensor) > room) {
        return false;
    }
    const uint32_t count = (uint32_t)graph_tensor_count(tensor);
    const uint32_t bytes = element_type_bits(tensor->type) / 8;
    for (uint32_t i = 0; i < count; i++) {
        const char *from = (const char *)tensor->bytes + (size_t)i * bytes;
        int32_t narrow = 0;
        (void)memcpy(bytes == 8 ? (void *)&out_numbers[i] : (void *)&narrow, from, bytes);
        out_numbers[i] = bytes == 8 ? out_numbers[i] : narrow;
    }
    *out_count = count;
    return true;
}

/* --- element types --- */

static enum element_type type_of_constant(const struct graph_node *node) {
    const struct graph_attribute *held = node->attribute_count > 0 ? &node->attributes[0] : NULL;
    if (held == NULL) {
        return ELEMENT_UNDEFINED;
    }
    switch (held->kind) {
    case GRAPH_TENSOR:
        return held->tensor->type;
    case GRAPH_FLOAT:
    case GRAPH_FLOATS:
        return ELEMENT_FLOAT32;
    case GRAPH_INT:
    case GRAPH_INTS:
        return ELEMENT_INT64;
    case GRAPH_TEXT:
    case GRAPH_TEXTS:
        return ELEMENT_STRING;
    default:
        return ELEMENT_UNDEFINED;
    }
}

static enum element_type element_by(const struct graph_node *node, int rule) {
    const struct graph_attribute *held;
    switch (rule) {
    case OF_TO:
        return (enum element_type)graph_integer(node, "to", ELEMENT_UNDEFINED);
    case OF_DTYPE:
        return (enum element_type)graph_integer(node, "dtype", ELEMENT_FLOAT32);
    case OF_LIKE:
        return (enum element_type)graph_integer(node, "dtype", value_element(graph_input(node, 0)));
    case OF_STASH:
        return (enum element_type)graph_integer(node, "stash_type", ELEMENT_FLOAT32);
    case OF_VALUE:
        held = graph_attribute(node, "value");
        return held == NULL                 ? ELEMENT_FLOAT32
               : held->kind == GRAPH_TENSOR ? held->tensor->type
                                            : ELEMENT_UNDEFINED;
    case OF_ZERO_POINT:
        return graph_input(node, 2) != NULL ? value_element(graph_input(node, 2)) : ELEMENT_UINT8;
    case OF_CONSTANT:
        return type_of_constant(node);
    default:
        return rule >= OF_INPUT ? value_element(graph_input(node, (uint32_t)(rule - OF_INPUT)))
                                : (enum element_type)rule;
    }
}

/* --- ranks --- */

/* How many axes a node names, in its attribute or in its second input; -1: not known. */
static int64_t axis_count(const struct graph_node *node) {
    const struct graph_attribute *axes = graph_attribute(node, "axes");
    if (axes != NULL) {
        return axes->kind == GRAPH_INTS ? (int64_t)axes->count : -1;
    }
    return length_of(graph_input(node, 1));
}

static int64_t rank_reduced(const struct graph_node *node, int64_t rank) {
    if (graph_integer(node, "keepdims", 1) != 0) {
        return rank;
    }
    if (slice_starts(node->op, "Arg")) {
        return rank - 1;
    }
    const bool has_axes = graph_attribute(node, "axes") != NULL || graph_input(node, 1) != NULL;
    const int64_t axes = axis_count(node);
    return !has_axes ? 0 : rank < 0 || axes <= 0 ? -1 : rank - axes;
}

static int64_t rank_squeezed(const struct graph_node *node, int64_t rank) {
    const int64_t axes = axis_count(node);
    return rank < 0 || axes <= 0 ? -1 : rank - axes;
}

static int64_t rank_most(const struct graph_node *node) {
    int64_t most = 0;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const int64_t rank = rank_of(graph_input(node, i));
        if (rank < 0) {
            return -1;
        }
        most = rank > most ? rank : most;
    }
    return most;
}

static int64_t rank_product(const struct graph_node *node) {
    const int64_t left = rank_of(graph_input(node, 0));
    const int64_t right = rank_of(graph_input(node, 1));
    return left < 2 || right < 2 ? -1 : left > right ? left : right;
}

static int64_t rank_reshaped(const struct graph_node *node) {
    const struct graph_attribute *shape = graph_attribute(node, "shape");
    return shape != NULL && shape->kind == GRAPH_INTS ? (int64_t)shape->count
                                                      : length_of(graph_input(node, 1));
}

static int64_t rank_by(const struct graph_node *node, int rule) {
    const int64_t first = rank_of(graph_input(node, 0));
    const int64_t second = rank_of(graph_input(node, 1));
    switch (rule) {
    case RANK_SHAPE:
    case RANK_SAME:
    case RANK_JOINED:
        return first;
    case RANK_MOST:
        return rank_most(node);
    case RANK_PRODUCT:
        return rank_product(node);
    case RANK_REDUCED:
        return rank_reduced(node, first);
    case RANK_ONE_MORE:
        return first < 0 ? -1 : first + 1;
    case RANK_SQUEEZED:
        return rank_squeezed(node, first);
    case RANK_UNSQUEEZED:
        return first < 0 || axis_count(node) < 0 ? -1 : first + axis_count(node);
    case RANK_GATHERED:
        return first < 1 || second < 0 ? -1 : first + second - 1;
    case RANK_RESHAPED:
        return rank_reshaped(node);
    case RANK_OF_COUNT:
        return length_of(graph_input(node, 0));
    case RANK_COUNTS:
        return 1;
    default:
        return rule;
    }
}

/* How many numbers a vector has that is made for a shape; -1: not known. */
static int64_t length_by(const struct graph_node *node, int rule) {
    int64_t length = 0;
    switch (rule) {
    case RANK_COUNTS:
        return node->attribute_count == 0 ? rank_of(graph_input(node, 0)) : -1;
    case RANK_UNSQUEEZED:
        return 1;
    case RANK_GATHERED:
        return length_of(graph_input(node, 1));
    case RANK_JOINED:
        for (uint32_t i = 0; i < node->input_count && length >= 0; i++) {
            const int64_t more = length_of(graph_input(node, i));
            length = more < 0 ? -1 : length + more;
        }
        return length;
    default:
        return -1;
    }
}

/* --- nodes --- */

static bool find_rule(const struct graph_node *node, uint32_t output, struct rule *out_rule) {
    for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++) {
        if (OTHERS[i].output == output && graph_node_is(node, OTHERS[i].op)) {
            *out_rule = (struct rule){"", OTHERS[i].element, OTHERS[i].rank};
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(RULES) / sizeof(RULES[0]); i++) {
        if (graph_node_is_any(node, RULES[i].words)) {
            *out_rule = RULES[i];
            return true;
        }
    }
    return false;
}

/* What both of two ways lead to. */
static struct found both(const struct found *a, const struct found *b) {
    return (struct found){.element = a->element == b->element ? a->element : ELEMENT_UNDEFINED,
                          .rank = a->rank == b->rank ? a->rank : -1};
}

static struct found of_value(const struct graph_value *value) {
    return (struct found){.element = value_element(value), .rank = rank_of(value)};
}

/* An output of If is what its branches give. */
static struct found found_of_if(const struct graph_node *node, uint32_t output) {
    struct found found = {.rank = -1};
    bool is_first = true;
    for (uint32_t i = 0; i < node->attribute_count; i++) {
        const struct graph_attribute *at = &node->attributes[i];
        if (at->kind == GRAPH_BODY && output < at->body->output_count) {
            const struct found of_branch = of_value(at->body->outputs[output].value);
            found = is_first ? of_branch : both(&found, &of_branch);
            is_first = false;
        }
    }
    return found;
}

/* Loop's outputs are the body's behind its condition, Scan's are all of them: what a body is given
 * and gives again keeps its type, what is gathered has a dimension more. */
static struct found found_of_loop(const struct graph_node *node, uint32_t output) {
    const struct graph_attribute *body = graph_attribute(node, "body");
    const bool is_loop = graph_node_is(node, "Loop");
    const uint32_t index = output + (is_loop ? 1 : 0);
    if (body == NULL || body->kind != GRAPH_BODY || index >= body->body->output_count) {
        return (struct found){.rank = -1};
    }
    return (struct found){.element = value_element(body->body->outputs[index].value), .rank = -1};
}

static struct found find(const struct graph_node *node, uint32_t output) {
    struct rule rule;
    if (graph_node_is(node, "If")) {
        return found_of_if(node, output);
    }
    if (graph_node_is(node, "Loop") || graph_node_is(node, "Scan")) {
        return found_of_loop(node, output);
    }
    if (!find_rule(node, output, &rule)) {
        return (struct found){.rank = -1};
    }
    const struct graph_tensor *constant = graph_constant(node->outputs[output]);
    struct found found = {.element = element_by(node, rule.element),
                          .rank = constant != NULL ? constant->rank : rank_by(node, rule.rank)};
    const struct graph_value *first = graph_input(node, 0);
    if (rule.rank == RANK_SHAPE && found.rank > 0 && first->type != NULL) {
        found.dims = first->type->dims;
    }
    return found;
}

/* --- graphs --- */

static const struct graph_dim *dims_of(struct arena *arena, const struct graph_node *node,
                                       uint32_t output, const struct found *found) {
    struct rule rule;
    if (found->dims != NULL) {
        return found->dims;
    }
    const struct graph_tensor *constant = graph_constant(node->outputs[output]);
    int64_t length = constant != NULL && constant->rank == 1 ? constant->dims[0] : -1;
    if (found->rank == 1 && length < 0 && find_rule(node, output, &rule)) {
        length = length_by(node, rule.rank);
    }
    if (found->rank != 1 || length < 0) {
        return OPEN;
    }
    struct graph_dim *dims = arena_get(arena, 1, sizeof(*dims));
    if (dims != NULL) {
        dims->size = length;
    }
    return dims;
}

/* ONNX Runtime takes no file that is wrong about an element type, but does take one that is wrong
 * about a shape: that is found here or not known. */
static status set_type(struct graph_model *model, struct graph_value *value,
                       enum element_type element, uint32_t rank, const struct graph_dim *dims,
                       struct error *err) {
    struct graph_type *type = arena_get(&model->arena, 1, sizeof(*type));
    if (type == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for types");
    }
    *type = (struct graph_type){.is_tensor = true,
                                .element = element,
                                .has_shape = dims != NULL,
                                .rank = rank,
                                .dims = dims};
    value->type = type;
    return STATUS_OK;
}

static status type_output(struct graph_model *model, const struct graph_node *node, uint32_t output,
                          struct error *err) {
    struct graph_value *value = node->outputs[output];
    if (value == NULL ||
        (value->type != NULL && (value->type->is_sure || !value->type->is_tensor))) {
        return STATUS_OK;
    }
    const struct found found = find(node, output);
    const enum element_type element =
        found.element != ELEMENT_UNDEFINED ? found.element : value_element(value);
    if (element == ELEMENT_UNDEFINED) {
        return STATUS_OK;
    }
    if (found.rank < 0 || found.rank > GRAPH_RANK_MAX) {
        return set_type(model, value, element, 0, NULL, err);
    }
    const struct graph_dim *dims = dims_of(&model->arena, node, output, &found);
    if (dims == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for types");
    }
    return set_type(model, value, element, (uint32_t)found.rank, dims, err);
}

static status type_graph(struct graph *graph, struct error *err);

/* What a body is given has the element type of what its node takes there; Loop's first two are the
 * turn and whether there is one. */
static status type_parameters(const struct graph_node *node, const struct graph *body,
                              struct error *err) {
    const bool is_loop = graph_node_is(node, "Loop");
    if (!is_loop && !graph_node_is(node, "Scan")) {
        return STATUS_OK;
    }
    for (uint32_t i = 0; i < body->inputs.count; i++) {
        struct graph_value *value = body->inputs.items[i];
        const enum element_type given = i > 1 || !is_loop ? value_element(graph_input(node, i))
                                        : i == 0          ? ELEMENT_INT64
                                                          : ELEMENT_BOOLEAN;
        if (value->type == NULL && given != ELEMENT_UNDEFINED) {
            TRY(set_type(body->model, value, given, 0, NULL, err));
        }
    }
    return STATUS_OK;
}

static status type_bodies(const struct graph_node *node, struct error *err) {
    for (uint32_t i = 0; i < node->attribute_count; i++) {
        const struct graph_attribute *at = &node->attributes[i];
        if (at->kind == GRAPH_BODY) {
            TRY(type_parameters(node, at->body, err));
            TRY(type_graph(at->body, err));
        }
        for (uint32_t k = 0; at->kind == GRAPH_BODIES && k < at->count; k++) {
            TRY(type_graph(at->bodies[k], err));
        }
    }
    return STATUS_OK;
}

static status type_graph(struct graph *graph, struct error *err) {
    for (uint32_t i = 0; i < graph->output_count; i++) {
        struct graph_value *value = graph->outputs[i].value;
        if (value->type == NULL && value->graph == graph) {
            value->type = graph->output_types[i];
        }
    }
    for (const struct graph_node *node = graph->first; node != NULL; node = node->after) {
        TRY(type_bodies(node, err));
        for (uint32_t i = 0; i < node->output_count; i++) {
            TRY(type_output(graph->model, node, i, err));
        }
    }
    return STATUS_OK;
}

status value_types_find(struct graph_model *model, struct error *err) {
    return type_graph(&model->main, err);
}

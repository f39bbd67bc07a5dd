// SPDX-License-Identifier: Apache-2.0
#include "model/float16_tensor.h"
#include "model/value_types.h"

/* How a model comes to compute in float16:
 * 1. Each node is marked as half or full: by its operator, by the names of values that are to
 *    stay, where a type is not known, and by its constants: with one that does not fit (the -1e9
 *    of a mask, the 1e-12 that keeps a division from 0) it is wide, and who takes what it makes is
 *    full. What only makes numbers of another type (Cast, ConstantOfShape) is half when somebody
 *    who takes them is.
 * 2. A float32 value that a half node makes is float16 from then on.
 * 3. Who wants the other type of a value takes its twin, which is made once: for a constant another
 *    constant, for what a Cast made another Cast of the same, else a Cast behind the value.
 * 4. Casts to the type that is there already go.
 * If, Loop and Scan take and give float32, and so do the graphs in them; these reach for what is
 * around them in the type that they want. */

/* Operators whose schema lets them compute in float16 in all opsets up to 17 (from ONNX 1.12's
 * onnx.defs), but for those that need more digits or range than it has, or of which libraries have
 * no such kernel (TopK, CumSum, Range, RoiAlign, Upsample, NonMaxSuppression, random numbers,
 * losses, windows, sequences). */
static const char HALF[] =
    "Abs Acos Acosh Add ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization "
    "CastLike Ceil Clip Compress Concat Conv ConvTranspose Cos Cosh DepthToSpace Div Dropout "
    "Einsum Elu Equal Erf Exp Expand Flatten Floor GRU Gather GatherElements GatherND Gemm "
    "GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GridSample HardSigmoid "
    "HardSwish Hardmax Identity InstanceNormalization IsNaN LRN LSTM LayerNormalization "
    "LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization LpPool MatMul MaxPool MaxUnpool "
    "Mean Mod Mul Neg NonZero OneHot PRelu Pad Pow RNN Reciprocal ReduceL1 ReduceL2 "
    "ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum "
    "ReduceSumSquare Relu Reshape Resize ReverseSequence Round Scatter ScatterElements "
    "ScatterND Selu Shrink Sigmoid Sign Sin Sinh Slice Softmax Softplus Softsign SpaceToDepth "
    "Split Sqrt Squeeze Sub Sum Tan Tanh ThresholdedRelu Tile Transpose Trilu Unsqueeze Where";

/* Those that have it from this opset on. */
static const char HALF_13[] = "Max Min";

/* What is wide still when it is made of what is wide. */
static const char CARRIES[] =
    "Abs Add Concat Expand Flatten Gather Identity Max Min Neg Pad Reshape "
    "Slice Split Sqrt Squeeze Sub Tile Transpose Unsqueeze Where";

/* What takes a value of whichever type it is. */
static const char ANY[] = "Cast Shape Size";

/* What makes numbers of the type that is wanted. */
static const char MAKES[] = "Cast ConstantOfShape";

enum mark { FULL_NODE, HALF_NODE, WIDE_NODE };

struct conversion {
    struct graph_model *model;
    const struct float16_options *options;
    struct float16_report report;
};

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory for a model");
}

static bool is_float(const struct graph_value *value) {
    return value_element(value) == ELEMENT_FLOAT32;
}

/* Inputs that are float32 by the schema, whatever the node computes in; of Resize also the region,
 * for which ONNX Runtime's processor kernel has no other type. */
static bool is_full_input(const struct graph_node *node, uint32_t index) {
    return graph_node_is(node, "Resize") && index > 0;
}

/* --- 1: who computes in float16 --- */

static bool is_named(const struct conversion *conversion, const struct graph_value *value) {
    for (uint32_t i = 0; i < conversion->options->full_name_count; i++) {
        if (slice_equal(conversion->options->full_names[i], value->name)) {
            return true;
        }
    }
    return false;
}

/* Whether numbers that are always the same do not fit. The bounds of a Clip may be infinite. */
static bool is_wide_constant(const struct graph_node *node, uint32_t index) {
    struct float16_report ignored = {0};
    const struct graph_tensor *constant = graph_constant(graph_input(node, index));
    return constant != NULL && constant->type == ELEMENT_FLOAT32 &&
           !(graph_node_is(node, "Clip") && index > 0) && !float16_fits(constant, &ignored);
}

static bool is_wide(const struct graph_node *node) {
    struct float16_report ignored = {0};
    const struct graph_attribute *value = graph_attribute(node, "value");
    if (graph_node_is(node, "ConstantOfShape") && value != NULL && value->kind == GRAPH_TENSOR &&
        value->tensor->type == ELEMENT_FLOAT32) {
        return !float16_fits(value->tensor, &ignored);
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        const struct graph_value *input = graph_input(node, i);
        const bool comes_wide =
            input != NULL && input->producer != NULL && input->producer->mark == WIDE_NODE;
        if (is_wide_constant(node, i) || (comes_wide && graph_node_is_any(node, CARRIES))) {
            return true;
        }
    }
    return false;
}

/* Whether a half node can have that, of whichever type it is. */
static bool suits(const struct conversion *conversion, const struct graph_value *value) {
    return value_element(value) != ELEMENT_UNDEFINED && !is_named(conversion, value) &&
           (value->producer == NULL || value->producer->mark != WIDE_NODE);
}

static bool has_half(const struct conversion *conversion, const struct graph_node *node) {
    const struct slice reduction = graph_text(node, "reduction"); /* of the Scatters, from 16 on */
    return (graph_node_is_any(node, HALF) ||
            (graph_opset(conversion->model) >= 13 && graph_node_is_any(node, HALF_13))) &&
           (reduction.count == 0 || slice_is(reduction, "none"));
}

static bool may_be_half(const struct conversion *conversion, const struct graph_node *node) {
    if (!has_half(conversion, node)) {
        return false;
    }
    bool computes = false;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const struct graph_value *input = graph_input(node, i);
        if (input != NULL && !is_full_input(node, i)) {
            computes = computes || is_float(input);
            if (!suits(conversion, input)) {
                return false;
            }
        }
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        const struct graph_value *output = node->outputs[i];
        if (output != NULL && output->uses != NULL &&
            (!suits(conversion, output) ||
             (graph_node_is(node, "LayerNormalization") && i > 0))) { /* its sums are float32 */
            return false;
        }
    }
    return computes;
}

static bool wants_half(const struct graph_use *use) {
    return use->node != NULL && use->node->mark == HALF_NODE &&
           !is_full_input(use->node, (uint32_t)(use - use->node->inputs));
}

/* Cast and ConstantOfShape: as somebody who takes it wants it. */
static bool is_wanted_half(const struct conversion *conversion, const struct graph_node *node) {
    const struct graph_value *output = graph_output(node, 0);
    if (!graph_node_is_any(node, MAKES) || output == NULL || !is_float(output) ||
        is_named(conversion, output)) {
        return false;
    }
    for (const struct graph_use *use = output->uses; use != NULL; use = use->next) {
        if (wants_half(use)) {
            return true;
        }
    }
    return false;
}

static bool touches_float(const struct graph_node *node) {
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (graph_input(node, i) != NULL && is_float(graph_input(node, i))) {
            return !graph_node_is_any(node, ANY);
        }
    }
    return false;
}

/* In the order of the nodes, so that what makes a node's inputs is marked before it. */
static void mark_nodes(struct conversion *conversion) {
    const struct graph_model *model = conversion->model;
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL;
         node = graph_walk(model, node)) {
        node->mark = FULL_NODE; /* before its outputs are looked at */
        node->mark = is_wide(node)                   ? WIDE_NODE
                     : may_be_half(conversion, node) ? HALF_NODE
                                                     : FULL_NODE;
        conversion->report.half_count += node->mark == HALF_NODE ? 1 : 0;
        conversion->report.full_count += node->mark != HALF_NODE && touches_float(node) ? 1 : 0;
    }
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL;
         node = graph_walk(model, node)) {
        node->mark = is_wanted_half(conversion, node) ? HALF_NODE : node->mark;
    }
}

/* --- 2: what is float16 from then on --- */

static status set_element(struct graph_model *model, struct graph_value *value,
                          enum element_type element, struct error *err) {
    struct graph_type *type = arena_get(&model->arena, 1, sizeof(*type));
    if (type == NULL) {
        return no_memory(err);
    }
    *type = value->type != NULL ? *value->type : (struct graph_type){.is_tensor = true};
    type->element = element;
    value->type = type;
    value->origin = NULL;
    return STATUS_OK;
}

/* What a half node has in its attributes. */
static status rewrite_node(struct conversion *conversion, struct graph_node *node,
                           struct error *err) {
    if (graph_node_is(node, "Cast")) {
        return graph_set_integer(node, "to", ELEMENT_FLOAT16);
    }
    if (!graph_node_is(node, "ConstantOfShape")) {
        return STATUS_OK;
    }
    const int64_t one = 1;
    void *zero = NULL;
    const struct graph_attribute *held = graph_attribute(node, "value");
    struct graph_tensor *half =
        held != NULL ? float16_tensor(conversion->model, held->tensor)
                     : graph_tensor_new(conversion->model, ELEMENT_FLOAT16, &one, 1, &zero);
    return half == NULL ? no_memory(err) : graph_set_tensor(node, "value", half);
}

/* --- 3: twins --- */

/* A node behind what makes `value` that has it, or what it was cast from, as `element`. */
static struct graph_value *cast_behind(struct conversion *conversion, struct graph_value *value,
                                       enum element_type element) {
    struct graph *graph = value->graph;
    struct graph_node *producer = value->producer;
    struct graph_value *source = value;
    if (producer != NULL && graph_node_is(producer, "Cast")) {
        source = graph_input(producer, 0);
    }
    struct graph_node *cast =
        graph_add_node(graph, producer != NULL ? producer->after : graph->first, "Cast", &source, 1,
                       1, value->name);
    if (cast == NULL || graph_set_integer(cast, "to", element) != STATUS_OK) {
        return NULL;
    }
    conversion->report.cast_count++;
    return cast->outputs[0];
}

static struct graph_value *constant_twin(struct conversion *conversion, struct graph_value *value) {
    conversion->report.tensor_count++;
    (void)float16_fits(graph_constant(value), &conversion->report);
    return graph_add_tensor(value->graph, value->name,
                            float16_tensor(conversion->model, graph_constant(value)));
}

static bool is_model_output(const struct graph_model *model, const struct graph_use *use) {
    const struct graph *graph = &model->main;
    return use >= graph->outputs && use < graph->outputs + graph->output_count;
}

/* Whether who takes the value there wants float16. A body gives float32. */
static bool use_is_half(const struct conversion *conversion, const struct graph_use *use,
                        bool is_half) {
    if (use->node != NULL) {
        return graph_node_is_any(use->node, ANY) ? is_half : wants_half(use);
    }
    return is_model_output(conversion->model, use) && !conversion->options->keep_io &&
           (is_half || use->value->producer != NULL);
}

/* An output of the model keeps its name, whichever of both it is now. */
static void keep_name(const struct graph_model *model, struct graph_value *value,
                      struct graph_value *twin) {
    for (const struct graph_use *use = twin->uses; use != NULL; use = use->next) {
        if (is_model_output(model, use)) {
            const struct slice name = value->name;
            value->name = twin->name;
            twin->name = name;
            return;
        }
    }
}

/* Has everybody who wants the other type of the value take its twin. */
static status give_twin(struct conversion *conversion, struct graph_value *value, bool is_half,
                        struct error *err) {
    const bool is_constant = graph_constant(value) != NULL;
    struct graph_value *twin = NULL;
    struct graph_use *next;
    for (struct graph_use *use = value->uses; use != NULL; use = next) {
        next = use->next;
        if (use_is_half(conversion, use, is_half) == is_half) {
            continue;
        }
        if (twin == NULL) {
            const enum element_type element = is_half ? ELEMENT_FLOAT32 : ELEMENT_FLOAT16;
            twin = is_constant ? constant_twin(conversion, value)
                               : cast_behind(conversion, value, element);
            if (twin == NULL) {
                return no_memory(err);
            }
            TRY(set_element(conversion->model, twin, element, err));
        }
        graph_use_value(use, twin);
    }
    if (twin != NULL) {
        keep_name(conversion->model, value, twin);
    }
    return STATUS_OK;
}

/* --- the whole --- */

static status convert_value(struct conversion *conversion, struct graph_value *value, bool is_half,
                            struct error *err) {
    struct float16_report *report = &conversion->report;
    if (value == NULL || !is_float(value)) {
        return STATUS_OK;
    }
    struct float16_report ignored = {0};
    const struct graph_tensor *constant = graph_constant(value);
    if (constant != NULL && value->uses != NULL && !float16_fits(constant, &ignored)) {
        (void)float16_fits(constant, report);
        report->kept_count++;
    }
    if (is_half) {
        TRY(set_element(conversion->model, value, ELEMENT_FLOAT16, err));
    }
    return give_twin(conversion, value, is_half, err);
}

/* Inputs and initializers; a twin of an initializer is none of float32. */
static status convert_given(struct conversion *conversion, struct graph *graph, struct error *err) {
    const uint32_t count = graph->initializers.count;
    for (uint32_t i = 0; i < graph->inputs.count; i++) {
        struct graph_value *input = graph->inputs.items[i];
        const bool is_half =
            graph->owner == NULL && !conversion->options->keep_io && input->tensor == NULL;
        TRY(convert_value(conversion, input, is_half, err));
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!graph->initializers.items[i]->is_input) {
            TRY(convert_value(conversion, graph->initializers.items[i], false, err));
        }
    }
    return STATUS_OK;
}

static status convert_values(struct conversion *conversion, struct error *err) {
    TRY(convert_given(conversion, &conversion->model->main, err));
    for (struct graph_node *node = graph_walk(conversion->model, NULL); node != NULL;
         node = graph_walk(conversion->model, node)) {
        if (node->graph->owner != NULL && node->before == NULL) {
            TRY(convert_given(conversion, node->graph, err));
        }
        if (node->mark == HALF_NODE) {
            TRY(rewrite_node(conversion, node, err));
        }
        for (uint32_t i = 0; i < node->output_count; i++) {
            TRY(convert_value(conversion, node->outputs[i], node->mark == HALF_NODE, err));
        }
    }
    return STATUS_OK;
}

static status retype_outputs(struct graph_model *model, struct error *err) {
    struct graph *graph = &model->main;
    const struct graph_type **types =
        arena_get(&model->arena, graph->output_count + 1, sizeof(struct graph_type *));
    const void **origins = arena_get(&model->arena, graph->output_count + 1, sizeof(void *));
    if (types == NULL || origins == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < graph->output_count; i++) {
        const bool is_half = value_element(graph->outputs[i].value) == ELEMENT_FLOAT16;
        types[i] = graph->output_types[i];
        origins[i] = graph->output_origins[i];
        if (is_half && types[i] != NULL && types[i]->element == ELEMENT_FLOAT32) {
            struct graph_type *type = arena_get(&model->arena, 1, sizeof(*type));
            if (type == NULL) {
                return no_memory(err);
            }
            *type = *types[i];
            type->element = ELEMENT_FLOAT16;
            types[i] = type;
            origins[i] = NULL;
        }
    }
    graph->output_types = types;
    graph->output_origins = origins;
    return STATUS_OK;
}

static status drop_idle_casts(struct graph_model *model, struct error *err) {
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL;
         node = graph_walk(model, node)) {
        struct graph_value *input = graph_input(node, 0);
        struct graph_value *output = graph_output(node, 0);
        if (graph_node_is(node, "Cast") && input != NULL && output != NULL &&
            output->uses != NULL &&
            graph_integer(node, "to", ELEMENT_UNDEFINED) == (int64_t)value_element(input) &&
            graph_replace(output, input) != STATUS_OK) {
            return no_memory(err);
        }
    }
    return STATUS_OK;
}

status float16_convert(struct graph_model *model, const struct float16_options *options,
                       struct float16_report *out_report, struct error *err) {
    struct conversion conversion = {.model = model, .options = options};
    if (graph_opset(model) < FLOAT16_OPSET_LEAST) {
        return fail(err, STATUS_INVALID, "float16 is for models of opset %d and newer",
                    FLOAT16_OPSET_LEAST);
    }
    if (model->has_functions) {
        return fail(err, STATUS_INVALID, "the model has functions of its own");
    }
    TRY(value_types_find(model, err));
    mark_nodes(&conversion);
    TRY(convert_values(&conversion, err));
    TRY(retype_outputs(model, err));
    TRY(drop_idle_casts(model, err));
    (void)graph_remove_dead(model);
    *out_report = conversion.report;
    return graph_verify(model, err);
}

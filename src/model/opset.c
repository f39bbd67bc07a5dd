// SPDX-License-Identifier: Apache-2.0
#include "model/opset.h"

#include <assert.h>

#include "model/opset_steps.h"
#include "model/value_types.h"

/* Every operator of the standard domain up to OPSET_MOST by the version that brought it: what ONNX
 * 1.12 says of itself (onnx.defs.get_all_schemas_with_history). An operator that is not here is not
 * known to keep its meaning. */
static const struct {
    int64_t since;
    const char *ops;
} KNOWN[] = {
    {1, "Abs Add And ArgMax ArgMin AveragePool BatchNormalization Cast Ceil Clip Concat Constant "
        "Conv ConvTranspose DepthToSpace Div Dropout Elu Equal Exp Flatten Floor GRU Gather Gemm "
        "GlobalAveragePool GlobalLpPool GlobalMaxPool Greater HardSigmoid Hardmax Identity If "
        "InstanceNormalization LRN LSTM LeakyRelu Less Log LogSoftmax Loop LpNormalization LpPool "
        "MatMul Max MaxPool MaxRoiPool Mean Min Mul Neg Not Or PRelu Pad Pow RNN RandomNormal "
        "RandomNormalLike RandomUniform RandomUniformLike Reciprocal ReduceL1 ReduceL2 "
        "ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum "
        "ReduceSumSquare Relu Reshape Selu Shape Sigmoid Size Slice Softmax Softplus Softsign "
        "SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh Tile TopK Transpose Unsqueeze Upsample Xor"},
    {7, "Acos Asin Atan Cos Multinomial Sin Tan"},
    {8, "Expand Scan"},
    {9, "Acosh Asinh Atanh Compress ConstantOfShape Cosh Erf EyeLike IsNaN MaxUnpool "
        "MeanVarianceNormalization NonZero OneHot Scatter Shrink Sign Sinh TfIdfVectorizer Where"},
    {10, "ConvInteger DequantizeLinear IsInf MatMulInteger Mod NonMaxSuppression QLinearConv "
         "QLinearMatMul QuantizeLinear Resize ReverseSequence RoiAlign StringNormalizer "
         "ThresholdedRelu"},
    {11, "BitShift ConcatFromSequence CumSum Det DynamicQuantizeLinear GatherElements GatherND "
         "Range Round ScatterElements ScatterND SequenceAt SequenceConstruct SequenceEmpty "
         "SequenceErase SequenceInsert SequenceLength SplitToSequence Unique"},
    {12, "Celu Einsum GreaterOrEqual LessOrEqual NegativeLogLikelihoodLoss "
         "SoftmaxCrossEntropyLoss"},
    {14, "HardSwish Trilu"},
    {15, "Bernoulli CastLike Optional OptionalGetElement OptionalHasElement"},
    {16, "GridSample"},
    {17, "BlackmanWindow DFT HammingWindow HannWindow LayerNormalization MelWeightMatrix STFT "
         "SequenceMap"},
};

/* Operators that went, and the first version without them. */
static const struct {
    const char *op;
    int64_t gone;
} GONE[] = {{"Upsample", 10}, {"Scatter", 11}};

/* What changed more than the types that it takes: by the same source, each pair of versions looked
 * at. Not here, since what a file can say keeps its meaning: attributes and inputs that came with a
 * default of before (Conv, pools, TopK, ArgMax, Shape, Reshape's allowzero, ...). ConvTranspose 11
 * and OneHot 11 changed words, of padding and of negative numbers: ONNX Runtime has one kernel for
 * both. */
static const struct row {
    const char *ops;
    int64_t version;
    opset_step *step;
} ROWS[] = {
    {"GlobalLpPool LpPool", 2, opset_lp_pool_2},
    {"Pad", 2, opset_pad_2},
    {"Split", 2, opset_split_2},
    {"GRU", 3, opset_gru_3},
    {"Concat", 4, opset_concat_4},
    {"Reshape", 5, opset_reshape_5},
    {"Abs Add BatchNormalization Ceil Clip Div Dropout Elu Exp Floor HardSigmoid "
     "InstanceNormalization LeakyRelu Log Max Mean Min Mul Neg PRelu Reciprocal Relu Sigmoid Sqrt "
     "Sub Sum Tanh",
     6, opset_drop_hint},
    {"Cast", 6, opset_cast_6},
    {"Selu", 6, opset_selu_6},
    {"Tile", 6, opset_tile_6},
    {"Add And Div Equal Greater Less Mul Or Pow Sub Xor", 7, opset_broadcast_7},
    {"BatchNormalization", 7, opset_batch_norm_7},
    {"Dropout", 7, opset_dropout_7},
    {"GRU LSTM RNN", 7, opset_recurrent_7},
    {"Gemm", 7, opset_gemm_7},
    {"PRelu", 7, opset_prelu_7},
    {"Upsample", 7, opset_upsample_7},
    {"BatchNormalization", 9, opset_batch_norm_9},
    {"Scan", 9, opset_scan_9},
    {"Upsample", 9, opset_upsample_9},
    {"Slice", 10, opset_slice_10},
    {"TopK", 10, opset_top_k_10},
    {"Upsample", 10, opset_upsample_10},
    {"Clip", 11, opset_clip_11},
    {"Pad", 11, opset_pad_11},
    {"Resize", 11, opset_resize_11},
    {"Scatter", 11, opset_scatter_11},
    {"Dropout", 12, opset_dropout_12},
    {"Hardmax LogSoftmax Softmax", 13, opset_softmax_13},
    {"ReduceSum Squeeze Unsqueeze", 13, opset_axes_13},
    {"Resize", 13, opset_resize_13},
    {"Split", 13, opset_split_13},
    {"BatchNormalization", 14, opset_batch_norm_14},
    {"RoiAlign", 16, opset_roi_align_16},
};

/* Which files may have these opsets, by ONNX's own table. */
enum { IR_OF_13 = 7, IR_OF_15 = 8 };

/* --- for the steps --- */

status opset_refuse(const struct graph_node *node, struct error *err, const char *why) {
    return fail(err, STATUS_INVALID, "node '%.*s' (%.*s) cannot be of a newer opset: %s",
                SLICE_ARGS(graph_node_called(node)), SLICE_ARGS(node->op), why);
}

status opset_give_integers(struct graph_node *node, uint32_t index, const int64_t *numbers,
                           uint32_t count, bool is_scalar) {
    struct graph_value *given =
        graph_add_integers(node->graph, graph_node_called(node), numbers, count, is_scalar);
    return given != NULL ? graph_set_input(node, index, given) : STATUS_NO_MEMORY;
}

bool opset_cut_outputs(struct graph_node *node, uint32_t index) {
    for (uint32_t i = index; i < node->output_count; i++) {
        if (node->outputs[i] != NULL && node->outputs[i]->uses != NULL) {
            return false;
        }
    }
    node->output_count = node->output_count < index ? node->output_count : index;
    return true;
}

/* --- what can be done --- */

static bool is_known(const struct graph_node *node, int64_t opset) {
    for (size_t i = 0; i < sizeof(GONE) / sizeof(GONE[0]); i++) {
        if (graph_node_is(node, GONE[i].op) && opset >= GONE[i].gone) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++) {
        if (KNOWN[i].since <= opset && graph_node_is_any(node, KNOWN[i].ops)) {
            return true;
        }
    }
    return false;
}

/* An initializer that is an input as well has to be one before IR 4, and may be replaced after it:
 * a body's inputs are given by their place, so there it cannot be told what is meant. */
static status check_graph(const struct graph *graph, struct error *err) {
    for (uint32_t i = 0; graph->owner != NULL && i < graph->inputs.count; i++) {
        if (graph->inputs.items[i]->tensor != NULL) {
            return opset_refuse(graph->owner, err, "an input of its body is an initializer");
        }
    }
    return STATUS_OK;
}

/* Refuses before anything is changed what is seen to be refused. */
static status check(struct graph_model *model, int64_t opset, struct error *err) {
    if (model->has_functions) {
        return fail(err, STATUS_INVALID,
                    "the model has functions of its own: their operators would stay as they are");
    }
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL;
         node = graph_walk(model, node)) {
        if (graph_node_is_standard(node) && opset <= 0) {
            return fail(err, STATUS_INVALID, "the model does not say which opset it is of");
        }
        if (graph_node_is_standard(node) && !is_known(node, opset)) {
            return fail(err, STATUS_INVALID,
                        "node '%.*s': '%.*s' is no operator of opset %lld that is known to keep "
                        "its meaning",
                        SLICE_ARGS(graph_node_called(node)), SLICE_ARGS(node->op),
                        (long long)opset);
        }
        TRY(check_graph(node->graph, err));
    }
    return STATUS_OK;
}

/* --- doing it --- */

static status upgrade_node(struct graph_node *node, int64_t from, int64_t target, bool *out_changed,
                           struct error *err) {
    *out_changed = false;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        const struct row *row = &ROWS[i];
        if (row->version <= from || row->version > target || !graph_node_is_any(node, row->ops)) {
            continue;
        }
        const status code = row->step(node, err);
        if (code == STATUS_NO_MEMORY) {
            return fail(err, code, "out of memory for a model");
        }
        TRY(code);
        *out_changed = true;
    }
    return STATUS_OK;
}

/* Nobody may give other weights from now on, as nobody could before IR 4. */
static status raise_ir(struct graph_model *model, int64_t target, struct error *err) {
    const int64_t least = target < 15 ? IR_OF_13 : IR_OF_15;
    const struct graph_values *inputs = &model->main.inputs;
    for (uint32_t i = inputs->count; model->ir_version < 4 && i > 0; i--) {
        struct graph_value *input = inputs->items[i - 1];
        if (input->tensor != NULL && graph_bind_input(input, input->tensor) != STATUS_OK) {
            return fail(err, STATUS_NO_MEMORY, "out of memory for a model");
        }
    }
    model->ir_version = model->ir_version < least ? least : model->ir_version;
    return STATUS_OK;
}

static void set_opset(struct graph_model *model, int64_t target) {
    for (uint32_t i = 0; i < model->opset_count; i++) {
        const struct slice domain = model->opsets[i].domain;
        if (domain.count == 0 || slice_is(domain, "ai.onnx")) {
            model->opsets[i].version = target;
        }
    }
    model->changed = true;
}

status opset_upgrade(struct graph_model *model, int64_t target, uint32_t *out_changes,
                     struct error *err) {
    assert(target >= OPSET_LEAST && target <= OPSET_MOST);
    const int64_t from = graph_opset(model);
    uint32_t changes = 0;
    *out_changes = 0;
    if (from >= target) {
        return STATUS_OK;
    }
    TRY(check(model, from, err));
    if (from <= 0) {
        return STATUS_OK; /* it has none of them */
    }
    TRY(value_types_find(model, err));
    TRY(raise_ir(model, target, err));
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL;
         node = graph_walk(model, node)) {
        bool changed = false;
        TRY(upgrade_node(node, from, target, &changed, err));
        changes += changed ? 1 : 0;
    }
    set_opset(model, target);
    (void)graph_remove_dead(model);
    *out_changes = changes;
    return graph_verify(model, err);
}

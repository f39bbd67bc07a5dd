// SPDX-License-Identifier: Apache-2.0
#include "tests/models/seeds.h"

#include <string.h>

#include "model/graph_inner.h"
#include "model/onnx_file.h"

enum { RANK_MAX = 4, INPUTS_MAX = 8 };

/* What is being made; once there is no memory, nothing more happens. */
struct making {
    struct graph_model *model;
    uint32_t dice;
    bool failed;
};

static float number_of(struct making *making) {
    making->dice = making->dice * 1664525U + 1013904223U;
    return (float)(making->dice >> 16) / 32768.0F - 1;
}

static uint32_t read_shape(const char *shape, int64_t dims[RANK_MAX]) {
    struct slice rest = slice_of(shape);
    uint32_t rank = 0;
    while (rest.count > 0 && rank < RANK_MAX) {
        const size_t end = slice_find(rest, 'x');
        int64_t size = 0;
        for (size_t i = 0; i < end && i < rest.count; i++) {
            size = size * 10 + (rest.bytes[i] - '0');
        }
        dims[rank++] = size;
        rest = slice_part(rest, end + 1, rest.count);
    }
    return rank;
}

static struct graph_value *input(struct making *making, const char *shape) {
    struct arena *arena = &making->model->arena;
    int64_t sizes[RANK_MAX];
    const uint32_t rank = read_shape(shape, sizes);
    struct graph_value *value = arena_get(arena, 1, sizeof(*value));
    struct graph_type *type = arena_get(arena, 1, sizeof(*type));
    struct graph_dim *dims = arena_get(arena, RANK_MAX, sizeof(*dims));
    if (value == NULL || type == NULL || dims == NULL) {
        making->failed = true;
        return NULL;
    }
    for (uint32_t i = 0; i < rank; i++) {
        dims[i].size = sizes[i];
    }
    *type = (struct graph_type){.is_tensor = true,
                                .element = ELEMENT_FLOAT32,
                                .has_shape = true,
                                .rank = rank,
                                .dims = dims};
    *value = (struct graph_value){
        .name = SLICE("x"), .graph = &making->model->main, .is_input = true, .type = type};
    making->failed = !graph_values_add(making->model, &making->model->main.inputs, value);
    return value;
}

/* Numbers by chance, from `least` to `least` + 2. */
static struct graph_value *floats(struct making *making, const char *shape, float least) {
    int64_t dims[RANK_MAX];
    void *bytes = NULL;
    const uint32_t rank = read_shape(shape, dims);
    const struct graph_tensor *tensor =
        graph_tensor_new(making->model, ELEMENT_FLOAT32, dims, rank, &bytes);
    float *numbers = bytes;
    for (size_t i = 0; tensor != NULL && i < graph_tensor_count(tensor); i++) {
        numbers[i] = number_of(making) + 1 + least;
    }
    struct graph_value *value =
        tensor != NULL ? graph_add_tensor(&making->model->main, SLICE("w"), tensor) : NULL;
    making->failed = making->failed || value == NULL;
    return value;
}

static struct graph_value *scalar(struct making *making, float number) {
    struct graph_value *value =
        graph_add_floats(&making->model->main, SLICE("k"), &number, 1, true);
    making->failed = making->failed || value == NULL;
    return value;
}

static struct graph_value *integers(struct making *making, const int64_t *numbers, uint32_t count) {
    struct graph_value *value =
        graph_add_integers(&making->model->main, SLICE("n"), numbers, count, false);
    making->failed = making->failed || value == NULL;
    return value;
}

static struct graph_value *op_of(struct making *making, const char *op,
                                 struct graph_value *const *inputs, uint32_t count) {
    struct graph_node *node = making->failed ? NULL
                                             : graph_add_node(&making->model->main, NULL, op,
                                                              inputs, count, 1, SLICE("v"));
    making->failed = node == NULL;
    return node != NULL ? node->outputs[0] : NULL;
}

#define OP(making, op, ...)                                                                        \
    op_of(making, op, (struct graph_value *[]){__VA_ARGS__},                                       \
          sizeof((struct graph_value *[]){__VA_ARGS__}) / sizeof(struct graph_value *))

static void set(struct making *making, struct graph_value *value, const char *name,
                int64_t number) {
    making->failed =
        making->failed || graph_set_integer(value->producer, name, number) != STATUS_OK;
}

static void set_list(struct making *making, struct graph_value *value, const char *name,
                     const int64_t *numbers, uint32_t count) {
    making->failed =
        making->failed || graph_set_integers(value->producer, name, numbers, count) != STATUS_OK;
}

/* --- the seeds --- */

static struct graph_value *normalised(struct making *making, struct graph_value *value,
                                      const char *count) {
    return OP(making, "BatchNormalization", value, floats(making, count, 0),
              floats(making, count, -1), floats(making, count, -1), floats(making, count, 0.5F));
}

/* Layers with what goes into them: scales, sums, hard swish, a way around. */
static struct graph_value *pictures(struct making *making) {
    static const int64_t PADS[] = {1, 1, 1, 1};
    struct graph_value *x = OP(making, "Mul", input(making, "1x2x8x8"), scalar(making, 0.5F));
    struct graph_value *sum =
        OP(making, "Conv", x, floats(making, "4x2x3x3", -1), floats(making, "4", -1));
    set_list(making, sum, "pads", PADS, 4);
    struct graph_value *stem = OP(making, "Relu", normalised(making, sum, "4"));
    struct graph_value *deep = OP(making, "Conv", stem, floats(making, "4x1x3x3", -1));
    set(making, deep, "group", 4);
    set_list(making, deep, "pads", PADS, 4);
    struct graph_value *gate = OP(making, "Clip", OP(making, "Add", deep, scalar(making, 3)),
                                  scalar(making, 0), scalar(making, 6));
    struct graph_value *swish = OP(making, "Div", OP(making, "Mul", deep, gate), scalar(making, 6));
    struct graph_value *wide = OP(making, "Conv", swish, floats(making, "4x4x1x1", -1));
    struct graph_value *around = OP(making, "Add", wide, stem);
    struct graph_value *pooled = OP(making, "GlobalAveragePool", OP(making, "Relu", around));
    return OP(making, "Softmax",
              OP(making, "Gemm", OP(making, "Flatten", pooled), floats(making, "4x5", -1),
                 floats(making, "5", -1)));
}

/* Products of matrices, one of them large; shapes that are computed. */
static struct graph_value *matrices(struct making *making) {
    static const int64_t SHAPE[] = {2, -1};
    struct graph_value *x = input(making, "2x256");
    struct graph_value *first =
        OP(making, "Add", OP(making, "MatMul", x, floats(making, "256x260", -1)),
           floats(making, "260", -1));
    struct graph_value *second = OP(making, "Gemm", OP(making, "Relu", first),
                                    floats(making, "16x260", -1), floats(making, "16", -1));
    set(making, second, "transB", 1);
    struct graph_value *turned = OP(making, "Reshape", second, integers(making, SHAPE, 2));
    return OP(making, "MatMul", OP(making, "Sigmoid", turned), floats(making, "16x3", -1));
}

/* Channels side by side, and pictures that grow. */
static struct graph_value *branches(struct making *making) {
    static const int64_t TWO[] = {2, 2};
    struct graph_value *x =
        OP(making, "Conv", input(making, "1x3x6x6"), floats(making, "4x3x1x1", -1));
    struct graph_value *left =
        OP(making, "Relu", OP(making, "Conv", x, floats(making, "4x4x1x1", -1)));
    struct graph_value *right = OP(making, "MaxPool", x);
    set_list(making, right, "kernel_shape", TWO, 2);
    set_list(making, right, "strides", TWO, 2);
    right =
        OP(making, "ConvTranspose", right, floats(making, "4x3x2x2", -1), floats(making, "3", -1));
    set_list(making, right, "strides", TWO, 2);
    struct graph_value *both =
        OP(making, "Concat", left, OP(making, "Mul", right, floats(making, "1x3x1x1", -1)));
    set(making, both, "axis", 1);
    return OP(making, "Conv", OP(making, "Add", both, scalar(making, 0.25F)),
              floats(making, "2x7x3x3", -1));
}

/* What earlier opsets wrote otherwise. */
static struct graph_value *older(struct making *making) {
    static const float SCALES[] = {1, 1, 2, 2};
    struct graph_value *x =
        OP(making, "Conv", input(making, "1x2x4x4"), floats(making, "2x2x1x1", -1));
    struct graph_value *scales =
        graph_add_floats(&making->model->main, SLICE("s"), SCALES, 4, false);
    making->failed = making->failed || scales == NULL;
    struct graph_value *grown = OP(making, "Upsample", OP(making, "Clip", x), scales);
    struct graph_value *flat = OP(making, "Flatten", OP(making, "Dropout", grown));
    struct graph_value *chances = OP(making, "Softmax", flat);
    set(making, chances, "axis", 1);
    static const int64_t AXES[] = {1};
    struct graph_value *lifted = OP(making, "Unsqueeze", chances);
    set_list(making, lifted, "axes", AXES, 1);
    return OP(making, "ReduceMean", lifted);
}

/* A recurrent layer. */
static struct graph_value *recurrent(struct making *making) {
    struct graph_value *x = input(making, "5x1x24");
    struct graph_value *run = OP(making, "LSTM", x, floats(making, "1x96x24", -1),
                                 floats(making, "1x96x24", -1), floats(making, "1x192", -1));
    set(making, run, "hidden_size", 24);
    return OP(making, "Mul", run, scalar(making, 2));
}

/* What is always the same. */
static struct graph_value *constants(struct making *making) {
    static const int64_t SHAPE[] = {1, 16};
    static const int64_t TURN[] = {1, 0};
    struct graph_value *x = input(making, "1x4x2x2");
    struct graph_value *shape = OP(making, "Shape", x);
    struct graph_value *same = OP(making, "Reshape", OP(making, "Identity", x), shape);
    struct graph_value *flat = OP(making, "Reshape", same, integers(making, SHAPE, 2));
    struct graph_value *weights = OP(making, "Transpose", floats(making, "3x16", -1));
    set_list(making, weights, "perm", TURN, 2);
    struct graph_value *sum =
        OP(making, "Add", OP(making, "Sqrt", floats(making, "3", 0)), scalar(making, 1));
    return OP(making, "Add", OP(making, "MatMul", flat, weights), sum);
}

static status new_model(int64_t opset, struct graph_model **out_model, struct error *err) {
    const char bytes[] = {0x08, 8, 0x42, 4, 0x0a, 0,   0x10, (char)opset,
                          0x3a, 6, 0x12, 4, 's',  'e', 'e',  'd'};
    return onnx_file_read((struct slice){.bytes = bytes, .count = sizeof(bytes)}, NULL, out_model,
                          err);
}

status seed_graph(uint32_t which, struct graph_model **out_model, struct error *err) {
    static const struct {
        int64_t opset;
        struct graph_value *(*make)(struct making *making);
    } SEEDS[SEED_COUNT] = {{11, pictures}, {13, matrices},  {13, branches},
                           {9, older},     {14, recurrent}, {12, constants}};
    struct making making = {.dice = which + 1};
    TRY(new_model(SEEDS[which].opset, &making.model, err));
    struct graph_value *output = SEEDS[which].make(&making);
    if (making.failed || graph_set_outputs(&making.model->main, &output, 1) != STATUS_OK) {
        onnx_file_close(making.model);
        return fail(err, STATUS_NO_MEMORY, "out of memory for a seed");
    }
    *out_model = making.model;
    return graph_verify(making.model, err);
}

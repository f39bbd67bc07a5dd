/*
 * test_channels: models for tests of pruning, in which every second channel is nobody's concern.
 *
 * For unit tests alone. Thread: the test's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "model/channel_prune.h"
#include "model/test_graph.h"
#include "model/test_samples.h"

enum { SEEDS = 100 };

/* A model that is written down node by node. Of every layer's channels those with an odd number are
 * nobody's concern: whoever takes them multiplies them by zero. So a model that loses just those
 * must answer as before, and one that loses or mixes up another does not. */
struct fixture {
    struct graph_model *model;
    struct graph_value *x;
    size_t seed;
};

static inline struct fixture begin(const char *shape) {
    struct fixture f = {.model = test_graph_new(13), .seed = SEEDS};
    f.x = test_graph_input(f.model, "x", ELEMENT_FLOAT32, shape);
    return f;
}

static inline struct graph_value *random_of(struct fixture *f, const char *shape) {
    return test_graph_weights(f->model, shape, f->seed++);
}

static inline float *numbers_of(const struct graph_value *value) {
    union {
        const void *shown;
        float *mine;
    } bytes = {.shown = value->tensor->bytes};
    return bytes.mine;
}

/* Weights whose positions along `axis` are zero where the channel has an odd number, `repeat`
 * positions being one channel. */
static inline struct graph_value *blind(struct fixture *f, const char *shape, uint32_t axis,
                                        uint32_t repeat) {
    struct graph_value *value = random_of(f, shape);
    const struct graph_tensor *tensor = value->tensor;
    uint64_t inner = 1;
    for (uint32_t i = axis + 1; i < tensor->rank; i++) {
        inner *= (uint64_t)tensor->dims[i];
    }
    for (uint64_t i = 0; i < graph_tensor_count(tensor); i++) {
        const uint64_t position = i / inner % (uint64_t)tensor->dims[axis];
        if (position / repeat % 2 == 1) {
            numbers_of(value)[i] = 0;
        }
    }
    return value;
}

/* x through a 3x3 Conv that keeps the size, from 3 channels to 8. */
static inline struct graph_value *first(struct fixture *f) {
    static const int64_t PADS[] = {1, 1, 1, 1};
    struct graph_value *made =
        OP(f->model, "Conv", f->x, random_of(f, "8x3x3x3"), random_of(f, "8"));
    test_graph_integers(made, "pads", PADS, 4);
    return made;
}

/* A 1x1 Conv that does not look at odd channels. */
static inline struct graph_value *next(struct fixture *f, struct graph_value *from,
                                       const char *shape) {
    return OP(f->model, "Conv", from, blind(f, shape, 1, 1));
}

static inline status prune_half(struct graph_model *model, uint32_t *out_changes,
                                struct error *err) {
    const struct channel_prune_options options = {.share = 0.5, .score = CHANNEL_SCORE_FLOW};
    struct channel_cuts cuts;
    const status code = channel_prune_model(model, &options, &cuts, out_changes, err);
    channel_cuts_done(&cuts);
    return code;
}

/* `y` is what the model gives; of its channels `gone` go, and nothing that it says changes. */
static inline void expect_gone(struct fixture *f, struct graph_value *y, uint32_t gone) {
    test_graph_output(f->model, y);
    if (test_model_can_run()) {
        test_graph_expect(f->model, prune_half, gone, 1e-5);
    } else {
        struct error err = {0};
        uint32_t made = 0;
        assert_int_equal(prune_half(f->model, &made, &err), STATUS_OK);
        assert_int_equal(made, gone);
    }
    onnx_file_close(f->model);
}

/* The same for a model that may be none that runs: nothing goes. */
static inline void expect_kept(struct fixture *f, struct graph_value *y) {
    struct error err = {0};
    uint32_t made = 7;
    test_graph_output(f->model, y);
    assert_int_equal(prune_half(f->model, &made, &err), STATUS_OK);
    assert_int_equal(made, 0);
    onnx_file_close(f->model);
}

/* An operator with a whole number, or several, as its attribute. */
static inline struct graph_value *with(struct graph_value *value, const char *name,
                                       int64_t number) {
    assert_int_equal(graph_set_integer(value->producer, name, number), STATUS_OK);
    return value;
}

#define WITH(value, name, ...)                                                                     \
    with_all(value, name, (const int64_t[]){__VA_ARGS__},                                          \
             sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

static inline struct graph_value *with_all(struct graph_value *value, const char *name,
                                           const int64_t *numbers, uint32_t count) {
    test_graph_integers(value, name, numbers, count);
    return value;
}

#define INTEGERS(f, ...)                                                                           \
    graph_add_integers(&(f)->model->main, SLICE("i"), (const int64_t[]){__VA_ARGS__},              \
                       sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t), false)

/* x through a layer, a Reshape to that target and a layer that looks at every second channel. */
static inline struct graph_value *reshaped(struct fixture *f, struct graph_value *made,
                                           int64_t rows, int64_t columns) {
    const int64_t target[] = {rows, columns};
    struct graph_value *shape = graph_add_integers(&f->model->main, SLICE("t"), target, 2, false);
    return OP(f->model, "MatMul", OP(f->model, "Reshape", made, shape), blind(f, "72x5", 0, 9));
}

/* `count` samples that only look random, for a model with one input of that shape. */
static inline struct sample_source random_samples(struct test_samples *samples, uint32_t count,
                                                  const char *shape) {
    *samples = (struct test_samples){.count = count};
    test_samples_input(samples, shape);
    return test_samples_source(samples);
}

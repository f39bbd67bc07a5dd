/*
 * test_quantize: a small model, ranges of its values, and quantising it; for unit tests alone.
 *
 * Thread: the test's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <math.h>

#include "model/quantize.h"
#include "model/test_graph.h"

enum { OPSET = 13, BOUNDS_MAX = 16 };

struct fixture {
    struct graph_model *model;
    struct quantize_bound bounds[BOUNDS_MAX];
    struct quantize_options options;
    struct quantize_report report;
    struct error err;
};

static inline void begin(struct fixture *fixture, const char *shape) {
    *fixture = (struct fixture){.model = test_graph_new(OPSET)};
    (void)test_graph_input(fixture->model, "x", ELEMENT_FLOAT32, shape);
    fixture->options.bounds = fixture->bounds;
}

static inline struct graph_value *x_of(const struct fixture *fixture) {
    return fixture->model->main.inputs.items[0];
}

static inline void bound(struct fixture *fixture, const struct graph_value *value, float low,
                         float high) {
    fixture->bounds[fixture->options.bound_count++] =
        (struct quantize_bound){.value = value->name, .threshold = {.low = low, .high = high}};
}

static inline void quantise(struct fixture *fixture) {
    if (quantize(fixture->model, &fixture->options, &fixture->report, &fixture->err) != STATUS_OK) {
        fail_msg("%s", fixture->err.text);
    }
}

static inline uint32_t pairs(const struct fixture *fixture) {
    return test_graph_count(fixture->model, "QuantizeLinear");
}

/* 8 filters of 4 channels, 3 x 3. */
static inline struct graph_value *conv(struct fixture *fixture, struct graph_value *from,
                                       size_t seed) {
    struct graph_value *to =
        OP(fixture->model, "Conv", from, test_graph_weights(fixture->model, "4x4x3x3", seed),
           test_graph_weights(fixture->model, "4", seed + 1));
    test_graph_integers(to, "pads", (const int64_t[]){1, 1, 1, 1}, 4);
    return to;
}

/* How far the answers are after quantising, in decibels; 100: there is no runtime to ask. */
static inline double quantise_and_compare(struct fixture *fixture) {
    if (!test_model_can_run()) {
        quantise(fixture);
        return 100;
    }
    struct test_answer before = test_graph_run(fixture->model, 1);
    quantise(fixture);
    struct test_answer after = test_graph_run(fixture->model, 1);
    double signal = 0;
    double noise = 0;
    assert_int_equal(before.count, after.count);
    for (size_t i = 0; i < before.count; i++) {
        signal += before.numbers[i] * before.numbers[i];
        noise += pow(before.numbers[i] - after.numbers[i], 2);
    }
    memory_free(before.numbers);
    memory_free(after.numbers);
    return 10 * log10(signal / noise);
}

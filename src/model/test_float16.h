/*
 * test_float16: what the tests of model/float16 share.
 *
 * For unit tests alone.
 *
 * Thread: the test's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "model/float16.h"
#include "model/test_graph.h"

#define SET(call) assert_int_equal(call, STATUS_OK)

static inline struct float16_report store(struct graph_model *model) {
    struct float16_report report = {0};
    struct error err = {0};
    if (float16_store(model, &report, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return report;
}

static inline struct float16_report convert_with(struct graph_model *model,
                                                 const struct float16_options *options) {
    struct float16_report report = {0};
    struct error err = {0};
    if (float16_convert(model, options, &report, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return report;
}

static inline struct float16_report convert(struct graph_model *model) {
    return convert_with(model, &(struct float16_options){.keep_io = true});
}

static inline size_t file_bytes(const struct graph_model *model) {
    struct buffer bytes;
    struct error err = {0};
    buffer_init(&bytes, ONNX_BYTES_MAX);
    SET(onnx_file_pack(model, &bytes, &err));
    const size_t count = bytes.count;
    buffer_done(&bytes);
    return count;
}

static inline bool is_cast(const struct graph_node *node) {
    return node != NULL && graph_node_is(node, "Cast");
}

static inline void expect_no_cast_next_to_cast(const struct graph_model *model) {
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL;
         node = graph_walk(model, node)) {
        if (is_cast(node) && is_cast(graph_input(node, 0)->producer)) {
            fail_msg("a Cast stands behind a Cast: %.*s", SLICE_ARGS(graph_node_called(node)));
        }
    }
}

/* Converts the model, whose answers stay as near as float16 lets them. */
static inline struct float16_report expect_near(struct graph_model *model, double drift) {
    struct test_answer before = test_graph_run(model, 2);
    const struct float16_report report = convert(model);
    expect_no_cast_next_to_cast(model);
    struct test_answer after = test_graph_run(model, 2);
    const double seen = test_graph_drift(&before, &after);
    if (!(seen <= drift)) {
        fail_msg("the answers are %g apart", seen);
    }
    memory_free(before.numbers);
    memory_free(after.numbers);
    return report;
}

static inline struct graph_value *input_of(struct graph_model *model, const char *shape) {
    return test_graph_input(model, "x", ELEMENT_FLOAT32, shape);
}

static inline struct graph_value *product(struct graph_model *model, struct graph_value *input,
                                          const char *shape, size_t seed) {
    return OP(model, "MatMul", input, test_graph_weights(model, shape, seed));
}

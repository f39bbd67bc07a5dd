/*
 * test_opset: what the tests of model/opset share: a model is brought to a newer opset and answers
 * as before, or is refused with certain words.
 *
 * For unit tests alone.
 *
 * Thread: the test's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "model/opset.h"
#include "model/test_graph.h"

static inline status to_13(struct graph_model *model, uint32_t *out_changes, struct error *err) {
    return opset_upgrade(model, 13, out_changes, err);
}

static inline status to_17(struct graph_model *model, uint32_t *out_changes, struct error *err) {
    return opset_upgrade(model, 17, out_changes, err);
}

/* Answers as before at both ends of what can be asked for, and one node is rewritten. Takes the
 * model. */
static inline void expect_kept(struct graph_model *model) {
    struct error err = {0};
    test_graph_expect(model, to_13, 1, 0);
    assert_int_equal(graph_opset(model), 13);
    assert_int_equal(opset_upgrade(model, 17, &(uint32_t){0}, &err), STATUS_OK);
    struct test_answer answer = test_graph_run(model, 4);
    assert_true(answer.count > 0);
    memory_free(answer.numbers);
    onnx_file_close(model);
}

/* Refused with a sentence that has these words. Takes the model. */
static inline void expect_refused(struct graph_model *model, int64_t target, const char *words) {
    struct error err = {0};
    uint32_t changes = 0;
    assert_int_equal(opset_upgrade(model, target, &changes, &err), STATUS_INVALID);
    if (strstr(err.text, words) == NULL) {
        fail_msg("'%s' does not say '%s'", err.text, words);
    }
    onnx_file_close(model);
}

/* Both give the same, when the first is brought to 13. Takes the models. */
static inline void expect_means(struct graph_model *old, struct graph_model *meant) {
    struct error err = {0};
    uint32_t changes = 0;
    if (opset_upgrade(old, 13, &changes, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    struct test_answer one = test_graph_run(old, 4);
    struct test_answer other = test_graph_run(meant, 4);
    assert_true(test_graph_drift(&one, &other) == 0);
    assert_int_equal(changes, 1);
    memory_free(one.numbers);
    memory_free(other.numbers);
    onnx_file_close(old);
    onnx_file_close(meant);
}

static inline struct graph_node *one_node(struct graph_model **out_model, int opset, const char *op,
                                          const char *shape) {
    *out_model = test_graph_new(opset);
    struct graph_value *input = test_graph_input(*out_model, "x", ELEMENT_FLOAT32, shape);
    struct graph_value *output = OP(*out_model, op, input);
    test_graph_output(*out_model, output);
    return output->producer;
}

#define SET(call) assert_int_equal(call, STATUS_OK)

#define SET_INTEGERS(node, name, ...)                                                              \
    SET(graph_set_integers(node, name, (const int64_t[]){__VA_ARGS__},                             \
                           sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)))

/*
 * test_graph: small models for tests of passes, built from an empty one and run by ONNX Runtime.
 *
 * For unit tests alone. Values come back from what makes them, so that a graph is written down as
 * its formula is; inputs are filled with numbers that only look random. What a model answers before
 * a pass is kept and compared with what it answers after it.
 *
 * Thread: the test's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <math.h>

#include "base/memory.h"
#include "model/graph_inner.h"
#include "model/onnx_file.h"
#include "model/test_numbers.h"
#include "platform/inference.h"
#include "platform/test_model.h"

enum { TEST_OUTPUTS_MAX = 8, TEST_INPUTS_MAX = 8, TEST_OPEN_SIZE = 3 };

/* All numbers of all outputs, one after another. */
struct test_answer {
    double *numbers; /* owned */
    size_t count;
    size_t first_count; /* of the first output */
};

/* The output of an operator with these inputs. */
#define OP(model, op, ...)                                                                         \
    test_graph_op(model, op, (struct graph_value *[]){__VA_ARGS__},                                \
                  sizeof((struct graph_value *[]){__VA_ARGS__}) / sizeof(struct graph_value *))

#define FLOATS(model, shape, ...)                                                                  \
    test_graph_floats(model, shape, (const float[]){__VA_ARGS__},                                  \
                      sizeof((const float[]){__VA_ARGS__}) / sizeof(float))

static inline struct graph_model *test_graph_new(int opset) {
    struct buffer whole;
    struct buffer part;
    struct error err = {0};
    struct graph_model *model = NULL;
    buffer_init(&whole, 4096);
    buffer_init(&part, 4096);
    onnx_put_number(&whole, 1, 8);
    onnx_put(&part, 1, SLICE(""));
    onnx_put_number(&part, 2, (uint64_t)opset);
    onnx_put_part(&whole, 8, &part);
    buffer_init(&part, 4096);
    onnx_put(&part, 2, SLICE("test"));
    onnx_put_part(&whole, 7, &part);
    assert_int_equal(onnx_file_read(buffer_slice(&whole), NULL, &model, &err), STATUS_OK);
    buffer_done(&whole);
    model->main.outputs = arena_get(&model->arena, TEST_OUTPUTS_MAX, sizeof(struct graph_use));
    model->main.output_types =
        arena_get(&model->arena, TEST_OUTPUTS_MAX, sizeof(struct graph_type *));
    model->main.output_origins = arena_get(&model->arena, TEST_OUTPUTS_MAX, sizeof(void *));
    return model;
}

/* "1x?xN": sizes, a nameless open one, an open one with a name. */
static inline const struct graph_type *
test_graph_type(struct graph_model *model, enum element_type element, const char *shape) {
    struct graph_type *type = arena_get(&model->arena, 1, sizeof(*type));
    struct graph_dim *dims = arena_get(&model->arena, TENSOR_RANK_MAX, sizeof(*dims));
    *type =
        (struct graph_type){.is_tensor = true, .element = element, .has_shape = true, .dims = dims};
    struct slice rest = slice_of(shape);
    struct slice size;
    while (onnx_next(&rest, 'x', &size)) {
        char *end = NULL;
        struct graph_dim *dim = &dims[type->rank++];
        dim->size = strtoll(size.bytes, &end, 10);
        if (end == size.bytes) {
            dim->size = -1;
            dim->name = slice_is(size, "?") ? SLICE("") : arena_copy(&model->arena, size);
        }
    }
    return type;
}

static inline struct graph_value *test_graph_input(struct graph_model *model, const char *name,
                                                   enum element_type element, const char *shape) {
    struct graph_value *value = arena_get(&model->arena, 1, sizeof(*value));
    *value = (struct graph_value){.name = slice_of(name),
                                  .graph = &model->main,
                                  .is_input = true,
                                  .type = test_graph_type(model, element, shape)};
    assert_true(graph_values_add(model, &model->main.inputs, value));
    return value;
}

static inline struct graph_value *test_graph_floats(struct graph_model *model, const char *shape,
                                                    const float *numbers, size_t count) {
    const struct graph_type *type = test_graph_type(model, ELEMENT_FLOAT32, shape);
    int64_t dims[TENSOR_RANK_MAX];
    void *bytes = NULL;
    for (uint32_t i = 0; i < type->rank; i++) {
        dims[i] = type->dims[i].size;
    }
    struct graph_tensor *tensor =
        graph_tensor_new(model, ELEMENT_FLOAT32, dims, type->rank, &bytes);
    assert_non_null(tensor);
    float *to = bytes;
    assert_true(numbers == NULL || graph_tensor_count(tensor) == count);
    for (size_t i = 0; i < (numbers != NULL ? count : graph_tensor_count(tensor)); i++) {
        to[i] = numbers != NULL ? numbers[i] : test_number(i + 7 * count);
    }
    return graph_add_tensor(&model->main, SLICE("c"), tensor);
}

/* An initializer of numbers that only look random, others for each seed. */
static inline struct graph_value *test_graph_weights(struct graph_model *model, const char *shape,
                                                     size_t seed) {
    return test_graph_floats(model, shape, NULL, seed);
}

static inline struct graph_value *test_graph_op(struct graph_model *model, const char *op,
                                                struct graph_value *const *inputs, size_t count) {
    struct graph_node *node =
        graph_add_node(&model->main, NULL, op, inputs, (uint32_t)count, 1, SLICE("v"));
    assert_non_null(node);
    return node->outputs[0];
}

static inline void test_graph_output(struct graph_model *model, struct graph_value *value) {
    assert_true(model->main.output_count < TEST_OUTPUTS_MAX);
    graph_use_value(&model->main.outputs[model->main.output_count++], value);
}

static inline void test_graph_integers(struct graph_value *value, const char *attribute,
                                       const int64_t *numbers, uint32_t count) {
    assert_int_equal(graph_set_integers(value->producer, attribute, numbers, count), STATUS_OK);
}

/* The numbers of a constant. */
static inline const float *test_numbers(const struct graph_value *value, size_t count) {
    const struct graph_tensor *tensor = graph_constant(value);
    assert_non_null(tensor);
    assert_int_equal(graph_tensor_count(tensor), count);
    return tensor->bytes;
}

/* A body of the node, empty, as its attribute with that name. */
static inline struct graph *test_graph_body(struct graph_node *node, const char *name) {
    struct graph_model *model = node->graph->model;
    struct graph *body = arena_get(&model->arena, 1, sizeof(*body));
    struct graph_attribute *attributes =
        arena_get(&model->arena, node->attribute_count + 1, sizeof(*attributes));
    for (uint32_t i = 0; i < node->attribute_count; i++) {
        attributes[i] = node->attributes[i];
    }
    attributes[node->attribute_count] =
        (struct graph_attribute){.name = slice_of(name), .kind = GRAPH_BODY, .body = body};
    node->attributes = attributes;
    node->attribute_count++;
    *body = (struct graph){
        .model = model, .owner = node, .name = slice_of(name), .origin = model->main.origin};
    body->outputs = arena_get(&model->arena, TEST_OUTPUTS_MAX, sizeof(struct graph_use));
    body->output_types = arena_get(&model->arena, TEST_OUTPUTS_MAX, sizeof(struct graph_type *));
    body->output_origins = arena_get(&model->arena, TEST_OUTPUTS_MAX, sizeof(void *));
    return body;
}

/* A node of one or two inputs in a body, whose output is one of the body's when `gives`. */
static inline struct graph_value *test_graph_within(struct graph *body, const char *op,
                                                    struct graph_value *first,
                                                    struct graph_value *second, bool gives) {
    struct graph_value *inputs[] = {first, second};
    struct graph_node *node =
        graph_add_node(body, NULL, op, inputs, second != NULL ? 2 : 1, 1, SLICE("inner"));
    assert_non_null(node);
    if (gives) {
        graph_use_value(&body->outputs[body->output_count++], node->outputs[0]);
    }
    return node->outputs[0];
}

/* Nodes with that operator, in all graphs. */
static inline uint32_t test_graph_count(const struct graph_model *model, const char *op) {
    uint32_t count = 0;
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL;
         node = graph_walk(model, node)) {
        count += graph_node_is(node, op) ? 1 : 0;
    }
    return count;
}

/* --- running --- */

static inline double test_graph_element(const struct tensor *tensor, size_t index) {
    switch (tensor->type) {
    case TENSOR_FLOAT32:
        return ((const float *)tensor->bytes)[index];
    case TENSOR_INT64:
        return (double)((const int64_t *)tensor->bytes)[index];
    case TENSOR_INT32:
        return ((const int32_t *)tensor->bytes)[index];
    default:
        return ((const uint8_t *)tensor->bytes)[index];
    }
}

static inline void test_graph_fill(struct tensor *tensor, const struct inference_port *port,
                                   float scale) {
    *tensor = (struct tensor){.type = port->type, .rank = port->rank};
    size_t count = 1;
    for (uint32_t i = 0; i < port->rank; i++) {
        tensor->shape[i] = port->shape[i] >= 0 ? port->shape[i] : TEST_OPEN_SIZE;
        count *= (size_t)tensor->shape[i];
    }
    tensor->byte_count = count * tensor_type_bytes(port->type);
    tensor->bytes = memory_new(count + 1, tensor_type_bytes(port->type));
    for (size_t i = 0; i < count; i++) {
        if (port->type == TENSOR_FLOAT32) {
            ((float *)tensor->bytes)[i] = scale * test_number(i);
        } else if (port->type == TENSOR_INT64) {
            ((int64_t *)tensor->bytes)[i] = (int64_t)i % 2;
        } else if (port->type == TENSOR_BOOLEAN) {
            ((uint8_t *)tensor->bytes)[i] = i % 2;
        }
    }
}

static inline void test_graph_keep(struct test_answer *answer, const struct tensor *tensors,
                                   uint32_t count) {
    *answer = (struct test_answer){0};
    for (uint32_t k = 0; k < count; k++) {
        const size_t more = tensors[k].byte_count / tensor_type_bytes(tensors[k].type);
        answer->numbers =
            memory_resize(answer->numbers, (answer->count + more + 1) * sizeof(double));
        assert_non_null(answer->numbers);
        for (size_t i = 0; i < more; i++) {
            answer->numbers[answer->count++] = test_graph_element(&tensors[k], i);
        }
        answer->first_count = k == 0 ? more : answer->first_count;
    }
}

static inline struct inference_model *test_graph_open(const struct graph_model *model,
                                                      enum inference_level level) {
    const struct inference_options options = {
        .threads = 1, .memory_bytes = 1 << 30, .level = level};
    struct inference_model *opened = NULL;
    struct buffer bytes;
    struct error err = {0};
    if (!test_model_can_run()) {
        skip(); /* it has said why */
    }
    buffer_init(&bytes, ONNX_BYTES_MAX);
    assert_int_equal(graph_verify(model, &err), STATUS_OK);
    assert_int_equal(onnx_file_pack(model, &bytes, &err), STATUS_OK);
    if (inference_open_bytes(buffer_slice(&bytes), &options, &opened, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    buffer_done(&bytes);
    return opened;
}

/* What the model answers; floats that it is given are between -scale and scale. */
static inline struct test_answer test_graph_run(const struct graph_model *model, float scale) {
    struct inference_model *opened = test_graph_open(model, INFERENCE_LEVEL_NONE);
    struct inference_run *run = NULL;
    struct test_answer answer;
    struct tensor inputs[TEST_INPUTS_MAX];
    struct tensor outputs[TEST_OUTPUTS_MAX];
    uint32_t wanted[TEST_OUTPUTS_MAX];
    struct error err = {0};
    const uint32_t input_count = inference_input_count(opened);
    for (uint32_t i = 0; i < input_count; i++) {
        test_graph_fill(&inputs[i], inference_input(opened, i), scale);
    }
    const uint32_t count = inference_output_count(opened);
    for (uint32_t i = 0; i < count; i++) {
        wanted[i] = i;
    }
    assert_int_equal(inference_run_create(opened, &run, &err), STATUS_OK);
    if (inference_run(run, inputs, wanted, count, outputs, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    test_graph_keep(&answer, outputs, count);
    for (uint32_t i = 0; i < input_count; i++) {
        memory_free(inputs[i].bytes);
    }
    inference_run_destroy(run);
    inference_close(opened);
    return answer;
}

/* The largest difference, as a part of the largest number; INFINITY where the counts differ. */
static inline double test_graph_drift(const struct test_answer *a, const struct test_answer *b) {
    double largest = 1e-30;
    double drift = 0;
    if (a->count != b->count || a->count == 0) {
        return INFINITY;
    }
    for (size_t i = 0; i < a->count; i++) {
        largest = fmax(largest, fabs(a->numbers[i]));
        const double apart = fabs(a->numbers[i] - b->numbers[i]);
        drift = isnan(apart) ? INFINITY : fmax(drift, apart);
    }
    return drift / largest;
}

/* Runs the model before and after `pass`, which makes `changes`; the answers are apart by at most
 * `drift`, and by nothing for 0. */
static inline void test_graph_expect(struct graph_model *model,
                                     status (*pass)(struct graph_model *model,
                                                    uint32_t *out_changes, struct error *err),
                                     uint32_t changes, double drift) {
    struct error err = {0};
    uint32_t made = 0;
    struct test_answer before = test_graph_run(model, 4);
    if (pass(model, &made, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    struct test_answer after = test_graph_run(model, 4);
    const double seen = test_graph_drift(&before, &after);
    if (seen > drift) {
        fail_msg("the answers are %g apart", seen);
    }
    assert_int_equal(made, changes);
    memory_free(before.numbers);
    memory_free(after.numbers);
}

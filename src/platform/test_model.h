/*
 * test_model: small ONNX files for tests, written byte by byte; and ONNX Runtime for them.
 *
 * For unit tests alone. A model is begun, given inputs, outputs, constants and nodes in any order,
 * and taken as bytes. Shapes are texts such as "1x?x4", "" for one number.
 *
 * Thread: the test's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/slice.h"

/* Element types and attribute types as the format counts them. */
enum { ONNX_FLOAT = 1, ONNX_UINT8 = 2, ONNX_INT32 = 6, ONNX_INT64 = 7, ONNX_BOOL = 9 };
enum { ONNX_INT8 = 3, ONNX_UINT16 = 4, ONNX_INT16 = 5, ONNX_FLOAT16 = 10, ONNX_DOUBLE = 11 };
enum { ONNX_UINT32 = 12, ONNX_UINT64 = 13, ONNX_BFLOAT16 = 16 };
enum { ONNX_OPSET = 15, TEST_MODEL_BYTES_MAX = 64 << 20 };

struct test_model {
    struct buffer graph;
};

/* --- the wire format: a field is its number and kind, then a number or counted bytes --- */
static inline void onnx_number(struct buffer *out, uint64_t number) {
    for (; number >= 128; number >>= 7) {
        buffer_add_byte(out, (uint8_t)(number | 128));
    }
    buffer_add_byte(out, (uint8_t)number);
}

static inline void onnx_put_number(struct buffer *out, uint32_t field, uint64_t number) {
    onnx_number(out, field << 3);
    onnx_number(out, number);
}

static inline void onnx_put(struct buffer *out, uint32_t field, struct slice bytes) {
    onnx_number(out, field << 3 | 2);
    onnx_number(out, bytes.count);
    buffer_add(out, bytes);
}

/* Puts the buffer as a field and empties it. */
static inline void onnx_put_part(struct buffer *out, uint32_t field, struct buffer *part) {
    assert_int_equal(part->failed, STATUS_OK);
    onnx_put(out, field, buffer_slice(part));
    buffer_done(part);
}

static inline void test_model_begin(struct test_model *model) {
    buffer_init(&model->graph, TEST_MODEL_BYTES_MAX);
    onnx_put(&model->graph, 2, SLICE("test"));
}

/* The next of the texts that `separator` stands between; false when there is none left. */
static inline bool onnx_next(struct slice *rest, char separator, struct slice *out_item) {
    if (rest->count == 0) {
        return false;
    }
    const size_t end = slice_find(*rest, separator);
    *out_item = slice_part(*rest, 0, end);
    *rest = slice_part(*rest, end + 1, rest->count);
    return true;
}

static inline void onnx_put_port(struct buffer *graph, uint32_t field, const char *name, int type,
                                 const char *shape) {
    struct buffer dims;
    struct buffer tensor;
    struct buffer whole;
    struct buffer port;
    buffer_init(&dims, 4096);
    buffer_init(&tensor, 4096);
    buffer_init(&whole, 4096);
    buffer_init(&port, 8192);
    struct slice rest = slice_of(shape);
    struct slice size;
    while (onnx_next(&rest, 'x', &size)) {
        struct buffer dim;
        buffer_init(&dim, 64);
        if (slice_is(size, "?")) {
            onnx_put(&dim, 2, SLICE("any"));
        } else {
            onnx_put_number(&dim, 1, strtoull(size.bytes, NULL, 10));
        }
        onnx_put_part(&dims, 1, &dim);
    }
    onnx_put_number(&tensor, 1, (uint64_t)type);
    onnx_put_part(&tensor, 2, &dims);
    onnx_put_part(&whole, 1, &tensor);
    onnx_put(&port, 1, slice_of(name));
    onnx_put_part(&port, 2, &whole);
    onnx_put_part(graph, field, &port);
}

static inline void test_model_input(struct test_model *model, const char *name, int type,
                                    const char *shape) {
    onnx_put_port(&model->graph, 11, name, type, shape);
}

static inline void test_model_output(struct test_model *model, const char *name, int type,
                                     const char *shape) {
    onnx_put_port(&model->graph, 12, name, type, shape);
}

/* A tensor without its numbers. */
static inline void onnx_begin_tensor(struct buffer *tensor, const char *name, int type,
                                     const char *shape) {
    buffer_init(tensor, TEST_MODEL_BYTES_MAX);
    struct slice rest = slice_of(shape);
    struct slice size;
    while (onnx_next(&rest, 'x', &size)) {
        onnx_put_number(tensor, 1, strtoull(size.bytes, NULL, 10));
    }
    onnx_put_number(tensor, 2, (uint64_t)type);
    onnx_put(tensor, 8, slice_of(name));
}

static inline void test_model_constant(struct test_model *model, const char *name, int type,
                                       const char *shape, struct slice bytes) {
    struct buffer tensor;
    onnx_begin_tensor(&tensor, name, type, shape);
    onnx_put(&tensor, 9, bytes);
    onnx_put_part(&model->graph, 5, &tensor);
}

/* A constant whose numbers are all the bytes of a file beside the model. */
static inline void test_model_external(struct test_model *model, const char *name, int type,
                                       const char *shape, const char *file) {
    struct buffer tensor;
    struct buffer entry;
    onnx_begin_tensor(&tensor, name, type, shape);
    buffer_init(&entry, 4096);
    onnx_put(&entry, 1, SLICE("location"));
    onnx_put(&entry, 2, slice_of(file));
    onnx_put_part(&tensor, 13, &entry);
    onnx_put_number(&tensor, 14, 1);
    onnx_put_part(&model->graph, 5, &tensor);
}

/* A node; names are parted by blanks. `attribute` is a whole attribute, or NULL. */
static inline void onnx_put_node(struct buffer *graph, const char *op, const char *inputs,
                                 const char *outputs, struct buffer *attribute) {
    struct buffer node;
    buffer_init(&node, 1 << 20);
    struct slice rest = slice_of(inputs);
    struct slice name;
    while (onnx_next(&rest, ' ', &name)) {
        onnx_put(&node, 1, slice_is(name, "-") ? SLICE("") : name);
    }
    rest = slice_of(outputs);
    while (onnx_next(&rest, ' ', &name)) {
        onnx_put(&node, 2, name);
    }
    onnx_put(&node, 4, slice_of(op));
    if (attribute != NULL) {
        onnx_put_part(&node, 5, attribute);
    }
    onnx_put_part(graph, 1, &node);
}

static inline void test_model_node(struct test_model *model, const char *op, const char *inputs,
                                   const char *outputs) {
    onnx_put_node(&model->graph, op, inputs, outputs, NULL);
}

/* A node with a whole number as its attribute. */
static inline void test_model_node_with(struct test_model *model, const char *op,
                                        const char *inputs, const char *outputs, const char *name,
                                        int64_t number) {
    struct buffer attribute;
    buffer_init(&attribute, 256);
    onnx_put(&attribute, 1, slice_of(name));
    onnx_put_number(&attribute, 3, (uint64_t)number);
    onnx_put_number(&attribute, 20, 2);
    onnx_put_node(&model->graph, op, inputs, outputs, &attribute);
}

/* `output` is what `input` becomes when it is added to itself for ever. */
static inline void test_model_endless(struct test_model *model, const char *input,
                                      const char *output) {
    struct buffer body;
    struct buffer attribute;
    buffer_init(&body, 4096);
    buffer_init(&attribute, 8192);
    onnx_put(&body, 2, SLICE("body"));
    onnx_put_node(&body, "Identity", "go_on", "goes_on", NULL);
    onnx_put_node(&body, "Add", "before before", "after", NULL);
    onnx_put_port(&body, 11, "turn", ONNX_INT64, "");
    onnx_put_port(&body, 11, "go_on", ONNX_BOOL, "");
    onnx_put_port(&body, 11, "before", ONNX_FLOAT, "?");
    onnx_put_port(&body, 12, "goes_on", ONNX_BOOL, "");
    onnx_put_port(&body, 12, "after", ONNX_FLOAT, "?");
    onnx_put(&attribute, 1, SLICE("body"));
    onnx_put_part(&attribute, 6, &body);
    onnx_put_number(&attribute, 20, 5);
    char inputs[128];
    (void)snprintf(inputs, sizeof(inputs), "- - %s", input);
    onnx_put_node(&model->graph, "Loop", inputs, output, &attribute);
}

/* The model as bytes, in a buffer that is the caller's then; is done with the model. */
static inline void test_model_bytes(struct test_model *model, int opset, struct buffer *out_bytes) {
    struct buffer operators;
    buffer_init(out_bytes, TEST_MODEL_BYTES_MAX);
    buffer_init(&operators, 256);
    onnx_put_number(out_bytes, 1, 8);
    onnx_put(&operators, 1, SLICE(""));
    onnx_put_number(&operators, 2, (uint64_t)opset);
    onnx_put_part(out_bytes, 8, &operators);
    onnx_put_part(out_bytes, 7, &model->graph);
    assert_int_equal(out_bytes->failed, STATUS_OK);
}

/* Writes the file and is done with the model. */
static inline void test_model_write(struct test_model *model, const char *path, int opset) {
    struct buffer whole;
    test_model_bytes(model, opset, &whole);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(whole.bytes, 1, whole.count, file), whole.count);
    assert_int_equal(fclose(file), 0);
    buffer_done(&whole);
}

/* Whether there is an ONNX Runtime, which `make test` fetches; where there is none, says so. */
static inline bool test_model_can_run(void) {
    struct utsname machine;
    char path[512];
    assert_int_equal(uname(&machine), 0);
    (void)snprintf(path, sizeof(path), "build/data/onnxruntime-%s/libonnxruntime.so",
                   machine.machine);
    if (getenv("EBB_ONNXRUNTIME") != NULL) {
        return true;
    }
    if (access(path, R_OK) != 0) {
        print_message("# %s is not here: tools/fetch-npm fetches it\n", path);
        return false;
    }
    char absolute[1024];
    char here[512];
    assert_non_null(getcwd(here, sizeof(here)));
    (void)snprintf(absolute, sizeof(absolute), "%s/%s", here, path);
    assert_int_equal(setenv("EBB_ONNXRUNTIME", absolute, 0), 0);
    return true;
}

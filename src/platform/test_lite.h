/*
 * test_lite: small TensorFlow Lite files for tests, written byte by byte; and the library for them.
 *
 * For unit tests alone. The model is y = x + w, with a row of numbers each. Its file is a
 * FlatBuffer: a table is a list of where its fields are, then the fields; all that a field points
 * at lies behind it.
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

enum { TEST_LITE_BYTES_MAX = 1 << 20, TEST_LITE_WEIGHTS = 2 };

struct test_lite {
    int32_t size;        /* of x and y, where it is not that of the weights */
    float added;         /* each of the weights */
    const char *custom;  /* an operator of that name in place of Add */
    uint32_t weights_at; /* out: where the weights lie */
};

static inline void lite_put(struct buffer *out, size_t at, uint32_t number) {
    for (size_t i = 0; i < 4; i++) {
        out->bytes[at + i] = (char)(number >> (8 * i));
    }
}

static inline size_t lite_u32(struct buffer *out, uint32_t number) {
    const size_t at = out->count;
    buffer_add_u32(out, number);
    return at;
}

/* What lies next is what the field at `at` points to. */
static inline void lite_point(struct buffer *out, size_t at) {
    lite_put(out, at, (uint32_t)(out->count - at));
}

static inline void lite_half(struct buffer *out, uint32_t number) {
    buffer_add_byte(out, (uint8_t)number);
    buffer_add_byte(out, (uint8_t)(number >> 8));
}

/* A table with those of the first fields that the mask names, four bytes each; `at` is where it is
 * pointed from. Returns where its first field lies. */
static inline size_t lite_table(struct buffer *out, size_t at, uint32_t mask, uint32_t fields) {
    uint32_t present = 0;
    const uint32_t list_bytes = 4 + 2 * fields;
    const size_t list = out->count;
    for (uint32_t i = 0; i < fields; i++) {
        present += mask >> i & 1;
    }
    lite_half(out, list_bytes);
    lite_half(out, 4 + 4 * present);
    uint32_t next = 4;
    for (uint32_t i = 0; i < fields; i++) {
        lite_half(out, (mask >> i & 1) != 0 ? next : 0);
        next += (mask >> i & 1) != 0 ? 4 : 0;
    }
    if (list_bytes % 4 != 0) {
        lite_half(out, 0);
    }
    lite_point(out, at);
    (void)lite_u32(out, (uint32_t)(out->count - list));
    const size_t first = out->count;
    for (uint32_t i = 0; i < present; i++) {
        (void)lite_u32(out, 0);
    }
    return first;
}

/* A vector of as many fields of four bytes; returns where the first lies. */
static inline size_t lite_vector(struct buffer *out, size_t at, uint32_t count) {
    lite_point(out, at);
    (void)lite_u32(out, count);
    const size_t first = out->count;
    for (uint32_t i = 0; i < count; i++) {
        (void)lite_u32(out, 0);
    }
    return first;
}

static inline void lite_text(struct buffer *out, size_t at, const char *text) {
    lite_point(out, at);
    (void)lite_u32(out, (uint32_t)strlen(text));
    buffer_add_text(out, text);
    do {
        buffer_add_byte(out, 0);
    } while (out->count % 4 != 0);
}

/* shape, buffer and name of a tensor of float32. */
static inline void lite_tensor(struct buffer *out, size_t at, int32_t size, uint32_t buffer,
                               const char *name) {
    const size_t fields = lite_table(out, at, 1 << 0 | 1 << 2 | 1 << 3, 4);
    lite_put(out, fields + 4, buffer);
    lite_put(out, lite_vector(out, fields, 1), (uint32_t)size);
    lite_text(out, fields + 8, name);
}

static inline void lite_numbers(struct buffer *out, size_t at, uint32_t count, uint32_t first,
                                uint32_t second) {
    const size_t items = lite_vector(out, at, count);
    lite_put(out, items, first);
    if (count > 1) {
        lite_put(out, items + 4, second);
    }
}

static inline void lite_subgraph(struct buffer *out, size_t at, int32_t size) {
    const size_t fields = lite_table(out, at, 0xf, 4);
    const size_t tensors = lite_vector(out, fields, 3);
    lite_tensor(out, tensors, size, 0, "x");
    lite_tensor(out, tensors + 4, TEST_LITE_WEIGHTS, 1, "w");
    lite_tensor(out, tensors + 8, size, 0, "y");
    lite_numbers(out, fields + 4, 1, 0, 0);
    lite_numbers(out, fields + 8, 1, 2, 0);
    const size_t nodes = lite_vector(out, fields + 12, 1);
    const size_t node = lite_table(out, nodes, 1 << 1 | 1 << 2, 3);
    lite_numbers(out, node, 2, 0, 1);
    lite_numbers(out, node + 4, 1, 2, 0);
}

/* The file, in a buffer that is the caller's then. */
static inline void test_lite_bytes(struct test_lite *model, struct buffer *out) {
    enum { ADD = 0, CUSTOM = 32 };
    const int32_t size = model->size != 0 ? model->size : TEST_LITE_WEIGHTS;
    buffer_init(out, TEST_LITE_BYTES_MAX);
    (void)lite_u32(out, 0);
    buffer_add_text(out, "TFL3");
    /* version, codes of operators, subgraphs, (a description,) buffers */
    const size_t fields = lite_table(out, 0, 1 << 0 | 1 << 1 | 1 << 2 | 1 << 4, 5);
    lite_put(out, fields, 3);
    const size_t codes = lite_vector(out, fields + 4, 1);
    /* the code as older releases read it, the name of one that is not built in, version, code */
    const bool is_custom = model->custom != NULL;
    const size_t code = lite_table(out, codes, is_custom ? 0xf : 0xd, 4);
    const size_t rest = code + (is_custom ? 8 : 4);
    lite_put(out, code, is_custom ? CUSTOM : ADD);
    lite_put(out, rest, 1);
    lite_put(out, rest + 4, is_custom ? CUSTOM : ADD);
    if (is_custom) {
        lite_text(out, code + 4, model->custom);
    }
    lite_subgraph(out, lite_vector(out, fields + 8, 1), size);
    const size_t buffers = lite_vector(out, fields + 12, 2);
    (void)lite_table(out, buffers, 0, 1);
    const size_t held = lite_table(out, buffers + 4, 1, 1);
    while (out->count % 16 != 12) {
        buffer_add_byte(out, 0);
    }
    lite_point(out, held);
    (void)lite_u32(out, TEST_LITE_WEIGHTS * sizeof(float));
    model->weights_at = (uint32_t)out->count;
    for (int i = 0; i < TEST_LITE_WEIGHTS; i++) {
        uint32_t bits;
        (void)memcpy(&bits, &model->added, sizeof(bits));
        buffer_add_u32(out, bits);
    }
    assert_int_equal(out->failed, STATUS_OK);
}

/* Names the library that `make test` fetches, unless one is named; where there is none, says so. */
static inline bool test_lite_can_run(void) {
    struct utsname machine;
    char here[512];
    char path[1024];
    if (getenv("EBB_TENSORFLOW_LITE") != NULL) {
        return true;
    }
    assert_int_equal(uname(&machine), 0);
    assert_non_null(getcwd(here, sizeof(here)));
    (void)snprintf(path, sizeof(path),
                   "%s/build/data/tensorflow-lite/cc_deps/linux_%s/libtensorflowlite_c.so", here,
                   strcmp(machine.machine, "aarch64") == 0 ? "arm64" : "amd64");
    if (access(path, R_OK) != 0) {
        print_message("# %s is not here: tools/fetch-npm tensorflow-lite fetches it\n", path);
        return false;
    }
    assert_int_equal(setenv("EBB_TENSORFLOW_LITE", path, 1), 0);
    return true;
}

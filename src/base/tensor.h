/*
 * tensor: numbers of one type in a block of some shape: what a model takes and gives.
 *
 * Plain data that points at bytes of somebody else, in row-major order and in the machine's own
 * byte order. Where a tensor outlives a call it is a blob (base/blob) whose type says its element
 * type and shape, as tensor_write_type has it. Running a model is platform/inference.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum tensor_type {
    TENSOR_FLOAT32,
    TENSOR_FLOAT16, /* IEEE 754 binary16 */
    TENSOR_UINT8,
    TENSOR_INT8,
    TENSOR_INT32,
    TENSOR_INT64,
    TENSOR_BOOLEAN, /* a byte each, 0 or 1 */
    TENSOR_FLOAT64,
    TENSOR_BFLOAT16, /* the first half of a float32 */
    TENSOR_INT16,
    TENSOR_UINT16,
    TENSOR_UINT32,
    TENSOR_UINT64,
    TENSOR_TYPE_COUNT
};

enum {
    TENSOR_RANK_MAX = 8,
    TENSOR_BYTES_MAX = 256 << 20, /* of one tensor */
    TENSOR_TYPE_TEXT_BYTES = 224
};

struct tensor {
    enum tensor_type type;
    uint32_t rank; /* 0: one number */
    int64_t shape[TENSOR_RANK_MAX];
    void *bytes; /* not owned */
    size_t byte_count;
};

/* Bytes of one number. */
size_t tensor_type_bytes(enum tensor_type type);

/* "float32" and so on, as the guide's metadata and numpy spell them. */
const char *tensor_type_name(enum tensor_type type);
bool tensor_type_read(struct slice name, enum tensor_type *out_type);

/* All of their names, for sentences: "float32, float16, ... and bool". */
extern const char TENSOR_TYPES_TEXT[];

/* How many numbers a shape holds. false: a dimension is negative, or all would be more than
 * TENSOR_BYTES_MAX bytes. */
bool tensor_count(enum tensor_type type, const int64_t *shape, uint32_t rank, size_t *out_count);

/* "tensor/float32; shape=2x1x128": the type of a blob that holds a tensor. */
void tensor_write_type(const struct tensor *tensor, char out_text[TENSOR_TYPE_TEXT_BYTES]);

/* Reads type, shape and the count of bytes that they ask for; `bytes` stays NULL. false: no such
 * type. */
bool tensor_read_type(struct slice text, struct tensor *out_tensor);

// SPDX-License-Identifier: Apache-2.0
#include "base/tensor.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define PREFIX "tensor/"
#define SHAPE  "; shape="

static const struct {
    const char *name;
    size_t bytes;
} TYPES[TENSOR_TYPE_COUNT] = {
    [TENSOR_FLOAT32] = {"float32", 4},   [TENSOR_FLOAT16] = {"float16", 2},
    [TENSOR_UINT8] = {"uint8", 1},       [TENSOR_INT8] = {"int8", 1},
    [TENSOR_INT32] = {"int32", 4},       [TENSOR_INT64] = {"int64", 8},
    [TENSOR_BOOLEAN] = {"bool", 1},      [TENSOR_FLOAT64] = {"float64", 8},
    [TENSOR_BFLOAT16] = {"bfloat16", 2}, [TENSOR_INT16] = {"int16", 2},
    [TENSOR_UINT16] = {"uint16", 2},     [TENSOR_UINT32] = {"uint32", 4},
    [TENSOR_UINT64] = {"uint64", 8},
};

const char TENSOR_TYPES_TEXT[] = "float32, float16, bfloat16, float64, uint8, int8, uint16, int16, "
                                 "uint32, int32, uint64, int64 and bool";

size_t tensor_type_bytes(enum tensor_type type) {
    return TYPES[type].bytes;
}

const char *tensor_type_name(enum tensor_type type) {
    return TYPES[type].name;
}

bool tensor_type_read(struct slice name, enum tensor_type *out_type) {
    for (int i = 0; i < TENSOR_TYPE_COUNT; i++) {
        if (slice_is(name, TYPES[i].name)) {
            *out_type = (enum tensor_type)i;
            return true;
        }
    }
    return false;
}

bool tensor_count(enum tensor_type type, const int64_t *shape, uint32_t rank, size_t *out_count) {
    size_t count = 1;
    const size_t most = TENSOR_BYTES_MAX / tensor_type_bytes(type);
    for (uint32_t i = 0; i < rank; i++) {
        if (shape[i] < 0) {
            return false;
        }
        const uint64_t size = (uint64_t)shape[i];
        if (size > most || (size > 0 && count > most / size)) {
            return false;
        }
        count *= (size_t)size;
    }
    *out_count = count;
    return true;
}

void tensor_write_type(const struct tensor *tensor, char out_text[TENSOR_TYPE_TEXT_BYTES]) {
    int used = snprintf(out_text, TENSOR_TYPE_TEXT_BYTES, PREFIX "%s" SHAPE,
                        tensor_type_name(tensor->type));
    for (uint32_t i = 0; i < tensor->rank; i++) {
        used += snprintf(out_text + used, (size_t)(TENSOR_TYPE_TEXT_BYTES - used), "%s%" PRId64,
                         i > 0 ? "x" : "", tensor->shape[i]);
    }
    assert(used < TENSOR_TYPE_TEXT_BYTES);
}

/* "2x1x128"; empty for one number. */
static bool read_shape(struct slice text, struct tensor *tensor) {
    bool digit = text.count == 0;
    for (size_t i = 0; i < text.count; i++) {
        const char c = text.bytes[i];
        if (c == 'x' && digit) {
            digit = false;
        } else if (c >= '0' && c <= '9') {
            if (!digit && tensor->rank == TENSOR_RANK_MAX) {
                return false;
            }
            tensor->rank += digit ? 0 : 1;
            int64_t *size = &tensor->shape[tensor->rank - 1];
            *size = *size * 10 + (c - '0');
            if (*size > TENSOR_BYTES_MAX) {
                return false;
            }
            digit = true;
        } else {
            return false;
        }
    }
    return digit;
}

bool tensor_read_type(struct slice text, struct tensor *out_tensor) {
    struct tensor tensor = {0};
    if (!slice_starts(text, PREFIX)) {
        return false;
    }
    const struct slice rest = slice_part(text, sizeof(PREFIX) - 1, text.count);
    const size_t end = slice_find(rest, ';');
    const struct slice tail = slice_part(rest, end, rest.count);
    size_t count;
    if (!slice_starts(tail, SHAPE) || !tensor_type_read(slice_part(rest, 0, end), &tensor.type) ||
        !read_shape(slice_part(tail, sizeof(SHAPE) - 1, tail.count), &tensor) ||
        !tensor_count(tensor.type, tensor.shape, tensor.rank, &count)) {
        return false;
    }
    tensor.byte_count = count * tensor_type_bytes(tensor.type);
    *out_tensor = tensor;
    return true;
}

// SPDX-License-Identifier: Apache-2.0
#include "model/element_type.h"

static const struct {
    const char *name;
    uint32_t bits;
} TYPES[ELEMENT_TYPE_COUNT] = {
    [ELEMENT_UNDEFINED] = {"undefined", 0},
    [ELEMENT_FLOAT32] = {"float32", 32},
    [ELEMENT_UINT8] = {"uint8", 8},
    [ELEMENT_INT8] = {"int8", 8},
    [ELEMENT_UINT16] = {"uint16", 16},
    [ELEMENT_INT16] = {"int16", 16},
    [ELEMENT_INT32] = {"int32", 32},
    [ELEMENT_INT64] = {"int64", 64},
    [ELEMENT_STRING] = {"string", 0},
    [ELEMENT_BOOLEAN] = {"bool", 8},
    [ELEMENT_FLOAT16] = {"float16", 16},
    [ELEMENT_FLOAT64] = {"float64", 64},
    [ELEMENT_UINT32] = {"uint32", 32},
    [ELEMENT_UINT64] = {"uint64", 64},
    [ELEMENT_COMPLEX64] = {"complex64", 64},
    [ELEMENT_COMPLEX128] = {"complex128", 128},
    [ELEMENT_BFLOAT16] = {"bfloat16", 16},
    [ELEMENT_FLOAT8_E4M3FN] = {"float8_e4m3fn", 8},
    [ELEMENT_FLOAT8_E4M3FNUZ] = {"float8_e4m3fnuz", 8},
    [ELEMENT_FLOAT8_E5M2] = {"float8_e5m2", 8},
    [ELEMENT_FLOAT8_E5M2FNUZ] = {"float8_e5m2fnuz", 8},
    [ELEMENT_UINT4] = {"uint4", 4},
    [ELEMENT_INT4] = {"int4", 4},
    [ELEMENT_FLOAT4_E2M1] = {"float4_e2m1", 4},
};

static const uint64_t NUMBERS_MAX = (uint64_t)1 << 42;

static const enum element_type OF_TENSOR[TENSOR_TYPE_COUNT] = {
    [TENSOR_FLOAT32] = ELEMENT_FLOAT32,   [TENSOR_FLOAT16] = ELEMENT_FLOAT16,
    [TENSOR_UINT8] = ELEMENT_UINT8,       [TENSOR_INT8] = ELEMENT_INT8,
    [TENSOR_INT32] = ELEMENT_INT32,       [TENSOR_INT64] = ELEMENT_INT64,
    [TENSOR_BOOLEAN] = ELEMENT_BOOLEAN,   [TENSOR_FLOAT64] = ELEMENT_FLOAT64,
    [TENSOR_BFLOAT16] = ELEMENT_BFLOAT16, [TENSOR_INT16] = ELEMENT_INT16,
    [TENSOR_UINT16] = ELEMENT_UINT16,     [TENSOR_UINT32] = ELEMENT_UINT32,
    [TENSOR_UINT64] = ELEMENT_UINT64,
};

static bool is_known(enum element_type type) {
    return (unsigned)type < ELEMENT_TYPE_COUNT;
}

const char *element_type_name(enum element_type type) {
    return is_known(type) ? TYPES[type].name : "unknown";
}

uint32_t element_type_bits(enum element_type type) {
    return is_known(type) ? TYPES[type].bits : 0;
}

bool element_type_bytes(enum element_type type, const int64_t *dims, uint32_t rank,
                        uint64_t *out_bytes) {
    uint64_t count = 1;
    bool is_empty = false;
    for (uint32_t i = 0; i < rank; i++) {
        if (dims[i] < 0) {
            return false;
        }
        is_empty = is_empty || dims[i] == 0;
        const uint64_t dim = dims[i] == 0 ? 1 : (uint64_t)dims[i];
        if (dim > NUMBERS_MAX / count) {
            return false;
        }
        count *= dim;
    }
    const uint32_t bits = element_type_bits(type);
    *out_bytes = is_empty ? 0 : (count * bits + 7) / 8;
    return bits > 0;
}

bool element_type_to_tensor(enum element_type type, enum tensor_type *out_type) {
    for (int i = 0; i < TENSOR_TYPE_COUNT; i++) {
        if (OF_TENSOR[i] == type) {
            *out_type = (enum tensor_type)i;
            return true;
        }
    }
    return false;
}

enum element_type element_type_of_tensor(enum tensor_type type) {
    return OF_TENSOR[type];
}

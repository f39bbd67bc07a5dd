/*
 * element_type: what the numbers of a tensor in an ONNX file are, as the format counts them.
 *
 * Every type of the format has its number and size here, also those that neither base/tensor nor
 * any pass computes with: a file may carry them through.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/tensor.h"

enum element_type {
    ELEMENT_UNDEFINED,
    ELEMENT_FLOAT32,
    ELEMENT_UINT8,
    ELEMENT_INT8,
    ELEMENT_UINT16,
    ELEMENT_INT16,
    ELEMENT_INT32,
    ELEMENT_INT64,
    ELEMENT_STRING,
    ELEMENT_BOOLEAN,
    ELEMENT_FLOAT16,
    ELEMENT_FLOAT64,
    ELEMENT_UINT32,
    ELEMENT_UINT64,
    ELEMENT_COMPLEX64,
    ELEMENT_COMPLEX128,
    ELEMENT_BFLOAT16,
    ELEMENT_FLOAT8_E4M3FN,
    ELEMENT_FLOAT8_E4M3FNUZ,
    ELEMENT_FLOAT8_E5M2,
    ELEMENT_FLOAT8_E5M2FNUZ,
    ELEMENT_UINT4,
    ELEMENT_INT4,
    ELEMENT_FLOAT4_E2M1,
    ELEMENT_TYPE_COUNT
};

/* "float32", "float8_e4m3fn" and so on; "unknown" for what the format does not have. */
const char *element_type_name(enum element_type type);

/* Bits of one number: 4 for the small ones, of which two lie in a byte; 0: texts, or no type. */
uint32_t element_type_bits(enum element_type type);

/* How many bytes the numbers of a shape take. false: a dimension is negative, or all would be more
 * than 2^46 bytes, or the type has no size. */
bool element_type_bytes(enum element_type type, const int64_t *dims, uint32_t rank,
                        uint64_t *out_bytes);

/* The type that base/tensor has for it, and back; false: it has none. */
bool element_type_to_tensor(enum element_type type, enum tensor_type *out_type);
enum element_type element_type_of_tensor(enum tensor_type type);

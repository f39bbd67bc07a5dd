// SPDX-License-Identifier: Apache-2.0
#include "base/tensor_number.h"

#include <string.h>

#include "base/float16.h"

static const char *place_of(const struct tensor *tensor, size_t index) {
    return (const char *)tensor->bytes + index * tensor_type_bytes(tensor->type);
}

bool tensor_type_is_real(enum tensor_type type) {
    return type == TENSOR_FLOAT32 || type == TENSOR_FLOAT64 || type == TENSOR_FLOAT16 ||
           type == TENSOR_BFLOAT16;
}

double tensor_real_at(const struct tensor *tensor, size_t index) {
    const char *at = place_of(tensor, index);
    double number;
    float single;
    uint16_t half;
    switch (tensor->type) {
    case TENSOR_FLOAT64:
        (void)memcpy(&number, at, sizeof(number));
        return number;
    case TENSOR_FLOAT16:
        (void)memcpy(&half, at, sizeof(half));
        return float16_to_float(half);
    case TENSOR_BFLOAT16:
        (void)memcpy(&half, at, sizeof(half));
        return bfloat16_to_float(half);
    default:
        (void)memcpy(&single, at, sizeof(single));
        return single;
    }
}

int64_t tensor_whole_at(const struct tensor *tensor, size_t index) {
    const char *at = place_of(tensor, index);
    int64_t whole;
    int32_t word;
    uint32_t unsigned_word;
    int16_t half;
    uint16_t unsigned_half;
    switch (tensor->type) {
    case TENSOR_INT64:
    case TENSOR_UINT64:
        (void)memcpy(&whole, at, sizeof(whole));
        return whole;
    case TENSOR_INT32:
        (void)memcpy(&word, at, sizeof(word));
        return word;
    case TENSOR_UINT32:
        (void)memcpy(&unsigned_word, at, sizeof(unsigned_word));
        return unsigned_word;
    case TENSOR_INT16:
        (void)memcpy(&half, at, sizeof(half));
        return half;
    case TENSOR_UINT16:
        (void)memcpy(&unsigned_half, at, sizeof(unsigned_half));
        return unsigned_half;
    case TENSOR_INT8:
        return *(const signed char *)at;
    default:
        return *(const unsigned char *)at;
    }
}

double tensor_number_at(const struct tensor *tensor, size_t index) {
    if (tensor_type_is_real(tensor->type)) {
        return tensor_real_at(tensor, index);
    }
    const int64_t whole = tensor_whole_at(tensor, index);
    return tensor->type == TENSOR_UINT64 ? (double)(uint64_t)whole : (double)whole;
}

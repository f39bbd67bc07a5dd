/*
 * test_vpmaddubsw: what a processor without VNNI makes of bytes, instruction by instruction.
 *
 * For tests of model/pair_sum and model/quantized_layer on processors that have better.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* VPMADDUBSW: two products added, held within 16 bits. */
static inline int16_t test_vpmaddubsw(const uint8_t values[2], const int8_t numbers[2]) {
    const int32_t sum = values[0] * numbers[0] + values[1] * numbers[1];
    return (int16_t)(sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum);
}

/* A dot product as MLAS has it: VPMADDUBSW, VPMADDWD with ones, VPADDD. */
static inline int32_t test_dot_in_pairs(const uint8_t *values, const int8_t *numbers,
                                        size_t count) {
    int32_t sum = 0;
    for (size_t i = 0; i < count; i += 4) {
        uint8_t bytes[4] = {0};
        int8_t weights[4] = {0};
        for (size_t j = 0; j < 4 && i + j < count; j++) {
            bytes[j] = values[i + j];
            weights[j] = numbers[i + j];
        }
        sum += test_vpmaddubsw(bytes, weights) + test_vpmaddubsw(bytes + 2, weights + 2);
    }
    return sum;
}

static inline int32_t test_dot(const uint8_t *values, const int8_t *numbers, size_t count) {
    int32_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += values[i] * numbers[i];
    }
    return sum;
}

// SPDX-License-Identifier: Apache-2.0
#include "model/dense.h"

#include <string.h>

#include "model/matrix_product.h"

void dense_forward(const struct dense *dense, const float *rows, uint32_t count,
                   const float *weights, const float *biases, float *out) {
    for (uint32_t i = 0; i < count; i++) {
        (void)memcpy(out + (size_t)i * dense->outputs, biases, dense->outputs * sizeof(*out));
    }
    matrix_product_add(&(struct matrix_product){.left = rows,
                                                .left_row = dense->inputs,
                                                .left_depth = 1,
                                                .right = weights,
                                                .right_depth = dense->outputs,
                                                .out = out,
                                                .out_row = dense->outputs,
                                                .rows = count,
                                                .columns = dense->outputs,
                                                .depth = dense->inputs,
                                                .segments = 1});
}

void dense_learn(const struct dense *dense, const float *rows, uint32_t count, const float *slopes,
                 float *weights_slope, float *biases_slope) {
    matrix_product_add(&(struct matrix_product){.left = rows,
                                                .left_row = 1,
                                                .left_depth = dense->inputs,
                                                .right = slopes,
                                                .right_depth = dense->outputs,
                                                .out = weights_slope,
                                                .out_row = dense->outputs,
                                                .rows = dense->inputs,
                                                .columns = dense->outputs,
                                                .depth = count,
                                                .segments = 1});
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < dense->outputs; k++) {
            biases_slope[k] += slopes[(size_t)i * dense->outputs + k];
        }
    }
}

void dense_back(const struct dense *dense, const float *slopes, uint32_t count,
                const float *weights, float *turned, float *out) {
    matrix_transpose(weights, dense->inputs, dense->outputs, turned);
    (void)memset(out, 0, (size_t)count * dense->inputs * sizeof(*out));
    matrix_product_add(&(struct matrix_product){.left = slopes,
                                                .left_row = dense->outputs,
                                                .left_depth = 1,
                                                .right = turned,
                                                .right_depth = dense->inputs,
                                                .out = out,
                                                .out_row = dense->inputs,
                                                .rows = count,
                                                .columns = dense->inputs,
                                                .depth = dense->outputs,
                                                .segments = 1});
}

void relu_forward(float *numbers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        numbers[i] = numbers[i] > 0 ? numbers[i] : 0;
    }
}

void relu_back(const float *given, float *slopes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        slopes[i] = given[i] > 0 ? slopes[i] : 0;
    }
}

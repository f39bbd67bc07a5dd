/*
 * matrix_product: sums of products of blocks of floats, which is where training spends its time.
 *
 *     out[r][c] += sum over s, d of left[s][r][d] * right[s][d][c]
 *
 * Left is read in steps of the caller's choice, so that it may be a transposed matrix, or the
 * overlapping windows of a picture; a depth may come in segments (the rows of a window). Every sum
 * is made in the order of s and d, each product rounded by itself: the same on every machine.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>

struct matrix_product {
    const float *left;
    size_t left_row, left_depth, left_segment; /* steps between numbers */
    const float *right;                        /* its columns lie side by side */
    size_t right_depth, right_segment;
    float *out; /* its columns, too */
    size_t out_row;
    size_t rows, columns, depth, segments;
};

void matrix_product_add(const struct matrix_product *product);

/* Writes the transposed of a matrix of `rows` rows. */
void matrix_transpose(const float *matrix, size_t rows, size_t columns, float *out_matrix);

/*
 * panel_product: sums of products of doubles, four rows by four columns at a time.
 *
 * A panel is what four columns of a matrix have in each of its rows, row after row, so that both
 * sides of a product are read from the first number to the last. Normal equations are sums of such
 * products, and so is nearly all work of a factorisation. The order of the sums is always the same.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>

enum { PANEL_COLUMNS = 4 };

/* How many panels so many columns are; what the last has beyond them means nothing. */
size_t panel_count(size_t columns);

/* Where the number of a row and a column lies among panels of `rows` rows. */
static inline size_t panel_place(size_t rows, size_t row, size_t column) {
    return (column / PANEL_COLUMNS * rows + row) * PANEL_COLUMNS + column % PANEL_COLUMNS;
}

/* out[i][j] = sum over rows of left[row][i] * right[row][j] */
void panel_product(const double *left, const double *right, size_t rows,
                   double out[PANEL_COLUMNS][PANEL_COLUMNS]);

// SPDX-License-Identifier: Apache-2.0
#include "model/matrix_product.h"

#include <string.h>

/* Vectors of the compiler: one instruction or several, on every machine. */
typedef float floats4 __attribute__((vector_size(16)));

enum { LANES = 4, BLOCK_ROWS = 4, BLOCK_COLUMNS = 2 * LANES };

static inline floats4 load(const float *numbers) {
    floats4 vector;
    (void)memcpy(&vector, numbers, sizeof(vector));
    return vector;
}

static inline void add(float *numbers, floats4 sum) {
    const floats4 vector = load(numbers) + sum;
    (void)memcpy(numbers, &vector, sizeof(vector));
}

/* Four rows by eight columns: as many sums as there are registers for. Of the rows the first
 * `skip` were summed before and are left alone. */
static void add_block(const struct matrix_product *p, size_t row, size_t column, size_t skip) {
    floats4 a0 = {0}, a1 = {0}, b0 = {0}, b1 = {0}, c0 = {0}, c1 = {0}, d0 = {0}, d1 = {0};
    const size_t step = p->left_row;
    for (size_t s = 0; s < p->segments; s++) {
        const float *left = p->left + s * p->left_segment + row * step;
        const float *right = p->right + s * p->right_segment + column;
        for (size_t d = 0; d < p->depth; d++) {
            const floats4 low = load(right);
            const floats4 high = load(right + LANES);
            a0 += left[0] * low;
            a1 += left[0] * high;
            b0 += left[step] * low;
            b1 += left[step] * high;
            c0 += left[2 * step] * low;
            c1 += left[2 * step] * high;
            d0 += left[3 * step] * low;
            d1 += left[3 * step] * high;
            left += p->left_depth;
            right += p->right_depth;
        }
    }
    const floats4 sums[BLOCK_ROWS][2] = {{a0, a1}, {b0, b1}, {c0, c1}, {d0, d1}};
    for (size_t i = skip; i < BLOCK_ROWS; i++) {
        float *out = p->out + (row + i) * p->out_row + column;
        add(out, sums[i][0]);
        add(out + LANES, sums[i][1]);
    }
}

/* Fewer rows than a block has. */
static void add_strip(const struct matrix_product *p, size_t row, size_t column) {
    floats4 low = {0}, high = {0};
    for (size_t s = 0; s < p->segments; s++) {
        const float *left = p->left + s * p->left_segment + row * p->left_row;
        const float *right = p->right + s * p->right_segment + column;
        for (size_t d = 0; d < p->depth; d++) {
            low += *left * load(right);
            high += *left * load(right + LANES);
            left += p->left_depth;
            right += p->right_depth;
        }
    }
    float *out = p->out + row * p->out_row + column;
    add(out, low);
    add(out + LANES, high);
}

/* Fewer columns. */
static void add_number(const struct matrix_product *p, size_t row, size_t column) {
    float sum = 0;
    for (size_t s = 0; s < p->segments; s++) {
        const float *left = p->left + s * p->left_segment + row * p->left_row;
        const float *right = p->right + s * p->right_segment + column;
        for (size_t d = 0; d < p->depth; d++) {
            sum += left[d * p->left_depth] * right[d * p->right_depth];
        }
    }
    p->out[row * p->out_row + column] += sum;
}

void matrix_product_add(const struct matrix_product *product) {
    const size_t rows = product->rows;
    size_t column = 0;
    for (; product->columns - column >= BLOCK_COLUMNS; column += BLOCK_COLUMNS) {
        size_t row = 0;
        for (; rows - row >= BLOCK_ROWS; row += BLOCK_ROWS) {
            add_block(product, row, column, 0);
        }
        if (row < rows && rows >= BLOCK_ROWS) {
            add_block(product, rows - BLOCK_ROWS, column, BLOCK_ROWS - (rows - row));
            row = rows;
        }
        for (; row < rows; row++) {
            add_strip(product, row, column);
        }
    }
    for (size_t row = 0; column < product->columns && row < rows; row++) {
        for (size_t c = column; c < product->columns; c++) {
            add_number(product, row, c);
        }
    }
}

void matrix_transpose(const float *matrix, size_t rows, size_t columns, float *out_matrix) {
    for (size_t row = 0; row < rows; row++) {
        for (size_t column = 0; column < columns; column++) {
            out_matrix[column * rows + row] = matrix[row * columns + column];
        }
    }
}

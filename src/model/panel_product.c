// SPDX-License-Identifier: Apache-2.0
#include "model/panel_product.h"

#include <string.h>

/* Vectors of the compiler: one instruction or several, on every machine. */
typedef double doubles2 __attribute__((vector_size(16)));

static inline doubles2 load(const double *numbers) {
    doubles2 vector;
    (void)memcpy(&vector, numbers, sizeof(vector));
    return vector;
}

size_t panel_count(size_t columns) {
    return (columns + PANEL_COLUMNS - 1) / PANEL_COLUMNS;
}

void panel_product(const double *left, const double *right, size_t rows,
                   double out[PANEL_COLUMNS][PANEL_COLUMNS]) {
    doubles2 a0 = {0}, a1 = {0}, b0 = {0}, b1 = {0}, c0 = {0}, c1 = {0}, d0 = {0}, d1 = {0};
    for (size_t row = 0; row < rows; row++) {
        const doubles2 low = load(right);
        const doubles2 high = load(right + 2);
        a0 += left[0] * low;
        a1 += left[0] * high;
        b0 += left[1] * low;
        b1 += left[1] * high;
        c0 += left[2] * low;
        c1 += left[2] * high;
        d0 += left[3] * low;
        d1 += left[3] * high;
        left += PANEL_COLUMNS;
        right += PANEL_COLUMNS;
    }
    const doubles2 sums[PANEL_COLUMNS][2] = {{a0, a1}, {b0, b1}, {c0, c1}, {d0, d1}};
    (void)memcpy(out, sums, sizeof(sums));
}

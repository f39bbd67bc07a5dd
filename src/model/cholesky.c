// SPDX-License-Identifier: Apache-2.0
#include "model/cholesky.h"

#include <math.h>
#include <stdbool.h>

#include "base/memory.h"
#include "model/panel_product.h"

enum { BLOCK = 64 };

/* A pivot that is this much smaller than the number it came from is no more than what rounding
 * left. */
static const double PIVOT_LEAST = 1e-14;

struct factoring {
    double *matrix;
    size_t rows;
    double *panels;   /* of the block at hand, from behind it on */
    double *diagonal; /* as it was */
};

/* Rows `first` up to but not including `end`, as far as they reach: each loses what those of the
 * block before it have in common with it. */
static bool factor_rows(const struct factoring *work, size_t first, size_t end) {
    const size_t rows = work->rows;
    for (size_t i = first; i < end; i++) {
        double *row = work->matrix + i * rows;
        for (size_t k = first; k < i; k++) {
            const double *above = work->matrix + k * rows;
            const double share = above[i];
            for (size_t j = i; j < rows; j++) {
                row[j] -= share * above[j];
            }
        }
        if (!(row[i] > work->diagonal[i] * PIVOT_LEAST)) {
            return false;
        }
        const double pivot = sqrt(row[i]);
        for (size_t j = i; j < rows; j++) {
            row[j] /= pivot;
        }
    }
    return true;
}

/* What is below the block loses what the block has in common with it. */
static void subtract_block(const struct factoring *work, size_t first, size_t end) {
    const size_t rows = work->rows;
    const size_t depth = end - first;
    const size_t panels = panel_count(rows - end);
    for (size_t d = 0; d < depth; d++) {
        const double *row = work->matrix + (first + d) * rows + end;
        for (size_t j = 0; j < rows - end; j++) {
            work->panels[panel_place(depth, d, j)] = row[j];
        }
    }
    for (size_t i = 0; i < panels; i++) {
        for (size_t j = i; j < panels; j++) {
            double sums[PANEL_COLUMNS][PANEL_COLUMNS];
            panel_product(work->panels + i * depth * PANEL_COLUMNS,
                          work->panels + j * depth * PANEL_COLUMNS, depth, sums);
            for (size_t r = 0; r < PANEL_COLUMNS; r++) {
                const size_t row = end + i * PANEL_COLUMNS + r;
                for (size_t c = i == j ? r : 0; c < PANEL_COLUMNS; c++) {
                    const size_t column = end + j * PANEL_COLUMNS + c;
                    if (row < rows && column < rows) {
                        work->matrix[row * rows + column] -= sums[r][c];
                    }
                }
            }
        }
    }
}

status cholesky_factor(double *matrix, uint32_t rows, struct error *err) {
    if (rows > CHOLESKY_ROWS_MAX) {
        return fail(err, STATUS_INVALID, "a system of %u equations is more than %d", rows,
                    CHOLESKY_ROWS_MAX);
    }
    const size_t room = panel_count(rows) * PANEL_COLUMNS;
    struct factoring work = {.matrix = matrix, .rows = rows};
    work.panels = memory_new(room * (BLOCK + 1), sizeof(double));
    if (work.panels == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a system of %u equations", rows);
    }
    work.diagonal = work.panels + room * BLOCK;
    for (size_t i = 0; i < rows; i++) {
        work.diagonal[i] = matrix[i * rows + i];
    }
    bool is_positive = true;
    for (size_t first = 0; first < rows && is_positive; first += BLOCK) {
        const size_t end = first + BLOCK < rows ? first + BLOCK : rows;
        is_positive = factor_rows(&work, first, end);
        if (is_positive) {
            subtract_block(&work, first, end);
        }
    }
    memory_free(work.panels);
    return is_positive ? STATUS_OK
                       : fail(err, STATUS_INVALID, "the equations do not determine a solution");
}

void cholesky_solve(const double *factor, uint32_t rows, double (*sides)[CHOLESKY_SIDES]) {
    for (size_t i = 0; i < rows; i++) {
        const double *row = factor + i * rows;
        for (size_t s = 0; s < CHOLESKY_SIDES; s++) {
            sides[i][s] /= row[i];
        }
        for (size_t j = i + 1; j < rows; j++) {
            for (size_t s = 0; s < CHOLESKY_SIDES; s++) {
                sides[j][s] -= row[j] * sides[i][s];
            }
        }
    }
    for (size_t i = rows; i-- > 0;) {
        const double *row = factor + i * rows;
        double left[CHOLESKY_SIDES];
        for (size_t s = 0; s < CHOLESKY_SIDES; s++) {
            left[s] = sides[i][s];
        }
        for (size_t j = i + 1; j < rows; j++) {
            for (size_t s = 0; s < CHOLESKY_SIDES; s++) {
                left[s] -= row[j] * sides[j][s];
            }
        }
        for (size_t s = 0; s < CHOLESKY_SIDES; s++) {
            sides[i][s] = left[s] / row[i];
        }
    }
}

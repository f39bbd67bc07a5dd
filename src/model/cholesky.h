/*
 * cholesky: a symmetric positive matrix becomes the product of a triangle with itself, with which
 * systems of equations are solved.
 *
 * A matrix of n rows lies row by row. Only its diagonal and what is right of it is read and
 * written; what is left of it is the caller's. Work goes block by block, so that it is done in the
 * caches whatever n is, in an order that is always the same.
 *
 * Pure but for memory: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

enum {
    CHOLESKY_ROWS_MAX = 1 << 14,
    CHOLESKY_SIDES = 8 /* right sides that are solved at once */
};

/* `matrix` becomes U with U'U = matrix. INVALID: it is not positive, or close to it; then it is
 * spoilt. */
status cholesky_factor(double *matrix, uint32_t rows, struct error *err);

/* Right sides, the eight numbers of a row side by side, become the solutions. */
void cholesky_solve(const double *factor, uint32_t rows, double (*sides)[CHOLESKY_SIDES]);

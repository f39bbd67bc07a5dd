// SPDX-License-Identifier: Apache-2.0
#include "model/least_squares.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "model/panel_product.h"

/* What the ridge is at least, and how often and by how much it is raised from there. */
enum { TRIES = 5 };

static const double RIDGE_LEAST = 1e-12;
static const double RAISE = 1000;

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory for the equations of a layer");
}

status least_squares_init(struct least_squares *system, uint32_t columns, uint32_t rows,
                          struct error *err) {
    *system = (struct least_squares){.columns = columns, .rows = rows};
    if (columns > LEAST_SQUARES_COLUMNS_MAX || rows > LEAST_SQUARES_ROWS_MAX) {
        return fail(err, STATUS_INVALID,
                    "a layer of %u inputs and %u outputs is larger than %d and %d", columns, rows,
                    LEAST_SQUARES_COLUMNS_MAX, LEAST_SQUARES_ROWS_MAX);
    }
    const size_t chunk = (size_t)LEAST_SQUARES_CHUNK * PANEL_COLUMNS;
    system->gram = memory_new((size_t)columns * columns + 1, sizeof(double));
    system->diagonal = memory_new((size_t)columns + 1, sizeof(double));
    system->cross = memory_new((size_t)rows * columns + 1, sizeof(double));
    system->sides = memory_new((size_t)columns + 1, sizeof(*system->sides));
    system->products = memory_new((size_t)columns + 1, sizeof(*system->products));
    system->inputs = memory_new(panel_count(columns) * chunk + 1, sizeof(double));
    system->outputs = memory_new(panel_count(rows) * chunk + 1, sizeof(double));
    if (system->gram == NULL || system->diagonal == NULL || system->cross == NULL ||
        system->sides == NULL || system->products == NULL || system->inputs == NULL ||
        system->outputs == NULL) {
        least_squares_done(system);
        return no_memory(err);
    }
    return STATUS_OK;
}

void least_squares_done(struct least_squares *system) {
    memory_free(system->gram);
    memory_free(system->diagonal);
    memory_free(system->cross);
    memory_free(system->sides);
    memory_free(system->products);
    memory_free(system->inputs);
    memory_free(system->outputs);
    *system = (struct least_squares){0};
}

/* --- adding up --- */

/* Adds the products of two panels of the chunk to a block of `out`, of which no row or column
 * beyond the bounds is there. */
static void add_block(const struct least_squares *system, const double *left, const double *right,
                      double *out, size_t rows, size_t columns) {
    double sums[PANEL_COLUMNS][PANEL_COLUMNS];
    panel_product(left, right, system->pending, sums);
    for (size_t r = 0; r < PANEL_COLUMNS && r < rows; r++) {
        for (size_t c = 0; c < PANEL_COLUMNS && c < columns; c++) {
            out[r * system->columns + c] += sums[r][c];
        }
    }
}

/* The chunk goes into the sums and is empty. What falls behind the diagonal means nothing. */
static void add_chunk(struct least_squares *system) {
    const size_t columns = system->columns;
    const size_t rows = system->rows;
    const size_t panel = (size_t)LEAST_SQUARES_CHUNK * PANEL_COLUMNS;
    for (size_t j = 0; j < columns; j += PANEL_COLUMNS) {
        const double *right = system->inputs + j / PANEL_COLUMNS * panel;
        for (size_t i = j; i < columns; i += PANEL_COLUMNS) {
            const double *left = system->inputs + i / PANEL_COLUMNS * panel;
            add_block(system, left, right, system->gram + i * columns + j, columns - i,
                      columns - j);
        }
        for (size_t i = 0; i < rows; i += PANEL_COLUMNS) {
            const double *left = system->outputs + i / PANEL_COLUMNS * panel;
            add_block(system, left, right, system->cross + i * columns + j, rows - i, columns - j);
        }
    }
    system->pending = 0;
}

/* Puts an example's numbers among the panels; false: one of them is none. */
static bool put(double *panels, uint32_t row, const float *numbers, uint32_t count) {
    bool is_finite = true;
    for (uint32_t i = 0; i < count; i++) {
        panels[panel_place(LEAST_SQUARES_CHUNK, row, i)] = (double)numbers[i];
        is_finite = is_finite && isfinite(numbers[i]);
    }
    return is_finite;
}

void least_squares_add(struct least_squares *system, const float *inputs, const float *outputs) {
    const bool is_finite = put(system->inputs, system->pending, inputs, system->columns) &&
                           put(system->outputs, system->pending, outputs, system->rows);
    if (!is_finite) {
        system->passed_over++; /* the next one is put in its place */
        return;
    }
    for (uint32_t i = 0; i < system->rows; i++) {
        system->squares += (double)outputs[i] * (double)outputs[i];
    }
    system->count++;
    if (++system->pending == LEAST_SQUARES_CHUNK) {
        add_chunk(system);
    }
}

/* --- solving --- */

/* products = X X' times sides. */
static void multiply(struct least_squares *system) {
    const size_t columns = system->columns;
    double(*sides)[CHOLESKY_SIDES] = system->sides;
    double(*products)[CHOLESKY_SIDES] = system->products;
    (void)memset(products, 0, columns * sizeof(*products));
    for (size_t i = 0; i < columns; i++) {
        const double *row = system->gram + i * columns;
        for (size_t s = 0; s < CHOLESKY_SIDES; s++) {
            products[i][s] += system->diagonal[i] * sides[i][s];
        }
        for (size_t j = 0; j < i; j++) {
            for (size_t s = 0; s < CHOLESKY_SIDES; s++) {
                products[i][s] += row[j] * sides[j][s];
                products[j][s] += row[j] * sides[i][s];
            }
        }
    }
}

/* Eight rows of weights, from `first` on, as right sides; rows that are not there are zeroes. */
static void take_rows(struct least_squares *system, const double *weights, size_t first,
                      size_t rows) {
    for (size_t s = 0; s < CHOLESKY_SIDES; s++) {
        for (size_t j = 0; j < system->columns; j++) {
            system->sides[j][s] = first + s < rows ? weights[(first + s) * system->columns + j] : 0;
        }
    }
}

/* Factors X X' with the ridge on its diagonal. */
static status factor(struct least_squares *system, double ridge, struct error *err) {
    const size_t columns = system->columns;
    for (size_t i = 0; i < columns; i++) {
        system->gram[i * columns + i] = system->diagonal[i] + ridge;
        for (size_t j = 0; j < i; j++) {
            system->gram[j * columns + i] = system->gram[i * columns + j];
        }
    }
    return cholesky_factor(system->gram, system->columns, err);
}

static status factor_somehow(struct least_squares *system, double ridge, struct error *err) {
    double mean = 0;
    for (uint32_t i = 0; i < system->columns; i++) {
        mean += system->diagonal[i] / system->columns;
    }
    double least = RIDGE_LEAST;
    for (int i = 0; i < TRIES; i++, least *= RAISE) {
        const status code = factor(system, mean * (ridge > least ? ridge : least), err);
        if (code != STATUS_INVALID) {
            return code;
        }
    }
    return fail(err, STATUS_INVALID, "the examples say nothing of the layer's weights");
}

static void improve(struct least_squares *system, double *weights) {
    const size_t columns = system->columns;
    for (size_t first = 0; first < system->rows; first += CHOLESKY_SIDES) {
        take_rows(system, weights, first, system->rows);
        multiply(system);
        take_rows(system, system->cross, first, system->rows);
        for (size_t j = 0; j < columns; j++) {
            for (size_t s = 0; s < CHOLESKY_SIDES; s++) {
                system->sides[j][s] -= system->products[j][s];
            }
        }
        cholesky_solve(system->gram, system->columns, system->sides);
        for (size_t s = 0; s < CHOLESKY_SIDES && first + s < system->rows; s++) {
            for (size_t j = 0; j < columns; j++) {
                weights[(first + s) * columns + j] += system->sides[j][s];
            }
        }
    }
}

/* The diagonal of X X' goes where no factor takes its place, or back. */
static void keep_diagonal(struct least_squares *system) {
    add_chunk(system);
    for (size_t i = 0; i < system->columns; i++) {
        system->diagonal[i] = system->gram[i * system->columns + i];
    }
}

static void restore_diagonal(struct least_squares *system) {
    for (size_t i = 0; i < system->columns; i++) {
        system->gram[i * system->columns + i] = system->diagonal[i];
    }
}

status least_squares_solve(struct least_squares *system, double ridge, double *weights,
                           struct error *err) {
    keep_diagonal(system);
    const status code = factor_somehow(system, ridge, err);
    if (code == STATUS_OK) {
        improve(system, weights);
    }
    restore_diagonal(system);
    return code;
}

status least_squares_invert(struct least_squares *system, double ridge, double *out_inverse,
                            struct error *err) {
    const size_t columns = system->columns;
    keep_diagonal(system);
    const status code = factor_somehow(system, ridge, err);
    for (size_t first = 0; code == STATUS_OK && first < columns; first += CHOLESKY_SIDES) {
        (void)memset(system->sides, 0, columns * sizeof(*system->sides));
        for (size_t s = 0; s < CHOLESKY_SIDES && first + s < columns; s++) {
            system->sides[first + s][s] = 1;
        }
        cholesky_solve(system->gram, system->columns, system->sides);
        for (size_t s = 0; s < CHOLESKY_SIDES && first + s < columns; s++) {
            for (size_t j = 0; j < columns; j++) {
                out_inverse[(first + s) * columns + j] = system->sides[j][s];
            }
        }
    }
    restore_diagonal(system);
    return code;
}

double least_squares_missing(struct least_squares *system, const double *weights) {
    double missing = system->squares;
    keep_diagonal(system);
    for (size_t first = 0; first < system->rows; first += CHOLESKY_SIDES) {
        take_rows(system, weights, first, system->rows);
        multiply(system);
        for (size_t s = 0; s < CHOLESKY_SIDES && first + s < system->rows; s++) {
            const double *cross = system->cross + (first + s) * system->columns;
            for (size_t j = 0; j < system->columns; j++) {
                missing += system->sides[j][s] * (system->products[j][s] - 2 * cross[j]);
            }
        }
    }
    return system->count > 0 ? fmax(missing, 0) / (double)system->count : 0;
}

double least_squares_energy(struct least_squares *system, const double *weights, uint32_t rows,
                            bool has_constant) {
    const size_t columns = system->columns;
    double energy = 0;
    keep_diagonal(system);
    for (size_t first = 0; first < rows; first += CHOLESKY_SIDES) {
        take_rows(system, weights, first, rows);
        multiply(system);
        for (size_t s = 0; s < CHOLESKY_SIDES; s++) {
            for (size_t j = 0; j < columns; j++) {
                energy += system->sides[j][s] * system->products[j][s];
            }
            if (has_constant && system->count > 0) {
                const double sum = system->products[columns - 1][s];
                energy -= sum * sum / (double)system->count;
            }
        }
    }
    return fmax(energy, 0);
}

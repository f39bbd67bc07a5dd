// SPDX-License-Identifier: Apache-2.0
#include "model/cholesky.h"

#include "base/memory.h"
#include "model/panel_product.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void expect(double number, double wanted, double within) {
    if (!(fabs(number - wanted) <= within)) {
        fail_msg("%.17g is not %.17g", number, wanted);
    }
}

/* Numbers between -1 and 1 that are the same each time. */
static double number(size_t index) {
    uint32_t mixed = (uint32_t)index * 2654435761U + 12345;
    mixed ^= mixed >> 15;
    mixed *= 2246822519U;
    mixed ^= mixed >> 13;
    return (double)(mixed & 0xffff) / 32768 - 1;
}

static void test_panel_product__adds_products_of_columns(void **state) {
    (void)state;
    const double left[] = {1, 2, 3, 4, 5, 6, 7, 8};
    const double right[] = {10, 0, -1, 2, 20, 1, 0, 2};
    double out[PANEL_COLUMNS][PANEL_COLUMNS];
    panel_product(left, right, 2, out);
    const double wanted[PANEL_COLUMNS][PANEL_COLUMNS] = {
        {110, 5, -1, 12}, {140, 6, -2, 16}, {170, 7, -3, 20}, {200, 8, -4, 24}};
    for (size_t i = 0; i < PANEL_COLUMNS; i++) {
        for (size_t j = 0; j < PANEL_COLUMNS; j++) {
            expect(out[i][j], wanted[i][j], 0);
        }
    }
    assert_int_equal(panel_count(0), 0);
    assert_int_equal(panel_count(4), 1);
    assert_int_equal(panel_count(5), 2);
    /* Row 1, column 6 among panels of three rows: behind twelve of the first panel. */
    assert_int_equal(panel_place(3, 1, 6), 12 + 4 + 2);
}

/* 4x + 2y = 2 and 2x + 3y = 5: x = -1/2, y = 2. */
static void test_cholesky__solves_two_equations(void **state) {
    (void)state;
    double matrix[] = {4, 2, 77, 3};
    double sides[2][CHOLESKY_SIDES] = {{2, 4}, {5, 2}};
    struct error err = {0};
    assert_int_equal(cholesky_factor(matrix, 2, &err), STATUS_OK);
    expect(matrix[0], 2, 1e-15);
    expect(matrix[1], 1, 1e-15);
    expect(matrix[2], 77, 0); /* not its own */
    expect(matrix[3], sqrt(2), 1e-15);
    cholesky_solve(matrix, 2, sides);
    expect(sides[0][0], -0.5, 1e-14);
    expect(sides[1][0], 2, 1e-14);
    expect(sides[0][1], 1, 1e-14);
    expect(sides[1][1], 0, 1e-14);
    expect(sides[0][7], 0, 0);
}

/* B'B + I for a B by chance. */
static double *positive(uint32_t rows) {
    double *matrix = memory_new((size_t)rows * rows, sizeof(double));
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < rows; j++) {
            matrix[i * rows + j] = i == j ? 1 : 0;
            for (size_t k = 0; k < rows; k++) {
                matrix[i * rows + j] += number(k * rows + i) * number(k * rows + j);
            }
        }
    }
    return matrix;
}

static void test_cholesky__solves_systems_of_any_size(void **state) {
    (void)state;
    static const uint32_t SIZES[] = {1, 3, 5, 63, 64, 65, 130};
    for (size_t n = 0; n < sizeof(SIZES) / sizeof(SIZES[0]); n++) {
        const uint32_t rows = SIZES[n];
        double *matrix = positive(rows);
        double *factor = memory_new((size_t)rows * rows, sizeof(double));
        double(*sides)[CHOLESKY_SIDES] = memory_new(rows, sizeof(*sides));
        (void)memcpy(factor, matrix, (size_t)rows * rows * sizeof(double));
        for (size_t i = 0; i < rows; i++) {
            for (size_t s = 0; s < CHOLESKY_SIDES; s++) {
                for (size_t j = 0; j < rows; j++) { /* the solution is number(j + s) */
                    sides[i][s] += matrix[i * rows + j] * number(j + s);
                }
            }
        }
        struct error err = {0};
        assert_int_equal(cholesky_factor(factor, rows, &err), STATUS_OK);
        cholesky_solve(factor, rows, sides);
        for (size_t i = 0; i < rows; i++) {
            for (size_t s = 0; s < CHOLESKY_SIDES; s++) {
                expect(sides[i][s], number(i + s), 1e-9);
            }
            for (size_t j = 0; j < i; j++) {
                expect(factor[i * rows + j], matrix[i * rows + j], 0);
            }
        }
        memory_free(matrix);
        memory_free(factor);
        memory_free(sides);
    }
}

static void test_cholesky__refuses_what_is_not_positive(void **state) {
    (void)state;
    double wrong[][4] = {{1, 2, 0, 1},  {0, 0, 0, 0},        {NAN, 0, 0, 1},      {1, 1, 0, 1},
                         {-1, 0, 0, 1}, {INFINITY, 0, 0, 1}, {1, 1, 0, 1 + 4e-16}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct error err = {0};
        assert_int_equal(cholesky_factor(wrong[i], 2, &err), STATUS_INVALID);
        assert_non_null(strstr(err.text, "determine"));
    }
    /* What is equal but for rounding, in the second block. */
    enum { ROWS = 70 };
    double *matrix = memory_new((size_t)ROWS * ROWS, sizeof(double));
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < ROWS; j++) {
            const size_t a = i == ROWS - 1 ? i - 1 : i;
            const size_t b = j == ROWS - 1 ? j - 1 : j;
            for (size_t k = 0; k < ROWS; k++) {
                matrix[i * ROWS + j] += number(k * ROWS + a) * number(k * ROWS + b);
            }
        }
    }
    struct error err = {0};
    assert_int_equal(cholesky_factor(matrix, ROWS, &err), STATUS_INVALID);
    memory_free(matrix);
    assert_int_equal(cholesky_factor(NULL, CHOLESKY_ROWS_MAX + 1, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "16385"));
}

static void test_cholesky__says_when_memory_is_short(void **state) {
    (void)state;
    double one = 4;
    struct error err = {0};
    (void)memory_fail_at(0, 0);
    assert_int_equal(cholesky_factor(&one, 1, &err), STATUS_NO_MEMORY);
    (void)memory_fail_at(-1, 0);
    assert_int_equal(cholesky_factor(&one, 1, &err), STATUS_OK);
    expect(one, 2, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_panel_product__adds_products_of_columns),
        cmocka_unit_test(test_cholesky__solves_two_equations),
        cmocka_unit_test(test_cholesky__solves_systems_of_any_size),
        cmocka_unit_test(test_cholesky__refuses_what_is_not_positive),
        cmocka_unit_test(test_cholesky__says_when_memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

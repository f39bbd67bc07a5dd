// SPDX-License-Identifier: Apache-2.0
#include "model/matrix_product.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "model/dice.h"

static float *throw_numbers(size_t count, uint64_t *dice) {
    float *numbers = memory_new(count, sizeof(*numbers));
    assert_non_null(numbers);
    for (size_t i = 0; i < count; i++) {
        numbers[i] = dice_signed(dice);
    }
    return numbers;
}

/* One sum after the other, as the header says it. */
static void add_plainly(const struct matrix_product *p) {
    for (size_t r = 0; r < p->rows; r++) {
        for (size_t c = 0; c < p->columns; c++) {
            float sum = 0;
            for (size_t s = 0; s < p->segments; s++) {
                for (size_t d = 0; d < p->depth; d++) {
                    sum += p->left[s * p->left_segment + r * p->left_row + d * p->left_depth] *
                           p->right[s * p->right_segment + d * p->right_depth + c];
                }
            }
            p->out[r * p->out_row + c] += sum;
        }
    }
}

/* Blocks of numbers of exactly the size that is asked for: one step too far is seen by sanitizers,
 * a number beside the block by the comparison. */
static void check_product(size_t rows, size_t columns, size_t depth, size_t segments, bool turned) {
    uint64_t dice = rows * 1000 + columns;
    const size_t beside = 3; /* between the rows of the result */
    float *left = throw_numbers(rows * depth * segments, &dice);
    float *right = throw_numbers(columns * depth * segments, &dice);
    float *out = throw_numbers(rows * (columns + beside), &dice);
    float *wanted = memory_new(rows * (columns + beside), sizeof(*wanted));
    assert_non_null(wanted);
    (void)memcpy(wanted, out, rows * (columns + beside) * sizeof(*out));
    struct matrix_product product = {.left = left,
                                     .left_row = turned ? 1 : depth,
                                     .left_depth = turned ? rows : 1,
                                     .left_segment = rows * depth,
                                     .right = right,
                                     .right_depth = columns,
                                     .right_segment = columns * depth,
                                     .out = out,
                                     .out_row = columns + beside,
                                     .rows = rows,
                                     .columns = columns,
                                     .depth = depth,
                                     .segments = segments};
    matrix_product_add(&product);
    product.out = wanted;
    add_plainly(&product);
    assert_memory_equal(out, wanted, rows * (columns + beside) * sizeof(*out));
    memory_free(left);
    memory_free(right);
    memory_free(out);
    memory_free(wanted);
}

static void test_matrix_product__every_size_gives_the_plain_sums_to_the_bit(void **state) {
    (void)state;
    for (size_t rows = 1; rows <= 11; rows++) {
        for (size_t columns = 1; columns <= 19; columns++) {
            check_product(rows, columns, 5, 1, false);
            check_product(rows, columns, 3, 3, true);
        }
    }
    check_product(14, 16, 24, 3, false);
    check_product(2, 8, 0, 1, false);
}

static void test_matrix_product__two_by_two_by_hand(void **state) {
    (void)state;
    const float left[] = {1, 2, 3, 4};
    const float right[] = {5, 6, 7, 8};
    float out[] = {0, 0, 0, 100};
    matrix_product_add(&(struct matrix_product){.left = left,
                                                .left_row = 2,
                                                .left_depth = 1,
                                                .right = right,
                                                .right_depth = 2,
                                                .out = out,
                                                .out_row = 2,
                                                .rows = 2,
                                                .columns = 2,
                                                .depth = 2,
                                                .segments = 1});
    assert_memory_equal(out, ((float[]){19, 22, 43, 150}), sizeof(out));
}

static void test_matrix_transpose__changes_rows_and_columns(void **state) {
    (void)state;
    float out[6];
    matrix_transpose((float[]){1, 2, 3, 4, 5, 6}, 2, 3, out);
    assert_memory_equal(out, ((float[]){1, 4, 2, 5, 3, 6}), sizeof(out));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matrix_product__every_size_gives_the_plain_sums_to_the_bit),
        cmocka_unit_test(test_matrix_product__two_by_two_by_hand),
        cmocka_unit_test(test_matrix_transpose__changes_rows_and_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

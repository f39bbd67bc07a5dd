/*
 * exact_sum: a sum of floats without any rounding.
 *
 * The sum is kept as one whole number of the smallest step a float can make (2^-149), wide enough
 * for 2^63 of the largest floats. So it is the same in whatever order the floats come and however
 * they were grouped, bit for bit; only reading it rounds. For few numbers: an addition costs some
 * ten operations. Sums that may round are plain doubles where they are needed.
 *
 * Thread: one at a time. Zeroes are an empty sum.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

enum { EXACT_SUM_DIGITS = 11 };

/* Digits to the base of 2^32, the lowest first; all but the last lie in 0 .. 2^32-1, and the last
 * has the sign. Equal sums have equal digits. */
struct exact_sum {
    int64_t digits[EXACT_SUM_DIGITS];
};

/* `number` is finite. */
void exact_sum_add(struct exact_sum *sum, float number);

void exact_sum_merge(struct exact_sum *sum, const struct exact_sum *other);

/* The nearest double, or a neighbour of it: the same for equal sums. */
double exact_sum_read(const struct exact_sum *sum);

// SPDX-License-Identifier: Apache-2.0
#include "model/exact_sum.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum {
    DIGIT_BITS = 32,
    FRACTION_BITS = 23,
    EXPONENT_MAX = 255,
    STEP_EXPONENT = -149 /* of the smallest float */
};

static const int64_t DIGIT_MASK = (INT64_C(1) << DIGIT_BITS) - 1;

/* Brings the digits back into their range; the shift of a negative digit borrows. */
static void carry(struct exact_sum *sum) {
    for (int i = 0; i < EXACT_SUM_DIGITS - 1; i++) {
        sum->digits[i + 1] += sum->digits[i] >> DIGIT_BITS;
        sum->digits[i] &= DIGIT_MASK;
    }
}

void exact_sum_add(struct exact_sum *sum, float number) {
    uint32_t bits;
    (void)memcpy(&bits, &number, sizeof(bits));
    const uint32_t exponent = bits >> FRACTION_BITS & EXPONENT_MAX;
    assert(exponent < EXPONENT_MAX);

    const uint32_t fraction = bits & ((1U << FRACTION_BITS) - 1);
    const uint32_t steps = exponent > 0 ? fraction | 1U << FRACTION_BITS : fraction;
    const uint32_t place = exponent > 0 ? exponent - 1 : 0;
    const uint64_t shifted = (uint64_t)steps << place % DIGIT_BITS;
    const int64_t sign = bits >> 31 != 0 ? -1 : 1;
    sum->digits[place / DIGIT_BITS] += sign * (int64_t)(shifted & (uint64_t)DIGIT_MASK);
    sum->digits[place / DIGIT_BITS + 1] += sign * (int64_t)(shifted >> DIGIT_BITS);
    carry(sum);
}

void exact_sum_merge(struct exact_sum *sum, const struct exact_sum *other) {
    for (int i = 0; i < EXACT_SUM_DIGITS; i++) {
        sum->digits[i] += other->digits[i];
    }
    carry(sum);
}

double exact_sum_read(const struct exact_sum *sum) {
    struct exact_sum size = *sum;
    const bool negative = sum->digits[EXACT_SUM_DIGITS - 1] < 0;
    for (int i = 0; negative && i < EXACT_SUM_DIGITS; i++) {
        size.digits[i] = -size.digits[i]; /* or large digits would cancel each other, rounded */
    }
    carry(&size);
    double number = 0;
    for (int i = EXACT_SUM_DIGITS - 1; i >= 0; i--) {
        number += ldexp((double)size.digits[i], STEP_EXPONENT + i * DIGIT_BITS);
    }
    return negative ? -number : number;
}

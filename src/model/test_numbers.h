/*
 * test_numbers: numbers for tests that are the same each time, and how near one is to another.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static inline void expect_within(double number, double wanted, double within) {
    if (!(fabs(number - wanted) <= within)) {
        fail_msg("%.17g is not %.17g", number, wanted);
    }
}

/* Numbers between -1 and 1 that are the same each time. */
static inline float test_number(size_t index) {
    uint32_t mixed = (uint32_t)index * 2654435761U + 12345;
    mixed ^= mixed >> 15;
    mixed *= 2246822519U;
    mixed ^= mixed >> 13;
    return (float)(mixed & 0xffff) / 32768.0F - 1;
}

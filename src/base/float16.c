// SPDX-License-Identifier: Apache-2.0
#include "base/float16.h"

#include <string.h>

/* Bits of the fraction, and what the exponents differ by. */
enum { HALF_BITS = 10, FLOAT_BITS = 23, SHIFT = FLOAT_BITS - HALF_BITS, BIAS = 127 - 15 };

static float from_bits(uint32_t bits) {
    float number;
    (void)memcpy(&number, &bits, sizeof(number));
    return number;
}

float float16_to_float(uint16_t half) {
    const uint32_t sign = (uint32_t)(half & 0x8000U) << 16;
    const uint32_t exponent = (half >> HALF_BITS) & 31U;
    const uint32_t fraction = half & 0x3ffU;
    if (exponent == 0) { /* zero, or too small for an exponent: a multiple of 2^-24 */
        const float size = (float)fraction * 0x1p-24F;
        return sign != 0 ? -size : size;
    }
    if (exponent == 31) {
        return from_bits(sign | 0x7f800000U | fraction << SHIFT);
    }
    return from_bits(sign | (exponent + BIAS) << FLOAT_BITS | fraction << SHIFT);
}

/* What is left of `bits` without its last `dropped` bits, rounded to the nearest, ties to even. */
static uint32_t round_off(uint32_t bits, uint32_t dropped) {
    const uint32_t half = 1U << (dropped - 1);
    const uint32_t rest = bits & ((1U << dropped) - 1);
    const uint32_t kept = bits >> dropped;
    return kept + (rest > half || (rest == half && (kept & 1U) != 0) ? 1 : 0);
}

uint16_t float16_from_float(float number) {
    uint32_t bits;
    (void)memcpy(&bits, &number, sizeof(bits));
    const uint32_t sign = bits >> 16 & 0x8000U;
    const uint32_t size = bits & 0x7fffffffU;
    if (size > 0x7f800000U) { /* no number: it stays one, also when its last bits go */
        return (uint16_t)(sign | 0x7e00U | (size >> SHIFT & 0x3ffU));
    }
    const uint32_t exponent = size >> FLOAT_BITS;
    if (exponent >= BIAS + 31) {
        return (uint16_t)(sign | 0x7c00U);
    }
    if (exponent > BIAS) { /* a carry into the exponent is right, up to infinity */
        return (uint16_t)(sign | round_off(size - ((uint32_t)BIAS << FLOAT_BITS), SHIFT));
    }
    const uint32_t dropped = SHIFT + BIAS + 1 - exponent;
    if (dropped > FLOAT_BITS + 1) {
        return (uint16_t)sign;
    }
    return (uint16_t)(sign | round_off((size & 0x7fffffU) | 1U << FLOAT_BITS, dropped));
}

float bfloat16_to_float(uint16_t half) {
    return from_bits((uint32_t)half << 16);
}

uint16_t bfloat16_from_float(float number) {
    uint32_t bits;
    (void)memcpy(&bits, &number, sizeof(bits));
    if ((bits & 0x7fffffffU) > 0x7f800000U) { /* no number: it stays one */
        return (uint16_t)(bits >> 16 | 0x40U);
    }
    return (uint16_t)round_off(bits, 16); /* the sign is no part of the size, and stays */
}

/*
 * float16: numbers of two bytes, which models take and give: IEEE 754 binary16, and bfloat16, the
 * first half of a float.
 *
 * Conversion alone; nothing is computed in them. To float every value is exact; from float it is
 * rounded to the nearest, ties to even, and what is too large becomes infinity.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

float float16_to_float(uint16_t half);
uint16_t float16_from_float(float number);

float bfloat16_to_float(uint16_t half);
uint16_t bfloat16_from_float(float number);

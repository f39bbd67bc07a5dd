/*
 * float16: numbers of two bytes (IEEE 754 binary16), which models take and give.
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

/*
 * decimal: numbers as people write them, in tens.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

enum { DECIMAL_DIGITS_MAX = 15 };

/* The number with at most `digits` of them (0 to DECIMAL_DIGITS_MAX) behind the point. What counts
 * is the shortest text that reads back as the number, and its halves go away from zero: 0.285 to
 * two digits is 0.29, though the double lies below it. What is not finite stays what it is. */
double decimal_round(double number, int digits);

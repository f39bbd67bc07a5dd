// SPDX-License-Identifier: Apache-2.0
#include "base/decimal.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { PLACES_LEAST = 15, PLACES_MOST = 17, TEXT_BYTES = 40 };

/* number = whole * 10^tens, with as few places as say it. */
static void take_apart(double number, uint64_t *out_whole, int *out_tens) {
    char text[TEXT_BYTES];
    int places = PLACES_LEAST;
    (void)snprintf(text, sizeof(text), "%.*e", places - 1, number);
    while (places < PLACES_MOST && strtod(text, NULL) != number) {
        places++;
        (void)snprintf(text, sizeof(text), "%.*e", places - 1, number);
    }
    uint64_t whole = 0;
    const char *at = text;
    for (; *at != 'e'; at++) {
        whole = *at == '.' ? whole : whole * 10 + (uint64_t)(*at - '0');
    }
    *out_whole = whole;
    *out_tens = (int)strtol(at + 1, NULL, 10) - places + 1;
}

double decimal_round(double number, int digits) {
    assert(digits >= 0 && digits <= DECIMAL_DIGITS_MAX);
    uint64_t whole;
    int tens;
    if (!isfinite(number) || number == 0) {
        return number;
    }
    take_apart(fabs(number), &whole, &tens);
    const int beyond = -tens - digits; /* places that are too many */
    if (beyond <= 0) {
        return number;
    }
    if (beyond > PLACES_MOST) {
        return 0;
    }
    uint64_t unit = 1;
    for (int i = 0; i < beyond; i++) {
        unit *= 10;
    }
    char text[TEXT_BYTES];
    whole = (whole + unit / 2) / unit;
    (void)snprintf(text, sizeof(text), "%llue-%d", (unsigned long long)whole, digits);
    const double rounded = strtod(text, NULL);
    return number < 0 && whole > 0 ? -rounded : rounded;
}

/*
 * manifest_number: numbers with a fraction, and lists of them, as manifests write them.
 *
 * 0.45, 1e-3, and 1/255, since that is how people think of it. Thread: any.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "wire/keys.h"

/* One number from `least` to `most`, or a fault that says so. */
bool manifest_number(struct reading *reading, const char *name, const struct yaml *node,
                     double least, double most, double *out_number);

/* A list of `count` numbers, or one that stands for all of them. */
bool manifest_numbers(struct reading *reading, const char *name, const struct yaml *node,
                      double least, double most, uint32_t count, double *out_numbers);

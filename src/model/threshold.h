/*
 * threshold: between which bounds a tensor is quantised, found from the values it took.
 *
 * What lies outside becomes the bound; what lies inside is told apart the better the closer they
 * are. Zero always lies between them. Collecting the values is model/value_range, making a scale of
 * bounds model/scale. Tensors whose bounds are known (Sigmoid, Clip) need no search.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/slice.h"
#include "model/scale.h"
#include "model/value_range.h"

enum threshold_method {
    THRESHOLD_MIN_MAX,      /* what was seen */
    THRESHOLD_MEAN_MIN_MAX, /* the mean of the samples' extremes: for few samples */
    THRESHOLD_PERCENTILE,   /* so many of a hundred values lie within */
    THRESHOLD_MSE,          /* the least mean square of what quantising changes */
    THRESHOLD_ENTROPY,      /* the least divergence of distributions of |x|, as TensorRT does it */
    THRESHOLD_METHOD_COUNT
};

/* Zeroes choose min-max for uint8. */
struct threshold_settings {
    enum threshold_method method;
    enum scale_kind kind; /* how errors are weighed by MSE */
    double percentile;    /* 0: THRESHOLD_PERCENTILE_USUAL */
};

#define THRESHOLD_PERCENTILE_USUAL 99.99
#define THRESHOLD_PERCENTILE_LEAST 50.0

/* MSE looks at 0.30, 0.31 .. 1.00 of the extremes; entropy compares with so many levels of |x|. */
enum { THRESHOLD_CANDIDATES = 71, THRESHOLD_LEVELS = 128 };

struct threshold {
    float low, high; /* low <= 0 <= high */
};

/* "min-max", "mean-min-max", "percentile", "mse", "entropy". */
const char *threshold_method_name(enum threshold_method method);
bool threshold_method_read(struct slice name, enum threshold_method *out_method);

/* STATUS_INVALID when the range has seen no finite value, or the percentile is none. */
status threshold_choose(const struct value_range *range, const struct threshold_settings *settings,
                        struct threshold *out_threshold, struct error *err);

/*
 * interval: the middle of some measurements, and between which bounds it would lie again.
 *
 * The bounds hold the median of 95 of 100 samples drawn from the measurements (bootstrap). They say
 * how sure the median is, not how far single measurements lie apart. Measurements that were made
 * together (in one process) may have in common what others have not: groups of them are drawn
 * first, and then of each as many as it has. The same numbers and the same seed give the same
 * bounds.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { INTERVAL_NUMBERS_MAX = 512, INTERVAL_GROUPS_MAX = 16, INTERVAL_SAMPLES = 1000 };

struct interval {
    double low, middle, high;
};

/* How many numbers each group has, at least one; those of a group stand together. */
struct interval_groups {
    uint32_t counts[INTERVAL_GROUPS_MAX];
    uint32_t count;
};

/* Of at least one group and INTERVAL_NUMBERS_MAX numbers at most, in any order within a group. */
struct interval interval_of_median(const double *numbers, const struct interval_groups *groups,
                                   uint64_t seed);

/* From low to high, as a share of the middle; infinite for a middle of 0. */
double interval_width(struct interval interval);

/* Sorts numbers upwards. */
void interval_sort(double *numbers, size_t count);

/* The number below which a share of them lies, between two neighbours where it falls there; of 1
 * and more numbers in order. */
double interval_percentile(const double *sorted, size_t count, double share);

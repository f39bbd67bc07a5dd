/*
 * choice: which of several measured variants to take under a budget, and why not the others.
 *
 * Of those that keep the budget the best by its objective is sought. What differs from it by less
 * than measuring again would change is as good; of all that are as good the smallest file is taken,
 * and of equal ones the first. So a busy machine does not change the choice.
 *
 * Pure: any thread. What the variants cost is model/profile's, the limits are model/budget's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/budget.h"
#include "model/profile.h"

enum { CHOICE_WHY_BYTES_MAX = ERROR_TEXT_MAX + 16 };

/* What is to be said of a variant. */
struct choice {
    bool is_taken;
    bool keeps; /* it is usable and keeps the budget */
    /* No other usable one is at least as good in latency, memory, size and drift, and better in
     * one of them (the Pareto set). */
    bool is_undominated;
    char why[CHOICE_WHY_BYTES_MAX]; /* why it does not keep the budget; "" where it does */
};

/* Fills a choice for each row, of which the first is the reference. False: none keeps the budget.
 */
bool choice_make(const struct budget *budget, const struct profile_row *rows, uint32_t count,
                 struct choice *out_choices);

/*
 * profile_table: what variants of a model cost, as a table for people or as JSON for programs.
 *
 * A row for each figure and a column for each variant, with how many times the reference's it is;
 * below it how sure the figures are, which variants are unusable or break the budget and why, and
 * which one is taken.
 *
 * Thread: the CLI's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/value.h"
#include "cli/call.h"
#include "model/choice.h"
#include "model/profile.h"

/* Nothing is owned. */
struct profile_table {
    const char *const *paths;       /* of each variant; the first is the reference */
    const struct profile_row *rows; /* of each */
    const struct choice *choices;   /* of each */
    uint32_t count;
    const struct budget *budget; /* NULL: nobody asked for a choice */
    double width;                /* of the intervals that were wanted */
};

/* Writes table and sentences to the answer. */
status profile_table_write(struct call *call, const struct profile_table *table, struct error *err);

/* {"reference","taken","variants"}; .kind NULL: no memory. */
struct value profile_table_value(struct arena *arena, const struct profile_table *table);

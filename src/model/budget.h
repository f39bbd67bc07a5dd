/*
 * budget: what a model may cost, as a person writes it, and whether one keeps to it.
 *
 *     latency_p95<=15ms, rss<=60MB, size<=4MB, drift.argmax>=0.97; minimise latency
 *
 * Limits are parted by commas; behind a semicolon stands what to minimise or maximise (else
 * latency). Names are those of model/cost, and `latency` is latency_p50. Times want ms, s or us,
 * sizes B, KB, MB, GB, KiB, MiB or GiB, shares may be percent; `x` is times what the reference
 * takes. What is measured is model/profile's, which of several is taken model/choice's.
 *
 * Pure: any thread. Foreign bytes: yes.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "model/cost.h"

enum {
    BUDGET_BYTES_MAX = 1024, /* of the text */
    BUDGET_LIMITS_MAX = 16,
    BUDGET_WHY_BYTES_MAX = 160
};

enum budget_bound { BUDGET_AT_MOST, BUDGET_AT_LEAST, BUDGET_BELOW, BUDGET_ABOVE };

struct budget_limit {
    enum cost_kind kind;
    enum budget_bound bound;
    double number;    /* in the unit */
    const char *unit; /* as it was written; static text, "" for none */
    double factor;    /* what the unit is worth; 0: times the reference */
};

struct budget {
    struct budget_limit limits[BUDGET_LIMITS_MAX];
    uint32_t limit_count;
    enum cost_kind objective;
    bool maximise;
};

/* No limit; minimise latency. */
void budget_init(struct budget *budget);

/* INVALID names the column and what would be right there. */
status budget_read(struct slice text, struct budget *out_budget, struct error *err);

/* False when a limit is broken, and which was the first: "p95 latency 18.2 ms is over 15 ms". What
 * nobody has measured keeps no limit. The reference may be NULL. */
bool budget_keeps(const struct budget *budget, const struct cost *cost,
                  const struct cost *reference, char out_why[BUDGET_WHY_BYTES_MAX]);

/* The limits of drift alone, with that share of what they allow: 0.9 of "drift.iou>=0.98" is
 * 0.982. For who judges by samples that are not those that count. */
struct budget budget_drift(const struct budget *budget, double share);

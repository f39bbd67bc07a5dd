/*
 * cost: what running a model takes and how far its answers are from another's, as plain numbers.
 *
 * One number for each word that a budget knows: times in milliseconds, sizes in bytes, shares from
 * 0 to 1, the signal over the noise in decibels. NAN is a number that nobody has measured.
 * model/profile fills what is measured by running; who compares answers fills the drift.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

enum cost_kind {
    COST_LATENCY_P50, /* wall time of a run */
    COST_LATENCY_P95,
    COST_LATENCY_MIN,
    COST_CPU,   /* the median of what all threads of a run compute, together */
    COST_LOAD,  /* opening the file */
    COST_FIRST, /* the first run after it */
    COST_RSS,   /* of the process, the library included */
    COST_HWM,   /* the most that it ever was */
    COST_SIZE,
    COST_SIZE_COMPRESSED,
    COST_DRIFT_SQNR, /* higher is nearer, as for the next two */
    COST_DRIFT_COSINE,
    COST_DRIFT_ARGMAX, /* share of rows whose largest number stands in the same place */
    COST_DRIFT_IOU,    /* what both masks hold of what any of them holds */
    COST_DRIFT_MAX,    /* the largest difference of two numbers */
    COST_DRIFT_METRIC, /* what the caller measures himself */
    COST_COUNT
};

/* What the number counts. */
enum cost_measure { COST_TIME, COST_BYTES, COST_DECIBELS, COST_SHARE, COST_NUMBER };

struct cost {
    double of[COST_COUNT];
};

/* Nothing is known yet. */
void cost_init(struct cost *cost);

const char *cost_name(enum cost_kind kind);  /* "latency_p95", as budgets have it */
const char *cost_words(enum cost_kind kind); /* "p95 latency", for sentences */
enum cost_measure cost_measure(enum cost_kind kind);
bool cost_more_is_better(enum cost_kind kind);

/* By which share two of them may differ and say the same: what measuring it again changes. */
double cost_margin(enum cost_kind kind);

/*
 * changed: the samples that a changed model answers otherwise than the one it was made of.
 *
 * Looks on while the two are held against each other (model/proof). The answer of a row is the
 * place of its largest number; a sample is changed where that of some row is another one. The worst
 * few are kept, each with the row whose answer the original was surest of. Where outputs have no
 * rows of several numbers, or are a mask, there is no such answer: then those with the most noise
 * are kept, each with the number that moved most.
 *
 * What the numbers mean, and how a sample looks, is somebody else's.
 *
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/drift.h"
#include "model/proof.h"
#include "model/sample_list.h"

enum { CHANGED_SAMPLES_MAX = 12, CHANGED_NAME_BYTES = 256 };

/* A number of an output. */
struct changed_number {
    uint64_t place; /* in its row, or in an output without rows */
    float value;
};

struct changed_sample {
    char name[CHANGED_NAME_BYTES]; /* as struct sample has it, cut where it is longer */
    char path[SAMPLE_PATH_BYTES_MAX];
    uint32_t moment;
    uint64_t rows, rows_changed;
    double sqnr_db;                  /* of all outputs */
    char output[CHANGED_NAME_BYTES]; /* where the two numbers stand, cut where it is longer */
    uint64_t row;
    struct changed_number original, variant;
    double gap; /* what the one was more than the other, for the original */
};

/* Begins as zeroes, but for `is_mask`. */
struct changed {
    bool is_mask; /* numbers side by side are places, not classes */
    struct changed_sample samples[CHANGED_SAMPLES_MAX]; /* the worst first */
    uint32_t count;
    uint32_t sample_count, changed_count; /* that were seen, and of those with another answer */
    bool has_rows;
    struct changed_sample now; /* what is seen of the sample at hand */
    struct drift drift;        /* of the same */
    bool is_begun;
};

/* The watch of a proof_run_watched; `changed` is it to the end. */
struct proof_watch changed_watch(struct changed *changed);

/* Once all was seen: where there are answers, only samples with another one stay. */
void changed_end(struct changed *changed);

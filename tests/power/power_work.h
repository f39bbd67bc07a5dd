/*
 * power_work: random batches of jobs, the same for the same seed.
 *
 * Every kind of job that the store knows; some of them bad.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "power_blobs.h"
#include "power_facts.h"
#include "storage/core.h"

enum { POWER_JOBS_MAX = 8, POWER_RUNS_MAX = 32, POWER_STEPS = 2 };

struct power_dice {
    uint64_t state;
};

uint64_t power_roll(struct power_dice *dice);
uint32_t power_below(struct power_dice *dice, uint32_t below);

/* A run, and the blobs that the outputs of its steps hold; -1: none. */
struct power_run {
    struct id id;
    int held[POWER_STEPS];
    bool busy; /* a job of this batch changes what it holds */
};

/* What a job does to what a run holds, once it is answered. */
struct power_hold {
    struct power_run *run; /* NULL: nothing */
    int step;              /* -1: the run ends */
    int blob;
};

struct power_work {
    struct power_dice dice;
    struct arena arena; /* of the batch that is made */
    struct power_ledger ledger;
    struct power_blobs *blobs; /* not owned */
    struct power_run runs[POWER_RUNS_MAX];
    uint32_t run_count;
    uint64_t made;  /* records: each body says its number */
    bool only_ends; /* each batch is one end of a run that changes what its step remembers */
    struct store_job jobs[POWER_JOBS_MAX];
    struct store_job *batch[POWER_JOBS_MAX];
    struct power_hold holds[POWER_JOBS_MAX];
    struct blob_hold blob_holds[POWER_JOBS_MAX][POWER_STEPS + 1]; /* of each job */
    int count;
    int pinned[POWER_JOBS_MAX]; /* blobs that this batch names, one a job */
    int pinned_count;
};

void power_work_init(struct power_work *work, struct power_blobs *blobs, uint64_t seed);
void power_work_done(struct power_work *work);

/* Keeps the workflows and finds out what there is: after each opening. False: it could not be kept.
 */
bool power_work_begin(struct power_work *work, struct core *core);

/* Makes the next batch in work->batch. */
void power_work_make(struct power_work *work);

/* Remembers what the answered batch did. out_facts[i], i from 0 to work->count, is what the store
 * must hold after the first i jobs. */
void power_work_note(struct power_work *work, struct power_facts *out_facts);

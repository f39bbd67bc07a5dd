/*
 * power_work: random batches of jobs, the same for the same seed.
 *
 * Every kind of job that the store knows; some of them bad.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "storage/core.h"

enum { POWER_JOBS_MAX = 8, POWER_RUNS_MAX = 32, POWER_WORKFLOWS_MAX = 3 };

struct power_dice {
    uint64_t state;
};

uint64_t power_roll(struct power_dice *dice);
uint32_t power_below(struct power_dice *dice, uint32_t below);

struct power_work {
    struct power_dice dice;
    struct arena arena; /* of the batch that is made */
    uint32_t workflows[POWER_WORKFLOWS_MAX];
    struct id runs[POWER_RUNS_MAX];
    uint32_t run_count;
    uint64_t made; /* records: each body says its number */
    bool no_purge; /* leaves out what depends on the clock */
    struct store_job jobs[POWER_JOBS_MAX];
    struct store_job *batch[POWER_JOBS_MAX];
    int count;
};

void power_work_init(struct power_work *work, uint64_t seed);
void power_work_done(struct power_work *work);

/* Keeps the workflows and finds out which runs there are: after each opening. False: it could not
 * be kept. */
bool power_work_begin(struct power_work *work, struct core *core);

/* Makes the next batch in work->batch. */
void power_work_make(struct power_work *work);

/* Remembers what the answered batch did. */
void power_work_note(struct power_work *work);

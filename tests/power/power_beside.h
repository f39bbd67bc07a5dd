/*
 * power_beside: what the end of a run writes beside its record: a state and a mark of its number.
 *
 * For harnesses whose records are {"n":NUMBER,...}: either all three are there or none.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "platform/database.h"
#include "storage/store_job.h"

struct power_beside {
    struct state_write state;
    char key[16], value[32];
};

/* The job's end also remembers and marks the number; `beside` stays until it is answered. */
void power_beside_add(struct power_beside *beside, struct store_job *job, int number);

/* CORRUPT when a record is there without its state or its mark, or one of them without it or twice.
 */
status power_beside_check(struct database *database, struct error *err);

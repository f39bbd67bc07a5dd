/*
 * states: what keyed steps of a workflow remember, written with the end of the run that changed it.
 *
 * Thread: database. Survives: power cuts, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "platform/database.h"
#include "storage/store_job.h"

/* Writes a value, or removes it when it is empty. */
status states_write(struct database *database, struct slice workflow,
                    const struct state_write *write, struct error *err);

/* Answers READ_STATES. */
status states_read(struct database *database, struct store_read *read, struct error *err);

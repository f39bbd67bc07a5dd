/*
 * apply_plan: what applying a folder would change on the device that the daemon runs.
 *
 * A folder holds NAME.yaml files and folders with a workflow.yaml, as `ebb serve --workflows` reads
 * it; agents stand in agents/ beside a file. Every file is checked as `ebb check` does before the
 * daemon is asked anything. A workflow is the same when its text and every agent of its steps are.
 *
 * Thread: the CLI's only one. What it holds lives in the call's arena, but for what plan_done gives
 * back.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/id.h"
#include "base/value.h"
#include "cli/call.h"
#include "cli/checker.h"

enum { PLAN_WORKFLOWS_MAX = 200 };

enum plan_change { PLAN_SAME, PLAN_ADDED, PLAN_CHANGED };

struct plan_workflow {
    struct slice path; /* as a person would name it, ended by a zero */
    struct checked checked;
    struct slice name;
    struct id digest; /* of all that it is made of (catalog_digest) */
    enum plan_change change;
    struct value running; /* the daemon's, null where it has none */
};

struct plan {
    struct plan_workflow *workflows;
    uint32_t count;
    const struct value *removed; /* names: applied before, and not in the folder */
    uint32_t removed_count;
};

/* Reads and checks the folder; faults go to the answer, and INVALID comes back without a sentence
 * then. INVALID too when two files have one name. */
status plan_read(struct call *call, const char *folder, struct plan *out_plan, struct error *err);

/* Asks the daemon what it has. */
status plan_compare(struct call *call, struct plan *plan, struct error *err);
void plan_done(struct plan *plan);

/* "added", "changed", "same". */
const char *plan_change_name(enum plan_change change);

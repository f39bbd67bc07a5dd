/*
 * checker: one file of a workflow or an agent, checked with everything that can be known at a desk.
 *
 * The format by wire/workflow and agents/agent_manifest, agents by a catalogue of the folders that
 * `ebb run` would look in, jq by compiling it. It runs nothing. The daemon asks the same questions
 * of the same code when it loads a file.
 *
 * Thread: the CLI's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/agent_manifest.h"
#include "base/error.h"
#include "wire/workflow.h"

struct checked {
    struct workflow *workflow;       /* NULL: the file is none, or has faults */
    struct agent_manifest *manifest; /* NULL: the file is none, or has faults */
    struct fault_list *faults;       /* NULL when there is nothing to say */
    struct catalog *catalog;         /* what the workflow's steps point into */
};

/* Checks the file at `path`; one called agent.yaml is an agent's. `agents` is another folder to
 * look for agents in, or NULL; `binding` is what a workflow is bound to, or NULL. OK when it is
 * correct, perhaps with warnings in out_checked->faults. INVALID with faults when it is not,
 * NOT_FOUND and the like when there is nothing to read. Whatever comes back, checked_done gives it
 * back. */
status checker_check(const char *path, const char *agents, const struct binding *binding,
                     struct checked *out_checked, struct error *err);
void checked_done(struct checked *checked);

/* True when there is nothing to mend. */
bool checked_is_correct(const struct checked *checked);

/*
 * rerun: `ebb run --watch`: a run at a desk, and again at each change of what it is made of.
 *
 * That is the workflow's file with the schemas that it names and, of each agent beside it,
 * agent.yaml and the files that this names; what an agent reads or writes itself begins nothing
 * anew. Each run is a process of its own, so it sees what `ebb run` sees. A run under way is told
 * to end first, as by Ctrl-C.
 *
 * Thread: the CLI's only one, which is a loop until it ends. Survives: what the runs kept.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "cli/call.h"

enum {
    RERUN_FOLDERS_MAX = 500,  /* watched ones */
    RERUN_SETTLE_MS = 150,    /* an editor writes more than once */
    RERUN_PATIENCE_MS = 10000 /* for a run that is told to end; then it is killed */
};

/* Runs call's FILE until a signal ends it, which is INTERRUPTED: it has no other end. */
status rerun(struct call *call, struct error *err);

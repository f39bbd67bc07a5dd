/*
 * recovery: runs that an earlier process left: taken up again, counted, parked at the third crash.
 *
 * A run that was on a worker when the process crashed counts one recovery; at the third it is
 * parked: its event stays, a control record says so, and a person may try it again. What a run had
 * done is in its step rows.
 *
 * Thread: loop. Survives: it is what survives.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "runtime/orchestrator.h"

enum { RECOVERIES_MAX = 3 };

struct recovered; /* runs that were read and not yet started */

/* Reads the kept runs (blocking, before the store's first job) and finds or loads their versions
 * into `generation`; slots must have been filled. Those whose version cannot be read any more stay
 * on disk and are told of through on_refused. */
status recovery_read(struct orchestrator *orchestrator, struct generation *generation,
                     struct recovered **out_recovered, struct error *err);

/* Starts them, in the order in which they began and as many at once as `concurrency` allows, before
 * new events; gives `recovered` back. */
void recovery_start(struct orchestrator *orchestrator, struct recovered *recovered);

/* Leaves them on disk; gives `recovered` back. */
void recovery_drop(struct recovered *recovered);

/* True when the run was on a worker in the crash: it is then counted, and has its turn or is parked
 * when that is durable. */
bool recovery_blames(struct orchestrator *orchestrator, struct run *run);

/* Tries a parked run again. NOT_FOUND when there is none of that id. */
status recovery_resume(struct orchestrator *orchestrator, struct id id, struct error *err);

/*
 * late_results: results that a limit held back and that come when there is room (`over: last`).
 *
 * What waits is part of what is kept of its limit (run_limits), on disk with the end of the run
 * that made it. When there is room again, or when it is found after a restart, it is written as a
 * record, and the limit with nothing that waits, in one transaction: it comes once.
 *
 * Thread: loop. Survives: power cuts, as far as `durability.state` says.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "runtime/slot.h"

struct late_results;

/* NULL is fine. */
void late_results_destroy(struct late_results *late);

/* One waits until then (CLOCK_BOOTTIME). */
void late_results_wait(struct slot *slot, int64_t due_ns);

/* Sends what is due, and waits for what is not; what is on disk is read first. */
void late_results_look(struct slot *slot);

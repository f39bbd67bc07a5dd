/*
 * farewell: a process that has been told to end, until it has.
 *
 * Who closes an agent while the daemon goes on, or ends, hands its processes over to this: they get
 * a last line and the end of their input, may say something on standard error, and are killed when
 * they are still there after FAREWELL_MS_MAX. The loop is not done before they are gone.
 *
 * Thread: loop. Frees itself.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/slice.h"
#include "platform/loop.h"
#include "platform/process.h"

enum { FAREWELL_MS_MAX = 2000 };

/* Takes the process; its owner is told nothing any more. `agent` is whose it is, for the log;
 * `last_line` has its line end. Without memory the process is killed at once. */
void farewell_begin(struct loop *loop, struct process *process, struct slice agent,
                    struct slice last_line);

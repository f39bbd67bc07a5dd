/*
 * interrupt: whether somebody wants the program to end, for long work without a loop.
 *
 * The first SIGINT, SIGTERM or SIGHUP is noted, and the work looks now and then and ends itself:
 * nothing half done stays. The second of the same kind ends the process at once, as if nobody had
 * looked. What is ignored from the start (nohup) stays so. Programs with a loop watch their signals
 * there (platform/loop).
 *
 * Thread: the one that works; there is one watch in a process.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

void interrupt_watch(void);
bool interrupt_came(void);

/* Signals do again what they did before. */
void interrupt_unwatch(void);

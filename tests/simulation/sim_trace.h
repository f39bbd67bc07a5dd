/*
 * sim_trace: what happened, for the person who reads a failing seed; and one number of all of it.
 *
 * The last SIM_TRACE_LINES are kept as they were noted and put into words only when they are shown.
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { SIM_TRACE_LINES = 64, SIM_TRACE_NUMBERS = 4 };

/* Who did it: a device's number, or the hub. */
enum { SIM_HUB = -1 };

struct sim_line {
    int64_t at_us;
    int who;
    const char *text; /* static; each '#' stands for the next number */
    uint64_t numbers[SIM_TRACE_NUMBERS];
};

struct sim_trace {
    bool loud; /* each line is printed at once */
    uint64_t hash, count;
    struct sim_line lines[SIM_TRACE_LINES];
};

void sim_trace_add(struct sim_trace *trace, const struct sim_line *line);

/* Prints the lines that are kept, the oldest first. */
void sim_trace_print(const struct sim_trace *trace);

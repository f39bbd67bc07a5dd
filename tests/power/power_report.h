/*
 * power_report: the lines that a harness prints: TAP, and how to run a failing seed again.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

struct power_report {
    int number, failed;
};

/* One line: "ok 3 - text" or "not ok 3 - text". */
void power_report_line(struct power_report *report, bool good, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A line that says why a test did not run. */
void power_report_skip(struct power_report *report, const char *text, const char *why);

/* The plan; the exit code of the program. */
int power_report_end(const struct power_report *report);

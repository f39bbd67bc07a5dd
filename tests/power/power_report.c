// SPDX-License-Identifier: Apache-2.0
#include "power_report.h"

#include <stdarg.h>
#include <stdio.h>

void power_report_line(struct power_report *report, bool good, const char *format, ...) {
    va_list args;
    report->number++;
    report->failed += good ? 0 : 1;
    (void)printf("%sok %d - ", good ? "" : "not ", report->number);
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    (void)printf("\n");
    (void)fflush(stdout);
}

void power_report_skip(struct power_report *report, const char *text, const char *why) {
    report->number++;
    (void)printf("ok %d - %s # SKIP %s\n", report->number, text, why);
}

int power_report_end(const struct power_report *report) {
    (void)printf("1..%d\n", report->number);
    return report->failed == 0 ? 0 : 1;
}

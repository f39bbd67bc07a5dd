// SPDX-License-Identifier: Apache-2.0
#include "sim_trace.h"

#include <stdio.h>

static void print(const struct sim_line *line) {
    int number = 0;
    (void)printf("# %lld.%06lld ", (long long)(line->at_us / 1000000),
                 (long long)(line->at_us % 1000000));
    if (line->who == SIM_HUB) {
        (void)printf("hub: ");
    } else {
        (void)printf("device %d: ", line->who);
    }
    for (const char *at = line->text; *at != '\0'; at++) {
        if (*at == '#' && number < SIM_TRACE_NUMBERS) {
            (void)printf("%llu", (unsigned long long)line->numbers[number++]);
        } else {
            (void)putchar(*at);
        }
    }
    (void)putchar('\n');
}

static void mix(struct sim_trace *trace, uint64_t number) {
    trace->hash = (trace->hash ^ number) * UINT64_C(0x100000001b3);
    trace->hash ^= trace->hash >> 29;
}

void sim_trace_add(struct sim_trace *trace, const struct sim_line *line) {
    mix(trace, (uint64_t)line->at_us);
    mix(trace, (uint64_t)line->who);
    for (const char *at = line->text; *at != '\0'; at++) {
        mix(trace, (uint8_t)*at);
    }
    for (int i = 0; i < SIM_TRACE_NUMBERS; i++) {
        mix(trace, line->numbers[i]);
    }
    trace->lines[trace->count++ % SIM_TRACE_LINES] = *line;
    if (trace->loud) {
        print(line);
    }
}

void sim_trace_print(const struct sim_trace *trace) {
    const uint64_t kept = trace->count < SIM_TRACE_LINES ? trace->count : SIM_TRACE_LINES;
    for (uint64_t i = trace->count - kept; i < trace->count; i++) {
        print(&trace->lines[i % SIM_TRACE_LINES]);
    }
}

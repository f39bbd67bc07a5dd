/*
 * measured: what one measurement of a benchmark prints: wall seconds, CPU seconds, p50 of a latency
 * in microseconds, bytes that the kernel counted as written to a disk; or, of what goes over a
 * line, p50, p99 and the bytes sent.
 *
 * Thread: the benchmark's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/memory.h"
#include "platform/clock.h"

struct measured {
    int64_t *latencies_ns;
    uint32_t count;
    int64_t began_ns, cpu_began_us, written_before;
};

static inline int64_t measured_cpu_us(void) {
    struct rusage use;
    (void)getrusage(RUSAGE_SELF, &use);
    return (int64_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 + use.ru_utime.tv_usec +
           use.ru_stime.tv_usec;
}

/* What this process has had written to a disk, by the kernel's own count. */
static inline int64_t measured_written_bytes(void) {
    char line[128];
    long long bytes = 0;
    FILE *file = fopen("/proc/self/io", "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        (void)sscanf(line, "write_bytes: %lld", &bytes);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return bytes;
}

static inline void measured_begin(struct measured *measured, uint32_t count) {
    measured->latencies_ns = memory_new(count, sizeof(int64_t));
    measured->count = 0;
    measured->cpu_began_us = measured_cpu_us();
    measured->written_before = measured_written_bytes();
    measured->began_ns = clock_monotonic_ns();
}

static inline int measured_compare(const void *a, const void *b) {
    const int64_t left = *(const int64_t *)a;
    const int64_t right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

static inline void measured_report(struct measured *measured) {
    const double wall = (double)(clock_monotonic_ns() - measured->began_ns) / 1e9;
    const double cpu = (double)(measured_cpu_us() - measured->cpu_began_us) / 1e6;
    qsort(measured->latencies_ns, measured->count, sizeof(int64_t), measured_compare);
    (void)printf("%.6f %.6f %.1f %" PRId64 "\n", wall, cpu,
                 (double)measured->latencies_ns[measured->count / 2] / 1e3,
                 measured_written_bytes() - measured->written_before);
    memory_free(measured->latencies_ns);
}

/* Of the latencies, which are in order: that of so many of a hundred. */
static inline double measured_us(const struct measured *measured, uint32_t of_hundred) {
    const uint64_t place = (uint64_t)measured->count * of_hundred / 100;
    return (double)measured->latencies_ns[place] / 1e3;
}

static inline void measured_report_sent(struct measured *measured, uint64_t sent_bytes) {
    const double wall = (double)(clock_monotonic_ns() - measured->began_ns) / 1e9;
    const double cpu = (double)(measured_cpu_us() - measured->cpu_began_us) / 1e6;
    qsort(measured->latencies_ns, measured->count, sizeof(int64_t), measured_compare);
    (void)printf("%.6f %.6f %.1f %.1f %" PRIu64 "\n", wall, cpu, measured_us(measured, 50),
                 measured_us(measured, 99), sent_bytes);
    memory_free(measured->latencies_ns);
}

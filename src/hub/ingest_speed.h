/*
 * ingest_speed: how fast the hub writes: records of the last minute, how long transactions took in
 * it, and a histogram of all since the start.
 *
 * Pure: plain data, any thread, one at a time. A figure of the last minute is right to an eighth.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

enum {
    INGEST_SPEED_SECONDS = 60,
    INGEST_SPEED_CLASSES = 96, /* of durations, four for each doubling from 1 us on */
    INGEST_SPEED_BOUNDS = 12
};

/* Upper bounds of the histogram, in microseconds. */
extern const int64_t INGEST_SPEED_BOUND_US[INGEST_SPEED_BOUNDS];

struct ingest_second {
    int64_t second; /* 0: never */
    int64_t records;
    uint32_t classes[INGEST_SPEED_CLASSES];
};

/* All zeroes is one that has seen nothing. */
struct ingest_speed {
    struct ingest_second seconds[INGEST_SPEED_SECONDS];
    uint64_t buckets[INGEST_SPEED_BOUNDS]; /* transactions that took at most so long */
    uint64_t count, records;
    int64_t total_us;
};

struct ingest_speed_figures {
    double records_per_s;                                  /* over the last minute */
    double p50_ms, p99_ms;                                 /* of its transactions; 0 without any */
    uint64_t buckets[INGEST_SPEED_BOUNDS], count, records; /* since the start */
    double total_s;
};

/* A transaction that was committed. `now_s` never goes back. */
void ingest_speed_add(struct ingest_speed *speed, int64_t now_s, int64_t took_us, int64_t records);

void ingest_speed_figures(const struct ingest_speed *speed, int64_t now_s,
                          struct ingest_speed_figures *out_figures);

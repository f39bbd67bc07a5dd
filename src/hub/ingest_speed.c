// SPDX-License-Identifier: Apache-2.0
#include "hub/ingest_speed.h"

#include <string.h>

enum { PARTS = 4, US_PER_MS = 1000, MEDIAN = 50, NEARLY_ALL = 99, PERCENT = 100 };

const int64_t INGEST_SPEED_BOUND_US[INGEST_SPEED_BOUNDS] = {
    1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 10000000};

/* Four for each doubling: the two bits behind the highest one say which. */
static int class_of(int64_t us) {
    int doublings = 0;
    if (us < PARTS) {
        return us > 0 ? (int)us : 0;
    }
    while (us >= 2 * (int64_t)PARTS) {
        us /= 2;
        doublings++;
    }
    const int class = PARTS * (doublings + 1) + (int)us - PARTS;
    return class < INGEST_SPEED_CLASSES ? class : INGEST_SPEED_CLASSES - 1;
}

/* The middle of a class, in milliseconds. */
static double middle_ms(int class) {
    if (class < PARTS) {
        return (double)class / US_PER_MS;
    }
    const double unit = (double)(INT64_C(1) << (class / PARTS - 1));
    return ((double)(class % PARTS + PARTS) + 0.5) * unit / US_PER_MS;
}

void ingest_speed_add(struct ingest_speed *speed, int64_t now_s, int64_t took_us, int64_t records) {
    struct ingest_second *second = &speed->seconds[now_s % INGEST_SPEED_SECONDS];
    if (second->second != now_s) {
        *second = (struct ingest_second){.second = now_s};
    }
    second->records += records;
    second->classes[class_of(took_us)]++;
    for (int i = 0; i < INGEST_SPEED_BOUNDS; i++) {
        speed->buckets[i] += took_us <= INGEST_SPEED_BOUND_US[i] ? 1 : 0;
    }
    speed->count++;
    speed->records += (uint64_t)records;
    speed->total_us += took_us;
}

static double share_ms(const uint64_t classes[INGEST_SPEED_CLASSES], uint64_t count, int percent) {
    uint64_t seen = 0;
    int class = 0;
    while (class < INGEST_SPEED_CLASSES - 1 &&
           (seen + classes[class]) * PERCENT < count * (uint64_t)percent) {
        seen += classes[class];
        class ++;
    }
    return count > 0 ? middle_ms(class) : 0;
}

void ingest_speed_figures(const struct ingest_speed *speed, int64_t now_s,
                          struct ingest_speed_figures *out_figures) {
    uint64_t classes[INGEST_SPEED_CLASSES] = {0};
    uint64_t count = 0;
    int64_t records = 0;
    for (int i = 0; i < INGEST_SPEED_SECONDS; i++) {
        const struct ingest_second *second = &speed->seconds[i];
        if (second->second == 0 || now_s - second->second >= INGEST_SPEED_SECONDS) {
            continue;
        }
        records += second->records;
        for (int class = 0; class < INGEST_SPEED_CLASSES; class ++) {
            classes[class] += second->classes[class];
            count += second->classes[class];
        }
    }
    *out_figures =
        (struct ingest_speed_figures){.records_per_s = (double)records / INGEST_SPEED_SECONDS,
                                      .p50_ms = share_ms(classes, count, MEDIAN),
                                      .p99_ms = share_ms(classes, count, NEARLY_ALL),
                                      .count = speed->count,
                                      .records = speed->records,
                                      .total_s = (double)speed->total_us / 1e6};
    (void)memcpy(out_figures->buckets, speed->buckets, sizeof(speed->buckets));
}

/*
 * recorded_day: the readings that `ebb demo` plays, and what has become of each.
 *
 * A line of the file is a reading, {"sensor":"a1","number":1,...}; sensor and number name it. It
 * is played as a file SENSOR-NUMBER.json, the way a logger leaves one: written aside, then renamed.
 * Whether a result is right is not asked here, only that each reading has one and no more.
 *
 * Thread: the CLI's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"
#include "base/value.h"

enum { RECORDED_DAY_BYTES_MAX = 64 << 10, RECORDED_DAY_READINGS_MAX = 2000 };

struct recorded_reading {
    struct slice line, sensor;
    int64_t number;
    uint32_t results; /* that were counted */
};

struct recorded_day {
    struct recorded_reading *readings; /* of the arena */
    size_t count;
    size_t foreign; /* results of no reading of this day */
    struct arena arena;
};

/* Reads the file. INVALID names the line that is no reading. */
status recorded_day_read(const char *path, struct recorded_day *out_day, struct error *err);
void recorded_day_done(struct recorded_day *day);

/* Puts a reading into the folder; `wall_ms` becomes the file's time. */
status recorded_day_play(const struct recorded_day *day, size_t index, const char *folder,
                         int64_t wall_ms, struct error *err);

/* Counts a result: {"sensor":...,"number":...}. */
void recorded_day_count(struct recorded_day *day, struct value result);

/* Readings without a result; results beyond the first of a reading, and those of no reading. */
size_t recorded_day_lost(const struct recorded_day *day);
size_t recorded_day_doubled(const struct recorded_day *day);

/*
 * lane: the ordered parts of a stream, and the priorities that name four of them.
 *
 * Numbers are on disk and on the wire for ever. Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

enum lane {
    LANE_CONTROL = 0,
    LANE_URGENT = 1,
    LANE_HIGH = 2,
    LANE_NORMAL = 3,
    LANE_LOW = 4,
    LANE_TELEMETRY = 5,
    LANE_BULK = 6,
    LANE_LOCAL = 7,
    LANE_COUNT = 8
};

enum { PRIORITY_MAX = 9 };

/* "control", "urgent" ...; static text. */
const char *lane_name(enum lane lane);

/* The lane of a word, or LANE_COUNT. */
enum lane lane_from_name(struct slice word);

/* 9-7 urgent, 6-4 high, 3-1 normal, 0 low; beyond 0-9 is clamped. */
enum lane lane_of_priority(int priority);

/* A word (7, 4, 1, 0) or a whole number as a priority clamped to 0-9; *out_clamped says whether it
 * was. false: neither, nothing is written. */
bool priority_read(struct slice text, int *out_priority, bool *out_clamped);

/*
 * schedule: a cron expression of five fields, and the next moment that it means in a time zone.
 *
 * Minute, hour, day of the month, month, day of the week: numbers, names (jan, mon), lists, ranges,
 * steps behind `*` or a range; @hourly, @daily, @weekly, @monthly, @yearly. When both days are said
 * (neither begins with `*`) one of them is enough, as with cron.
 *
 * Where local time is put forward or back: a schedule of every hour (`*` or a step of it) goes by
 * hours as they pass: what the clock leaves out does not come, what it shows twice comes twice. A
 * schedule that names its hours comes once a day all the same: what would lie in the hour left
 * out comes at its end, what the clock shows twice comes the first time.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "platform/zone.h"

enum { SCHEDULE_BYTES_MAX = 256, SCHEDULE_YEARS_MAX = 50 };

/* Bits are the values of the field. */
struct schedule {
    uint64_t minutes;
    uint32_t hours, days, months;
    uint32_t weekdays; /* 0 Sunday to 6 */
    bool every_hour;   /* it names no hours of its own */
    bool either_day;   /* day of the month or day of the week */
};

/* INVALID says which field is wrong and what would be right, also when no day is ever meant. */
status schedule_read(struct slice text, struct schedule *out_schedule, struct error *err);

/* The first moment behind `after_ms`; false when there is none in SCHEDULE_YEARS_MAX years. */
bool schedule_next(const struct schedule *schedule, const struct zone *zone, int64_t after_ms,
                   int64_t *out_ms);

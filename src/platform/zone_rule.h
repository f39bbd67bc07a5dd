/*
 * zone_rule: summer and standard time by a rule for every year, as in TZ of POSIX.
 *
 * For platform/zone alone: the last line of a TZif file, which speaks for all that its table does
 * not. Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/slice.h"
#include "platform/zone.h"

/* The day of a change. */
struct zone_day {
    enum { ZONE_DAY_MONTH, ZONE_DAY_JULIAN, ZONE_DAY_OF_YEAR } kind; /* Mm.w.d, Jn, n */
    int month, week, weekday;
    int day;
    int32_t time_s; /* local time of the change; may lie days before or behind */
};

struct zone_rule {
    int32_t standard_s, summer_s;
    bool has_summer;
    struct zone_day summer_begins, summer_ends;
};

/* false: it is no such rule. */
bool zone_rule_read(struct slice text, struct zone_rule *out_rule);

struct zone_piece zone_rule_piece_at(const struct zone_rule *rule, int64_t utc_s);

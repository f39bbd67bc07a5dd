/*
 * ranges: which seqs of a lane somebody holds: at most 64 intervals, sorted, apart from each other.
 *
 * All lanes but telemetry have one interval that begins at 1. Telemetry is sent newest first, so
 * holes stay for a while; when there is no room for another interval the caller fills the oldest
 * hole first.
 *
 * Plain data, pure: any thread. Foreign bytes: ranges_read checks every number.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/value.h"
#include "wire/record.h"

enum { RANGES_MAX = 64 };

/* The last seq that there can be. */
#define RANGE_SEQ_MAX ((UINT64_C(1) << RECORD_SEQ_BITS) - 1)

struct range {
    uint64_t from, to; /* both inside; 1 <= from <= to <= RANGE_SEQ_MAX */
};

struct ranges {
    struct range items[RANGES_MAX];
    int count;
};

/* The last seq of the interval that begins at 1; 0: there is none. */
uint64_t ranges_top(const struct ranges *ranges);

/* The highest seq that is held; 0: none. */
uint64_t ranges_highest(const struct ranges *ranges);

uint64_t ranges_total(const struct ranges *ranges);
bool ranges_hold(const struct ranges *ranges, struct range range);

/* The first seq from `from` on that is not held. */
uint64_t ranges_first_missing(const struct ranges *ranges, uint64_t from);

/* The next piece of `within` that is not held, from `*seq` on, which moves behind it; false: there
 * is none. */
bool ranges_next_missing(const struct ranges *ranges, struct range within, uint64_t *seq,
                         struct range *out_piece);

/* The intervals that overlap or touch `range`, which become one with it when it is added: from
 * *out_first up to, not including, *out_end. Where there is none, both are where it would stand. */
void ranges_around(const struct ranges *ranges, struct range range, int *out_first, int *out_end);

/* FULL when a new interval would be one too many: nothing is changed. */
status ranges_add(struct ranges *ranges, struct range range, struct error *err);

/* [[1,100],[120,130]] */
void ranges_write(const struct ranges *ranges, struct buffer *out);

/* INVALID for a list that ranges_write does not write. NULL is no list. */
status ranges_read(const struct value *list, struct ranges *out_ranges, struct error *err);

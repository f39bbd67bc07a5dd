/*
 * human: numbers and moments as people read them, and members of answers as cells of a table.
 *
 * Every slice that comes back lives in the arena; where that has no room it is empty.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "base/value.h"

/* "41 ms", "12 s", "5 min 3 s", "3 h 12 min", "2 d 4 h". */
struct slice human_span(struct arena *arena, int64_t ms);

/* "812 B", "1.3 GiB". */
struct slice human_bytes(struct arena *arena, int64_t bytes);

/* "2026-11-23 10:00:00" from what the API writes ("2026-11-23T10:00:00.120", with or without a
 * zone). */
struct slice human_moment(struct arena *arena, struct slice rfc3339);

/* The member as a cell: text as it is, numbers in digits, null and nothing as "-", lists and
 * objects as JSON. */
struct slice human_member(struct arena *arena, struct value object, const char *name);

/* The state of a workflow, and whether its newer file has faults. */
struct slice human_state(struct arena *arena, struct value workflow);

/* The member as a whole number; 0 where there is none. */
int64_t human_number(struct value object, const char *name);

/* The member's items; *out_count is 0 where it is no list. */
const struct value *human_items(struct value object, const char *name, uint32_t *out_count);

/* The value as JSON on one line. */
struct slice human_json(struct arena *arena, struct value value);

/*
 * zone: how far local time is from UTC, and from when to when it stays so.
 *
 * Reads the system's tzdata (TZif, RFC 9636) itself: libc knows one zone a process, which threads
 * share. A zone is immutable and lies in the caller's arena; changes of tzdata are seen when it is
 * opened again. What a calendar makes of it is the business of wire/schedule.
 *
 * Thread: any; zone_open reads a small local file.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/time.h"

enum {
    ZONE_FILE_BYTES_MAX = 64 << 10,
    ZONE_CHANGES_MAX = 4096,
    ZONE_NAME_BYTES_MAX = 63,
    ZONE_OFFSET_S_MAX = 26 * 3600
};

struct zone;

/* A stretch of time with one offset. Local time is UTC plus the offset. */
struct zone_piece {
    int64_t begins_s; /* INT64_MIN: it has always been so */
    int64_t ends_s;   /* the first second that is not in it; INT64_MAX: never */
    int32_t offset_s;
    int32_t before_s; /* the offset before it; the same where it has no beginning */
};

/* The zone of that name ("Europe/Berlin", "UTC"); an empty name is the system's own, UTC where it
 * has none. INVALID names what is wrong. */
status zone_open(struct arena *arena, struct slice name, const struct zone **out_zone,
                 struct error *err);

/* A TZif file's bytes. CORRUPT says what is wrong with them. */
status zone_read(struct arena *arena, struct slice bytes, const struct zone **out_zone,
                 struct error *err);

/* A rule as in TZ of POSIX: "CET-1CEST,M3.5.0,M10.5.0/3". */
status zone_read_rule(struct arena *arena, struct slice text, const struct zone **out_zone,
                      struct error *err);

/* The piece that holds the moment. */
struct zone_piece zone_piece_at(const struct zone *zone, int64_t utc_s);

/* "2026-11-23T11:00:00+01:00": what a clock on the wall shows. */
void zone_write_local(const struct zone *zone, int64_t wall_ms, char out_text[TIME_TEXT_BYTES]);

/*
 * time: moments and spans as text. Reading a clock is platform/clock.
 *
 * A moment is milliseconds since 1970 in UTC. A span carries a unit in text, always; only 0 needs
 * none. Pure: any thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum { TIME_TEXT_BYTES = 32 };

/* "2026-11-23T10:00:00.120Z" and a zero. */
void time_write(int64_t wall_ms, char out_text[TIME_TEXT_BYTES]);

/* "2026-11-23T10:00:00.120": UTC with no zone, as the guide's strings parse. */
void time_write_plain(int64_t wall_ms, char out_text[TIME_TEXT_BYTES]);

/* RFC 3339 with Z or an offset, fraction optional; false for anything else. */
bool time_read(struct slice text, int64_t *out_wall_ms);

/* "200ms", "2s", "5m", "3h", "7d" or "0"; false for anything else or beyond 10,000 days. */
bool time_read_span(struct slice text, int64_t *out_ms);

/* The shortest text that time_read_span reads back: "1500ms", "30s", "7d". */
void time_write_span(int64_t ms, char out_text[TIME_TEXT_BYTES]);

/*
 * log_ring: the last lines that this process logged, for `ebb logs`.
 *
 * It listens to base/log from its creation to its end; what goes to standard error is not touched.
 * The oldest lines make room: LOG_RING_LINES_MAX of them, LOG_RING_BYTES_MAX of text. Lines are
 * numbered from 1; who has read up to a number asks for what came after it. What must outlive the
 * process is in the system's journal.
 *
 * Thread: lines come from any; reading is the loop's. One a process. Survives: nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "base/slice.h"

struct log_ring;

enum { LOG_RING_LINES_MAX = 1000, LOG_RING_BYTES_MAX = 256 << 10 };

struct log_entry {
    uint64_t number;
    int64_t wall_ms;
    enum log_level level;
    const char *room;  /* static text */
    struct slice text; /* control characters may be in it */
};

struct log_filter {
    uint64_t after; /* lines with higher numbers alone */
    enum log_level least;
    struct slice workflow; /* lines that say workflow=NAME; empty: all */
    uint32_t limit;        /* the newest so many; those after `after` from the oldest on */
};

status log_ring_create(struct log_ring **out_ring, struct error *err);

/* Calls `each` for the lines that the filter lets pass, the oldest first; their text is valid
 * during the call. With `after` the first `limit` of them, else the last. *out_last is the number
 * from which to go on. Gives how many lines after `after` were gone before they could be read. */
uint64_t log_ring_read(struct log_ring *ring, const struct log_filter *filter,
                       void (*each)(void *owner, const struct log_entry *entry), void *owner,
                       uint64_t *out_last);

/* Listens no more. NULL is fine. No other thread may log meanwhile. */
void log_ring_destroy(struct log_ring *ring);

/*
 * alarm_rows: what a person at the hub must hear about devices and tokens, as rows of hub.db.
 *
 * The same kind about the same subject within a day is one row that counts. The newest
 * ALARMS_KEPT_MAX are kept.
 *
 * Thread: the writing one, in its open transaction. Survives: power cuts, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "platform/database.h"

enum { ALARMS_KEPT_MAX = 1000 };

/* Kinds: TOKEN_REUSE, a token whose uses are over came with another key; REVOKED_USE, a certificate
 * of a revoked lineage was shown; DEVICE_ALARM, what a device says of itself (hub/device_alarm);
 * those of hub/oddity. */
struct alarm_row {
    struct slice kind, subject, text; /* subject: a device's or a token's id */
    int64_t count, first_ms, last_ms, number;
    int64_t seen_ms; /* by a person, who saw what it said until then; 0: nobody */
    struct slice seen_by;
};

status alarm_rows_raise(struct database *database, const char *kind, struct slice subject,
                        struct slice text, int64_t now_ms, struct error *err);

/* A person has seen it. NOT_FOUND: there is none of that number (any more). */
status alarm_rows_see(struct database *database, int64_t number, struct slice who, int64_t now_ms,
                      struct error *err);

/* The newest first; of one subject, or all where it is empty. */
status alarm_rows_list(struct database *database, struct arena *arena, struct slice subject,
                       struct alarm_row **out_rows, int *out_count, struct error *err);

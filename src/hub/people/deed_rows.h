/*
 * deed_rows: who did what at this hub, and when; written with what was done, in one transaction.
 *
 * Log-ins are deeds as well. The newest DEEDS_MAX stay.
 *
 * Thread: that of the database; changes in its open transaction. Survives: power cuts, after the
 * commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "hub/people/rights.h"
#include "platform/database.h"

enum { DEEDS_MAX = 100000, DEED_DETAILS_BYTES_MAX = 1024 };

struct deed {
    int64_t wall_ms;
    struct slice what, subject, details; /* "label", "line-3", "{"north":"true"}" */
};

status deed_rows_put(struct database *database, const struct caller *who, const struct deed *deed,
                     struct error *err);

/* Empty texts and zeroes: no matter which. */
struct deed_query {
    struct slice who, words; /* words stand in what, subject or details */
    int64_t since_ms;
    int64_t before; /* the page before that number */
    int limit;
};

/* Appends {"deeds":[...],"next":NUMBER or null}, the newest first. */
status deed_rows_list(struct database *database, const struct deed_query *wish, struct buffer *out,
                      struct error *err);

/*
 * full_check: looks at everything that the file holds, a slice at a time, on an idle reader.
 *
 * The chain of every lane is recomputed, which reads every record through its table; the other
 * tables are checked by SQLite, and the whole file where it is small. Each slice sees the file as
 * it is then: what went since is passed over.
 *
 * Thread: the reader's. Changes nothing: what is found is mended by the database thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "platform/database.h"
#include "wire/lane.h"

enum { FULL_CHECK_ROWS = 2000 };

struct full_check {
    uint32_t stream; /* number of the one that is looked at */
    enum lane lane;
    uint64_t seq;
    int table;     /* the next of the small ones, after the lanes */
    uint64_t rows; /* looked at so far */
};

/* Looks at the next slice. *out_damaged: a record is not what was written. CORRUPT: the file is
 * damaged. *out_more is false at the end. */
status full_check_step(struct full_check *check, struct database *database, bool *out_damaged,
                       bool *out_more, struct error *err);

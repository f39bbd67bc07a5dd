/*
 * record_units: the units of results' fields, as the workflows say them that left the results.
 *
 * A record does not hold them: the text of its workflow's version, which is kept for as long as
 * there is a record of it, does. A listing asks for each of its rows and reads each text once.
 *
 * Thread: that of the connection (the reader's).
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "platform/database.h"
#include "storage/record_row.h"

enum { RECORD_UNITS_KNOWN = 16 }; /* rules; the oldest makes room */

struct record_units {
    struct {
        uint32_t workflow;   /* number; 0: nothing is known */
        struct buffer name;  /* the result's */
        struct buffer units; /* empty: it has none */
    } known[RECORD_UNITS_KNOWN];
    uint32_t next;
};

/* Zeroed is ready. */
void record_units_done(struct record_units *units);

/* JSON such as {"t":"Cel"}, or empty; until the next call. */
status record_units_of(struct record_units *units, struct database *database,
                       const struct record_row *row, struct slice *out_units, struct error *err);

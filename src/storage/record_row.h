/*
 * record_row: a row of the table `record` as the record that it is.
 *
 * The columns hold what the record's bytes hold, so those can be written again, byte for byte, for
 * chain and frame. Reads what record_get, record_range and record_back select.
 *
 * Thread: that of the connection.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "platform/database.h"
#include "wire/record.h"

/* From RECORD_KIND_SHIFT on a bit for each destination that it is for (storage/cursors); the SQL
 * has the number too. */
enum { RECORD_KIND_SEALED = 1 << 16, RECORD_KIND_TAIL = 1 << 17, RECORD_KIND_SHIFT = 20 };

struct record_row {
    uint64_t key;
    uint64_t seq, last_seq; /* equal but for gaps */
    struct record record;   /* slices point into the statement's row */
    uint32_t workflow;      /* number; 0: none */
    uint32_t boot;          /* number */
    int64_t expires_ms;     /* 0: never */
    int64_t keep_ms;        /* 0: the default */
    struct id chain;
    struct id first_id;    /* zero: never renumbered */
    uint64_t destinations; /* bits */
    int64_t cost;          /* what it counts in its lane's bytes */
    bool is_gap;
};

/* CORRUPT when a column cannot be. */
status record_row_read(const struct query *query, struct record_row *out_row, struct error *err);

/* What `kind` holds for a record of this kind and version, for these destinations. */
int64_t record_row_kind(const struct record *record, uint64_t destinations);

/* The gap that a row stands for: what its body says (reason 0 where that is damaged), or, for any
 * other record, a gap of just it. */
void record_row_gap(const struct record_row *row, struct id chain_before, struct gap *out_gap);

/* What a record counts in its lane's bytes. */
int64_t record_row_cost(const struct record *record);

/*
 * attachment_rows: what was asked of devices, as rows of hub.db; the bytes are files
 * (hub/attachments).
 *
 * Thread: that of the connection. Survives: power cuts, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/id.h"
#include "platform/database.h"

enum { ATTACHMENT_TYPE_BYTES = 64 };

/* As they stand in the column; from ATTACHMENT_GONE on it does not come unless it is asked for
 * again. */
enum attachment_state {
    ATTACHMENT_WANTED,
    ATTACHMENT_HERE,
    ATTACHMENT_GONE,      /* the device has it no more */
    ATTACHMENT_KEPT,      /* the device may not give it away */
    ATTACHMENT_TOO_LARGE, /* for what is sent */
    ATTACHMENT_DAMAGED,   /* what came was not what its hash says */
    ATTACHMENT_REMOVED,   /* it was here, and made room for others */
    ATTACHMENT_STATES
};

/* "wanted", "here", "gone", "kept", "too_large", "damaged", "removed". */
const char *attachment_state_name(enum attachment_state state);

struct attachment_row {
    struct id hash, device; /* whom it was asked of */
    enum attachment_state state;
    char type[ATTACHMENT_TYPE_BYTES]; /* of its bytes, once it is here; "" before */
    int64_t bytes;                    /* 0: not known */
    int64_t asked_ms, came_ms;        /* wall clock; came 0: not yet */
};

status attachment_rows_put(struct database *database, const struct attachment_row *row,
                           struct error *err);

/* NOT_FOUND: nobody asked for it. */
status attachment_rows_get(struct database *database, struct id hash,
                           struct attachment_row *out_row, struct error *err);

/* The oldest that are in a state, at most `room` of them. */
status attachment_rows_list(struct database *database, enum attachment_state state,
                            struct attachment_row *rows, int room, int *out_count,
                            struct error *err);

/* The bytes of all that are here. */
status attachment_rows_sum(struct database *database, int64_t *out_bytes, struct error *err);

/* Forgets the oldest of those that do not come, beyond so many. */
status attachment_rows_trim(struct database *database, int most, struct error *err);

/*
 * session_rows: browsers that are logged in, as rows of hub.db.
 *
 * What a browser has is a secret of 256 bits; the row has its hash, so that who reads the database
 * cannot use it. A session ends after SESSION_IDLE_MS without a request, or after SESSION_MOST_MS,
 * and is good from the address alone from which it was begun: a cookie that was stolen is of no use
 * elsewhere.
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

enum {
    SESSION_SECRET_BYTES = 64, /* hexadecimal digits */
    SESSION_BROWSER_BYTES = 160,
    SESSION_IDLE_MS = 12 * 60 * 60 * 1000,
    SESSION_MOST_MS = 7 * 24 * 60 * 60 * 1000,
    SESSION_SEEN_MS = 60 * 1000, /* noted no more often */
    SESSIONS_A_PERSON_MAX = 20   /* the one that was quiet longest makes room */
};

struct session_row {
    struct digest id;
    char person[CALLER_NAME_BYTES];
    char source[CALLER_SOURCE_BYTES];
    char browser[SESSION_BROWSER_BYTES];
    int64_t began_ms;
};

/* Hexadecimal digits and a zero, and the id of their row. */
void session_make(char out_secret[SESSION_SECRET_BYTES + 1], struct digest *out_id);

/* Of no secret: all zero. */
struct digest session_id(struct slice secret);

status session_rows_put(struct database *database, const struct session_row *row,
                        struct error *err);

/* A session that is shown. */
struct session_visit {
    struct digest id;
    struct slice source;
    int64_t now_ms;

    /* What turns out: when it was last noted, or that it was begun at another address. */
    int64_t seen_ms;
    bool stolen;
};

/* Whose session it is. DENIED: there is none, it is over, or it is stolen. */
status session_rows_find(struct database *database, struct session_visit *visit,
                         struct caller *out_caller, struct error *err);

status session_rows_note(struct database *database, struct digest id, int64_t now_ms,
                         struct error *err);
status session_rows_end(struct database *database, struct digest id, struct error *err);

/* All of a person but `stays`; all zero: all. */
status session_rows_end_all(struct database *database, struct slice person, struct digest stays,
                            struct error *err);

/* Appends [{"source","browser","began_at","seen_at"}]. */
status session_rows_write(struct database *database, struct slice person, int64_t now_ms,
                          struct buffer *out, struct error *err);

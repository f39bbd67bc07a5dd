/*
 * person_rows: who may log in, as rows of hub.db.
 *
 * Thread: that of the database; changes in its open transaction. Survives: power cuts, after the
 * commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "platform/database.h"
#include "platform/password.h"

enum {
    PERSON_NAME_BYTES_MAX = 100,
    PERSON_LISTED_MAX = 1000,
    PERSON_WRONG_MAX = 10,            /* one after the other, and then it is locked ... */
    PERSON_LOCKED_MS = 15 * 60 * 1000 /* ... for so long */
};

struct person_row {
    char name[PERSON_NAME_BYTES_MAX + 1];
    unsigned rights;
    char verifier[PASSWORD_VERIFIER_BYTES]; /* empty: no password fits; a proxy says who it is */
    bool must_change;
    int64_t created_ms;
    int64_t wrong;     /* passwords since the last right one */
    int64_t locked_ms; /* no password is taken before; 0: now */
};

/* Letters, digits and .-_@+, at most PERSON_NAME_BYTES_MAX; INVALID says so. */
status person_check_name(struct slice name, struct error *err);

/* NOT_FOUND names it. */
status person_rows_get(struct database *database, struct slice name, struct person_row *out_row,
                       struct error *err);
status person_rows_put(struct database *database, const struct person_row *row, struct error *err);

/* Its sessions end. */
status person_rows_remove(struct database *database, struct slice name, struct error *err);

/* By name, at most PERSON_LISTED_MAX; `each` may use the database. */
status person_rows_each(struct database *database,
                        status (*each)(void *owner, const struct person_row *row,
                                       struct error *err),
                        void *owner, struct error *err);

/* CONFLICT when nobody is left who may do all. */
status person_rows_check_admins(struct database *database, struct error *err);

/*
 * local_db: the file `ebb.db`: made, opened, migrated, refused when it is not ours to open.
 *
 * application_id marks the file, user_version counts the releases that changed the tables. Each
 * step is one transaction and only adds, so the previous release can always open the file; one that
 * is newer by more is refused with both versions. A new file's WAL is grown to its full size and
 * never truncated, and leaves free pages behind, so that deletes, marks and inserts into freed
 * pages commit with no byte free.
 *
 * Thread: database. Survives: power cuts, at every moment of making one too.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "platform/database.h"

enum {
    LOCAL_DB_VERSION = 3,
    LOCAL_DB_APPLICATION = 0x65626231,
    LOCAL_DB_PATH_BYTES = 1024,
    LOCAL_DB_WAL_BYTES = 4 << 20
};

struct local_db_options {
    const char *path;
    const char *vfs;
    int64_t wal_bytes;  /* that the WAL is grown to; 0: LOCAL_DB_WAL_BYTES */
    const char *reason; /* of the stream that a new file begins with; NULL: "made" */
};

struct local_db_found {
    bool made;
    int migrated_from; /* -1: not migrated */
};

/* Writes the mark of our files once more, in the open transaction: its page is in the log with the
 * commit, whatever it held before. */
status local_db_mark(struct database *database, struct error *err);

/* INVALID when the file is another program's or of a newer ebb; CORRUPT when it is damaged. */
status local_db_open(const struct local_db_options *options, struct database **out_database,
                     struct local_db_found *out_found, struct error *err);

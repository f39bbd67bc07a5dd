// SPDX-License-Identifier: Apache-2.0
#include "platform/database_copy.h"

#include <sqlite3.h>

#include "platform/database_inner.h"

enum { STEP_PAGES = 256 };

/* Steps in one transaction of the source's are of one moment, whoever writes between them. */
static const char BEGIN_READING[] = "BEGIN; SELECT count(*) FROM sqlite_schema;";
static const char END_READING[] = "ROLLBACK;";

static status copy_pages(sqlite3_backup *backup, struct database *to,
                         const struct database_copy_watch *watch, struct error *err) {
    int code = SQLITE_OK;
    while (code == SQLITE_OK) {
        code = sqlite3_backup_step(backup, STEP_PAGES);
        const int64_t all = sqlite3_backup_pagecount(backup);
        const int64_t done = all - sqlite3_backup_remaining(backup);
        if (!watch->go_on(watch->owner, done * DATABASE_PAGE_BYTES, all * DATABASE_PAGE_BYTES) &&
            code == SQLITE_OK) {
            return fail(err, STATUS_TIMEOUT, "the copy was ended");
        }
    }
    return code == SQLITE_DONE ? STATUS_OK : database_fail(to, code, err);
}

static status copy(struct database *from, struct database *to,
                   const struct database_copy_watch *watch, struct error *err) {
    /* The source's head says WAL, and so does the copy's until here. */
    static const char WITHOUT_WAL[] = "PRAGMA journal_mode=DELETE;";
    sqlite3_backup *backup = sqlite3_backup_init(to->connection, "main", from->connection, "main");
    if (backup == NULL) {
        return database_fail(to, sqlite3_extended_errcode(to->connection), err);
    }
    const status copied = copy_pages(backup, to, watch, err);
    const int code = sqlite3_backup_finish(backup);
    TRY(copied);
    if (code != SQLITE_OK) {
        return database_fail(to, code, err);
    }
    return database_run(to, WITHOUT_WAL, err);
}

status database_copy(struct database *from, struct database *to,
                     const struct database_copy_watch *watch, struct error *err) {
    TRY(database_run(from, BEGIN_READING, err));
    const status copied = copy(from, to, watch, err);
    (void)database_run(from, END_READING, NULL);
    return copied;
}

// SPDX-License-Identifier: Apache-2.0
/*
 * early_answer: a bug on purpose, for a harness that must find it: an answer before its commit.
 *
 * Loaded before SQLite (LD_PRELOAD), it says that a COMMIT is done and does it when the thread next
 * asks SQLite for something. A process that is killed in between has acknowledged what is not
 * there. kills.py --planted runs with it and is content only when it finds the loss.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>

struct sqlite3;
struct sqlite3_stmt;

int sqlite3_step(struct sqlite3_stmt *statement);
int sqlite3_exec(struct sqlite3 *connection, const char *sql, void *each, void *owner, void *error);
int sqlite3_get_autocommit(struct sqlite3 *connection);
int sqlite3_wal_checkpoint_v2(struct sqlite3 *connection, const char *name, int mode, int *log,
                              int *done);
int sqlite3_close(struct sqlite3 *connection);
int sqlite3_close_v2(struct sqlite3 *connection);

enum { DONE = 101 };

static _Thread_local struct sqlite3 *owed; /* the connection whose commit was only promised */

static void *real(const char *name) {
    return dlsym(RTLD_NEXT, name);
}

/* Does what was promised, before anything else is done on this thread. */
static void pay(void) {
    int (*exec)(struct sqlite3 *, const char *, void *, void *, void *) = real("sqlite3_exec");
    struct sqlite3 *connection = owed;
    owed = NULL;
    if (connection != NULL) {
        (void)exec(connection, "COMMIT", NULL, NULL, NULL);
    }
}

int sqlite3_step(struct sqlite3_stmt *statement) {
    int (*step)(struct sqlite3_stmt *) = real("sqlite3_step");
    const char *(*sql)(struct sqlite3_stmt *) = real("sqlite3_sql");
    struct sqlite3 *(*handle)(struct sqlite3_stmt *) = real("sqlite3_db_handle");
    static _Thread_local int inside;
    const char *text = sql(statement);
    if (inside || text == NULL) {
        return step(statement);
    }
    inside = 1;
    pay();
    inside = 0;
    if (strncmp(text, "COMMIT", 6) == 0) {
        owed = handle(statement);
        return DONE;
    }
    return step(statement);
}

int sqlite3_exec(struct sqlite3 *connection, const char *sql, void *each, void *owner,
                 void *error) {
    int (*exec)(struct sqlite3 *, const char *, void *, void *, void *) = real("sqlite3_exec");
    pay();
    return exec(connection, sql, each, owner, error);
}

int sqlite3_get_autocommit(struct sqlite3 *connection) {
    int (*autocommit)(struct sqlite3 *) = real("sqlite3_get_autocommit");
    return owed == connection ? 1 : autocommit(connection);
}

int sqlite3_wal_checkpoint_v2(struct sqlite3 *connection, const char *name, int mode, int *log,
                              int *done) {
    int (*checkpoint)(struct sqlite3 *, const char *, int, int *, int *) =
        real("sqlite3_wal_checkpoint_v2");
    pay();
    return checkpoint(connection, name, mode, log, done);
}

int sqlite3_close(struct sqlite3 *connection) {
    int (*close)(struct sqlite3 *) = real("sqlite3_close");
    pay();
    return close(connection);
}

int sqlite3_close_v2(struct sqlite3 *connection) {
    int (*close)(struct sqlite3 *) = real("sqlite3_close_v2");
    pay();
    return close(connection);
}

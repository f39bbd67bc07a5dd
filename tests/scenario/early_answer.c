// SPDX-License-Identifier: Apache-2.0
/*
 * early_answer: a bug on purpose, for a harness that must find it: an answer before its commit.
 *
 * Loaded before SQLite (LD_PRELOAD), it says that a COMMIT is done and does it when the next
 * transaction begins. A process that is killed in between has acknowledged what is not there.
 * kills.py --planted runs with it and is content only when it finds the loss.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>

struct sqlite3;
struct sqlite3_stmt;

int sqlite3_step(struct sqlite3_stmt *statement);
int sqlite3_get_autocommit(struct sqlite3 *connection);

enum { DONE = 101 };

static _Thread_local struct sqlite3 *owed; /* the connection whose commit was only promised */

static void *real(const char *name) {
    return dlsym(RTLD_NEXT, name);
}

static void pay(void) {
    int (*exec)(struct sqlite3 *, const char *, void *, void *, void *) = real("sqlite3_exec");
    struct sqlite3 *connection = owed;
    owed = NULL;
    (void)exec(connection, "COMMIT", NULL, NULL, NULL);
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
    if (strncmp(text, "COMMIT", 6) == 0) {
        owed = handle(statement);
        return DONE;
    }
    if (owed != NULL && strncmp(text, "BEGIN", 5) == 0) {
        inside = 1;
        pay();
        inside = 0;
    }
    return step(statement);
}

int sqlite3_get_autocommit(struct sqlite3 *connection) {
    int (*autocommit)(struct sqlite3 *) = real("sqlite3_get_autocommit");
    return owed == connection ? 1 : autocommit(connection);
}

/*
 * database_inner: what the files of the door to SQLite know of each other. For them alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "platform/database.h"

enum { DATABASE_PATH_TEXT_MAX = 160, DATABASE_FOLDER_BYTES = 1280, DATABASE_REFUSAL_BYTES = 200 };

struct database_rules;
struct sqlite3;
struct sqlite3_stmt;

struct query_slot {
    const char *sql; /* known by its address */
    struct sqlite3_stmt *statement;
    bool in_use;
};

struct database {
    struct sqlite3 *connection;
    struct query_slot slots[DATABASE_QUERIES_MAX];
    int slot_count;
    int wal_pages;
    int64_t deadline_ns; /* 0: none */
    int64_t reserved_pages;
    status trouble;
    const struct database_rules *rules;   /* of a guest's, once they are in force; not owned */
    char refusal[DATABASE_REFUSAL_BYTES]; /* why a guest's statement is not for it */
    char path[DATABASE_PATH_TEXT_MAX];    /* for sentences */
    char folder[DATABASE_FOLDER_BYTES];
};

/* The sentence and the class of a code of SQLite's; remembers the first trouble. */
status database_fail(struct database *database, int code, struct error *err);

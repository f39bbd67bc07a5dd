/*
 * database: the one door to SQLite: files, transactions, statements that are prepared once.
 *
 * A file is opened in WAL mode with synchronous=FULL, so a commit that returned is on the disk. The
 * WAL is never truncated and is checkpointed only by database_checkpoint. The file grows in whole
 * chunks, ahead of the commit that needs them (database_reserve), so that a checkpoint never fails
 * for want of space. What a table is, and when something is written, is storage/.
 *
 * Thread: one at a time for each struct database and its queries. Survives: power cuts, after
 * database_commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

enum {
    DATABASE_QUERIES_MAX = 192, /* statements kept by one connection */
    DATABASE_PAGE_BYTES = 4096,
    DATABASE_CHUNK_BYTES = 1 << 20,
    DATABASE_CACHE_KIB = 512
};

struct database;

struct database_options {
    const char *path;
    const char *vfs;     /* name of a registered VFS; NULL: the system's */
    bool read_only;      /* a second connection, for reading beside the writer */
    bool plain;          /* one file, without a WAL: for a copy that is made or looked at; what is
                            deleted is overwritten */
    bool must_exist;     /* NOT_FOUND when the file is not there */
    bool guest;          /* of platform/database_guest: what is read only is opened so */
    int32_t application; /* application_id: a file that has another one is left as it is */
    const char *witness; /* a query that gives 1 when the file is ours, whatever its id: then it is
                            CORRUPT and not another program's; NULL: none */
};

/* Before anything else of this door: a cache takes memory page by page, and not for twenty of them
 * with its first. Does nothing once SQLite is in use. */
void database_save_memory(void);

/* Opens or makes the file. CORRUPT when it is no database or its head is damaged, INVALID when it
 * is another program's, DENIED when we may not write it, BUSY when another process is in the way.
 */
status database_open(const struct database_options *options, struct database **out_database,
                     struct error *err);

/* Undoes what was not committed; NULL is fine. The WAL stays at its size. */
void database_close(struct database *database);

/* Runs a script of statements that return nothing. */
status database_run(struct database *database, const char *script, struct error *err);

/* A transaction that may write from its start: nobody else comes in between. */
status database_begin(struct database *database, struct error *err);
status database_commit(struct database *database, struct error *err);

/* The class of the first failure since database_begin that was the file's or the disk's and not the
 * caller's (FULL, CORRUPT, SYSTEM, DENIED, BUSY, NO_MEMORY, TIMEOUT); OK when there was none. */
status database_trouble(const struct database *database);

/* Never fails: what cannot be undone now is undone by the next opening. */
void database_rollback(struct database *database);

/* Makes sure that the file on disk has room for every page that the open transaction has, so that
 * no later checkpoint needs space. FULL when the disk has none. */
status database_reserve(struct database *database, struct error *err);

/* Copies committed pages from the WAL into the file and syncs it. *out_done is false when a reader
 * held some back. */
status database_checkpoint(struct database *database, bool *out_done, struct error *err);

/* Pages in the WAL after the last commit of this connection. */
int database_wal_pages(const struct database *database);

/* Ends a query that runs longer than this from now on with TIMEOUT; 0: no bound. */
void database_set_deadline(struct database *database, int64_t bound_ms);

/* SQLite's own check of the whole file, at most one sentence. CORRUPT: it is damaged; a page that
 * could not be read is no damage but SYSTEM. */
status database_check(struct database *database, struct error *err);

/* The same by a `PRAGMA integrity_check` of the caller's, known by its address. */
status database_check_by(struct database *database, const char *pragma, struct error *err);

/* How many rows the last statement inserted, changed or deleted. */
int64_t database_changes(const struct database *database);

/* "3.40.1"; static text. */
const char *database_library_version(void);

/* --- the files themselves, for a salvage -------------------------------------------------------
 *
 * By the VFS of that name (NULL: the system's), while no connection has them open.
 */

struct database_file;

enum database_file_use {
    DATABASE_FILE_READ,
    DATABASE_FILE_CHANGE, /* what is there stays */
    DATABASE_FILE_MAKE    /* written from its start */
};

/* NOT_FOUND when it is not there, but for MAKE. */
status database_file_open(const char *vfs, const char *path, enum database_file_use use,
                          struct database_file **out_file, struct error *err);
void database_file_close(struct database_file *file);
status database_file_bytes(struct database_file *file, int64_t *out_bytes, struct error *err);

/* Exactly `count` bytes; CORRUPT when the file ends before. */
status database_file_read(struct database_file *file, int64_t offset, void *out_bytes, size_t count,
                          struct error *err);
status database_file_write(struct database_file *file, int64_t offset, struct slice bytes,
                           struct error *err);
status database_file_sync(struct database_file *file, struct error *err);

/* An empty file counts as none, as it does for SQLite. */
bool database_file_exists(const char *vfs, const char *path);

/* The new name and the old one's absence are durable when it returns. */
status database_file_move(const char *vfs, const char *from, const char *to, struct error *err);

/* No error when it is not there. */
status database_file_remove(const char *vfs, const char *path, struct error *err);

/* --- statements --------------------------------------------------------------------------------
 *
 * A query is a use of a statement: query_on(), bind its parameters in their order, query_run() or
 * query_next() until it is false, query_done(). The text is known by its address and is prepared
 * once for each connection. A failure is remembered and answered at the end.
 */

struct query {
    struct database *database; /* not owned */
    struct query_slot *slot;   /* the database's; NULL when preparing failed */
    int bound;                 /* parameters so far */
    int code;                  /* SQLite's own, of the first failure */
};

/* The bytes that are bound stay the caller's and must stand until query_done. */
struct query query_on(struct database *database, const char *sql);
void query_bind_number(struct query *query, int64_t number);
void query_bind_text(struct query *query, struct slice text);   /* empty: '' */
void query_bind_bytes(struct query *query, struct slice bytes); /* empty: an empty blob */
void query_bind_null(struct query *query);

/* NULL when the slice is empty. */
void query_bind_text_or_null(struct query *query, struct slice text);

/* NULL when the number is 0. */
void query_bind_number_or_null(struct query *query, int64_t number);

/* Runs to the end; rows are dropped. */
status query_run(struct query *query, struct error *err);

/* True: a row is there to be looked at. False: the end or a failure; query_status() says which. */
bool query_next(struct query *query);
status query_status(const struct query *query, struct error *err);

/* The first column of the first row, 0 when there is none. */
status query_one_number(struct query *query, int64_t *out_number, struct error *err);

/* Columns of the row, from 0. Slices are valid until the next query_next or query_done. */
int64_t query_number(const struct query *query, int column);
struct slice query_text(const struct query *query, int column);
struct slice query_bytes(const struct query *query, int column);
bool query_is_null(const struct query *query, int column);

/* Text and numbers are no blob. */
bool query_is_blob(const struct query *query, int column);
bool query_is_text(const struct query *query, int column);

/* Gives the statement back for the next use. */
void query_done(struct query *query);

// SPDX-License-Identifier: Apache-2.0
#include "platform/database.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/memory.h"
#include "platform/clock.h"
#include "platform/database_inner.h"
#include "platform/file.h"

enum { BUSY_MS = 2000, DEADLINE_OPS = 4000, GUEST_DEADLINE_OPS = 250 /* each may be a long one */ };

/* --- errors ---------------------------------------------------------------------------------- */

static status class_of(int code) {
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return STATUS_OK;
    case SQLITE_FULL:
        return STATUS_FULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return STATUS_CORRUPT;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return STATUS_DENIED;
    case SQLITE_NOMEM:
        return STATUS_NO_MEMORY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return STATUS_BUSY;
    case SQLITE_INTERRUPT:
        return STATUS_TIMEOUT;
    case SQLITE_TOOBIG:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
        return STATUS_INVALID;
    default:
        return STATUS_SYSTEM;
    }
}

static void folder_of(const char *path, char out_folder[DATABASE_FOLDER_BYTES]) {
    (void)snprintf(out_folder, DATABASE_FOLDER_BYTES, "%s", path);
    char *slash = strrchr(out_folder, '/');
    (void)snprintf(slash != NULL ? slash : out_folder, 2, "%s", slash != NULL ? "" : ".");
}

/* SQLite says of a full disk that a file cannot be opened, or its memory not be shared, and has
 * forgotten the system's own word by then: the disk is asked. */
static bool is_full(const struct database *database, int code) {
    const bool opening =
        code == SQLITE_CANTOPEN || code == SQLITE_IOERR_SHMOPEN || code == SQLITE_IOERR_SHMSIZE;
    return opening && !file_has_room(database->folder);
}

status database_fail(struct database *database, int code, struct error *err) {
    const char *words = sqlite3_errstr(code);
    const char *more = database->connection != NULL ? sqlite3_errmsg(database->connection) : words;
    const bool same =
        sqlite3_extended_errcode(database->connection) != code || strcmp(words, more) == 0;
    status class = class_of(code);
    if (code == SQLITE_IOERR_NOMEM) {
        class = STATUS_NO_MEMORY;
    } else if (is_full(database, code)) {
        class = STATUS_FULL;
        words = "the disk has no room for another file";
    }
    if (database->trouble == STATUS_OK && class != STATUS_INVALID) {
        database->trouble = class;
    }
    return fail(err, class, "'%s': %s%s%s (SQLite %d)", database->path, words, same ? "" : ": ",
                same ? "" : more, code);
}

/* --- opening --------------------------------------------------------------------------------- */

static int on_commit_to_wal(void *owner, sqlite3 *connection, const char *name, int pages) {
    (void)connection;
    (void)name;
    ((struct database *)owner)->wal_pages = pages;
    return SQLITE_OK;
}

static int on_progress(void *owner) {
    const struct database *database = owner;
    return database->deadline_ns != 0 && clock_monotonic_ns() > database->deadline_ns;
}

static const char WRITER_SETTINGS[] = "PRAGMA journal_mode=WAL;"
                                      "PRAGMA synchronous=FULL;"
                                      "PRAGMA wal_autocheckpoint=0;"
                                      "PRAGMA secure_delete=FAST;"
                                      "PRAGMA foreign_keys=OFF;"
                                      "PRAGMA mmap_size=0;"
                                      "PRAGMA temp_store=MEMORY;";

static const char PLAIN_SETTINGS[] = "PRAGMA journal_mode=DELETE;"
                                     "PRAGMA synchronous=FULL;"
                                     "PRAGMA secure_delete=ON;"
                                     "PRAGMA mmap_size=0;";

static const char READER_SETTINGS[] = "PRAGMA query_only=ON;"
                                      "PRAGMA mmap_size=0;"
                                      "PRAGMA temp_store=MEMORY;";

static status pragma_number(struct database *database, const char *sql, int64_t *out_number,
                            struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, sql);
    return query_one_number(&query, out_number, err);
}

/* Before anything is changed: the file is ours, or there is nothing in it yet. */
static status check_owner(struct database *database, const struct database_options *options,
                          struct error *err) {
    static const char GET_APPLICATION[] = "PRAGMA application_id";
    static const char GET_SCHEMA[] = "PRAGMA schema_version";
    int64_t found = 0;
    int64_t schema = 0;
    TRY(pragma_number(database, GET_APPLICATION, &found, err));
    TRY(pragma_number(database, GET_SCHEMA, &schema, err));
    if (found == options->application || (found == 0 && schema == 0)) {
        return STATUS_OK;
    }
    int64_t ours = 0;
    if (options->witness != NULL) {
        TRY(pragma_number(database, options->witness, &ours, err));
    }
    if (ours != 0) {
        return fail(err, STATUS_CORRUPT, "'%s' has lost its mark", database->path);
    }
    return fail(err, STATUS_INVALID, "'%s' is a database of another program", database->path);
}

static status set_up(struct database *database, const struct database_options *options,
                     struct error *err) {
    char cache[64];
    (void)snprintf(cache, sizeof(cache), "PRAGMA cache_size=-%d;", DATABASE_CACHE_KIB);
    /* Closing leaves the WAL at its size: a full disk could not give it back. */
    int persist = !options->plain;
    (void)sqlite3_file_control(database->connection, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
    (void)sqlite3_extended_result_codes(database->connection, 1);
    (void)sqlite3_busy_timeout(database->connection, BUSY_MS);
    TRY(database_run(database, cache, err));
    TRY(check_owner(database, options, err));
    if (options->read_only) {
        sqlite3_progress_handler(database->connection,
                                 options->guest ? GUEST_DEADLINE_OPS : DEADLINE_OPS, on_progress,
                                 database);
        return database_run(database, READER_SETTINGS, err);
    }
    if (options->plain) {
        return database_run(database, PLAIN_SETTINGS, err);
    }
    int chunk = DATABASE_CHUNK_BYTES;
    (void)sqlite3_file_control(database->connection, "main", SQLITE_FCNTL_CHUNK_SIZE, &chunk);
    TRY(database_run(database, WRITER_SETTINGS, err));
    (void)sqlite3_wal_hook(database->connection, on_commit_to_wal, database);
    return STATUS_OK;
}

void database_save_memory(void) {
    (void)sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
}

/* A reader beside the writer may have to make the memory that they share. */
static int flags_of(const struct database_options *options) {
    if (options->guest && options->read_only) {
        return SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
    }
    const bool makes = !options->read_only && !options->must_exist;
    return SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (makes ? SQLITE_OPEN_CREATE : 0);
}

status database_open(const struct database_options *options, struct database **out_database,
                     struct error *err) {
    struct database *database = memory_new(1, sizeof(*database));
    if (database == NULL) {
        return fail(err, STATUS_NO_MEMORY, "open '%s': out of memory", options->path);
    }
    (void)snprintf(database->path, sizeof(database->path), "%s", options->path);
    folder_of(options->path, database->folder);
    const int code =
        sqlite3_open_v2(options->path, &database->connection, flags_of(options), options->vfs);
    status opened =
        code == SQLITE_OK ? set_up(database, options, err) : database_fail(database, code, err);
    if (opened == STATUS_OK && !options->read_only &&
        sqlite3_db_readonly(database->connection, "main") != 0) {
        opened = fail(err, STATUS_DENIED, "'%s' may not be written", options->path);
    }
    if (opened != STATUS_OK) {
        database_close(database);
        return opened;
    }
    *out_database = database;
    return STATUS_OK;
}

void database_close(struct database *database) {
    if (database == NULL) {
        return;
    }
    for (int i = 0; i < database->slot_count; i++) {
        (void)sqlite3_finalize(database->slots[i].statement);
    }
    (void)sqlite3_close_v2(database->connection);
    memory_free(database);
}

status database_run(struct database *database, const char *script, struct error *err) {
    const int code = sqlite3_exec(database->connection, script, NULL, NULL, NULL);
    return code == SQLITE_OK ? STATUS_OK : database_fail(database, code, err);
}

/* --- transactions ---------------------------------------------------------------------------- */

static const char BEGIN[] = "BEGIN IMMEDIATE";
static const char COMMIT[] = "COMMIT";
static const char PAGE_COUNT[] = "PRAGMA page_count";

status database_begin(struct database *database, struct error *err) {
    database->trouble = STATUS_OK;
    CLEANUP(query_done) struct query query = query_on(database, BEGIN);
    return query_run(&query, err);
}

status database_commit(struct database *database, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, COMMIT);
    return query_run(&query, err);
}

status database_trouble(const struct database *database) {
    return database->trouble;
}

void database_rollback(struct database *database) {
    if (sqlite3_get_autocommit(database->connection) == 0) {
        (void)sqlite3_exec(database->connection, "ROLLBACK", NULL, NULL, NULL);
    }
}

status database_reserve(struct database *database, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, PAGE_COUNT);
    int64_t pages = 0;
    TRY(query_one_number(&query, &pages, err));
    if (pages <= database->reserved_pages) {
        return STATUS_OK;
    }
    /* The hint is rounded up to a whole chunk. */
    sqlite3_int64 bytes = pages * DATABASE_PAGE_BYTES;
    const int code =
        sqlite3_file_control(database->connection, "main", SQLITE_FCNTL_SIZE_HINT, &bytes);
    if (code != SQLITE_OK && code != SQLITE_NOTFOUND) {
        /* SQLite says IOERR for want of space here; a disk that is broken fails the commit. */
        database->trouble = STATUS_FULL;
        return fail(err, STATUS_FULL, "'%s' has no room for %lld pages", database->path,
                    (long long)pages);
    }
    const int64_t chunk_pages = DATABASE_CHUNK_BYTES / DATABASE_PAGE_BYTES;
    database->reserved_pages = (pages + chunk_pages - 1) / chunk_pages * chunk_pages;
    return STATUS_OK;
}

status database_checkpoint(struct database *database, bool *out_done, struct error *err) {
    int pages = 0;
    int copied = 0;
    const int code = sqlite3_wal_checkpoint_v2(database->connection, "main",
                                               SQLITE_CHECKPOINT_PASSIVE, &pages, &copied);
    if (code != SQLITE_OK && code != SQLITE_BUSY) {
        return database_fail(database, code, err);
    }
    *out_done = code == SQLITE_OK && pages == copied;
    if (*out_done) {
        database->wal_pages = 0; /* the next transaction begins it anew */
    }
    return STATUS_OK;
}

int database_wal_pages(const struct database *database) {
    return database->wal_pages;
}

void database_set_deadline(struct database *database, int64_t bound_ms) {
    database->deadline_ns = bound_ms > 0 ? clock_monotonic_ns() + bound_ms * 1000000 : 0;
}

/* SQLite says a page that could not be read in the words that it has for damage. */
static int code_in(struct slice said) {
    static const char WORDS[] = "error code=";
    const char *found = said.count > 0 ? strstr(said.bytes, WORDS) : NULL;
    const long code = found != NULL ? strtol(found + sizeof(WORDS) - 1, NULL, 10) : 0;
    return code > 0 && code <= INT32_MAX ? (int)code : SQLITE_CORRUPT;
}

status database_check_by(struct database *database, const char *pragma, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, pragma);
    if (query_next(&query)) {
        const struct slice said = query_text(&query, 0);
        if (slice_is(said, "ok")) {
            return STATUS_OK;
        }
        const int code = code_in(said);
        return class_of(code) != STATUS_CORRUPT
                   ? database_fail(database, code, err)
                   : fail(err, STATUS_CORRUPT, "'%s' is damaged: %.*s", database->path,
                          SLICE_ARGS(slice_part(said, 0, 200)));
    }
    return query_status(&query, err);
}

status database_check(struct database *database, struct error *err) {
    static const char CHECK[] = "PRAGMA integrity_check(1)";
    return database_check_by(database, CHECK, err);
}

int64_t database_changes(const struct database *database) {
    return sqlite3_changes64(database->connection);
}

const char *database_library_version(void) {
    return sqlite3_libversion();
}

/* --- the files themselves --- */

struct database_file {
    sqlite3_vfs *vfs;   /* not owned */
    sqlite3_file *file; /* owned; lies behind this struct */
    char path[DATABASE_PATH_TEXT_MAX * 8];
};

static status fail_file(const char *path, int code, struct error *err) {
    const status class = code == SQLITE_IOERR_SHORT_READ ? STATUS_CORRUPT : class_of(code);
    return fail(err, class, "'%.200s': %s (SQLite %d)", path, sqlite3_errstr(code), code);
}

status database_file_open(const char *vfs, const char *path, enum database_file_use use,
                          struct database_file **out_file, struct error *err) {
    const bool make = use == DATABASE_FILE_MAKE;
    sqlite3_vfs *found = sqlite3_vfs_find(vfs);
    struct database_file *file =
        found != NULL ? memory_new(1, sizeof(*file) + (size_t)found->szOsFile) : NULL;
    if (file == NULL) {
        return fail(err, STATUS_NO_MEMORY, "open '%.200s': out of memory", path);
    }
    if (!database_file_exists(vfs, path) && !make) {
        memory_free(file);
        return fail(err, STATUS_NOT_FOUND, "there is no '%.200s'", path);
    }
    file->vfs = found;
    file->file = (sqlite3_file *)(file + 1);
    /* A VFS keeps the name's address, and looks behind its end for parameters: two zeroes. */
    (void)snprintf(file->path, sizeof(file->path) - 1, "%s", path);
    const int flags = SQLITE_OPEN_MAIN_DB |
                      (use == DATABASE_FILE_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                      (make ? SQLITE_OPEN_CREATE : 0);
    const int code = found->xOpen(found, file->path, file->file, flags, NULL);
    if (code != SQLITE_OK) {
        memory_free(file);
        return fail_file(path, code, err);
    }
    if (make && file->file->pMethods->xTruncate(file->file, 0) != SQLITE_OK) {
        database_file_close(file);
        return fail(err, STATUS_SYSTEM, "'%.200s' cannot be emptied", path);
    }
    *out_file = file;
    return STATUS_OK;
}

void database_file_close(struct database_file *file) {
    if (file != NULL) {
        (void)file->file->pMethods->xClose(file->file);
        memory_free(file);
    }
}

status database_file_bytes(struct database_file *file, int64_t *out_bytes, struct error *err) {
    sqlite3_int64 bytes = 0;
    const int code = file->file->pMethods->xFileSize(file->file, &bytes);
    if (code != SQLITE_OK) {
        return fail_file(file->path, code, err);
    }
    *out_bytes = bytes;
    return STATUS_OK;
}

status database_file_read(struct database_file *file, int64_t offset, void *out_bytes, size_t count,
                          struct error *err) {
    const int code = file->file->pMethods->xRead(file->file, out_bytes, (int)count, offset);
    return code == SQLITE_OK ? STATUS_OK : fail_file(file->path, code, err);
}

status database_file_write(struct database_file *file, int64_t offset, struct slice bytes,
                           struct error *err) {
    const int code =
        file->file->pMethods->xWrite(file->file, bytes.bytes, (int)bytes.count, offset);
    return code == SQLITE_OK ? STATUS_OK : fail_file(file->path, code, err);
}

status database_file_sync(struct database_file *file, struct error *err) {
    const int code = file->file->pMethods->xSync(file->file, SQLITE_SYNC_FULL);
    return code == SQLITE_OK ? STATUS_OK : fail_file(file->path, code, err);
}

bool database_file_exists(const char *vfs, const char *path) {
    sqlite3_vfs *found = sqlite3_vfs_find(vfs);
    int exists = 0;
    return found != NULL &&
           found->xAccess(found, path, SQLITE_ACCESS_EXISTS, &exists) == SQLITE_OK && exists != 0;
}

/* SQLite's VFS cannot move a file: the system's is asked by platform/file, and one that stands in
 * for it has a system call of this name, which is handed the VFS as well. */
status database_file_move(const char *vfs, const char *from, const char *to, struct error *err) {
    sqlite3_vfs *found = vfs != NULL ? sqlite3_vfs_find(vfs) : NULL;
    if (found == NULL || found->iVersion < 3 || found->xGetSystemCall(found, "move") == NULL) {
        char folder[DATABASE_FOLDER_BYTES];
        folder_of(to, folder);
        TRY(file_rename(from, to, err));
        return file_sync_folder(folder, err);
    }
    int (*move)(sqlite3_vfs *, const char *, const char *) = NULL;
    const sqlite3_syscall_ptr call = found->xGetSystemCall(found, "move");
    (void)memcpy(&move, &call, sizeof(move));
    const int code = move(found, from, to);
    return code == SQLITE_OK ? STATUS_OK : fail_file(from, code, err);
}

status database_file_remove(const char *vfs, const char *path, struct error *err) {
    sqlite3_vfs *found = sqlite3_vfs_find(vfs);
    const int code = found != NULL ? found->xDelete(found, path, 1) : SQLITE_ERROR;
    const bool gone = code == SQLITE_OK || code == SQLITE_IOERR_DELETE_NOENT;
    return gone ? STATUS_OK : fail_file(path, code, err);
}

/* --- statements ------------------------------------------------------------------------------ */

static struct query_slot *find_slot(struct database *database, const char *sql, int *out_code) {
    for (int i = 0; i < database->slot_count; i++) {
        if (database->slots[i].sql == sql) {
            return &database->slots[i];
        }
    }
    assert(database->slot_count < DATABASE_QUERIES_MAX);
    struct query_slot *slot = &database->slots[database->slot_count];
    *out_code = sqlite3_prepare_v3(database->connection, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                   &slot->statement, NULL);
    if (*out_code != SQLITE_OK) {
        return NULL;
    }
    slot->sql = sql;
    database->slot_count++;
    return slot;
}

struct query query_on(struct database *database, const char *sql) {
    struct query query = {.database = database, .code = SQLITE_OK};
    query.slot = find_slot(database, sql, &query.code);
    assert(query.slot == NULL || !query.slot->in_use);
    if (query.slot != NULL) {
        query.slot->in_use = true;
    }
    return query;
}

static void note(struct query *query, int code) {
    if (query->code == SQLITE_OK) {
        query->code = code;
    }
}

void query_bind_number(struct query *query, int64_t number) {
    query->bound++;
    if (query->slot != NULL) {
        note(query, sqlite3_bind_int64(query->slot->statement, query->bound, number));
    }
}

void query_bind_text(struct query *query, struct slice text) {
    query->bound++;
    if (query->slot != NULL) {
        const char *bytes = text.count > 0 ? text.bytes : "";
        note(query, sqlite3_bind_text64(query->slot->statement, query->bound, bytes, text.count,
                                        SQLITE_STATIC, SQLITE_UTF8));
    }
}

void query_bind_bytes(struct query *query, struct slice bytes) {
    query->bound++;
    if (query->slot != NULL) {
        const char *start = bytes.count > 0 ? bytes.bytes : "";
        note(query, sqlite3_bind_blob64(query->slot->statement, query->bound, start, bytes.count,
                                        SQLITE_STATIC));
    }
}

void query_bind_null(struct query *query) {
    query->bound++;
    if (query->slot != NULL) {
        note(query, sqlite3_bind_null(query->slot->statement, query->bound));
    }
}

void query_bind_text_or_null(struct query *query, struct slice text) {
    if (text.count > 0) {
        query_bind_text(query, text);
    } else {
        query_bind_null(query);
    }
}

void query_bind_number_or_null(struct query *query, int64_t number) {
    if (number != 0) {
        query_bind_number(query, number);
    } else {
        query_bind_null(query);
    }
}

bool query_next(struct query *query) {
    if (query->slot == NULL || query->code != SQLITE_OK) {
        return false;
    }
    const int code = sqlite3_step(query->slot->statement);
    if (code == SQLITE_ROW) {
        return true;
    }
    if (code != SQLITE_DONE) {
        note(query, code);
    }
    return false;
}

status query_status(const struct query *query, struct error *err) {
    return query->code == SQLITE_OK ? STATUS_OK : database_fail(query->database, query->code, err);
}

status query_run(struct query *query, struct error *err) {
    while (query_next(query)) {
    }
    return query_status(query, err);
}

status query_one_number(struct query *query, int64_t *out_number, struct error *err) {
    const bool found = query_next(query);
    const int64_t number = found ? query_number(query, 0) : 0;
    while (query_next(query)) {
    }
    TRY(query_status(query, err));
    *out_number = number;
    return STATUS_OK;
}

int64_t query_number(const struct query *query, int column) {
    return sqlite3_column_int64(query->slot->statement, column);
}

struct slice query_text(const struct query *query, int column) {
    const unsigned char *text = sqlite3_column_text(query->slot->statement, column);
    const int count = sqlite3_column_bytes(query->slot->statement, column);
    return (struct slice){.bytes = (const char *)text, .count = (size_t)count};
}

struct slice query_bytes(const struct query *query, int column) {
    const void *bytes = sqlite3_column_blob(query->slot->statement, column);
    const int count = sqlite3_column_bytes(query->slot->statement, column);
    return (struct slice){.bytes = bytes, .count = (size_t)count};
}

bool query_is_null(const struct query *query, int column) {
    return sqlite3_column_type(query->slot->statement, column) == SQLITE_NULL;
}

bool query_is_blob(const struct query *query, int column) {
    return sqlite3_column_type(query->slot->statement, column) == SQLITE_BLOB;
}

bool query_is_text(const struct query *query, int column) {
    return sqlite3_column_type(query->slot->statement, column) == SQLITE_TEXT;
}

void query_done(struct query *query) {
    if (query->slot != NULL) {
        (void)sqlite3_reset(query->slot->statement);
        (void)sqlite3_clear_bindings(query->slot->statement);
        query->slot->in_use = false;
        query->slot = NULL;
    }
}

// SPDX-License-Identifier: Apache-2.0
#include "storage/local_db.h"

#include <stdio.h>
#include <string.h>

#include "storage/sql.h"
#include "storage/stream.h"

enum { SCRATCH_ROW_BYTES = 64 << 10, HEAD_BYTES = 100 };

/* Step n brings a file of version n to version n + 1. */
static const char *const STEPS[LOCAL_DB_VERSION] = {SQL_SCHEMA_1, SQL_SCHEMA_2, SQL_SCHEMA_3};

static const char GET_VERSION[] = "PRAGMA user_version";
static const char SET_APPLICATION[] = "PRAGMA application_id = 1700946481";
static const char SCRATCH_MAKE[] = "CREATE TABLE scratch (bytes)";
static const char SCRATCH_PUT[] = "INSERT INTO scratch VALUES (zeroblob(?1))";
static const char SCRATCH_DROP[] = "DROP TABLE scratch";
static const char SCRATCH_FORGET[] = "PRAGMA shrink_memory"; /* the cache is full of it */

static status get_number(struct database *database, const char *sql, int64_t *out_number,
                         struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, sql);
    return query_one_number(&query, out_number, err);
}

status local_db_mark(struct database *database, struct error *err) {
    return database_run(database, SET_APPLICATION, err);
}

/* --- the WAL at its full size ----------------------------------------------------------------- */

static status fill_scratch(struct database *database, int64_t bytes, struct error *err) {
    TRY(database_begin(database, err));
    TRY(local_db_mark(database, err)); /* ours from the first commit on */
    TRY(database_run(database, SCRATCH_MAKE, err));
    for (int64_t done = 0; done < bytes; done += SCRATCH_ROW_BYTES) {
        CLEANUP(query_done) struct query query = query_on(database, SCRATCH_PUT);
        query_bind_number(&query, SCRATCH_ROW_BYTES);
        TRY(query_run(&query, err));
    }
    TRY(database_reserve(database, err));
    return database_commit(database, err);
}

/* A table is written and dropped: its pages have passed through the WAL and are free now. */
static status grow_wal(struct database *database, int64_t bytes, struct error *err) {
    bool done = false;
    TRY(database_run(database, "DROP TABLE IF EXISTS scratch", err));
    TRY(database_checkpoint(database, &done, err));
    const status filled = fill_scratch(database, bytes, err);
    if (filled != STATUS_OK) {
        database_rollback(database);
        return filled;
    }
    TRY(database_run(database, SCRATCH_DROP, err));
    TRY(database_checkpoint(database, &done, err));
    return database_run(database, SCRATCH_FORGET, err);
}

/* Somebody else may have opened the file meanwhile: the last one to close it deletes the WAL. */
static bool wal_is_short(const struct local_db_options *options, int64_t wal_bytes) {
    char path[LOCAL_DB_PATH_BYTES + 8];
    struct database_file *file = NULL;
    struct error err;
    int64_t bytes = 0;
    (void)snprintf(path, sizeof(path), "%.*s-wal", LOCAL_DB_PATH_BYTES, options->path);
    if (database_file_open(options->vfs, path, DATABASE_FILE_READ, &file, &err) == STATUS_OK) {
        if (database_file_bytes(file, &bytes, &err) != STATUS_OK) {
            bytes = 0;
        }
        database_file_close(file);
    }
    return bytes < wal_bytes;
}

/* What every file of ours begins with; SQLite has many words for one that does not. */
static bool head_is_ours(const struct local_db_options *options) {
    uint8_t head[HEAD_BYTES] = {0};
    struct database_file *file = NULL;
    struct error err;
    int64_t bytes = 0;
    if (database_file_open(options->vfs, options->path, DATABASE_FILE_READ, &file, &err) !=
        STATUS_OK) {
        return true;
    }
    bool ours = database_file_bytes(file, &bytes, &err) != STATUS_OK || bytes < HEAD_BYTES ||
                database_file_read(file, 0, head, sizeof(head), &err) != STATUS_OK;
    database_file_close(file);
    if (!ours) {
        static const uint8_t FRACTIONS[] = {0, 64, 32, 32}; /* no bytes reserved, then payloads */
        ours = memcmp(head, "SQLite format 3", 16) == 0 && head[16] == 16 && head[17] == 0 &&
               head[18] <= 2 && head[19] <= 2 && memcmp(head + 20, FRACTIONS, 4) == 0 &&
               head[44] == 0 && head[45] == 0 && head[46] == 0 && head[47] <= 4 && head[59] <= 1;
    }
    return ours;
}

/* --- making and migrating --------------------------------------------------------------------- */

static status run_step(struct database *database, int version, const char *reason,
                       struct error *err) {
    TRY(database_begin(database, err));
    TRY(database_run(database, STEPS[version], err));
    if (version == 0) {
        struct stream stream;
        TRY(stream_begin(&stream, database, reason != NULL ? reason : "made", err));
    }
    TRY(database_reserve(database, err));
    return database_commit(database, err);
}

static status migrate(struct database *database, int64_t version, const char *reason,
                      struct error *err) {
    for (int64_t at = version; at < LOCAL_DB_VERSION; at++) {
        if (run_step(database, (int)at, reason, err) != STATUS_OK) {
            database_rollback(database);
            return fail_while(err, "migrate the database from version %lld", (long long)at);
        }
    }
    return STATUS_OK;
}

/* Makes the schema of this version in memory, to compare with. */
static status make_example(struct database **out_example, struct error *err) {
    const struct database_options options = {.path = ":memory:",
                                             .application = LOCAL_DB_APPLICATION};
    struct database *example = NULL;
    TRY(database_open(&options, &example, err));
    for (int i = 0; i < LOCAL_DB_VERSION; i++) {
        const status made = database_run(example, STEPS[i], err);
        if (made != STATUS_OK) {
            database_close(example);
            return made;
        }
    }
    *out_example = example;
    return STATUS_OK;
}

/* Whether the tables are those of this version, word for word. */
static status compare_schema(struct database *database, bool *out_same, struct error *err) {
    struct database *example = NULL;
    TRY(make_example(&example, err));
    bool same = true;
    status compared = STATUS_OK;
    {
        CLEANUP(query_done) struct query is = query_on(database, SQL_SCHEMA_TEXT);
        CLEANUP(query_done) struct query should = query_on(example, SQL_SCHEMA_TEXT);
        while (same && query_next(&should)) {
            same = query_next(&is) && slice_equal(query_text(&is, 0), query_text(&should, 0));
        }
        same = same && !query_next(&is);
        compared = query_status(&is, err);
    }
    database_close(example);
    *out_same = same;
    return compared;
}

/* What one flipped byte makes of the version that this ebb writes. */
static bool one_byte_apart(int64_t version) {
    uint32_t other = (uint32_t)version ^ (uint32_t)LOCAL_DB_VERSION;
    int bytes = 0;
    for (; other != 0; other >>= 8) {
        bytes += (other & 0xff) != 0 ? 1 : 0;
    }
    return bytes == 1;
}

/* A file of version 0 has nothing in it but what making it leaves. */
static status check_unmade(struct database *database, const char *path, struct error *err) {
    static const char MADE[] = "SELECT count(*) FROM sqlite_schema WHERE name <> 'scratch'";
    int64_t made = 0;
    TRY(get_number(database, MADE, &made, err));
    return made == 0 ? STATUS_OK : fail(err, STATUS_CORRUPT, "'%s' has lost its version", path);
}

/*
 * The text of the tables stands for the version a second time, since every step changes it: a
 * flipped byte in either would otherwise be believed for ever, have the file refused, or migrated
 * again. A newer ebb's file is not ours to judge, and is never salvaged.
 *
 * | version                     | tables are ours   | they are not      |
 * |-----------------------------|-------------------|-------------------|
 * | ours                        | open              | damaged           |
 * | below 0; 0 in a made file   | damaged           | damaged           |
 * | newer, one byte is another  | damaged           | as the next two   |
 * | the next                    | (one byte)        | open              |
 * | newer than that             | refused           | refused           |
 */
static status check_version(struct database *database, const char *path, int64_t version,
                            struct error *err) {
    bool same = false;
    TRY(compare_schema(database, &same, err));
    if (version < 0 || (same && one_byte_apart(version))) {
        return fail(err, STATUS_CORRUPT, "'%s' has lost its version", path);
    }
    if (!same && version == LOCAL_DB_VERSION) {
        return fail(err, STATUS_CORRUPT, "'%s' has not the tables of its version", path);
    }
    if (version > LOCAL_DB_VERSION + 1) {
        return fail(err, STATUS_INVALID,
                    "'%s' has version %lld; this ebb (%s) knows %d and opens up to %d: install a "
                    "newer ebb",
                    path, (long long)version, EBB_VERSION, LOCAL_DB_VERSION, LOCAL_DB_VERSION + 1);
    }
    return version == 0 ? check_unmade(database, path, err) : STATUS_OK;
}

static status prepare(struct database *database, const struct local_db_options *options,
                      struct local_db_found *found, struct error *err) {
    const int64_t wal_bytes = options->wal_bytes > 0 ? options->wal_bytes : LOCAL_DB_WAL_BYTES;
    int64_t version = 0;
    TRY(get_number(database, GET_VERSION, &version, err));
    TRY(check_version(database, options->path, version, err));
    found->made = version == 0;
    found->migrated_from = version > 0 && version < LOCAL_DB_VERSION ? (int)version : -1;
    if (found->made || wal_is_short(options, wal_bytes)) {
        const status grown = grow_wal(database, wal_bytes, err);
        if (grown != STATUS_OK && (found->made || grown != STATUS_FULL)) {
            return grown; /* a full disk does without what a program in between took away */
        }
    }
    return migrate(database, version, options->reason, err);
}

status local_db_open(const struct local_db_options *options, struct database **out_database,
                     struct local_db_found *out_found, struct error *err) {
    static const char WITNESS[] =
        "SELECT count(*) FROM sqlite_schema WHERE name = 'record_first_id'";
    const struct database_options open = {.path = options->path,
                                          .vfs = options->vfs,
                                          .application = LOCAL_DB_APPLICATION,
                                          .witness = WITNESS};
    struct database *database = NULL;
    struct local_db_found found = {0};
    const status opened = database_open(&open, &database, err);
    if (opened != STATUS_OK) {
        return opened == STATUS_CORRUPT || head_is_ours(options)
                   ? opened
                   : fail(err, STATUS_CORRUPT, "'%s' begins with bytes that are not ours",
                          options->path);
    }
    const status prepared = prepare(database, options, &found, err);
    if (prepared != STATUS_OK) {
        database_close(database);
        return prepared;
    }
    *out_database = database;
    *out_found = found;
    return STATUS_OK;
}

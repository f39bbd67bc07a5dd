// SPDX-License-Identifier: Apache-2.0
#include "hub/store/hub_backup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "hub/store/cursor_bytes.h"
#include "hub/store/hub_chains.h"
#include "hub/store/hub_db.h"
#include "hub/store/hub_sql.h"
#include "platform/file.h"
#include "platform/random.h"
#include "platform/seal.h"
#include "platform/secret.h"

enum { PATH_BYTES_MAX = 4400, FOLDER_MODE = 0700, HUB_MODE = 0640 };

static const char CERTIFICATE[] = "authority/certificate.pem";
static const char KEY[] = "authority/key.pem";
static const char SEALED_KEY[] = "authority/key.sealed"; /* in backups alone */

static const char MARK_BACKUP[] = "PRAGMA application_id = 1700948066";
static const char MARK_HUB[] = "PRAGMA application_id = 1700948072";
_Static_assert(HUB_BACKUP_APPLICATION == 1700948066, "the pragma says the mark");
_Static_assert(HUB_DB_APPLICATION == 1700948072, "the pragma says the mark");

void hub_backup_facts_done(struct hub_backup_facts *facts) {
    memory_free(facts->lanes);
    facts->lanes = NULL;
    facts->lane_count = 0;
}

/* --- the copy under its other name --- */

static void remove_copy(const char *path) {
    static const char *const ENDS[] = {"", "-journal", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof(ENDS) / sizeof(ENDS[0]); i++) {
        char one[PATH_BYTES_MAX + 16];
        (void)snprintf(one, sizeof(one), "%s%s", path, ENDS[i]);
        (void)file_remove(one, NULL);
    }
}

/* Nobody else may read it, from its first byte on. */
static status open_copy(const char *path, int32_t application, struct database **out_copy,
                        struct error *err) {
    const struct database_options options = {
        .path = path, .plain = true, .must_exist = true, .application = application};
    remove_copy(path);
    TRY(file_replace_private(path, SLICE(""), err));
    return database_open(&options, out_copy, err);
}

static status put_in_place(const char *copy, const char *path, struct error *err) {
    char folder[PATH_BYTES_MAX];
    TRY(file_rename(copy, path, err));
    (void)snprintf(folder, sizeof(folder), "%s", path);
    char *slash = strrchr(folder, '/');
    (void)snprintf(slash != NULL ? slash : folder, 2, "%s",
                   slash == NULL     ? "."
                   : slash == folder ? "/"
                                     : "");
    return file_sync_folder(folder, err);
}

static status count(struct database *database, struct hub_backup_facts *facts, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_COUNT_BACKUP);
    if (query_next(&query)) {
        facts->records = query_number(&query, 0);
        facts->streams = query_number(&query, 1);
        facts->devices = query_number(&query, 2);
    }
    return query_status(&query, err);
}

/* --- writing --- */

/* *out_there: the file is there; the operator's own authority lies elsewhere. */
static status read_part(const char *data, const char *name, struct buffer *out, bool *out_there,
                        struct error *err) {
    char path[PATH_BYTES_MAX];
    struct file_facts facts;
    (void)snprintf(path, sizeof(path), "%s/%s", data, name);
    *out_there = file_facts(path, &facts, NULL) == STATUS_OK;
    return *out_there ? file_read(path, out, err) : STATUS_OK;
}

static status put_part(struct database *copy, const char *name, struct slice bytes,
                       struct error *err) {
    CLEANUP(query_done) struct query query = query_on(copy, SQL_HUB_BACKUP_FILE_PUT);
    query_bind_text(&query, slice_of(name));
    query_bind_bytes(&query, bytes);
    return query_run(&query, err);
}

static status put_certificate(struct database *copy, const char *data, bool *out_there,
                              struct error *err) {
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, HUB_BACKUP_FILE_BYTES_MAX);
    TRY(read_part(data, CERTIFICATE, &bytes, out_there, err));
    return *out_there ? put_part(copy, CERTIFICATE, buffer_slice(&bytes), err) : STATUS_OK;
}

static status put_key(struct database *copy, const struct hub_backup_wish *wish,
                      struct hub_backup_facts *facts, struct error *err) {
    CLEANUP(secret_forget) struct buffer key;
    CLEANUP(buffer_done) struct buffer sealed;
    buffer_init(&key, HUB_BACKUP_FILE_BYTES_MAX);
    buffer_init(&sealed, HUB_BACKUP_FILE_BYTES_MAX + SEAL_BYTES);
    TRY(read_part(wish->data, KEY, &key, &facts->has_key, err));
    facts->is_sealed = facts->has_key && wish->passphrase.count > 0;
    if (!facts->is_sealed) {
        return facts->has_key ? put_part(copy, KEY, buffer_slice(&key), err) : STATUS_OK;
    }
    TRY(seal_make(wish->passphrase, buffer_slice(&key), &sealed, err));
    return put_part(copy, SEALED_KEY, buffer_slice(&sealed), err);
}

/* How far a lane is held without a hole. */
static uint64_t top_of(struct slice ranges) {
    struct lane_cursor cursor = {.anchored = 0};
    return cursor_bytes_read(ranges, &cursor) ? ranges_top(&cursor.held) : 0;
}

static status list_lanes(struct database *copy, struct hub_backup_facts *facts, struct error *err) {
    int64_t most = 0;
    {
        CLEANUP(query_done) struct query query = query_on(copy, SQL_HUB_CURSOR_COUNT);
        TRY(query_one_number(&query, &most, err));
    }
    facts->lanes = memory_new((size_t)most + 1, sizeof(*facts->lanes));
    if (facts->lanes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for what the backup covers");
    }
    CLEANUP(query_done) struct query query = query_on(copy, SQL_HUB_CURSOR_ALL);
    while ((int64_t)facts->lane_count < most && query_next(&query)) {
        const struct slice stream = query_bytes(&query, 0);
        struct hub_backup_lane *lane = &facts->lanes[facts->lane_count++];
        *lane = (struct hub_backup_lane){.lane = (enum lane)query_number(&query, 1),
                                         .stream_number = query_number(&query, 3),
                                         .top = top_of(query_bytes(&query, 2))};
        (void)memcpy(lane->stream.bytes, stream.bytes,
                     stream.count < ID_BYTES ? stream.count : ID_BYTES);
    }
    return query_status(&query, err);
}

static status anchor(struct database *copy, const struct hub_backup_facts *facts,
                     struct error *err) {
    for (size_t i = 0; i < facts->lane_count; i++) {
        CLEANUP(query_done) struct query query = query_on(copy, SQL_HUB_CURSOR_ANCHOR);
        query_bind_number(&query, facts->lanes[i].stream_number);
        query_bind_number(&query, facts->lanes[i].lane);
        query_bind_number(&query, (int64_t)facts->lanes[i].top);
        TRY(query_run(&query, err));
    }
    CLEANUP(query_done) struct query query = query_on(copy, SQL_HUB_BACKED_UP);
    query_bind_number(&query, facts->made_ms);
    return query_run(&query, err);
}

static status mark(struct database *copy, const struct hub_backup_wish *wish,
                   struct hub_backup_facts *facts, struct error *err) {
    TRY(database_run(copy, SQL_HUB_BACKUP_SCHEMA, err));
    {
        CLEANUP(query_done) struct query query = query_on(copy, SQL_HUB_BACKUP_PUT);
        query_bind_number(&query, wish->now_ms);
        query_bind_text(&query, SLICE(EBB_VERSION));
        TRY(query_run(&query, err));
    }
    TRY(put_certificate(copy, wish->data, &facts->has_certificate, err));
    if (wish->with_key) {
        TRY(put_key(copy, wish, facts, err));
    }
    TRY(list_lanes(copy, facts, err));
    TRY(anchor(copy, facts, err));
    TRY(count(copy, facts, err));
    return database_run(copy, MARK_BACKUP, err);
}

static status fill(struct database *copy, const struct hub_backup_wish *wish,
                   struct hub_backup_facts *facts, struct error *err) {
    char path[PATH_BYTES_MAX];
    struct database *hub = NULL;
    (void)snprintf(path, sizeof(path), "%s/hub.db", wish->data);
    TRY(hub_db_open_reader(path, &hub, err));
    const status copied = database_copy(hub, copy, &wish->watch, err);
    database_close(hub);
    TRY(copied);
    TRY(database_begin(copy, err));
    TRY(mark(copy, wish, facts, err));
    return database_commit(copy, err);
}

static status read_made(struct database *backup, int64_t *out_made_ms, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(backup, SQL_HUB_BACKUP_GET);
    return query_one_number(&query, out_made_ms, err);
}

/* One that was cut off is, once SQLite has taken back what was under way, a database without
 * anything in it, and no mark that would be another's. */
static status open_backup(const char *path, struct database **out_backup, struct error *err) {
    const struct database_options options = {.path = path,
                                             .read_only = true,
                                             .plain = true,
                                             .must_exist = true,
                                             .application = HUB_BACKUP_APPLICATION};
    struct file_facts facts;
    struct database *backup = NULL;
    int64_t made_ms = 0;
    TRY(file_facts(path, &facts, err));
    if (!facts.is_regular || database_open(&options, &backup, err) != STATUS_OK ||
        read_made(backup, &made_ms, err) != STATUS_OK) {
        database_close(backup);
        return fail(err, STATUS_INVALID, "'%.300s' is no backup of a hub", path);
    }
    *out_backup = backup;
    return STATUS_OK;
}

/* What is there may be an older backup, and nothing else. */
static status check_place(const char *path, struct error *err) {
    struct database *backup = NULL;
    const status opened = open_backup(path, &backup, NULL);
    database_close(backup);
    return opened == STATUS_OK || opened == STATUS_NOT_FOUND
               ? STATUS_OK
               : fail(err, STATUS_CONFLICT,
                      "there is a '%.300s' that is no backup of a hub: choose another name", path);
}

status hub_backup_write(const struct hub_backup_wish *wish, struct hub_backup_facts *out_facts,
                        struct error *err) {
    char path[PATH_BYTES_MAX];
    struct database *copy = NULL;
    *out_facts = (struct hub_backup_facts){.made_ms = wish->now_ms};
    TRY(check_place(wish->path, err));
    (void)snprintf(path, sizeof(path), "%s.%d.new", wish->path, (int)getpid());
    status code = open_copy(path, HUB_DB_APPLICATION, &copy, err);
    if (code == STATUS_OK) {
        code = fill(copy, wish, out_facts, err);
    }
    database_close(copy);
    if (code == STATUS_OK) {
        code = put_in_place(path, wish->path, err);
    }
    if (code != STATUS_OK) {
        remove_copy(path);
        hub_backup_facts_done(out_facts);
        return fail_while(err, "back up to '%.200s'", wish->path);
    }
    return STATUS_OK;
}

/* --- restoring --- */

static bool go_on(void *owner, int64_t done_bytes, int64_t all_bytes) {
    (void)owner;
    (void)done_bytes;
    (void)all_bytes;
    return true;
}

static bool is_there(const char *data, const char *name) {
    char path[PATH_BYTES_MAX];
    (void)snprintf(path, sizeof(path), "%s/%s", data, name);
    return file_is_there(path);
}

/* A file that a restore which was cut off has written may be there, and no other. */
static status check_same(const char *path, struct slice bytes, struct error *err) {
    CLEANUP(buffer_done) struct buffer there;
    buffer_init(&there, HUB_BACKUP_FILE_BYTES_MAX);
    TRY(file_read(path, &there, err));
    return slice_equal(buffer_slice(&there), bytes)
               ? STATUS_OK
               : fail(err, STATUS_CONFLICT,
                      "'%.300s' is another hub's: name an empty folder with --data", path);
}

static status put_file(const char *data, const char *name, struct slice bytes, struct error *err) {
    char path[PATH_BYTES_MAX];
    (void)snprintf(path, sizeof(path), "%s/%s", data, name);
    return is_there(data, name) ? check_same(path, bytes, err)
                                : file_replace_private(path, bytes, err);
}

/* The file of the backup, in the data folder under its name. */
static status take_file(struct database *copy, const char *data, const char *name, bool *out_there,
                        struct error *err) {
    CLEANUP(query_done) struct query query = query_on(copy, SQL_HUB_BACKUP_FILE_GET);
    query_bind_text(&query, slice_of(name));
    *out_there = query_next(&query);
    return *out_there ? put_file(data, name, query_bytes(&query, 0), err)
                      : query_status(&query, err);
}

static status take_sealed_key(struct database *copy, const char *data, struct slice passphrase,
                              struct hub_backup_facts *facts, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(copy, SQL_HUB_BACKUP_FILE_GET);
    CLEANUP(secret_forget) struct buffer key;
    buffer_init(&key, HUB_BACKUP_FILE_BYTES_MAX);
    query_bind_text(&query, slice_of(SEALED_KEY));
    facts->is_sealed = query_next(&query);
    if (!facts->is_sealed) {
        return query_status(&query, err);
    }
    if (passphrase.count == 0) {
        return fail(err, STATUS_DENIED,
                    "the hub's key in the backup is sealed: name the file of its passphrase with "
                    "--passphrase-file");
    }
    if (seal_open(passphrase, query_bytes(&query, 0), &key, err) != STATUS_OK) {
        return fail_while(err, "open the hub's key");
    }
    facts->has_key = true;
    return put_file(data, KEY, buffer_slice(&key), err);
}

static status become_hub(struct database *copy, struct hub_backup_facts *facts, struct error *err) {
    const struct id store = random_id();
    TRY(read_made(copy, &facts->made_ms, err));
    TRY(count(copy, facts, err));
    TRY(database_begin(copy, err));
    {
        CLEANUP(query_done) struct query query = query_on(copy, SQL_HUB_STORE_SET);
        query_bind_bytes(&query, id_slice(&store));
        TRY(query_run(&query, err));
    }
    TRY(database_run(copy, SQL_HUB_BACKUP_DROP, err));
    TRY(database_run(copy, MARK_HUB, err));
    return database_commit(copy, err);
}

/* The database takes its name last: a hub.db that is there is whole. */
static status unpack(struct database *backup, struct database *copy, const char *data,
                     struct slice passphrase, struct hub_backup_facts *facts, struct error *err) {
    char folder[PATH_BYTES_MAX];
    const struct database_copy_watch watch = {.go_on = go_on};
    TRY(database_copy(backup, copy, &watch, err));
    TRY(database_check(copy, err));
    TRY(hub_chains_check(copy, err));
    (void)snprintf(folder, sizeof(folder), "%s/authority", data);
    TRY(file_make_folder(folder, err));
    if (chmod(folder, FOLDER_MODE) != 0) {
        return fail_errno(err, errno, "set the mode of '%.300s'", folder);
    }
    TRY(take_file(copy, data, KEY, &facts->has_key, err));
    TRY(take_sealed_key(copy, data, passphrase, facts, err));
    TRY(take_file(copy, data, CERTIFICATE, &facts->has_certificate, err));
    TRY(file_sync_folder(folder, err));
    return become_hub(copy, facts, err);
}

static status restore(struct database *backup, const char *data, struct slice passphrase,
                      struct hub_backup_facts *facts, struct error *err) {
    char path[PATH_BYTES_MAX], copy_path[PATH_BYTES_MAX + 8];
    struct database *copy = NULL;
    (void)snprintf(path, sizeof(path), "%s/hub.db", data);
    (void)snprintf(copy_path, sizeof(copy_path), "%s.new", path);
    status code = open_copy(copy_path, HUB_BACKUP_APPLICATION, &copy, err);
    if (code == STATUS_OK) {
        code = unpack(backup, copy, data, passphrase, facts, err);
    }
    database_close(copy);
    if (code == STATUS_OK && chmod(copy_path, HUB_MODE) != 0) {
        code = fail_errno(err, errno, "set the mode of '%.300s'", copy_path);
    }
    if (code == STATUS_OK) {
        code = put_in_place(copy_path, path, err);
    }
    if (code != STATUS_OK) {
        remove_copy(copy_path);
    }
    return code;
}

status hub_backup_restore(const char *path, const char *data, struct slice passphrase,
                          struct hub_backup_facts *out_facts, struct error *err) {
    struct database *backup = NULL;
    *out_facts = (struct hub_backup_facts){.made_ms = 0};
    if (is_there(data, "hub.db")) {
        return fail(err, STATUS_CONFLICT,
                    "there is a hub in '%.300s' already: name an empty folder with --data", data);
    }
    TRY(open_backup(path, &backup, err));
    const status restored = restore(backup, data, passphrase, out_facts, err);
    database_close(backup);
    return restored;
}

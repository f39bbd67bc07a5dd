// SPDX-License-Identifier: Apache-2.0
#include "storage/blobs.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "platform/file.h"
#include "platform/hash.h"
#include "platform/json.h"
#include "storage/sql.h"

enum {
    FOLDER_BYTES = 4096,
    PATH_BYTES = FOLDER_BYTES + ID_HEX_BYTES + 24,
    GOING_MAX = 64,
    PINS_FIRST = 16
};

/* Kept by somebody whose row is not written yet. */
struct pin {
    struct id id;
    uint32_t count;
};

struct going {
    struct id id;
    int64_t bytes;
};

struct blobs {
    char folder[FOLDER_BYTES];
    int64_t bytes_max;
    pthread_mutex_t writing; /* one file at a time */
    pthread_mutex_t naming;  /* guards the pins, and that a file goes only without one */
    struct pin *pins;        /* owned */
    size_t pin_count, pin_room;
    atomic_llong bytes; /* of all rows */
    atomic_ullong evicted;
    struct going going[GOING_MAX]; /* rows that went in this transaction */
    int going_count;
    int64_t added_bytes; /* in this transaction */
    bool swept;
};

status blobs_open(const char *folder, int64_t bytes_max, struct blobs **out_blobs,
                  struct error *err) {
    struct blobs *blobs = memory_new(1, sizeof(*blobs));
    if (blobs == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the blobs");
    }
    const int count = snprintf(blobs->folder, sizeof(blobs->folder), "%s/blobs", folder);
    if (count < 0 || count >= FOLDER_BYTES) {
        memory_free(blobs);
        return fail(err, STATUS_INVALID, "a path has at most %d bytes", FOLDER_BYTES - 1);
    }
    blobs->bytes_max = bytes_max;
    (void)pthread_mutex_init(&blobs->writing, NULL);
    (void)pthread_mutex_init(&blobs->naming, NULL);
    *out_blobs = blobs;
    return STATUS_OK;
}

void blobs_close(struct blobs *blobs) {
    if (blobs != NULL) {
        (void)pthread_mutex_destroy(&blobs->writing);
        (void)pthread_mutex_destroy(&blobs->naming);
        memory_free(blobs->pins);
        memory_free(blobs);
    }
}

/* --- files ------------------------------------------------------------------------------------ */

static void path_of(const struct blobs *blobs, struct id id, char path[PATH_BYTES]) {
    char hex[ID_HEX_BYTES + 1];
    id_write_hex(id, hex);
    (void)snprintf(path, PATH_BYTES, "%s/%s", blobs->folder, hex);
}

static struct pin *find_pin(const struct blobs *blobs, struct id id) {
    for (size_t i = 0; i < blobs->pin_count; i++) {
        if (id_equal(blobs->pins[i].id, id)) {
            return &blobs->pins[i];
        }
    }
    return NULL;
}

static bool add_pin(struct blobs *blobs, struct id id) {
    struct pin *pin = find_pin(blobs, id);
    if (pin == NULL && blobs->pin_count == blobs->pin_room) {
        const size_t room = blobs->pin_room > 0 ? blobs->pin_room * 2 : PINS_FIRST;
        struct pin *pins = memory_resize(blobs->pins, room * sizeof(*pins));
        if (pins == NULL) {
            return false;
        }
        blobs->pins = pins;
        blobs->pin_room = room;
    }
    if (pin == NULL) {
        pin = &blobs->pins[blobs->pin_count++];
        *pin = (struct pin){.id = id};
    }
    pin->count++;
    return true;
}

static bool pin(struct blobs *blobs, struct id id) {
    (void)pthread_mutex_lock(&blobs->naming);
    const bool pinned = add_pin(blobs, id);
    (void)pthread_mutex_unlock(&blobs->naming);
    return pinned;
}

void blobs_unpin(struct blobs *blobs, struct id id) {
    (void)pthread_mutex_lock(&blobs->naming);
    struct pin *pin = find_pin(blobs, id);
    assert(pin != NULL);
    if (pin != NULL && --pin->count == 0) {
        *pin = blobs->pins[--blobs->pin_count];
    }
    (void)pthread_mutex_unlock(&blobs->naming);
}

static status write_file(struct blobs *blobs, const char *path, struct slice bytes,
                         struct error *err) {
    struct file_facts facts;
    status code = STATUS_OK;
    (void)pthread_mutex_lock(&blobs->writing);
    if (file_facts(path, &facts, NULL) != STATUS_OK || facts.bytes != (int64_t)bytes.count) {
        code = file_make_folder(blobs->folder, err);
        code = code == STATUS_OK ? file_replace(path, bytes, err) : code;
    }
    (void)pthread_mutex_unlock(&blobs->writing);
    return code;
}

status blobs_keep(struct blobs *blobs, struct blob *blob, struct error *err) {
    char path[PATH_BYTES];
    struct slice bytes;
    if ((int64_t)blob_count(blob) > blobs->bytes_max) {
        return fail(err, STATUS_FULL, "%zu bytes are more than the %lld that blobs may take",
                    blob_count(blob), (long long)blobs->bytes_max);
    }
    TRY(blob_open(blob, &bytes, err));
    const struct id id = hash_128(bytes, (struct slice){0});
    path_of(blobs, id, path);
    if (!pin(blobs, id)) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a blob");
    }
    const status code = write_file(blobs, path, bytes, err);
    if (code != STATUS_OK) {
        blobs_unpin(blobs, id);
        return code;
    }
    blob_set_id(blob, id);
    return STATUS_OK;
}

status blobs_keep_value(struct blobs *blobs, struct value value, struct blob_hold *holds,
                        uint32_t *count, struct error *err) {
    if (value.kind == VALUE_BLOB) {
        if (*count == BLOBS_OF_VALUE_MAX) {
            return fail(err, STATUS_INVALID, "at most %d blobs are kept at once",
                        BLOBS_OF_VALUE_MAX);
        }
        TRY(blobs_keep(blobs, value.blob, err));
        holds[(*count)++] = (struct blob_hold){.id = blob_id(value.blob),
                                               .bytes = (int64_t)blob_count(value.blob),
                                               .type = blob_type(value.blob),
                                               .holders = 1};
    }
    for (uint32_t i = 0; value.kind == VALUE_LIST && i < value.count; i++) {
        TRY(blobs_keep_value(blobs, value.items[i], holds, count, err));
    }
    for (uint32_t i = 0; value.kind == VALUE_OBJECT && i < value.count; i++) {
        TRY(blobs_keep_value(blobs, value.members[i].value, holds, count, err));
    }
    return STATUS_OK;
}

struct kept_source {
    struct id id;
    char path[PATH_BYTES];
};

static status read_kept(const void *owner, char *bytes, size_t count, struct error *err) {
    const struct kept_source *source = owner;
    CLEANUP(buffer_done) struct buffer content;
    buffer_init(&content, count);
    TRY(file_read(source->path, &content, err));
    if (!id_equal(hash_128(buffer_slice(&content), (struct slice){0}), source->id)) {
        return fail(err, STATUS_CORRUPT, "'%s' is not what was kept there", source->path);
    }
    (void)memcpy(bytes, content.bytes, content.count);
    return STATUS_OK;
}

status blobs_find(struct blobs *blobs, struct id id, struct slice type, struct blob **out_blob,
                  struct error *err) {
    struct kept_source source = {.id = id};
    struct file_facts facts;
    path_of(blobs, id, source.path);
    if (file_facts(source.path, &facts, err) != STATUS_OK) {
        return fail_while(err, "a blob is gone");
    }
    TRY(blob_create_unread(type, (size_t)facts.bytes, read_kept, &source, sizeof(source), out_blob,
                           err));
    blob_set_id(*out_blob, id);
    return STATUS_OK;
}

status blobs_read_part(const struct blobs *blobs, struct id id, int64_t from, size_t bytes_max,
                       struct buffer *out, struct error *err) {
    char path[PATH_BYTES];
    path_of(blobs, id, path);
    return file_read_part(path, from, bytes_max, out, err);
}

/* --- values that were JSON -------------------------------------------------------------------- */

static bool is_shown_blob(struct value value, struct id *out_id, struct slice *out_type) {
    const struct value *id = value_get(value, SLICE(JSON_BLOB));
    const struct value *type = value_get(value, SLICE("type"));
    if (value.kind != VALUE_OBJECT || id == NULL || type == NULL || type->kind != VALUE_TEXT) {
        return false;
    }
    *out_type = value_text(*type);
    return id_read(value_text(*id), out_id);
}

static status restore_one(struct blobs *blobs, struct arena *arena, struct id id, struct slice type,
                          struct value *out_value, struct error *err) {
    struct blob *blob = NULL;
    TRY(blobs_find(blobs, id, type, &blob, err));
    const bool shown = value_of_blob(arena, blob, out_value);
    blob_release(blob);
    return shown ? STATUS_OK : fail(err, STATUS_NO_MEMORY, "out of memory for a blob");
}

static status restore_list(struct blobs *blobs, struct arena *arena, struct value list,
                           struct value *out_list, struct error *err) {
    struct value *items = value_new_list(arena, list.count, out_list);
    if (items == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a kept value");
    }
    for (uint32_t i = 0; i < list.count; i++) {
        TRY(blobs_restore(blobs, arena, list.items[i], &items[i], err));
    }
    return STATUS_OK;
}

status blobs_restore(struct blobs *blobs, struct arena *arena, struct value value,
                     struct value *out_value, struct error *err) {
    struct id id;
    struct slice type;
    if (value.kind == VALUE_LIST) {
        return restore_list(blobs, arena, value, out_value, err);
    }
    if (is_shown_blob(value, &id, &type)) {
        return restore_one(blobs, arena, id, type, out_value, err);
    }
    if (value.kind != VALUE_OBJECT) {
        *out_value = value;
        return STATUS_OK;
    }
    struct member *members = value_new_object(arena, value.count, out_value);
    if (members == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a kept value");
    }
    for (uint32_t i = 0; i < value.count; i++) {
        members[i].name = value.members[i].name;
        TRY(blobs_restore(blobs, arena, value.members[i].value, &members[i].value, err));
    }
    return STATUS_OK;
}

/* --- rows ------------------------------------------------------------------------------------- */

static status read_row(const struct query *query, struct going *out_row, struct error *err) {
    const struct slice hash = query_bytes(query, 0);
    if (hash.count != ID_BYTES) {
        return fail(err, STATUS_CORRUPT, "a blob's hash has %zu bytes", hash.count);
    }
    (void)memcpy(out_row->id.bytes, hash.bytes, ID_BYTES);
    out_row->bytes = query_number(query, 1);
    return STATUS_OK;
}

static status is_known(struct database *database, const struct id *id, bool *out_known,
                       struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_BLOB_KNOWN);
    query_bind_bytes(&query, id_slice(id));
    *out_known = query_next(&query);
    return query_status(&query, err);
}

static void add_bytes(struct blobs *blobs, int64_t bytes) {
    blobs->added_bytes += bytes;
    atomic_fetch_add_explicit(&blobs->bytes, bytes, memory_order_relaxed);
}

static status drop_row(struct blobs *blobs, struct database *database, const struct going *row,
                       struct error *err) {
    assert(blobs->going_count < GOING_MAX);
    CLEANUP(query_done) struct query query = query_on(database, SQL_BLOB_DELETE);
    query_bind_bytes(&query, id_slice(&row->id));
    TRY(query_run(&query, err));
    CLEANUP(query_done) struct query leaves = query_on(database, SQL_BLOB_LEAVES_DELETE);
    query_bind_bytes(&leaves, id_slice(&row->id));
    TRY(query_run(&leaves, err));
    blobs->going[blobs->going_count++] = *row;
    add_bytes(blobs, -row->bytes);
    return STATUS_OK;
}

/* Those that nobody holds, until there is room, or there are none; the next commit goes on. */
static status make_room(struct blobs *blobs, struct database *database, struct error *err) {
    while (blobs_bytes(blobs) > blobs->bytes_max && blobs->going_count < GOING_MAX) {
        struct going row = {0};
        bool found = false;
        {
            CLEANUP(query_done) struct query query = query_on(database, SQL_BLOB_UNHELD);
            found = query_next(&query);
            TRY(query_status(&query, err));
            if (found) {
                TRY(read_row(&query, &row, err));
            }
        }
        if (!found) {
            return STATUS_OK;
        }
        TRY(drop_row(blobs, database, &row, err));
        atomic_fetch_add_explicit(&blobs->evicted, 1, memory_order_relaxed);
    }
    return STATUS_OK;
}

static status note_leaves(struct database *database, const struct blob_hold *hold, int64_t wall_ms,
                          struct error *err) {
    if (hold->leaves == BLOB_UNSAID) {
        return STATUS_OK;
    }
    CLEANUP(query_done) struct query query = query_on(database, SQL_BLOB_LEAVES_PUT);
    query_bind_bytes(&query, id_slice(&hold->id));
    query_bind_number(&query, (int64_t)hold->leaves);
    query_bind_number(&query, wall_ms);
    return query_run(&query, err);
}

static status hold_one(struct blobs *blobs, struct database *database, const struct blob_hold *hold,
                       const struct moment *now, struct error *err) {
    bool known = false;
    TRY(is_known(database, &hold->id, &known, err));
    if (!known && hold->holders < 0) {
        return STATUS_OK;
    }
    CLEANUP(query_done) struct query query = query_on(database, SQL_BLOB_HOLD);
    query_bind_bytes(&query, id_slice(&hold->id));
    query_bind_number(&query, hold->bytes);
    query_bind_text(&query, hold->type);
    query_bind_number(&query, hold->holders);
    const bool good = now->quality != CLOCK_BAD;
    query_bind_number_or_null(&query, hold->keep_ms == 0 ? 0
                                      : good             ? now->wall_ms + hold->keep_ms
                                                         : -hold->keep_ms);
    TRY(query_run(&query, err));
    if (!known) {
        add_bytes(blobs, hold->bytes);
    }
    return note_leaves(database, hold, now->wall_ms, err);
}

status blobs_hold(struct blobs *blobs, struct database *database, const struct blob_hold *holds,
                  uint32_t count, const struct moment *now, struct error *err) {
    for (uint32_t i = 0; i < count; i++) {
        TRY(hold_one(blobs, database, &holds[i], now, err));
    }
    return make_room(blobs, database, err);
}

status blobs_read_row(struct database *database, struct store_read *read, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_BLOB_GET);
    query_bind_bytes(&query, id_slice(&read->id));
    const bool found = query_next(&query);
    TRY(query_status(&query, err));
    if (!found) {
        return fail(err, STATUS_NOT_FOUND, "no result keeps that blob any more");
    }
    buffer_print(&read->out,
                 "{\"bytes\":%lld,\"leaves\":%lld,\"type\":", (long long)query_number(&query, 0),
                 (long long)query_number(&query, 2));
    json_write_text(&read->out, query_text(&query, 1));
    buffer_add_byte(&read->out, '}');
    return buffer_status(&read->out, err);
}

static status set_times(struct database *database, int64_t wall_ms, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_BLOB_TIME);
    query_bind_number(&query, wall_ms);
    return query_run(&query, err);
}

static status find_over(struct database *database, int64_t wall_ms, struct going *rows, int room,
                        int *out_count, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_BLOB_OVER);
    query_bind_number(&query, wall_ms);
    query_bind_number(&query, room);
    *out_count = 0;
    while (*out_count < room && query_next(&query)) {
        TRY(read_row(&query, &rows[*out_count], err));
        (*out_count)++;
    }
    return query_status(&query, err);
}

/* --- at the start ----------------------------------------------------------------------------- */

struct sweep {
    struct blobs *blobs;
    struct database *database;
    int64_t before_ms;
    status code;
    struct error *err;
};

/* A name that is none of ours is a file that was never finished. */
static bool sweep_name(void *owner, const char *name) {
    struct sweep *sweep = owner;
    char path[PATH_BYTES];
    struct file_facts facts;
    struct id id;
    bool known = false;
    if (id_read(slice_of(name), &id)) {
        sweep->code = is_known(sweep->database, &id, &known, sweep->err);
    }
    if (sweep->code == STATUS_OK && !known) {
        (void)snprintf(path, sizeof(path), "%.*s/%.48s", FOLDER_BYTES, sweep->blobs->folder, name);
        if (file_facts(path, &facts, NULL) == STATUS_OK &&
            facts.modified_ns / 1000000 < sweep->before_ms) {
            (void)file_remove(path, NULL); /* what stays is met again at the next start */
        }
    }
    return sweep->code == STATUS_OK;
}

static status sweep(struct blobs *blobs, struct database *database, int64_t wall_ms,
                    struct error *err) {
    struct sweep sweep = {
        .blobs = blobs, .database = database, .before_ms = wall_ms - BLOBS_LEFT_MS, .err = err};
    blobs->swept = true;
    const status listed = file_list(blobs->folder, sweep_name, &sweep, err);
    return listed == STATUS_NOT_FOUND ? STATUS_OK : listed == STATUS_OK ? sweep.code : listed;
}

status blobs_load(struct blobs *blobs, struct database *database, struct error *err) {
    int64_t bytes = 0;
    CLEANUP(query_done) struct query query = query_on(database, SQL_BLOB_SUM);
    TRY(query_one_number(&query, &bytes, err));
    atomic_store_explicit(&blobs->bytes, bytes, memory_order_relaxed);
    return STATUS_OK;
}

status blobs_purge(struct blobs *blobs, struct database *database, const struct moment *now,
                   struct error *err) {
    struct going rows[GOING_MAX];
    int count = 0;
    if (now->quality == CLOCK_BAD) {
        return STATUS_OK;
    }
    if (!blobs->swept) {
        TRY(sweep(blobs, database, now->wall_ms, err));
    }
    TRY(set_times(database, now->wall_ms, err));
    TRY(find_over(database, now->wall_ms, rows, GOING_MAX - blobs->going_count, &count, err));
    for (int i = 0; i < count; i++) {
        TRY(drop_row(blobs, database, &rows[i], err));
    }
    return STATUS_OK;
}

static void remove_unpinned(struct blobs *blobs, const struct id *id) {
    char path[PATH_BYTES];
    path_of(blobs, *id, path);
    (void)pthread_mutex_lock(&blobs->naming);
    if (find_pin(blobs, *id) == NULL) {
        (void)file_remove(path, NULL); /* what stays is met again at a later start */
    }
    (void)pthread_mutex_unlock(&blobs->naming);
}

void blobs_settle(struct blobs *blobs) {
    for (int i = 0; i < blobs->going_count; i++) {
        remove_unpinned(blobs, &blobs->going[i].id);
    }
    blobs->going_count = 0;
    blobs->added_bytes = 0;
}

void blobs_take_back(struct blobs *blobs) {
    atomic_fetch_sub_explicit(&blobs->bytes, blobs->added_bytes, memory_order_relaxed);
    blobs->going_count = 0;
    blobs->added_bytes = 0;
}

int64_t blobs_bytes(const struct blobs *blobs) {
    return atomic_load_explicit(&blobs->bytes, memory_order_relaxed);
}

int64_t blobs_bytes_max(const struct blobs *blobs) {
    return blobs->bytes_max;
}

uint64_t blobs_evicted(const struct blobs *blobs) {
    return atomic_load_explicit(&blobs->evicted, memory_order_relaxed);
}

// SPDX-License-Identifier: Apache-2.0
#include "hub/backups.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/memory.h"
#include "hub/hub_answer.h"
#include "hub/hub_call.h"
#include "hub/store/hub_backup.h"
#include "platform/clock.h"
#include "platform/json.h"
#include "platform/seal.h"
#include "platform/secret.h"
#include "platform/worker.h"

enum { PATH_BYTES_MAX = 4096, ANSWER_BYTES_MAX = 16 << 10, ARENA_BYTES_MAX = 64 << 10 };

enum backup_state { BACKUP_NONE, BACKUP_RUNNING, BACKUP_DONE, BACKUP_FAILED };

/*
 *   none --POST--> running (its thread writes, then ingest anchors) --> done | failed --POST--> ...
 */
struct backups {
    struct job job;           /* the pool's; first */
    struct ingest_job anchor; /* ingest's */
    struct backups_options options;
    struct pool *pool;
    enum backup_state state;
    char path[PATH_BYTES_MAX];
    bool with_key;
    struct buffer passphrase; /* forgotten when the thread is done */
    int64_t began_ms;
    struct hub_backup_facts facts; /* written by the thread while it runs */
    struct error error;
    atomic_bool ending;
    _Atomic(int64_t) done_bytes, all_bytes;
};

/* --- its thread --- */

static bool go_on(void *owner, int64_t done_bytes, int64_t all_bytes) {
    struct backups *backups = owner;
    atomic_store(&backups->done_bytes, done_bytes);
    atomic_store(&backups->all_bytes, all_bytes);
    return !atomic_load(&backups->ending);
}

static void work(struct job *job, int worker) {
    struct backups *backups = (struct backups *)job;
    const struct hub_backup_wish wish = {.data = backups->options.data,
                                         .path = backups->path,
                                         .with_key = backups->with_key,
                                         .passphrase = buffer_slice(&backups->passphrase),
                                         .now_ms = backups->began_ms,
                                         .watch = {.go_on = go_on, .owner = backups}};
    (void)worker;
    const status made = hub_backup_write(&wish, &backups->facts, &backups->error);
    backups->error.code = made;
}

/* --- the writing thread --- */

static struct backups *of_anchor(struct ingest_job *job) {
    return (struct backups *)((char *)job - offsetof(struct backups, anchor));
}

static status anchor(struct ingest_job *job, struct lanes *lanes, struct error *err) {
    const struct hub_backup_facts *facts = &of_anchor(job)->facts;
    struct hub_session *session = lanes_session(lanes);
    TRY(session->kind->set_backed_up(session, facts->made_ms, err));
    for (size_t i = 0; i < facts->lane_count; i++) {
        const struct hub_backup_lane *lane = &facts->lanes[i];
        TRY(lanes_anchor(lanes, lane->stream, lane->lane, lane->top, err));
    }
    return STATUS_OK;
}

/* --- the loop --- */

static void finish(struct backups *backups) {
    hub_backup_facts_done(&backups->facts);
    if (backups->error.code == STATUS_OK) {
        backups->state = BACKUP_DONE;
        log_line(LOG_INFO, "hub", "path=%s records=%lld a backup is made", backups->path,
                 (long long)backups->facts.records);
    } else {
        backups->state = BACKUP_FAILED;
        log_line(LOG_ERROR, "hub", "make a backup: %s", backups->error.text);
    }
}

static void anchored(struct ingest_job *job) {
    struct backups *backups = of_anchor(job);
    backups->error = job->error;
    finish(backups);
}

static void written(struct job *job) {
    struct backups *backups = (struct backups *)job;
    secret_forget(&backups->passphrase);
    if (backups->error.code != STATUS_OK) {
        finish(backups);
        return;
    }
    backups->anchor = (struct ingest_job){.work = anchor, .done = anchored};
    ingest_run(backups->options.ingest, &backups->anchor);
}

static status read_wish(struct backups *backups, const struct http_request *request,
                        struct arena *arena, struct error *err) {
    struct value body;
    TRY(json_read(arena, request->body, &body, err));
    const struct slice path = hub_call_text(body, "path");
    const struct value key = hub_call_value(body, "key");
    const struct slice passphrase = hub_call_text(body, "passphrase");
    if (!slice_starts(path, "/") || path.count >= PATH_BYTES_MAX ||
        slice_find(path, '\0') < path.count) {
        return fail(err, STATUS_INVALID, "`path` is the whole path of a file, from / on");
    }
    if (passphrase.count > 0 && passphrase.count < SEAL_PASSPHRASE_BYTES_MIN) {
        return fail(err, STATUS_INVALID, "`passphrase` has at least %d letters",
                    SEAL_PASSPHRASE_BYTES_MIN);
    }
    if (backups->state == BACKUP_RUNNING) {
        return fail(err, STATUS_CONFLICT, "a backup is under way, to '%.300s'", backups->path);
    }
    (void)snprintf(backups->path, sizeof(backups->path), "%.*s", SLICE_ARGS(path));
    backups->with_key = key.kind != VALUE_BOOLEAN || key.boolean;
    secret_forget(&backups->passphrase);
    buffer_init(&backups->passphrase, SEAL_PASSPHRASE_BYTES_MAX);
    buffer_add(&backups->passphrase, passphrase);
    return buffer_status(&backups->passphrase, err);
}

static status begin(struct backups *backups, const struct http_request *request,
                    struct error *err) {
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX);
    const status wished = read_wish(backups, request, &arena, err);
    arena_done(&arena);
    TRY(wished);
    backups->state = BACKUP_RUNNING;
    backups->began_ms = clock_wall_ms();
    atomic_store(&backups->done_bytes, 0);
    backups->job = (struct job){.work = work, .done = written};
    pool_submit(backups->pool, &backups->job);
    return STATUS_OK;
}

static void write_state(struct backups *backups, struct buffer *out) {
    static const char *const NAMES[] = {"none", "running", "done", "failed"};
    const struct hub_backup_facts *facts = &backups->facts;
    buffer_print(out, "{\"state\":\"%s\"", NAMES[backups->state]);
    if (backups->state != BACKUP_NONE) {
        buffer_add_byte(out, ',');
        hub_call_write_text(out, "path", slice_of(backups->path));
        buffer_print(out, ",\"copied_bytes\":%lld,\"bytes\":%lld",
                     (long long)atomic_load(&backups->done_bytes),
                     (long long)atomic_load(&backups->all_bytes));
    }
    if (backups->state == BACKUP_DONE) {
        buffer_add_byte(out, ',');
        hub_call_write_time(out, "made_at", facts->made_ms);
        buffer_print(out,
                     ",\"records\":%lld,\"streams\":%lld,\"devices\":%lld,\"key\":%s,"
                     "\"sealed\":%s",
                     (long long)facts->records, (long long)facts->streams,
                     (long long)facts->devices, facts->has_key ? "true" : "false",
                     facts->is_sealed ? "true" : "false");
    }
    buffer_add_text(out, "}\n");
}

void backups_take(struct backups *backups, struct http_request *request) {
    struct error err;
    const bool begins = slice_is(request->method, "POST");
    if (begins && begin(backups, request, &err) != STATUS_OK) {
        hub_answer_error(request, &err);
    } else if (!begins && backups->state == BACKUP_FAILED) {
        hub_answer_error(request, &backups->error);
    } else {
        CLEANUP(buffer_done) struct buffer json;
        buffer_init(&json, ANSWER_BYTES_MAX);
        write_state(backups, &json);
        hub_answer_json(request, 200, &json);
    }
}

status backups_create(const struct backups_options *options, struct backups **out_backups,
                      struct error *err) {
    struct backups *backups = memory_new(1, sizeof(*backups));
    if (backups == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for backups");
    }
    backups->options = *options;
    const status made = pool_create(options->loop, 1, &backups->pool, err);
    if (made != STATUS_OK) {
        backups_destroy(backups);
        return made;
    }
    *out_backups = backups;
    return STATUS_OK;
}

void backups_destroy(struct backups *backups) {
    if (backups != NULL) {
        atomic_store(&backups->ending, true);
        pool_destroy(backups->pool);
        secret_forget(&backups->passphrase);
        hub_backup_facts_done(&backups->facts);
        memory_free(backups);
    }
}

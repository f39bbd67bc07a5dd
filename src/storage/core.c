// SPDX-License-Identifier: Apache-2.0
#include "storage/core.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "storage/blobs.h"
#include "storage/core_parts.h"
#include "storage/missing.h"
#include "storage/salvage.h"
#include "storage/sql.h"
#include "storage/wal_mend.h"

enum { CHECKPOINT_PAGES = 1000, RETRY_MS = 500 };

static const int64_t BUDGET_BYTES_DEFAULT = INT64_C(1) << 30;

/* --- opening --------------------------------------------------------------------------------- */

status core_load(struct core *core, struct error *err) {
    core->runs.database = core->database;
    core->outbox.database = core->database;
    core->outbox.boots = &core->boots;
    core->outbox.workflows = &core->workflows;
    core->outbox.boot = clock_boot_id();
    core->outbox.cursors = &core->cursors;
    purge_place_reset(&core->purge);
    if (core->options.blobs != NULL) {
        TRY(blobs_load(core->options.blobs, core->database, err));
    }
    TRY(boots_load(&core->boots, core->database, err));
    TRY(workflows_load(&core->workflows, core->database, err));
    TRY(runs_load(&core->runs, err));
    TRY(cursors_load(&core->cursors, core->database, err));
    return outbox_load(&core->outbox, err);
}

static void tell_missing(struct core *core, const char *trace) {
    char text[ERROR_TEXT_MAX];
    (void)snprintf(text, sizeof(text),
                   "the database '%.200s' is gone or was empty, and %s shows that there was one: a "
                   "new one was begun",
                   core->path, trace);
    core_alarm(core, "store-missing", text);
}

status core_open_file(struct core *core, struct local_db_found *out_found, struct error *err) {
    char trace[MISSING_TRACE_BYTES];
    struct local_db_options options = {
        .path = core->path, .vfs = core->options.vfs, .wal_bytes = core->options.wal_bytes};
    missing_find_trace(core->path, core->options.vfs, trace);
    options.reason = trace[0] != '\0' ? "missing" : NULL;
    TRY(missing_check_log(core->path, core->options.vfs, err));
    TRY(local_db_open(&options, &core->database, out_found, err));
    const status loaded = core_load(core, err);
    if (loaded != STATUS_OK) {
        database_close(core->database);
        core->database = NULL;
    } else if (out_found->made && trace[0] != '\0') {
        tell_missing(core, trace);
    }
    return loaded;
}

static status mend_log(struct core *core, enum wal_state *out_state, struct error *err) {
    char path[LOCAL_DB_PATH_BYTES + 8];
    (void)snprintf(path, sizeof(path), "%s-wal", core->path);
    return wal_mend(path, core->options.vfs, out_state, err);
}

static status open_file(struct core *core, struct store_opened *opened, struct error *err) {
    struct local_db_found found = {0};
    enum wal_state log = WAL_WHOLE;
    TRY(salvage_finish(core->path, core->options.vfs, err));
    TRY(mend_log(core, &log, err));
    TRY(core_open_file(core, &found, err));
    opened->made = found.made;
    opened->migrated_from = found.migrated_from;
    if (log == WAL_ACCEPTED) {
        TRY(database_check(core->database, err));
    }
    TRY(core_check_chains(core, log == WAL_ACCEPTED, err));
    if (log != WAL_WHOLE) {
        core_alarm(core, "log-damaged",
                   "bytes of the write-ahead log were changed on the disk; it was mended");
    }
    return STATUS_OK;
}

static bool set_paths(struct core *core, const char *folder) {
    const int count = snprintf(core->folder, sizeof(core->folder), "%s", folder);
    const int path = snprintf(core->path, sizeof(core->path), "%s/ebb.db", folder);
    return count >= 0 && path > 0 && path < LOCAL_DB_PATH_BYTES - 24; /* room for a suffix */
}

status core_open(const struct core_options *options, struct core **out_core,
                 struct store_opened *out_opened, struct error *err) {
    struct core *core = memory_new(1, sizeof(*core));
    if (core == NULL) {
        return fail(err, STATUS_NO_MEMORY, "open the store: out of memory");
    }
    core->options = *options;
    if (!set_paths(core, options->folder)) {
        core_close(core);
        return fail(err, STATUS_INVALID, "the path of the store has at most %d bytes",
                    LOCAL_DB_PATH_BYTES - 32);
    }
    core->options.folder = core->folder;
    if (options->checkpoint_pages <= 0) {
        core->options.checkpoint_pages = CHECKPOINT_PAGES;
    }
    core->options.retry_ms = options->retry_ms > 0 ? options->retry_ms : RETRY_MS;
    outbox_set_budget(&core->outbox,
                      options->budget_bytes > 0 ? options->budget_bytes : BUDGET_BYTES_DEFAULT);
    struct store_opened opened = {.migrated_from = -1};
    status ready = open_file(core, &opened, err);
    if (ready == STATUS_CORRUPT) {
        ready = core_salvage(core, &opened, err);
    }
    if (ready != STATUS_OK) {
        core_close(core);
        return ready;
    }
    *out_opened = opened;
    *out_core = core;
    return STATUS_OK;
}

void core_close(struct core *core) {
    if (core == NULL) {
        return;
    }
    struct error err;
    if (core->database != NULL && core->outbox.stream_count > 0) {
        /* Only spares the next opening some counting. */
        if (database_begin(core->database, &err) != STATUS_OK ||
            outbox_write_rows(&core->outbox, true, &err) != STATUS_OK ||
            database_commit(core->database, &err) != STATUS_OK) {
            database_rollback(core->database);
        }
    }
    database_close(core->database);
    outbox_done(&core->outbox);
    runs_done(&core->runs);
    purge_place_reset(&core->purge);
    workflows_done(&core->workflows);
    memory_free(core);
}

/* --- a batch ---------------------------------------------------------------------------------- */

void core_take_back(struct core *core) {
    if (core->database != NULL) {
        database_rollback(core->database);
    }
    outbox_take_back(&core->outbox);
    runs_take_back(&core->runs);
    boots_take_back(&core->boots);
    workflows_take_back(&core->workflows);
    if (core->options.blobs != NULL) {
        blobs_take_back(core->options.blobs);
    }
}

static void settle(struct core *core) {
    outbox_settle(&core->outbox);
    runs_settle(&core->runs);
    boots_settle(&core->boots);
    workflows_settle(&core->workflows);
    if (core->options.blobs != NULL) {
        blobs_settle(core->options.blobs);
    }
}

static status write_and_commit(struct core *core, struct error *err) {
    TRY(outbox_write_rows(&core->outbox, false, err));
    TRY(database_reserve(core->database, err));
    const int64_t before_ns = clock_monotonic_ns();
    TRY(database_commit(core->database, err));
    core->counters.commit_ns_total += (uint64_t)(clock_monotonic_ns() - before_ns);
    core->counters.commits++;
    return STATUS_OK;
}

status core_commit(struct core *core, struct error *err) {
    const status committed = write_and_commit(core, err);
    if (committed == STATUS_OK) {
        settle(core);
    } else {
        core_take_back(core);
    }
    return committed;
}

static status attempt(struct core *core, struct store_job *const *jobs, int count,
                      struct error *err) {
    TRY(core_ready(core, err));
    for (int i = 0; i < count; i++) {
        if (jobs[i]->kind == STORE_RENUMBER) {
            TRY(core_check_stream(core, jobs[i]->stream, err));
        }
    }
    status ran = database_begin(core->database, err);
    for (int i = 0; i < count && ran == STATUS_OK; i++) {
        ran = core_run_job(core, jobs[i], err);
    }
    if (ran != STATUS_OK) {
        core_take_back(core);
        return ran;
    }
    return core_commit(core, err);
}

/* Again as long as something can be done about what failed. */
static status attempt_hard(struct core *core, struct store_job *const *jobs, int count,
                           struct error *err) {
    status ran = attempt(core, jobs, count, err);
    for (int i = 0; i < CORE_TREATMENTS_MAX && ran != STATUS_OK; i++) {
        if (!core_treat(core, err, jobs, count)) {
            break;
        }
        ran = attempt(core, jobs, count, err);
    }
    return ran;
}

static void note_answer(struct core *core, const struct store_job *job) {
    core->counters.jobs++;
    if (job->error.code != STATUS_OK) {
        core->counters.failed_jobs++;
    } else if (job->kind == STORE_RUN_END) {
        core->counters.records += job->record_count;
    }
}

void core_run(struct core *core, struct store_job *const *jobs, int count) {
    assert(count > 0 && count <= STORE_BATCH_JOBS_MAX);
    struct error err = {.code = STATUS_OK};
    core->busy_rounds = 0;
    status ran = attempt_hard(core, jobs, count, &err);
    const bool alone = ran != STATUS_OK && count > 1;
    for (int i = 0; i < count; i++) {
        jobs[i]->error.code = STATUS_OK;
        jobs[i]->error.text[0] = '\0';
        if (alone) {
            ran = attempt_hard(core, &jobs[i], 1, &err);
        }
        /* What failed first and went well when it was tried again has not failed. */
        if (ran != STATUS_OK) {
            jobs[i]->error = err;
        }
        note_answer(core, jobs[i]);
        core_note_full(core, jobs[i]);
    }
}

void core_idle(struct core *core) {
    struct error err;
    bool done = false;
    if (core->database == NULL || core->counters.failing ||
        database_wal_pages(core->database) < core->options.checkpoint_pages) {
        return;
    }
    if (database_begin(core->database, &err) != STATUS_OK ||
        outbox_write_rows(&core->outbox, true, &err) != STATUS_OK) {
        core_take_back(core);
        return;
    }
    if (core_commit(core, &err) == STATUS_OK) {
        /* What fails here fails again where somebody waits for it. */
        (void)database_checkpoint(core->database, &done, &err);
    }
}

/* --- looking --------------------------------------------------------------------------------- */

struct id core_stream(const struct core *core) {
    return core->outbox.streams[core->outbox.stream_count - 1].id;
}

void core_note_sent(struct core *core, enum lane lane, uint64_t seq) {
    if (seq > atomic_load(&core->outbox.sent[lane])) {
        atomic_store(&core->outbox.sent[lane], seq);
    }
}

status core_each_run(struct core *core, void (*each)(void *owner, const struct kept_run *run),
                     void *owner, struct error *err) {
    return runs_each(core->database, each, owner, err);
}

struct database *core_database(struct core *core) {
    return core->database;
}

void core_counters(const struct core *core, struct store_counters *out_counters) {
    *out_counters = core->counters;
    const struct stream *stream = &core->outbox.streams[core->outbox.stream_count - 1];
    out_counters->bytes = core->outbox.put_bytes;
    out_counters->gaps = core->outbox.gaps;
    if (core->options.blobs != NULL) {
        out_counters->blob_bytes = blobs_bytes(core->options.blobs);
        out_counters->blob_bytes_max = blobs_bytes_max(core->options.blobs);
        out_counters->blobs_evicted = blobs_evicted(core->options.blobs);
    }
    for (int i = 0; i < LANE_COUNT; i++) {
        out_counters->lane_bytes[i] = stream->lanes[i].bytes;
        out_counters->lane_next_seq[i] = stream->lanes[i].next_seq;
        out_counters->lane_acked_seq[i] = stream->lanes[i].acked_seq;
    }
}

bool core_take_alarm(struct core *core, struct error *out_alarm) {
    if (core->alarm_count == 0) {
        return false;
    }
    *out_alarm = core->alarms[0];
    core->alarm_count--;
    (void)memmove(&core->alarms[0], &core->alarms[1],
                  (size_t)core->alarm_count * sizeof(core->alarms[0]));
    return true;
}

status core_newest_wall_ms(struct core *core, int64_t *out_wall_ms, struct error *err) {
    const struct stream *stream = outbox_stream(&core->outbox);
    int64_t newest = 0;
    for (int i = 0; i < LANE_COUNT; i++) {
        CLEANUP(query_done) struct query query = query_on(core->database, SQL_NEWEST_WALL);
        query_bind_number(&query, (int64_t)record_key(stream->number, (enum lane)i, 0));
        query_bind_number(
            &query, (int64_t)record_key(stream->number, (enum lane)i, stream->lanes[i].next_seq));
        int64_t wall_ms = 0;
        TRY(query_one_number(&query, &wall_ms, err));
        newest = wall_ms > newest ? wall_ms : newest;
    }
    *out_wall_ms = newest;
    return STATUS_OK;
}

// SPDX-License-Identifier: Apache-2.0
#include "storage/core.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "storage/local_db.h"
#include "storage/outbox.h"
#include "storage/runs.h"
#include "storage/seen.h"
#include "storage/sql.h"
#include "storage/states.h"

enum { CHECKPOINT_PAGES = 1000 };

static const int64_t BUDGET_BYTES_DEFAULT = INT64_C(1) << 30;

struct core {
    struct database *database;
    struct boots boots;
    struct workflows workflows;
    struct runs runs;
    struct outbox outbox;
    struct store_counters counters;
    char path[LOCAL_DB_PATH_BYTES];
};

/* --- opening --------------------------------------------------------------------------------- */

static status load(struct core *core, struct error *err) {
    core->runs.database = core->database;
    core->outbox.database = core->database;
    core->outbox.boots = &core->boots;
    core->outbox.workflows = &core->workflows;
    core->outbox.boot = clock_boot_id();
    TRY(boots_load(&core->boots, core->database, err));
    TRY(workflows_load(&core->workflows, core->database, err));
    TRY(runs_load(&core->runs, err));
    return outbox_load(&core->outbox, err);
}

status core_open(const struct core_options *options, struct core **out_core,
                 struct store_opened *out_opened, struct error *err) {
    struct core *core = memory_new(1, sizeof(*core));
    if (core == NULL) {
        return fail(err, STATUS_NO_MEMORY, "open the store: out of memory");
    }
    (void)snprintf(core->path, sizeof(core->path), "%s/ebb.db", options->folder);
    outbox_set_budget(&core->outbox,
                      options->budget_bytes > 0 ? options->budget_bytes : BUDGET_BYTES_DEFAULT);
    const struct local_db_options open = {
        .path = core->path, .vfs = options->vfs, .wal_bytes = options->wal_bytes};
    struct local_db_found found = {0};
    status opened = local_db_open(&open, &core->database, &found, err);
    if (opened == STATUS_OK) {
        opened = load(core, err);
    }
    if (opened != STATUS_OK) {
        core_close(core);
        return opened;
    }
    *out_opened = (struct store_opened){.made = found.made, .migrated_from = found.migrated_from};
    *out_core = core;
    return STATUS_OK;
}

void core_close(struct core *core) {
    if (core == NULL) {
        return;
    }
    if (core->outbox.stream_count > 0) {
        struct error err;
        /* Only spares the next opening some counting. */
        const bool begun = database_begin(core->database, &err) == STATUS_OK;
        if (!begun || outbox_write_rows(&core->outbox, true, &err) != STATUS_OK ||
            database_commit(core->database, &err) != STATUS_OK) {
            database_rollback(core->database);
        }
    }
    database_close(core->database);
    outbox_done(&core->outbox);
    runs_done(&core->runs);
    workflows_done(&core->workflows);
    memory_free(core);
}

/* --- one job ---------------------------------------------------------------------------------- */

static status run_workflow(struct core *core, struct store_job *job, struct error *err) {
    if (job->workflow_name.count == 0 || job->workflow_name.count > WORKFLOW_NAME_BYTES_MAX ||
        job->workflow_text.count > WORKFLOW_TEXT_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a workflow's name has 1 to %d bytes, its text at most %d",
                    WORKFLOW_NAME_BYTES_MAX, WORKFLOW_TEXT_BYTES_MAX);
    }
    struct workflow_version version = {.digest = job->workflow_digest,
                                       .name_bytes = (uint8_t)job->workflow_name.count};
    (void)memcpy(version.name, job->workflow_name.bytes, version.name_bytes);
    uint32_t number = 0;
    TRY(workflows_keep(&core->workflows, core->database, &version, job->workflow_text, &number,
                       err));
    job->out_number = number;
    return STATUS_OK;
}

static status write_states(struct core *core, const struct store_job *job, struct error *err) {
    const struct workflow_version *version = workflows_find(&core->workflows, job->workflow);
    if (version == NULL) {
        return fail(err, STATUS_INVALID, "there is no workflow of number %u", job->workflow);
    }
    const struct slice name = {.bytes = version->name, .count = version->name_bytes};
    for (uint32_t i = 0; i < job->state_count; i++) {
        TRY(states_write(core->database, name, &job->states[i], err));
    }
    return STATUS_OK;
}

static status run_end(struct core *core, struct store_job *job, struct error *err) {
    for (uint32_t i = 0; i < job->record_count; i++) {
        TRY(outbox_put(&core->outbox, &job->records[i], job, err));
    }
    if (job->state_count > 0) {
        TRY(write_states(core, job, err));
    }
    if (job->seen_source.count > 0) {
        TRY(seen_mark(core->database, job->seen_source, job->seen_hash, clock_wall_ms(), err));
    }
    return runs_end(&core->runs, job->run, err);
}

static status run_job(struct core *core, struct store_job *job, struct error *err) {
    if (core_job_bytes(job) > STORE_JOB_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "what is written at once has at most %d bytes",
                    STORE_JOB_BYTES_MAX);
    }
    switch (job->kind) {
    case STORE_WORKFLOW:
        return run_workflow(core, job, err);
    case STORE_RUN_BEGIN:
        return runs_begin(&core->runs, job, err);
    case STORE_RUN_STEP:
        return runs_step(&core->runs, job, err);
    case STORE_RUN_END:
        return run_end(core, job, err);
    case STORE_RUN_COUNT:
        return runs_count(&core->runs, job, &job->out_number, err);
    case STORE_RUN_STATE:
        return runs_set_state(&core->runs, job, err);
    case STORE_SEEN_FORGET:
        return seen_forget(core->database, job->seen_source, job->seen_hash, err);
    case STORE_ACKNOWLEDGE:
        return outbox_acknowledge(&core->outbox, job->stream, job->lane, job->seq, err);
    case STORE_PURGE:
        job->out_number = 0;
        return STATUS_OK;
    }
    return fail(err, STATUS_INVALID, "there is no job of kind %u", (unsigned)job->kind);
}

size_t core_job_bytes(const struct store_job *job) {
    size_t bytes = job->workflow_text.count + job->event.count + job->event_id.count +
                   job->output.count + job->step.count;
    for (uint32_t i = 0; i < job->record_count; i++) {
        bytes += job->records[i].record.body.count + RECORD_COST;
    }
    for (uint32_t i = 0; i < job->state_count; i++) {
        bytes += job->states[i].value.count;
    }
    return bytes;
}

/* --- a batch ---------------------------------------------------------------------------------- */

static void take_back(struct core *core) {
    database_rollback(core->database);
    outbox_take_back(&core->outbox);
    runs_take_back(&core->runs);
    boots_take_back(&core->boots);
    workflows_take_back(&core->workflows);
}

static void settle(struct core *core) {
    outbox_settle(&core->outbox);
    runs_settle(&core->runs);
    boots_settle(&core->boots);
    workflows_settle(&core->workflows);
}

/* *out_done says how many jobs went well before the one that did not. */
static status run_jobs(struct core *core, struct store_job *const *jobs, int count, int *out_done,
                       struct error *err) {
    TRY(database_begin(core->database, err));
    for (int i = 0; i < count; i++) {
        *out_done = i;
        TRY(run_job(core, jobs[i], err));
    }
    *out_done = count;
    TRY(outbox_write_rows(&core->outbox, false, err));
    TRY(database_reserve(core->database, err));
    const int64_t before_ns = clock_monotonic_ns();
    TRY(database_commit(core->database, err));
    core->counters.commit_ns_total += (uint64_t)(clock_monotonic_ns() - before_ns);
    core->counters.commits++;
    return STATUS_OK;
}

static status attempt(struct core *core, struct store_job *const *jobs, int count, int *out_done,
                      struct error *err) {
    *out_done = 0;
    const status ran = run_jobs(core, jobs, count, out_done, err);
    if (ran == STATUS_OK) {
        settle(core);
    } else {
        take_back(core);
    }
    return ran;
}

static void answer(struct core *core, struct store_job *job) {
    core->counters.jobs++;
    core->counters.failed_jobs += job->error.code == STATUS_OK ? 0 : 1;
    if (job->error.code == STATUS_OK) {
        core->counters.records += job->kind == STORE_RUN_END ? job->record_count : 0;
    }
}

void core_run(struct core *core, struct store_job *const *jobs, int count) {
    assert(count <= STORE_BATCH_JOBS_MAX);
    struct error err = {.code = STATUS_OK};
    int done = 0;
    const status ran = attempt(core, jobs, count, &done, &err);
    for (int i = 0; i < count; i++) {
        jobs[i]->error = (struct error){.code = STATUS_OK};
        if (ran != STATUS_OK && count > 1) {
            (void)attempt(core, &jobs[i], 1, &done, &jobs[i]->error);
        } else if (ran != STATUS_OK) {
            jobs[i]->error = err;
        }
        answer(core, jobs[i]);
    }
}

void core_idle(struct core *core) {
    if (database_wal_pages(core->database) < CHECKPOINT_PAGES) {
        return;
    }
    struct error err;
    bool done = false;
    if (database_begin(core->database, &err) != STATUS_OK ||
        outbox_write_rows(&core->outbox, true, &err) != STATUS_OK ||
        database_commit(core->database, &err) != STATUS_OK) {
        take_back(core);
        return;
    }
    settle(core);
    (void)database_checkpoint(core->database, &done, &err);
}

/* --- looking --------------------------------------------------------------------------------- */

struct id core_stream(const struct core *core) {
    return core->outbox.streams[core->outbox.stream_count - 1].id;
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
    for (int i = 0; i < LANE_COUNT; i++) {
        out_counters->lane_bytes[i] = stream->lanes[i].bytes;
        out_counters->lane_next_seq[i] = stream->lanes[i].next_seq;
        out_counters->lane_acked_seq[i] = stream->lanes[i].acked_seq;
    }
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

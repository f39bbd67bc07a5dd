// SPDX-License-Identifier: Apache-2.0
#include "storage/core_parts.h"

#include <string.h>

#include "storage/blobs.h"
#include "storage/outbox_renumber.h"
#include "storage/quarantine.h"
#include "storage/seen.h"
#include "storage/sql.h"
#include "storage/states.h"

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

/* In the transaction of what names them. */
static status hold_blobs(struct core *core, const struct store_job *job, struct error *err) {
    if (job->blob_count == 0) {
        return STATUS_OK;
    }
    if (core->options.blobs == NULL) {
        return fail(err, STATUS_INVALID, "this store keeps no blobs");
    }
    const struct moment now = clock_now();
    return blobs_hold(core->options.blobs, core->database, job->blobs, job->blob_count, &now, err);
}

static status run_step(struct core *core, const struct store_job *job, struct error *err) {
    TRY(runs_step(&core->runs, job, err));
    return hold_blobs(core, job, err);
}

static status forget(struct core *core, struct store_job *job, struct error *err) {
    return seen_forget(core->database, job->seen_source, job->seen_hash, job->seen_mask,
                       job->out_gone, &job->out_gone_count, err);
}

/* The event is not taken again: for good where its source tells when it cannot come any more. */
static status mark(struct core *core, struct store_job *job, struct error *err) {
    if (job->seen_source.count == 0) {
        return STATUS_OK;
    }
    const struct moment now = clock_now();
    if (job->seen_fades) {
        return seen_deliver(core->database, job->seen_source, job->seen_hash, &now, job->out_gone,
                            &job->out_gone_count, err);
    }
    if (job->seen_mask != 0) {
        TRY(forget(core, job, err));
    }
    return seen_mark(core->database, job->seen_source, job->seen_hash, now.wall_ms, err);
}

static status run_end(struct core *core, struct store_job *job, struct error *err) {
    for (uint32_t i = 0; i < job->record_count; i++) {
        TRY(outbox_put(&core->outbox, &job->records[i], job, err));
    }
    if (job->state_count > 0) {
        TRY(write_states(core, job, err));
    }
    TRY(mark(core, job, err));
    TRY(hold_blobs(core, job, err));
    return runs_end(&core->runs, job->run, err);
}

static status run_quarantine(struct core *core, struct store_job *job, struct error *err) {
    TRY(quarantine_put(core->database, job, clock_wall_ms(), &job->out_number, err));
    return mark(core, job, err);
}

static status run_delivered(struct core *core, const struct store_job *job, struct error *err) {
    const struct stream *stream = outbox_find_stream(&core->outbox, job->stream);
    if (stream == NULL || job->lane >= LANE_COUNT ||
        job->seq >= stream->lanes[job->lane].next_seq) {
        return fail(err, STATUS_INVALID, "lane '%s' has no record %llu to deliver",
                    lane_name(job->lane), (unsigned long long)job->seq);
    }
    return cursors_move(&core->cursors, core->database, job, stream->number, err);
}

static status run_gap(struct core *core, const struct store_job *job, struct error *err) {
    struct stream *stream = outbox_find_stream(&core->outbox, job->stream);
    bool stands = false;
    if (stream != NULL && job->lane < LANE_COUNT) {
        TRY(outbox_gap_is_record(&core->outbox, record_key(stream->number, job->lane, job->seq),
                                 &stands, err));
    }
    if (!stands) {
        return fail(err, STATUS_NOT_FOUND, "no record %llu stands in lane '%s'",
                    (unsigned long long)job->seq, lane_name(job->lane));
    }
    const struct seq_range range = {.from = job->seq, .to = job->seq};
    return outbox_gap_write(&core->outbox, stream, job->lane, range, job->gap_reason, err);
}

/* What is gone from the bottom stays behind, whoever has it. */
static status run_renumber(struct core *core, const struct store_job *job, struct error *err) {
    struct outbox *box = &core->outbox;
    if (outbox_find_stream(box, job->stream) == outbox_stream(box)) {
        TRY(outbox_begin_stream(box, "the hub holds another one under its name", err));
    }
    struct stream *from = id_is_zero(job->stream) ? &box->streams[box->stream_count - 2]
                                                  : outbox_find_stream(box, job->stream);
    if (from == NULL) {
        return fail(err, STATUS_NOT_FOUND, "no record of that stream is here");
    }
    purge_place_reset(&core->purge);
    for (int i = 0; i < LANE_LOCAL; i++) {
        const uint64_t floor_seq = from->lanes[i].floor_seq;
        const uint64_t after_seq = job->after[i] > floor_seq ? job->after[i] : floor_seq;
        TRY(outbox_renumber(box, from, (enum lane)i, after_seq, err));
    }
    return STATUS_OK;
}

/* States go by the wall clock that they were given; a clock that is wrong takes none. */
static status run_purge(struct core *core, struct store_job *job, struct error *err) {
    const struct moment now = clock_now();
    if (now.quality != CLOCK_BAD) {
        CLEANUP(query_done) struct query query = query_on(core->database, SQL_STATE_EXPIRE);
        query_bind_number(&query, now.wall_ms);
        TRY(query_run(&query, err));
    }
    if (core->options.blobs != NULL) {
        TRY(blobs_purge(core->options.blobs, core->database, &now, err));
    }
    return outbox_purge_step(&core->outbox, &core->purge, &now, &job->out_number, err);
}

status core_run_job(struct core *core, struct store_job *job, struct error *err) {
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
        return run_step(core, job, err);
    case STORE_RUN_END:
        return run_end(core, job, err);
    case STORE_RUN_COUNT:
        return runs_count(&core->runs, job, &job->out_number, err);
    case STORE_RUN_STATE:
        return runs_set_state(&core->runs, job, err);
    case STORE_SEEN_FORGET:
        return forget(core, job, err);
    case STORE_QUARANTINE:
        return run_quarantine(core, job, err);
    case STORE_ACKNOWLEDGE:
        return outbox_acknowledge(&core->outbox, job, err);
    case STORE_GAP:
        return run_gap(core, job, err);
    case STORE_RENUMBER:
        return run_renumber(core, job, err);
    case STORE_DELIVERED:
        return run_delivered(core, job, err);
    case STORE_PURGE:
        return run_purge(core, job, err);
    }
    return fail(err, STATUS_INVALID, "there is no job of kind %u", (unsigned)job->kind);
}

status core_use_destinations(struct core *core, const struct slice *names, uint32_t count,
                             uint64_t *out_bits, struct error *err) {
    bool is_new = false;
    TRY(cursors_configure(&core->cursors, names, count, out_bits, &is_new, err));
    if (!is_new) {
        return STATUS_OK;
    }
    TRY(core_ready(core, err));
    TRY(database_begin(core->database, err));
    const status kept = cursors_keep_numbers(&core->cursors, core->database, err);
    if (kept != STATUS_OK) {
        core_take_back(core);
        return kept;
    }
    return core_commit(core, err);
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

// SPDX-License-Identifier: Apache-2.0
#include "runtime/journal.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "platform/json.h"
#include "runtime/orchestrator.h"
#include "runtime/run_states.h"

enum {
    RETRY_MS_LEAST = 100,
    RETRY_MS_MOST = 5000,
    ROW_EVENT_BYTES_MAX = STORE_JOB_BYTES_MAX - RECORD_BYTES_MAX - (64 << 10)
};

/* --- trying again --- */
static void try_again(void *owner) {
    struct journal *journal = owner;
    struct store_job *job = journal->failed;
    journal->failed = NULL;
    journal->failed_end = &journal->failed;
    while (job != NULL) {
        struct store_job *next = job->next;
        store_submit(journal->store, job);
        job = next;
    }
}

bool journal_put_aside(struct journal *journal, struct store_job *job) {
    if (job->error.code == STATUS_OK) {
        journal->retry_ms = RETRY_MS_LEAST;
        return false;
    }
    if (job->error.code == STATUS_INVALID || journal->stopped) {
        return false;
    }
    journal->failures++;
    job->next = NULL;
    *journal->failed_end = job;
    journal->failed_end = &job->next;
    timer_set(journal->timer, journal->retry_ms);
    if (journal->retry_ms < RETRY_MS_MOST) {
        journal->retry_ms *= 2;
    }
    return true;
}

status journal_init(struct journal *journal, struct store *store, struct loop *loop,
                    struct error *err) {
    *journal = (struct journal){.store = store, .loop = loop, .retry_ms = RETRY_MS_LEAST};
    journal->failed_end = &journal->failed;
    return timer_open(loop, try_again, journal, &journal->timer, err);
}

void journal_stop(struct journal *journal) {
    struct store_job *job = journal->failed;
    journal->stopped = true;
    journal->failed = NULL;
    journal->failed_end = &journal->failed;
    while (job != NULL) {
        struct store_job *next = job->next;
        job->done(job);
        job = next;
    }
}

void journal_done(struct journal *journal) {
    timer_close(journal->timer);
    journal->timer = NULL;
}

/* --- the run's row --- */
bool journal_keeps(const struct run *run) {
    return run->version->workflow->runs.mode == DURABILITY_EACH;
}

static struct journal *journal_of(const struct run *run) {
    return &run->slot->orchestrator->journal;
}

static void call_then(struct run *run) {
    void (*then)(struct run *) = run->then;
    run->then = NULL;
    then(run);
}

/* The run has a row from now on, unless the job was refused. */
static void row_done(struct store_job *job) {
    struct run *run = job->owner;
    if (journal_put_aside(journal_of(run), job)) {
        return;
    }
    run->kept = run->kept || job->error.code == STATUS_OK;
    buffer_done(&run->event_json);
    call_then(run);
}

/* The event as it lies in the run's row. */
static status write_event(struct run *run, struct slice *out_event, struct error *err) {
    buffer_clear(&run->event_json);
    TRY(event_write(run->event, &run->event_json, err));
    *out_event = buffer_slice(&run->event_json);
    if (out_event->count > ROW_EVENT_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "an event of %zu bytes is more than the %d that are kept",
                    out_event->count, ROW_EVENT_BYTES_MAX);
    }
    return STATUS_OK;
}

/* A job that has failed before it was submitted. */
static void refuse_job(struct run *run, struct store_job *job, const struct error *err) {
    job->error = *err;
    buffer_done(&run->event_json);
    call_then(run);
}

void journal_begin(struct journal *journal, struct run *run, void (*then)(struct run *run)) {
    struct error err;
    run->then = then;
    run->store_job = (struct store_job){
        .kind = STORE_RUN_BEGIN,
        .done = row_done,
        .owner = run,
        .run = run->id,
        .workflow = run->version->number,
        .event_id = run->event->id,
    };
    if (write_event(run, &run->store_job.event, &err) != STATUS_OK) {
        refuse_job(run, &run->store_job, &err);
        return;
    }
    store_submit(journal->store, &run->store_job);
}

void journal_count(struct journal *journal, struct run *run, void (*then)(struct run *run)) {
    run->then = then;
    run->store_job = (struct store_job){
        .kind = STORE_RUN_COUNT,
        .done = row_done,
        .owner = run,
        .run = run->id,
        .workflow = run->version->number,
        .event_id = run->event->id,
    };
    /* Without its event the row counts all the same; the source gives the event again. */
    (void)write_event(run, &run->store_job.event, NULL);
    if (run->store_job.event.count > ROW_EVENT_BYTES_MAX) {
        run->store_job.event = (struct slice){0};
    }
    store_submit(journal->store, &run->store_job);
}

/* --- steps --- */

static void submit_step(struct journal *journal, struct run *run, uint32_t index,
                        enum step_state state) {
    const struct run_step *step = &run->steps[index];
    struct error err;
    buffer_clear(&run->step_json);
    if (state == STEP_DONE) {
        run_states_write_step(run, index, &run->step_json);
    }
    const status written = buffer_status(&run->step_json, &err);
    run->step_job = (struct store_job){
        .kind = STORE_RUN_STEP,
        .done = row_done,
        .owner = run,
        .run = run->id,
        .workflow = run->version->number,
        .step = run->version->workflow->steps[index].id,
        .step_state = state,
        .attempts = step->attempts,
        .output = buffer_slice(&run->step_json),
    };
    if (state == STEP_DONE) {
        run->step_job.blobs = run_blobs_hold_output(&run->blobs, index, &run->step_job.blob_count);
    }
    if (!run->kept) { /* the row is made by the same job */
        run->step_job.event_id = run->event->id;
    }
    if (written != STATUS_OK ||
        (!run->kept && write_event(run, &run->step_job.event, &err) != STATUS_OK)) {
        refuse_job(run, &run->step_job, &err);
        return;
    }
    store_submit(journal->store, &run->step_job);
}

void journal_step_begun(struct journal *journal, struct run *run, void (*then)(struct run *run)) {
    run->then = then;
    submit_step(journal, run, run->current, STEP_BEGUN);
}

bool journal_wants_output(const struct run *run, uint32_t index) {
    const struct run_step *step = &run->steps[index];
    const struct step *of = &run->version->workflow->steps[index];
    return journal_keeps(run) && !step->noted && step->phase == PHASE_DONE && step->calls > 0 &&
           (step->took_ns >= NOTE_AFTER_NS || of->repeat_never);
}

/* An output that nobody waits for: the database thread keeps order, so the next awaited write
 * covers it. One that is lost costs a repetition, or a report, after a crash that comes before the
 * end. */
struct output_note {
    struct store_job job;
    struct version *version; /* shared: the step's id lies there */
    struct buffer json;
    struct blob_hold *holds; /* owned: a copy, since the run goes on */
};

static void output_noted(struct store_job *job) {
    struct output_note *note = job->owner;
    version_release(note->version);
    buffer_done(&note->json);
    memory_free(note->holds);
    memory_free(note);
}

/* false: there is no memory for them. */
static bool copy_holds(struct output_note *note, struct run *run, uint32_t index,
                       uint32_t *out_count) {
    const struct blob_hold *holds = run_blobs_hold_output(&run->blobs, index, out_count);
    if (holds == NULL) {
        return true;
    }
    note->holds = memory_new(*out_count, sizeof(*holds));
    if (note->holds != NULL) {
        (void)memcpy(note->holds, holds, *out_count * sizeof(*holds));
    }
    return note->holds != NULL;
}

static void note_output(struct journal *journal, struct run *run, uint32_t index) {
    struct output_note *note = memory_new(1, sizeof(*note));
    if (note == NULL) {
        return;
    }
    note->version = version_share(run->version);
    note->job.owner = note;
    buffer_init(&note->json, RECORD_BYTES_MAX);
    run_states_write_step(run, index, &note->json);
    uint32_t hold_count = 0;
    if (buffer_status(&note->json, NULL) != STATUS_OK || /* too large to be kept */
        !copy_holds(note, run, index, &hold_count)) {
        output_noted(&note->job);
        return;
    }
    note->job = (struct store_job){
        .kind = STORE_RUN_STEP,
        .done = output_noted,
        .owner = note,
        .run = run->id,
        .workflow = run->version->number,
        .step = run->version->workflow->steps[index].id,
        .step_state = STEP_DONE,
        .attempts = run->steps[index].attempts,
        .output = buffer_slice(&note->json),
        .blobs = note->holds,
        .blob_count = hold_count,
    };
    store_submit(journal->store, &note->job);
}

bool journal_outputs(struct journal *journal, struct run *run, void (*then)(struct run *run)) {
    for (uint32_t i = 0; i < run->version->workflow->step_count; i++) {
        if (!journal_wants_output(run, i)) {
            continue;
        }
        run->steps[i].noted = true;
        if (!run->kept) { /* the row is needed first: this output is waited for, later ones are not
                           */
            run->then = then;
            submit_step(journal, run, i, STEP_DONE);
            return false;
        }
        note_output(journal, run, i);
    }
    return true;
}

/* --- the end --- */

static void end_done(struct store_job *job) {
    struct run *run = job->owner;
    if (!journal_put_aside(journal_of(run), job)) {
        call_then(run);
    }
}

void journal_end(struct journal *journal, struct run *run, void (*then)(struct run *run)) {
    const struct workflow *workflow = run->version->workflow;
    const struct durability *results = &workflow->results_durability;
    const bool stored = results->mode != DURABILITY_NONE;
    const bool seen = run->event->seen_hash != 0;
    run->then = then;
    run->store_job = (struct store_job){
        .kind = STORE_RUN_END,
        .done = end_done,
        .owner = run,
        .interval_ms = results->mode == DURABILITY_INTERVAL ? results->interval_ms : 0,
        .run = run->id,
        .workflow = run->version->number,
        .event_id = run->event->id,
        .records = run->records,
        .record_count = stored ? run->record_count : 0,
        .blob_count = run_blobs_end(&run->blobs, stored),
        .blobs = run->blobs.holds,
        .states = run->states,
        .state_count = run->state_count,
        .seen_source = seen ? run->seen_source : (struct slice){0},
        .seen_hash = run->event->seen_hash,
        .seen_mask = run->event->seen_mask,
        .seen_fades = run->event->seen_mask == 0, /* only a file's mark goes with its file */
        .drop_oldest = workflow->queue.full != QUEUE_BLOCK || workflow->queue.keep_latest,
    };
    if (!run->kept && !seen && run->store_job.record_count == 0 && run->state_count == 0) {
        call_then(run);
        return;
    }
    store_submit(journal->store, &run->store_job);
}

struct state_note {
    struct store_job job;
    struct journal *journal;
};

static void state_done(struct store_job *job) {
    memory_free(job->owner); /* a lost note costs nothing but a word in a listing */
}

void journal_state(struct journal *journal, struct run *run, enum run_state state) {
    struct state_note *note = run->kept ? memory_new(1, sizeof(*note)) : NULL;
    if (note == NULL) {
        return;
    }
    *note = (struct state_note){
        .journal = journal,
        .job = {.kind = STORE_RUN_STATE,
                .done = state_done,
                .owner = note,
                .run = run->id,
                .run_state = state},
    };
    store_submit(journal->store, &note->job);
}

// SPDX-License-Identifier: Apache-2.0
#include "runtime/orchestrator.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "platform/folder.h"
#include "runtime/intake.h"
#include "runtime/key_order.h"
#include "runtime/late_results.h"
#include "runtime/recovery.h"
#include "runtime/run_limits.h"
#include "runtime/slot_states.h"

/* --- the end of a run --- */
void orchestrator_check_idle(struct orchestrator *orchestrator) {
    if (orchestrator->options.on_idle == NULL || orchestrator->stopping) {
        return;
    }
    for (const struct slot *slot = orchestrator->slots; slot != NULL; slot = slot->next) {
        if (slot->state == SLOT_LOADING || slot->feeds_ended < slot->feed_count ||
            !slot_is_idle(slot)) {
            return;
        }
    }
    orchestrator->options.on_idle(orchestrator->options.owner);
}

static void count_run(struct slot *slot, const struct run *run) {
    slot->counts.runs++;
    tally_run(slot->tally, run);
    for (uint32_t i = 0; i < run->record_count; i++) {
        const struct record_draft *draft = &run->records[i];
        slot->counts.results += draft->record.kind == RECORD_RESULT && !draft->aside;
    }
    slot->counts.failures += run->outcome == OUTCOME_FAILED || run->outcome == OUTCOME_EXPIRED;
    slot->counts.skipped += run->outcome == OUTCOME_SKIPPED;
}

void orchestrator_tell(const struct orchestrator *orchestrator, const struct workflow *workflow,
                       const struct record_draft *drafts, uint32_t count) {
    const struct orchestrator_options *options = &orchestrator->options;
    for (uint32_t i = 0; i < count; i++) {
        destinations_note(options->destinations, drafts[i].destinations, drafts[i].lane);
        if (options->on_result != NULL && !drafts[i].aside) {
            options->on_result(options->owner, workflow, &drafts[i]);
        }
    }
}

static void tell(const struct orchestrator *orchestrator, const struct run *run) {
    orchestrator_tell(orchestrator, run->version->workflow, run->records, run->record_count);
    if (orchestrator->options.on_ended != NULL) {
        orchestrator->options.on_ended(orchestrator->options.owner, run);
    }
}

static void end_written(struct run *run);

/* A result that no record can hold: the run failed, and that is what is written. */
static void write_failure_instead(struct orchestrator *orchestrator, struct run *run) {
    const struct error err = run->store_job.error;
    run_fail(run, OUTCOME_FAILED, &err);
    journal_end(&orchestrator->journal, run, end_written);
}

static void end_written(struct run *run) {
    struct slot *slot = run->slot;
    struct orchestrator *orchestrator = slot->orchestrator;
    const status code = run->store_job.error.code;
    if (code == STATUS_INVALID && run->outcome == OUTCOME_DONE) {
        write_failure_instead(orchestrator, run);
        return;
    }
    slot->ending--;
    slot_close(slot, run->event->seen_hash);
    if (code == STATUS_OK) {
        if (run->leaves_late) {
            slot_states_take(run);
        }
        count_run(slot, run);
        history_add(&orchestrator->history, run);
        tell(orchestrator, run);
    }
    event_settle(run->event, code == STATUS_OK ? EVENT_STORED : EVENT_REFUSED);
    run_destroy(run);
    orchestrator_pump(slot);
    orchestrator_check_idle(orchestrator);
}

static void run_ended(void *owner, struct run *run) {
    struct orchestrator *orchestrator = owner;
    struct slot *slot = run->slot;
    slot->running--;
    slot->ending++;
    run->store_job.error.code = STATUS_OK;
    run->leaves_late = run->state_count > 0;
    if (!run->leaves_late) { /* the next of its key need not wait for the disk */
        slot_states_take(run);
    }
    run_limits_apply(run);
    journal_end(&orchestrator->journal, run, end_written);
    orchestrator_pump(slot);
}

static void run_waits(void *owner, struct run *run) {
    (void)owner;
    run->slot->running--;
    run->slot->waiting++;
    orchestrator_pump(run->slot);
}

/* Above the slot's concurrency, perhaps: it has waited long enough. */
static void run_goes_on(void *owner, struct run *run) {
    (void)owner;
    run->slot->waiting--;
    run->slot->running++;
}

/* --- the start of a run --- */
void orchestrator_start_run(struct slot *slot, struct run *run) {
    struct error err;
    slot->running++;
    if (slot_states_give(run, &err) != STATUS_OK) {
        run_fail(run, OUTCOME_FAILED, &err);
        run_ended(slot->orchestrator, run);
        return;
    }
    agent_runner_start(&slot->orchestrator->runner, run);
}

void orchestrator_refuse(struct slot *slot, const struct error *err) {
    const struct orchestrator_options *options = &slot->orchestrator->options;
    slot->counts.refused++;
    if (options->on_refused != NULL) {
        options->on_refused(options->owner, slot, err);
    }
}

static void row_written(struct run *run) {
    struct slot *slot = run->slot;
    const struct error err = run->store_job.error;
    if (err.code != STATUS_OK && !slot->orchestrator->stopping) {
        run_fail(run, OUTCOME_FAILED, &err);
        run_ended(slot->orchestrator, run);
        return;
    }
    slot->running--; /* counted again by the start */
    if (err.code != STATUS_OK) {
        run_destroy(run); /* its source was told nothing */
        return;
    }
    event_settle(run->event, EVENT_KEPT);
    orchestrator_start_run(slot, run);
}

/* NULL: it could not be made, which was told. */
static struct run *make_run(struct slot *slot, struct event *event) {
    struct orchestrator *orchestrator = slot->orchestrator;
    struct run *run = NULL;
    struct error err;
    const uint64_t hash = event->seen_hash;
    status code = run_create(slot->version, event, &orchestrator->options.device, &run, &err);
    if (code == STATUS_OK) {
        code = slot_take_run(slot, run, &err);
    }
    if (code != STATUS_OK) {
        slot_close(slot, hash);
        run_destroy(run);
        (void)fail_while(&err, "begin a run");
        orchestrator_refuse(slot, &err);
        return NULL;
    }
    run->runner = &orchestrator->runner;
    run->blobs.blobs = store_blobs(orchestrator->options.store);
    run->traced = orchestrator->options.traced;
    return run;
}

static void begin_run(struct slot *slot, struct event *event) {
    struct orchestrator *orchestrator = slot->orchestrator;
    struct run *run = make_run(slot, event);
    if (run == NULL || recovery_blames(orchestrator, run)) {
        return;
    }
    if (key_order_hold(run, NULL) != STATUS_OK) {
        slot_line_up(slot, run); /* until there is memory */
        return;
    }
    if (journal_keeps(run) && !run->event->repeatable) {
        slot->running++;
        journal_begin(&orchestrator->journal, run, row_written);
        return;
    }
    orchestrator_start_run(slot, run);
}

static void arrival_written(struct run *run) {
    struct slot *slot = run->slot;
    const struct error err = run->store_job.error;
    run->writing = false;
    if (err.code == STATUS_OK) {
        event_settle(run->event, EVENT_KEPT);
        orchestrator_pump(slot);
        return;
    }
    slot_leave_line(slot, run);
    if (slot->orchestrator->stopping) {
        run_destroy(run); /* its source is told that it was not taken */
        return;
    }
    slot->running++;
    run_fail(run, OUTCOME_FAILED, &err);
    run_ended(slot->orchestrator, run);
}

/* Somebody waits to hear that the event is on disk, and must not wait for its turn. Where the queue
 * may drop what waits in it, being kept is the same as having had one's turn. */
static bool is_kept_on_arrival(const struct slot *slot, const struct event *event) {
    const struct workflow *workflow = slot->version->workflow;
    return event->settle != NULL && !event->repeatable && workflow->runs.mode == DURABILITY_EACH &&
           workflow->queue.full == QUEUE_BLOCK && !workflow->queue.keep_latest &&
           slot->version->number > 0;
}

static void keep_arrival(struct slot *slot, struct event *event) {
    struct run *run = make_run(slot, event);
    if (run != NULL) {
        run->writing = true;
        slot_line_up(slot, run);
        journal_begin(&slot->orchestrator->journal, run, arrival_written);
    }
}

/* `version` says how many at once. */
static bool has_place(const struct slot *slot, const struct version *version) {
    return !slot->orchestrator->stopping && slot->running < version->workflow->concurrency &&
           slot->ending < SLOT_ENDING_MAX;
}

/* What was kept, by the version that stands now; where its file is gone, by its own. */
static bool may_go_on(struct slot *slot, const struct run *run) {
    return !run->writing && has_place(slot, slot->version != NULL ? slot->version : run->version) &&
           slot_states_are_ready(slot, run->version);
}

static bool may_start(struct slot *slot) {
    return slot->version != NULL && slot->version->number > 0 && has_place(slot, slot->version) &&
           slot_states_are_ready(slot, slot->version);
}

/* Runs that were kept go first, but for those whose key another run holds. */
static struct event *next_event(struct slot *slot) {
    if (slot->first == NULL || !may_start(slot) || !key_order_passes_line(slot)) {
        return NULL;
    }
    return key_order_next_event(slot, &slot->orchestrator->options.device);
}

static void start_runs(struct slot *slot) {
    struct run *run = key_order_next_run(slot, may_go_on);
    while (run != NULL && key_order_hold(run, NULL) == STATUS_OK) {
        slot_leave_line(slot, run);
        orchestrator_start_run(slot, run);
        run = key_order_next_run(slot, may_go_on);
    }
    struct event *event = next_event(slot);
    while (event != NULL) {
        begin_run(slot, event);
        event = next_event(slot);
    }
}

void orchestrator_pump(struct slot *slot) {
    if (slot->pumping) {
        return; /* a run that ends at once pumps from within */
    }
    slot->pumping = true;
    start_runs(slot);
    for (uint32_t i = 0; i < slot->feed_count && slot_room(slot) > 0; i++) {
        feed_resume(slot->feeds[i]); /* it offers as long as there is room */
    }
    slot->pumping = false;
}

/* --- events --- */
void orchestrator_offer(struct slot *slot, struct event *event) {
    slot->counts.events++;
    if (slot->orchestrator->stopping || slot->version == NULL ||
        !slot_open(slot, event->seen_hash)) {
        event_settle(event, EVENT_REFUSED);
        event_destroy(event);
        return;
    }
    if (!event->repeatable && slot->version->workflow->runs.mode == DURABILITY_NONE) {
        event_settle(event, EVENT_KEPT);
    }
    if (is_kept_on_arrival(slot, event)) {
        keep_arrival(slot, event);
        return;
    }
    struct event *dropped;
    slot_queue(slot, event, &dropped);
    if (dropped != NULL) {
        slot->counts.dropped++;
        intake_mark_dropped(slot, dropped);
        slot_close(slot, dropped->seen_hash);
        event_settle(dropped, EVENT_DROPPED);
        event_destroy(dropped);
    }
    start_runs(slot); /* and no feed is asked: it is one that is offering */
}

/* --- slots --- */
void orchestrator_stop_slot(struct slot *slot) {
    intake_close(slot);
    slot->state = SLOT_STOPPED;
    for (struct event *event = slot_next_event(slot); event != NULL;
         event = slot_next_event(slot)) {
        slot_close(slot, event->seen_hash);
        event_settle(event, EVENT_REFUSED);
        event_destroy(event);
    }
}

void orchestrator_leave_slot(struct slot *slot) {
    orchestrator_stop_slot(slot);
    slot_states_flush(slot);
    slot->state = SLOT_LEFT;
    version_release(slot->version);
    slot->version = NULL;
}

status orchestrator_forget_slot(struct slot *slot, struct error *err) {
    assert(slot->state == SLOT_LEFT);
    if (!slot_is_idle(slot) || slot->runs != NULL || slot->registering > 0 ||
        slot_states_are_busy(slot)) {
        return fail(err, STATUS_CONFLICT,
                    "workflow '%s' still has runs: it goes when they have ended (`ebb runs list` "
                    "shows them)",
                    slot->name);
    }
    struct slot **place = &slot->orchestrator->slots;
    while (*place != slot) {
        place = &(*place)->next;
    }
    *place = slot->next;
    slot_destroy(slot);
    return STATUS_OK;
}

struct warm_job {
    struct job job; /* first */
    struct orchestrator *orchestrator;
    struct generation *generation; /* shared */
    struct error error;
};

static void warm_work(struct job *job, int worker) {
    struct warm_job *warm = (struct warm_job *)job;
    (void)worker;
    (void)generation_warm(warm->generation, &warm->error); /* told of when it is back */
}

static void warm_done(struct job *job) {
    struct warm_job *warm = (struct warm_job *)job;
    if (warm->error.code != STATUS_OK) {
        log_line(LOG_ERROR, "runtime", "compile expressions: %s", warm->error.text);
    }
    warm->orchestrator->warming--;
    generation_release(warm->generation);
    memory_free(warm);
}

void orchestrator_take_generation(struct orchestrator *orchestrator,
                                  struct generation *generation) {
    generation_release(orchestrator->generation);
    orchestrator->generation = generation;
    const bool cold = generation->jq != NULL || generation->filters != NULL;
    struct warm_job *warm = cold ? memory_new(1, sizeof(*warm)) : NULL;
    if (warm == NULL) {
        return; /* the first question starts the child */
    }
    *warm = (struct warm_job){.job = {.work = warm_work, .done = warm_done},
                              .orchestrator = orchestrator,
                              .generation = generation};
    generation->owners++;
    orchestrator->warming++;
    pool_submit(orchestrator->options.pool, &warm->job);
}

status orchestrator_start_slot(struct slot *slot, struct error *err) {
    if (slot->version == NULL) {
        return fail(err, STATUS_INVALID, "workflow '%s' has faults: %.*s", slot->name, 400,
                    slot_fault(slot));
    }
    if (slot->version->number == 0) {
        slot->state = SLOT_LOADING; /* goes on when the store has answered */
        return STATUS_OK;
    }
    intake_close(slot);
    slot->state = SLOT_RUNNING;
    if (intake_open(slot, err) != STATUS_OK) {
        slot->state = SLOT_FAULTY;
        slot_set_fault(slot, slice_of(err->text));
        return fail_while(err, "workflow '%s'", slot->name);
    }
    late_results_look(slot);
    orchestrator_pump(slot);
    return STATUS_OK;
}

struct register_job {
    struct store_job job; /* first */
    struct slot *slot;
    struct version *version; /* shared */
};

static void registered(struct store_job *job) {
    struct register_job *waiting = job->owner;
    struct slot *slot = waiting->slot;
    if (journal_put_aside(&slot->orchestrator->journal, job)) {
        return;
    }
    struct version *version = waiting->version;
    struct error err;
    slot->registering--;
    if (job->error.code == STATUS_OK) {
        version->number = (uint32_t)job->out_number;
    } else {
        slot_set_fault(slot, slice_of(job->error.text));
    }
    if (slot->version == version && slot->state == SLOT_LOADING && !slot->orchestrator->stopping) {
        if (job->error.code != STATUS_OK) {
            slot->state = SLOT_FAULTY;
        } else if (orchestrator_start_slot(slot, &err) != STATUS_OK) {
            orchestrator_refuse(slot, &err);
        }
    }
    version_release(version);
    memory_free(waiting);
    orchestrator_check_idle(slot->orchestrator);
}

void orchestrator_install(struct slot *slot, struct version *version, bool stopped) {
    struct register_job *job = memory_new(1, sizeof(*job));
    if (job == NULL) {
        version_release(version);
        slot_set_fault(slot, SLICE("out of memory"));
        slot->state = slot->version == NULL ? SLOT_FAULTY : slot->state;
        return;
    }
    intake_close(slot); /* its feeds read the triggers of the version that goes */
    version_release(slot->version);
    slot->version = version;
    slot->version_count++;
    tally_follow(&slot->tally, version);
    slot_set_fault(slot, (struct slice){0});
    slot->state = stopped ? SLOT_STOPPED : SLOT_LOADING;
    *job = (struct register_job){.slot = slot, .version = version_share(version)};
    job->job = (struct store_job){
        .kind = STORE_WORKFLOW,
        .done = registered,
        .owner = job,
        .workflow_name = version->workflow->name,
        .workflow_text = version->workflow->text,
        .workflow_digest = version->workflow->digest,
    };
    slot->registering++;
    store_submit(slot->orchestrator->options.store, &job->job);
}

struct slot *orchestrator_slot(struct orchestrator *orchestrator, struct slice name) {
    for (struct slot *slot = orchestrator->slots; slot != NULL; slot = slot->next) {
        if (slice_is(name, slot->name)) {
            return slot;
        }
    }
    return NULL;
}

struct slot *orchestrator_add_slot(struct orchestrator *orchestrator, struct slice name) {
    struct slot **place = &orchestrator->slots;
    while (*place != NULL && slice_compare(slice_of((*place)->name), name) < 0) {
        place = &(*place)->next;
    }
    if (*place != NULL && slice_is(name, (*place)->name)) {
        return *place;
    }
    struct slot *slot = slot_create(orchestrator, name);
    if (slot != NULL) {
        slot->next = *place;
        *place = slot;
    }
    return slot;
}

/* --- birth and end --- */
status orchestrator_create(const struct orchestrator_options *options,
                           struct orchestrator **out_orchestrator, struct error *err) {
    struct orchestrator *orchestrator = memory_new(1, sizeof(*orchestrator));
    if (orchestrator == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the orchestrator");
    }
    orchestrator->options = *options;
    (void)snprintf(orchestrator->work_folder, sizeof(orchestrator->work_folder), "%s/work",
                   options->folder);
    (void)folder_remove(orchestrator->work_folder, NULL); /* of an earlier life */
    status code = journal_init(&orchestrator->journal, options->store, options->loop, err);
    if (code == STATUS_OK) {
        code = crash_page_open(options->folder, &orchestrator->page, orchestrator->blamed,
                               &orchestrator->blamed_count, err);
    }
    if (code != STATUS_OK) {
        orchestrator_destroy(orchestrator);
        return code;
    }
    orchestrator->runner = (struct agent_runner){
        .loop = options->loop,
        .pool = options->pool,
        .journal = &orchestrator->journal,
        .page = orchestrator->page,
        .work_folder = orchestrator->work_folder,
        .destinations = options->destinations,
        .ended = run_ended,
        .waits = run_waits,
        .goes_on = run_goes_on,
        .link_wait_ms = LINK_WAIT_MS,
        .owner = orchestrator,
    };
    *out_orchestrator = orchestrator;
    return STATUS_OK;
}

/* Whoever waits for an answer hears it while there is somebody to say it. */
static void refuse_waiting(const struct slot *slot) {
    for (struct event *event = slot->first; event != NULL; event = event->next) {
        event_settle(event, EVENT_REFUSED);
    }
}

void orchestrator_stop(struct orchestrator *orchestrator) {
    orchestrator->stopping = true;
    orchestrator->runner.stopping = true;
    for (struct slot *slot = orchestrator->slots; slot != NULL; slot = slot->next) {
        intake_close(slot);
        refuse_waiting(slot);
        slot_states_flush(slot);
    }
    journal_stop(&orchestrator->journal);
}

/* All agents of its version: which of them a worker is at, the worker alone knows. */
static void hurry_run(const struct run *run) {
    const struct version *version = run->version;
    for (uint32_t i = 0; i < version->workflow->step_count; i++) {
        const struct opened_agent *opened = &version->agents[i];
        if (opened->kind->hurry != NULL) {
            opened->kind->hurry(opened->agent);
        }
    }
}

void orchestrator_hurry(struct orchestrator *orchestrator) {
    atomic_store(&orchestrator->runner.hurried, true);
    for (const struct slot *slot = orchestrator->slots; slot != NULL; slot = slot->next) {
        for (const struct run *run = slot->runs; run != NULL; run = run->slot_next) {
            hurry_run(run);
        }
    }
}

void orchestrator_destroy(struct orchestrator *orchestrator) {
    if (orchestrator == NULL) {
        return;
    }
    while (orchestrator->slots != NULL) {
        struct slot *slot = orchestrator->slots;
        orchestrator->slots = slot->next;
        slot_destroy(slot);
    }
    generation_release(orchestrator->generation);
    history_done(&orchestrator->history);
    journal_done(&orchestrator->journal);
    crash_page_close(orchestrator->page);
    memory_free(orchestrator);
}

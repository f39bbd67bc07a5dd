// SPDX-License-Identifier: Apache-2.0
#include "runtime/recovery.h"

#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "platform/json.h"
#include "runtime/alarm_record.h"

struct recovered {
    struct orchestrator *orchestrator;
    struct generation *generation;
    struct run *first, **last; /* owned */
};

/* --- parking --- */

static void report_parked(struct orchestrator *orchestrator, const struct run *run) {
    char id[RUN_ID_TEXT_BYTES];
    id_write_hex(run->id, id);
    const struct slice workflow = run->version->workflow->name;
    log_line(LOG_ERROR, "runtime",
             "workflow=%.*s run=%s parked: the daemon ended %d times while it was executed; "
             "`ebb runs resume %s` tries it again",
             SLICE_ARGS(workflow), id, run->recoveries, id);
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, RECORD_BYTES_MAX);
    buffer_print(&body, "{\"alarm\":\"run parked\",\"run\":\"%s\",\"workflow\":", id);
    json_write_text(&body, workflow);
    buffer_add_text(&body, ",\"event_id\":");
    json_write_text(&body, run->event->id);
    buffer_print(&body,
                 ",\"recoveries\":%d,\"text\":\"run %s is parked: the daemon ended %d times while "
                 "it was executed\"}",
                 run->recoveries, id, run->recoveries);
    alarm_record_put(orchestrator->options.store,
                     &(struct alarm_record){.name = "parked",
                                            .workflow = run->version->number,
                                            .run = run->id,
                                            .body = buffer_slice(&body)});
}

static void park(struct run *run) {
    struct orchestrator *orchestrator = run->slot->orchestrator;
    journal_state(&orchestrator->journal, run, RUN_PARKED);
    report_parked(orchestrator, run);
    run->parked = true;
}

/* --- counting --- */
static void counted(struct run *run) {
    struct slot *slot = run->slot;
    run->writing = false;
    if (run->store_job.error.code == STATUS_OK) {
        run->recoveries = (int)run->store_job.out_number;
    } else if (slot->orchestrator->stopping) {
        return; /* the run is the slot's, and ends with it */
    } else {
        log_line(LOG_ERROR, "runtime", "count a recovery: %s", run->store_job.error.text);
    }
    if (run->recoveries >= RECOVERIES_MAX) {
        slot_leave_line(slot, run);
        park(run);
    }
    orchestrator_pump(slot);
}

static bool take_blame(struct orchestrator *orchestrator, struct id id) {
    for (int i = 0; i < orchestrator->blamed_count; i++) {
        if (id_equal(orchestrator->blamed[i], id)) {
            orchestrator->blamed[i] = orchestrator->blamed[--orchestrator->blamed_count];
            return true;
        }
    }
    return false;
}

bool recovery_blames(struct orchestrator *orchestrator, struct run *run) {
    if (!take_blame(orchestrator, run->id)) {
        return false;
    }
    run->writing = true;
    slot_line_up(run->slot, run);
    journal_count(&orchestrator->journal, run, counted);
    return true;
}

status recovery_resume(struct orchestrator *orchestrator, struct id id, struct error *err) {
    for (struct slot *slot = orchestrator->slots; slot != NULL; slot = slot->next) {
        for (struct run *run = slot->runs; run != NULL; run = run->slot_next) {
            if (run->parked && id_equal(run->id, id)) {
                run->parked = false;
                journal_state(&orchestrator->journal, run, RUN_OPEN);
                slot_line_up(slot, run);
                orchestrator_pump(slot);
                return STATUS_OK;
            }
        }
    }
    char text[RUN_ID_TEXT_BYTES];
    id_write_hex(id, text);
    return fail(err, STATUS_NOT_FOUND, "no parked run has the id %s", text);
}

/* --- reading --- */

static status version_for(struct recovered *recovered, const struct kept_run *kept,
                          struct slot *slot, struct version **out_version, struct error *err) {
    struct version *current = slot->version;
    if (current != NULL && id_equal(current->workflow->digest, kept->workflow_digest)) {
        *out_version = version_share(current);
        return STATUS_OK;
    }
    for (const struct run *run = slot->runs; run != NULL; run = run->slot_next) {
        if (id_equal(run->version->workflow->digest, kept->workflow_digest)) {
            *out_version = version_share(run->version);
            return STATUS_OK;
        }
    }
    struct fault_list *faults = NULL;
    const struct slice file = slice_of(slot->file != NULL ? slot->file : slot->name);
    const status code =
        generation_load(recovered->generation, recovered->orchestrator->options.loop, file,
                        kept->workflow_text, out_version, &faults, err);
    fault_list_release(faults);
    return code;
}

/* Takes the event, also on failure. */
static status make_run(struct recovered *recovered, const struct kept_run *kept, struct slot *slot,
                       struct event *event, struct run **out_run, struct error *err) {
    struct orchestrator *orchestrator = recovered->orchestrator;
    struct version *version = NULL;
    const status found = version_for(recovered, kept, slot, &version, err);
    if (found != STATUS_OK) {
        event_destroy(event);
        return found;
    }
    version->number = kept->workflow;
    status code = run_create(version, event, &orchestrator->options.device, out_run, err);
    version_release(version);
    TRY(code);
    (*out_run)->blobs.blobs = store_blobs(orchestrator->options.store);
    code = run_resume(*out_run, kept, err);
    if (code != STATUS_OK) {
        run_destroy(*out_run);
    }
    return code;
}

/* Its event is under way from now on, also where the run cannot be made: what was kept stays on
 * disk, and its source must not begin the same run anew. */
static status recover(struct recovered *recovered, const struct kept_run *kept, struct slot *slot,
                      struct error *err) {
    struct orchestrator *orchestrator = recovered->orchestrator;
    struct event *event = NULL;
    struct run *run = NULL;
    TRY(event_read(kept->event, &event, err));
    if (!slot_open(slot, event->seen_hash)) {
        event_destroy(event);
        return fail(err, STATUS_NO_MEMORY, "out of memory for a run");
    }
    TRY(make_run(recovered, kept, slot, event, &run, err));
    const status marked = slot_take_run(slot, run, err);
    if (marked != STATUS_OK) {
        run_destroy(run);
        return marked;
    }
    run->runner = &orchestrator->runner;
    run->traced = orchestrator->options.traced;
    run->recovered_state = kept->state;
    if (kept->state == RUN_WAITING) {
        run->offline_before_ns = event_known_age_ms(event) * 1000000;
    }
    *recovered->last = run;
    recovered->last = &run->next;
    return STATUS_OK;
}

static void take_kept(void *owner, const struct kept_run *kept) {
    struct recovered *recovered = owner;
    struct orchestrator *orchestrator = recovered->orchestrator;
    struct slot *slot = orchestrator_slot(orchestrator, kept->workflow_name);
    if (slot == NULL) {
        slot = orchestrator_add_slot(orchestrator, kept->workflow_name);
        if (slot == NULL) {
            return;
        }
        slot->state = SLOT_LEFT;
    }
    struct error err;
    if (kept->event.count == 0) {
        return; /* counted, too large to be kept: its source gives it again */
    }
    if (recover(recovered, kept, slot, &err) != STATUS_OK) {
        char id[RUN_ID_TEXT_BYTES];
        id_write_hex(kept->id, id);
        (void)fail_while(&err, "go on with run %s", id);
        slot->counts.refused++;
        if (orchestrator->options.on_refused != NULL) {
            orchestrator->options.on_refused(orchestrator->options.owner, slot, &err);
        }
    }
}

status recovery_read(struct orchestrator *orchestrator, struct generation *generation,
                     struct recovered **out_recovered, struct error *err) {
    struct recovered *recovered = memory_new(1, sizeof(*recovered));
    if (recovered == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the runs that were kept");
    }
    *recovered = (struct recovered){.orchestrator = orchestrator, .generation = generation};
    recovered->last = &recovered->first;
    generation->kept = true;
    const status code = store_each_run(orchestrator->options.store, take_kept, recovered, err);
    generation->kept = false;
    if (code != STATUS_OK) {
        memory_free(recovered);
        return fail_while(err, "read the runs that were kept");
    }
    *out_recovered = recovered;
    return STATUS_OK;
}

void recovery_drop(struct recovered *recovered) {
    while (recovered->first != NULL) {
        struct run *run = recovered->first;
        recovered->first = run->next;
        run_destroy(run);
    }
    memory_free(recovered);
}

void recovery_start(struct orchestrator *orchestrator, struct recovered *recovered) {
    while (recovered->first != NULL) {
        struct run *run = recovered->first;
        recovered->first = run->next;
        run->next = NULL;
        if (run->recovered_state == RUN_PARKED) {
            run->parked = true;
        } else if (!recovery_blames(orchestrator, run)) {
            slot_line_up(run->slot, run);
        }
    }
    memory_free(recovered);
    for (struct slot *slot = orchestrator->slots; slot != NULL; slot = slot->next) {
        orchestrator_pump(slot);
    }
}

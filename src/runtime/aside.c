// SPDX-License-Identifier: Apache-2.0
#include "runtime/aside.h"

#include "base/memory.h"
#include "base/text.h"
#include "platform/json.h"
#include "runtime/orchestrator.h"
#include "storage/quarantine.h"

enum { CUT_BYTES = 64 << 10 };

struct aside_job {
    struct store_job job; /* first */
    struct slot *slot;
    struct event *event; /* owned */
    struct buffer json;
    char mark[SLOT_NAME_BYTES * 3];
};

static void tell(const struct slot *slot, const struct event *event) {
    const struct orchestrator_options *options = &slot->orchestrator->options;
    struct error err;
    (void)fail(&err, STATUS_INVALID, "%.*s", SLICE_ARGS(event->unfit));
    (void)fail_while(&err, "an event is kept aside (`ebb event list`)");
    if (options->on_refused != NULL) {
        options->on_refused(options->owner, slot, &err);
    }
}

static void let_go(struct aside_job *aside, enum event_outcome outcome) {
    struct slot *slot = aside->slot;
    slot->asides--;
    slot_close(slot, aside->event->seen_hash);
    event_settle(aside->event, outcome);
    event_destroy(aside->event);
    buffer_done(&aside->json);
    memory_free(aside);
}

static void written(struct store_job *job) {
    struct aside_job *aside = job->owner;
    struct slot *slot = aside->slot;
    if (journal_put_aside(&slot->orchestrator->journal, job)) {
        return;
    }
    const bool kept = job->error.code == STATUS_OK;
    if (kept) {
        slot->counts.quarantined++;
        tell(slot, aside->event);
    }
    let_go(aside, kept ? EVENT_ASIDE : EVENT_REFUSED);
    orchestrator_pump(slot); /* there is room for more */
    orchestrator_check_idle(slot->orchestrator);
}

/* What is larger than is kept stands there with its beginning. */
static status write_event(struct aside_job *aside, struct error *err) {
    json_write(&aside->json, aside->event->value);
    TRY(buffer_status(&aside->json, err));
    if (aside->json.count <= QUARANTINE_EVENT_BYTES_MAX) {
        return STATUS_OK;
    }
    CLEANUP(buffer_done) struct buffer cut;
    buffer_init(&cut, EVENT_BYTES_MAX);
    buffer_print(&cut, "{\"cut\":true,\"bytes\":%zu,\"json\":", aside->json.count);
    json_write_text(&cut, text_cut(buffer_slice(&aside->json), CUT_BYTES));
    buffer_add_byte(&cut, '}');
    buffer_clear(&aside->json);
    buffer_add(&aside->json, buffer_slice(&cut));
    TRY(buffer_status(&cut, err));
    return buffer_status(&aside->json, err);
}

static void submit(struct aside_job *aside) {
    const struct event *event = aside->event;
    const bool seen = event->seen_hash != 0;
    aside->job = (struct store_job){
        .kind = STORE_QUARANTINE,
        .done = written,
        .owner = aside,
        .workflow_name = slice_of(aside->slot->name),
        .source = event->source,
        .event_id = event->id,
        .event = buffer_slice(&aside->json),
        .reason = slice_part(event->unfit, 0, ERROR_TEXT_MAX),
    };
    if (seen) {
        aside->job.seen_source =
            slot_mark(aside->slot, event->source, aside->mark, sizeof(aside->mark));
        aside->job.seen_hash = event->seen_hash;
        aside->job.seen_mask = event->seen_mask;
        aside->job.seen_fades = event->seen_mask == 0;
    }
    store_submit(aside->slot->orchestrator->options.store, &aside->job);
}

void aside_keep(struct slot *slot, struct event *event) {
    struct error err;
    slot->counts.events++;
    struct aside_job *aside = slot->orchestrator->stopping ? NULL : memory_new(1, sizeof(*aside));
    if (aside == NULL || !slot_open(slot, event->seen_hash)) {
        memory_free(aside);
        event_destroy(event); /* refused */
        return;
    }
    *aside = (struct aside_job){.slot = slot, .event = event};
    buffer_init(&aside->json, (size_t)EVENT_BYTES_MAX * 2);
    slot->asides++;
    if (write_event(aside, &err) != STATUS_OK) {
        let_go(aside, EVENT_REFUSED);
        return;
    }
    submit(aside);
}

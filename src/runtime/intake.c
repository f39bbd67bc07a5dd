// SPDX-License-Identifier: Apache-2.0
#include "runtime/intake.h"

#include <libgen.h>
#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "runtime/aside.h"

enum { PATH_BYTES_MAX = 4096 };

/* --- what feeds see --- */
static uint32_t feed_room(void *owner) {
    return slot_room(owner);
}

struct mark_job {
    struct store_job job; /* first */
    char mark[SLOT_NAME_BYTES * 3];
};

/* A mark that could not be written or taken away is nothing worse than a file that is looked at
 * again, or eight bytes that stay. */
static void mark_written(struct store_job *job) {
    memory_free(job->owner);
}

static void submit_mark(struct slot *slot, enum store_job_kind kind, struct slice source,
                        uint64_t hash, uint64_t mask) {
    struct mark_job *mark = memory_new(1, sizeof(*mark));
    if (mark == NULL) {
        return;
    }
    mark->job = (struct store_job){
        .kind = kind,
        .done = mark_written,
        .owner = mark,
        .workflow = slot->version != NULL ? slot->version->number : 0,
        .seen_source = slot_mark(slot, source, mark->mark, sizeof(mark->mark)),
        .seen_hash = hash,
        .seen_mask = mask,
    };
    store_submit(slot->orchestrator->options.store, &mark->job);
}

/* What was dropped is not taken again at the next scan. Who was told may send it again. */
void intake_mark_dropped(struct slot *slot, const struct event *event) {
    if (event->seen_hash != 0 && event->repeatable) {
        submit_mark(slot, STORE_RUN_END, event->source, event->seen_hash, event->seen_mask);
    }
}

static void feed_offer(void *owner, struct event *event) {
    orchestrator_offer(owner, event);
}

/* Why it does not fit goes with it, ended by a zero. */
static void feed_unfit(void *owner, const struct trigger *trigger, struct event *event,
                       const struct error *err) {
    struct slot *slot = owner;
    event->unfit = arena_copy(&event->arena, slice_of(err->text));
    if (event->unfit.bytes == NULL) {
        event->unfit = SLICE("it does not fit");
    }
    if (trigger->unfit == UNFIT_QUARANTINE) {
        aside_keep(slot, event);
    } else if (trigger->unfit == UNFIT_FAIL) {
        orchestrator_offer(slot, event);
    } else {
        event_destroy(event);
        orchestrator_refuse(slot, err);
    }
}

static bool feed_seen(void *owner, struct slice source, uint64_t hash) {
    const struct slot *slot = owner;
    char mark[SLOT_NAME_BYTES * 3];
    return store_seen(slot->orchestrator->options.store,
                      slot_mark(slot, source, mark, sizeof(mark)), hash);
}

static bool feed_under_way(void *owner, uint64_t hash) {
    return slot_is_open(owner, hash);
}

/* Under `runs: none` who was queued was told. */
static bool feed_kept(void *owner, uint64_t hash) {
    const struct slot *slot = owner;
    const bool none =
        slot->version != NULL && slot->version->workflow->runs.mode == DURABILITY_NONE;
    return none ? slot_is_open(slot, hash) : slot_keeps(slot, hash);
}

static void feed_forget(void *owner, struct slice source, uint64_t hash, uint64_t mask) {
    submit_mark(owner, STORE_SEEN_FORGET, source, hash, mask);
}

static void feed_said(void *owner, const char *sentence) {
    const struct slot *slot = owner;
    log_line(LOG_WARN, "runtime", "workflow=%s %s", slot->name, sentence);
}

static void feed_refused(void *owner, const struct error *err) {
    orchestrator_refuse(owner, err);
}

static void feed_ended(void *owner) {
    struct slot *slot = owner;
    slot->feeds_ended++;
    orchestrator_check_idle(slot->orchestrator);
}

static status open_feed(struct slot *slot, const struct trigger *trigger, struct error *err) {
    const struct orchestrator_options *options = &slot->orchestrator->options;
    if (trigger->kind == TRIGGER_STDIN && !options->stdin_allowed) {
        return fail(err, STATUS_INVALID,
                    "a trigger on standard input works under `ebb run`; a daemon has none");
    }
    if (trigger->kind == TRIGGER_HTTP && !options->http_allowed) {
        return fail(err, STATUS_INVALID,
                    "a trigger on HTTP works under `ebb serve`, which has a socket; `ebb run "
                    "--event JSON` gives one event");
    }
    char folder[PATH_BYTES_MAX];
    (void)snprintf(folder, sizeof(folder), "%s", slot_file(slot));
    const struct value *time_zone = value_get(options->device, SLICE("time_zone"));
    const struct feed_door door = {
        .time_zone = time_zone != NULL ? value_text(*time_zone) : (struct slice){0},
        .owner = slot,
        .loop = options->loop,
        .pool = options->pool,
        .folder = dirname(folder),
        .room = feed_room,
        .offer = feed_offer,
        .unfit = feed_unfit,
        .scope = {.params = slot->version->workflow->param_values, .device = options->device},
        .seen = feed_seen,
        .under_way = feed_under_way,
        .kept = feed_kept,
        .forget = feed_forget,
        .refused = feed_refused,
        .said = feed_said,
        .ended = feed_ended,
    };
    TRY(feed_open(trigger, &door, &slot->feeds[slot->feed_count], err));
    slot->feed_count++;
    return STATUS_OK;
}

void intake_close(struct slot *slot) {
    for (uint32_t i = 0; i < slot->feed_count; i++) {
        feed_close(slot->feeds[i]);
    }
    slot->feed_count = 0;
    slot->feeds_ended = 0;
}

status intake_open(struct slot *slot, struct error *err) {
    const struct workflow *workflow = slot->version->workflow;
    const bool closed = slot->orchestrator->options.feeds_closed;
    for (uint32_t i = 0; !closed && i < workflow->trigger_count; i++) {
        const status opened = open_feed(slot, &workflow->triggers[i], err);
        if (opened != STATUS_OK) {
            intake_close(slot);
            return opened;
        }
    }
    return STATUS_OK;
}

// SPDX-License-Identifier: Apache-2.0
#include "runtime/late_results.h"

#include "base/log.h"
#include "base/memory.h"
#include "runtime/orchestrator.h"
#include "runtime/run_limits.h"
#include "runtime/run_states.h"
#include "runtime/slot_states.h"

enum { LATE_BYTES_MAX = 4 << 20, NS_PER_MS = 1000000, RETRY_MS = 1000 };

struct late_results {
    struct timer *timer; /* owned */
    int64_t due_ns;      /* it is set to that; 0: it is not set */
};

/* One that is being written. */
struct late_write {
    struct store_job job; /* first */
    struct slot *slot;
    struct version *version; /* shared */
    struct arena arena;
    struct late late;
    const struct result_rule *rule;
    struct record_draft records[2];
    struct state_write state;
    struct late_write *next; /* of those that were found */
};

/* A look through what is kept. */
struct look {
    struct slot *slot;
    const struct result_rule *rule;
    struct late_write *found; /* owned */
    int64_t next_ns;          /* when the first of the others is due; 0: there is none */
};

void late_results_destroy(struct late_results *late) {
    if (late != NULL) {
        timer_close(late->timer);
        memory_free(late);
    }
}

/* --- waiting --- */
static void rang(void *owner) {
    struct slot *slot = owner;
    slot->late->due_ns = 0;
    late_results_look(slot);
}

static struct late_results *late_of(struct slot *slot) {
    struct late_results *late = slot->late != NULL ? slot->late : memory_new(1, sizeof(*late));
    if (late != NULL && late->timer == NULL &&
        timer_open(slot->orchestrator->options.loop, rang, slot, &late->timer, NULL) != STATUS_OK) {
        memory_free(late);
        late = NULL;
    }
    slot->late = late;
    return late;
}

void late_results_wait(struct slot *slot, int64_t due_ns) {
    struct late_results *late = late_of(slot);
    const int64_t left_ns = due_ns - clock_boot_ns();
    if (late == NULL || (late->due_ns != 0 && late->due_ns <= due_ns)) {
        return; /* without memory it waits for the next one that is held back, or a restart */
    }
    late->due_ns = due_ns;
    timer_set(late->timer, left_ns > 0 ? left_ns / NS_PER_MS + 1 : 0);
}

/* --- sending --- */
static void destroy_write(struct late_write *one) {
    version_release(one->version);
    arena_done(&one->arena);
    memory_free(one);
}

static void written(struct store_job *job) {
    struct late_write *one = job->owner;
    struct slot *slot = one->slot;
    struct orchestrator *orchestrator = slot->orchestrator;
    if (journal_put_aside(&orchestrator->journal, job)) {
        return;
    }
    slot->ending--;
    if (job->error.code == STATUS_OK) {
        slot->counts.results++;
        tally_result(slot->tally, one->rule->name);
        orchestrator_tell(orchestrator, one->version->workflow, one->records,
                          one->records[1].aside ? 2 : 1);
    } else {
        log_line(LOG_ERROR, "runtime", "workflow=%s write a result that waited: %s", slot->name,
                 job->error.text);
    }
    destroy_write(one);
    orchestrator_pump(slot);
    orchestrator_check_idle(orchestrator);
}

static struct record_draft draft(const struct late_write *one) {
    const struct result_rule *rule = one->rule;
    return (struct record_draft){
        .record = {.kind = RECORD_RESULT,
                   .version = 1,
                   .priority = rule->priority,
                   .time = clock_now(),
                   .boot = clock_boot_id(),
                   .run = one->late.run,
                   .workflow = one->version->workflow->name,
                   .name = rule->name,
                   .body = one->late.body},
        .lane = rule->lane,
        .key = one->late.key,
        .keep_ms = rule->keep_ms,
        .expires_ms = rule->expires_ms,
        .destinations = destinations_bits(one->slot->orchestrator->options.destinations, rule->to,
                                          rule->to_count),
    };
}

/* Records and state as they are written; its limit stands so from now on. False: it waits on. */
static bool send(struct late_write *one) {
    struct slot *slot = one->slot;
    const struct durability *results = &one->version->workflow->results_durability;
    const bool stored = results->mode != DURABILITY_NONE;
    const uint32_t count = one->late.aside.count > 0 ? 2 : 1;
    const struct state_put *turn = &one->late.turn;
    one->records[0] = draft(one);
    one->records[1] = (struct record_draft){.record = one->records[0].record,
                                            .lane = LANE_LOCAL,
                                            .keep_ms = one->rule->keep_ms,
                                            .aside = count == 2};
    one->records[1].record.body = one->late.aside;
    one->state = (struct state_write){.step = turn->name,
                                      .key = turn->key,
                                      .value = turn->value,
                                      .expires_wall_ms = run_states_wall_ms(turn->expires_ns)};
    one->job = (struct store_job){
        .kind = STORE_RUN_END,
        .done = written,
        .owner = one,
        .interval_ms = results->mode == DURABILITY_INTERVAL ? results->interval_ms : 0,
        .workflow = one->version->number,
        .records = one->records,
        .record_count = stored ? count : 0,
        .states = &one->state,
        .state_count = turn->on_disk ? 1 : 0,
    };
    if (!slot_states_put(slot, one->version, turn)) {
        destroy_write(one);
        return false;
    }
    slot->ending++;
    store_submit(slot->orchestrator->options.store, &one->job);
    return true;
}

/* --- looking --- */
static void note_next(struct look *look, int64_t due_ns) {
    look->next_ns = look->next_ns == 0 || due_ns < look->next_ns ? due_ns : look->next_ns;
}

/* What is due is gathered: nothing may be put while what is kept is looked through. */
static void look_at(void *owner, struct slice key, struct slice kept) {
    struct look *look = owner;
    struct late_write *one = memory_new(1, sizeof(*one));
    const int64_t now_ns = clock_boot_ns();
    if (one == NULL) {
        note_next(look, now_ns + (int64_t)RETRY_MS * NS_PER_MS);
        return;
    }
    arena_init(&one->arena, LATE_BYTES_MAX);
    one->slot = look->slot;
    one->rule = look->rule;
    one->version = version_share(look->slot->version);
    const struct slice copy = arena_copy(&one->arena, key);
    if (copy.bytes == NULL || !run_limits_late(one->version->workflow, &one->rule->limit, copy,
                                               kept, &one->arena, &one->late)) {
        destroy_write(one);
    } else if (one->late.due_ns > now_ns) {
        note_next(look, one->late.due_ns);
        destroy_write(one);
    } else {
        one->next = look->found;
        look->found = one;
    }
}

static bool has_late(const struct workflow *workflow) {
    for (uint32_t i = 0; i < workflow->result_count; i++) {
        if (workflow->results[i].limit.count > 0 && workflow->results[i].limit.over == OVER_LAST) {
            return true;
        }
    }
    return false;
}

void late_results_look(struct slot *slot) {
    const struct version *version = slot->version;
    struct look look = {.slot = slot};
    if (slot->orchestrator->stopping || slot->state != SLOT_RUNNING || version == NULL ||
        !has_late(version->workflow) || !slot_states_are_ready(slot, version)) {
        return; /* it is called again when that changes */
    }
    for (uint32_t i = 0; i < version->workflow->result_count; i++) {
        look.rule = &version->workflow->results[i];
        if (look.rule->limit.count > 0 && look.rule->limit.over == OVER_LAST) {
            slot_states_visit(slot, look.rule->limit.state, look_at, &look);
        }
    }
    while (look.found != NULL) {
        struct late_write *one = look.found;
        look.found = one->next;
        if (!send(one)) {
            note_next(&look, clock_boot_ns() + (int64_t)RETRY_MS * NS_PER_MS);
        }
    }
    if (look.next_ns != 0) {
        late_results_wait(slot, look.next_ns);
    }
}

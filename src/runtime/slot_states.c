// SPDX-License-Identifier: Apache-2.0
#include "runtime/slot_states.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "platform/json.h"
#include "runtime/key_order.h"
#include "runtime/late_results.h"
#include "runtime/orchestrator.h"
#include "runtime/run_limits.h"
#include "runtime/run_states.h"
#include "runtime/state_table.h"
#include "runtime/state_text.h"

enum {
    WRITES_MAX = 64, /* of one job */
    WRITES_BYTES_MAX = 1 << 20,
    PAGE_ARENA_BYTES = 32 << 20,
    RETRY_MS = 1000
};

enum table_phase {
    TABLE_UNREAD, /* what is on disk is not here */
    TABLE_READING,
    TABLE_READY
};

/* What one step remembers. */
struct step_table {
    struct slot *slot; /* not owned */
    struct slice step; /* owned, in one block behind this */
    struct state_table table;
    int64_t ttl_ms; /* of the version that asked last */
    enum table_phase phase;
    bool told;              /* that it cannot be read */
    struct store_read read; /* under way while it is being read */
    struct buffer after;    /* the last key that was read */
    struct timer *retry;    /* owned; NULL: reading has never failed */
    struct step_table *next;
};

struct slot_states {
    struct step_table *tables; /* owned */
    struct timer *timer;       /* owned; for `state:` of a span; NULL: none was needed */
    bool waiting;              /* the timer is set: there is something to write */
    int64_t interval_ms;
    uint32_t flushing; /* jobs of it under way */
    uint32_t busy;     /* all readings and writings under way */
    uint32_t workflow; /* the store's number of a version of it */
};

void slot_states_destroy(struct slot_states *states) {
    if (states == NULL) {
        return;
    }
    while (states->tables != NULL) {
        struct step_table *table = states->tables;
        states->tables = table->next;
        state_table_done(&table->table);
        buffer_done(&table->read.out);
        buffer_done(&table->after);
        timer_close(table->retry);
        memory_free(table);
    }
    timer_close(states->timer);
    memory_free(states);
}

static struct store *store_of(const struct slot *slot) {
    return slot->orchestrator->options.store;
}

static struct step_table *find_table(const struct slot *slot, struct slice step) {
    struct step_table *table = slot->states != NULL ? slot->states->tables : NULL;
    while (table != NULL && !slice_equal(table->step, step)) {
        table = table->next;
    }
    return table;
}

/* --- reading ---------------------------------------------------------------------------------- */

static void read_page(struct step_table *table);

/* One row: [key, milliseconds at which it expires, value]. A value that was damaged is forgotten:
 * its key goes on as one that is new. */
static status take_row(struct step_table *table, struct value row, const struct moment *now,
                       struct arena *arena, struct error *err) {
    if (row.kind != VALUE_LIST || row.count != 3 || row.items[1].kind != VALUE_INTEGER) {
        return fail(err, STATUS_CORRUPT, "a row of a state is none");
    }
    const int64_t most_ms = table->ttl_ms > 0 ? table->ttl_ms : RUN_STATES_FOR_EVER_MS;
    int64_t left_ms = row.items[1].integer - now->wall_ms;
    if (now->quality == CLOCK_BAD || left_ms > most_ms) {
        left_ms = most_ms;
    }
    if (left_ms <= 0) {
        return STATUS_OK;
    }
    struct error why;
    struct value state;
    if (state_text_read(arena, value_text(row.items[2]), &state, &why) == STATUS_INVALID) {
        table->slot->counts.forgotten++;
        log_line(LOG_ERROR, "runtime", "workflow=%s forget a state of step '%.*s': %s",
                 table->slot->name, SLICE_ARGS(table->step), why.text);
        return STATUS_OK;
    }
    return state_table_put(&table->table, value_text(row.items[0]), value_text(row.items[2]),
                           now->boot_ns + left_ms * 1000000, false, err);
}

static status take_page(struct step_table *table, struct error *err) {
    CLEANUP(arena_done) struct arena arena;
    struct value rows = {0};
    const struct moment now = clock_now();
    arena_init(&arena, PAGE_ARENA_BYTES);
    TRY(json_read_wrapped(&arena, buffer_slice(&table->read.out), &rows, err));
    for (uint32_t i = 0; i < rows.count; i++) {
        TRY(take_row(table, rows.items[i], &now, &arena, err));
    }
    if (rows.count > 0 && rows.items[rows.count - 1].count > 0) {
        buffer_clear(&table->after);
        buffer_add(&table->after, value_text(rows.items[rows.count - 1].items[0]));
    }
    return buffer_status(&table->after, err);
}

static void retry(void *owner) {
    struct step_table *table = owner;
    if (!table->slot->orchestrator->stopping) {
        orchestrator_pump(table->slot); /* which asks again */
    }
}

/* No run begins with less than the one before it left: reading is tried until it succeeds. */
static void reading_failed(struct step_table *table, const struct error *why) {
    struct orchestrator *orchestrator = table->slot->orchestrator;
    if (!table->told) {
        log_line(LOG_ERROR, "runtime", "workflow=%s read the states of step '%.*s': %s",
                 table->slot->name, SLICE_ARGS(table->step), why->text);
    }
    table->told = true;
    table->phase = TABLE_UNREAD;
    state_table_done(&table->table);
    buffer_done(&table->after);
    if (table->retry != NULL ||
        timer_open(orchestrator->options.loop, retry, table, &table->retry, NULL) == STATUS_OK) {
        timer_set(table->retry, RETRY_MS);
    }
}

static void page_read(struct store_read *read) {
    struct step_table *table = read->owner;
    struct slot *slot = table->slot;
    struct error err = read->error;
    slot->states->busy--;
    if (slot->orchestrator->stopping) {
        return;
    }
    if (err.code != STATUS_OK || take_page(table, &err) != STATUS_OK) {
        reading_failed(table, &err);
        return;
    }
    if (read->out_next_key != 0) {
        read_page(table);
        return;
    }
    table->phase = TABLE_READY;
    table->told = false;
    buffer_done(&table->read.out);
    state_table_sort(&table->table);
    late_results_look(slot);
    orchestrator_pump(slot);
}

static void read_page(struct step_table *table) {
    struct slot *slot = table->slot;
    buffer_done(&table->read.out);
    table->read = (struct store_read){.kind = READ_STATES,
                                      .done = page_read,
                                      .owner = table,
                                      .workflow = slice_of(slot->name),
                                      .name = table->step,
                                      .after = buffer_slice(&table->after)};
    slot->states->busy++;
    store_read(store_of(slot), &table->read);
}

static struct step_table *add_table(struct slot *slot, struct slice name) {
    if (slot->states == NULL) {
        slot->states = memory_new(1, sizeof(*slot->states));
    }
    struct step_table *table =
        slot->states != NULL ? memory_new(1, sizeof(*table) + name.count) : NULL;
    if (table == NULL) {
        return NULL;
    }
    char *id = (char *)(table + 1);
    (void)memcpy(id, name.bytes, name.count);
    table->slot = slot;
    table->step = (struct slice){.bytes = id, .count = name.count};
    table->next = slot->states->tables;
    slot->states->tables = table;
    return table;
}

static bool is_ready(struct slot *slot, struct slice name, int64_t ttl_ms, bool on_disk) {
    struct step_table *table = find_table(slot, name);
    if (table == NULL) {
        table = add_table(slot, name);
    }
    if (table != NULL && table->phase == TABLE_UNREAD) {
        table->ttl_ms = ttl_ms;
        table->phase = on_disk ? TABLE_READING : TABLE_READY;
        buffer_init(&table->after, EVENT_KEY_BYTES_MAX);
        if (on_disk) {
            read_page(table);
        }
    }
    return table != NULL && table->phase == TABLE_READY;
}

bool slot_states_are_ready(struct slot *slot, const struct version *version) {
    const struct workflow *workflow = version->workflow;
    const bool on_disk = workflow->state_durability.mode != DURABILITY_NONE;
    bool ready = true;
    for (uint32_t i = 0; i < workflow->step_count; i++) {
        const struct step *step = &workflow->steps[i];
        if (step->state.by != NULL) {
            ready =
                is_ready(slot, step->id, step->state.ttl_ms, run_states_on_disk(workflow, step)) &&
                ready;
        }
    }
    for (uint32_t i = 0; i < workflow->result_count; i++) {
        const struct limit *limit = &workflow->results[i].limit;
        if (limit->count > 0) {
            ready = is_ready(slot, limit->state, run_limits_ttl_ms(limit), on_disk) && ready;
        }
    }
    return ready;
}

/* --- forgetting ------------------------------------------------------------------------------- */

/* A key's row is taken away; the key is held meanwhile, so that no run writes it before. */
struct forgetting {
    struct store_job job; /* first */
    struct slot *slot;
    struct state_write write;
    struct state_entry *entry; /* owned; its key is the write's */
};

static void forgotten(struct store_job *job) {
    struct forgetting *one = job->owner;
    struct slot *slot = one->slot;
    if (journal_put_aside(&slot->orchestrator->journal, job)) {
        return;
    }
    key_order_free_key(slot, one->entry->hash);
    state_entry_destroy(one->entry);
    memory_free(one);
    slot->states->busy--;
    orchestrator_pump(slot);
}

/* What cannot be taken away for want of memory comes back with the next process, and goes then. */
static void forget(struct step_table *table, struct state_entry *entry) {
    struct slot *slot = table->slot;
    struct forgetting *one = memory_new(1, sizeof(*one));
    if (one == NULL || !key_order_hold_key(slot, entry->hash)) {
        memory_free(one);
        state_entry_destroy(entry);
        return;
    }
    *one = (struct forgetting){
        .slot = slot, .entry = entry, .write = {.step = table->step, .key = entry->key}};
    one->job = (struct store_job){.kind = STORE_RUN_END,
                                  .done = forgotten,
                                  .owner = one,
                                  .workflow = slot->states->workflow,
                                  .states = &one->write,
                                  .state_count = 1};
    slot->states->busy++;
    store_submit(store_of(slot), &one->job);
}

static bool is_spared(void *owner, uint64_t hash) {
    return key_order_is_held(owner, hash);
}

static void shed(struct step_table *table, uint32_t keys_max, bool on_disk) {
    const int64_t now_ns = clock_boot_ns();
    struct state_entry *entry;
    while ((entry = state_table_shed(&table->table, keys_max, now_ns, is_spared, table->slot)) !=
           NULL) {
        table->slot->counts.forgotten += entry->expires_ns > now_ns;
        if (on_disk) {
            forget(table, entry);
        } else {
            state_entry_destroy(entry);
        }
    }
}

/* --- writing what waits ----------------------------------------------------------------------- */

struct flush {
    struct store_job job; /* first */
    struct slot *slot;
    struct arena arena; /* holds copies */
    struct state_write writes[WRITES_MAX];
};

static void destroy_flush(struct flush *flush) {
    arena_done(&flush->arena);
    memory_free(flush);
}

static void rang(void *owner) {
    struct slot *slot = owner;
    slot->states->waiting = false;
    slot_states_flush(slot);
}

static void wait_for_flush(struct slot *slot) {
    struct slot_states *states = slot->states;
    if (states->waiting || states->flushing > 0) {
        return; /* who is under way looks again */
    }
    if (states->timer == NULL && timer_open(slot->orchestrator->options.loop, rang, slot,
                                            &states->timer, NULL) != STATUS_OK) {
        return; /* the next use of a key tries it again */
    }
    states->waiting = true;
    timer_set(states->timer, states->interval_ms);
}

static bool has_dirty(const struct slot_states *states) {
    for (const struct step_table *table = states->tables; table != NULL; table = table->next) {
        for (const struct state_entry *e = table->table.newest; e != NULL; e = e->older) {
            if (e->dirty) {
                return true;
            }
        }
    }
    return false;
}

static void flushed(struct store_job *job) {
    struct flush *flush = job->owner;
    struct slot *slot = flush->slot;
    if (journal_put_aside(&slot->orchestrator->journal, job)) {
        return;
    }
    if (job->error.code != STATUS_OK) {
        log_line(LOG_ERROR, "runtime", "workflow=%s write states: %s", slot->name, job->error.text);
    }
    destroy_flush(flush);
    slot->states->busy--;
    slot->states->flushing--;
    if (!slot->orchestrator->stopping && has_dirty(slot->states)) {
        wait_for_flush(slot);
    }
}

/* Copies what is dirty, as far as there is room. */
static void gather(struct flush *flush, struct step_table *table) {
    uint32_t *count = &flush->job.state_count;
    for (struct state_entry *e = table->table.newest; e != NULL; e = e->older) {
        if (!e->dirty) {
            continue;
        }
        if (*count == WRITES_MAX || flush->arena.bytes > WRITES_BYTES_MAX) {
            return;
        }
        struct state_write *write = &flush->writes[*count];
        *write = (struct state_write){.step = table->step,
                                      .key = arena_copy(&flush->arena, e->key),
                                      .value = arena_copy(&flush->arena, e->value),
                                      .expires_wall_ms = run_states_wall_ms(e->expires_ns)};
        if (write->key.bytes == NULL || write->value.bytes == NULL) {
            return; /* it stays dirty */
        }
        e->dirty = false;
        (*count)++;
    }
}

/* False when there was nothing, or no memory. */
static bool flush_some(struct slot *slot) {
    struct flush *flush = memory_new(1, sizeof(*flush));
    if (flush == NULL) {
        return false;
    }
    arena_init(&flush->arena, STORE_JOB_BYTES_MAX);
    flush->slot = slot;
    flush->job = (struct store_job){.kind = STORE_RUN_END,
                                    .done = flushed,
                                    .owner = flush,
                                    .workflow = slot->states->workflow,
                                    .states = flush->writes};
    for (struct step_table *table = slot->states->tables; table != NULL; table = table->next) {
        gather(flush, table);
    }
    if (flush->job.state_count == 0) {
        destroy_flush(flush);
        return false;
    }
    slot->states->busy++;
    slot->states->flushing++;
    store_submit(store_of(slot), &flush->job);
    return true;
}

void slot_states_flush(struct slot *slot) {
    if (slot->states == NULL) {
        return;
    }
    if (slot->states->waiting) {
        slot->states->waiting = false;
        timer_clear(slot->states->timer);
    }
    while (flush_some(slot)) {
    }
}

bool slot_states_are_busy(const struct slot *slot) {
    return slot->states != NULL && (slot->states->busy > 0 || slot->states->waiting);
}

/* --- runs ------------------------------------------------------------------------------------- */

struct slice slot_states_find(const struct slot *slot, struct slice name, struct slice key) {
    const struct step_table *table = find_table(slot, name);
    const struct state_entry *entry =
        table != NULL ? state_table_find(&table->table, key, clock_boot_ns()) : NULL;
    return entry != NULL ? entry->value : (struct slice){0};
}

status slot_states_give(struct run *run, struct error *err) {
    const struct workflow *workflow = run->version->workflow;
    for (uint32_t i = 0; i < workflow->step_count; i++) {
        const struct step *step = &workflow->steps[i];
        if (step->state.by == NULL || run->key.hash == 0) {
            continue;
        }
        const struct slice state = slot_states_find(run->slot, step->id, run->key.text);
        run->steps[i].state = arena_copy(&run->arena, state);
        if (run->steps[i].state.bytes == NULL) {
            return fail(err, STATUS_FULL, "no room in the run for the state of its key");
        }
    }
    return STATUS_OK;
}

void slot_states_visit(const struct slot *slot, struct slice name,
                       void (*each)(void *owner, struct slice key, struct slice value),
                       void *owner) {
    const struct step_table *table = find_table(slot, name);
    const struct state_entry *e = table != NULL ? table->table.newest : NULL;
    for (; e != NULL; e = e->older) {
        each(owner, e->key, e->value);
    }
}

bool slot_states_put(struct slot *slot, const struct version *version,
                     const struct state_put *put) {
    struct step_table *table = find_table(slot, put->name);
    struct error err;
    if (table == NULL || table->phase != TABLE_READY) {
        return false; /* memory was short: what is on disk is read again */
    }
    slot->states->workflow = version->number;
    if (state_table_put(&table->table, put->key, put->value, put->expires_ns, put->later_ms > 0,
                        &err) != STATUS_OK) {
        if (put->on_disk && put->later_ms == 0) {
            reading_failed(table, &err); /* what is written already is read again */
        } else {
            log_line(LOG_ERROR, "runtime", "workflow=%s %s: it stays as it was", slot->name,
                     err.text);
        }
        return false;
    }
    shed(table, put->keys_max, put->on_disk);
    if (put->later_ms > 0) {
        slot->states->interval_ms = put->later_ms;
        wait_for_flush(slot);
    }
    return true;
}

static void take_step(struct run *run, const struct step *step, struct slice state) {
    const struct workflow *workflow = run->version->workflow;
    const bool on_disk = run_states_on_disk(workflow, step);
    const bool later = on_disk && !run_states_with_end(workflow, step);
    const struct state_put put = {
        .name = step->id,
        .key = run->key.text,
        .value = state,
        .expires_ns = run_states_expires_ns(&step->state),
        .keys_max = step->state.max_keys,
        .on_disk = on_disk,
        .later_ms = later ? workflow->state_durability.interval_ms : 0,
    };
    (void)slot_states_put(run->slot, run->version, &put); /* what went wrong was said */
}

void slot_states_take(struct run *run) {
    const struct workflow *workflow = run->version->workflow;
    for (uint32_t i = 0; i < workflow->step_count; i++) {
        const struct slice state = run->steps[i].state_after;
        if (state.count > 0 && workflow->steps[i].state.by != NULL) {
            take_step(run, &workflow->steps[i], state);
        }
    }
    key_order_give_back(run);
}

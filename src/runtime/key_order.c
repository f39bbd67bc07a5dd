// SPDX-License-Identifier: Apache-2.0
#include "runtime/key_order.h"

#include <assert.h>

#include "platform/json.h"
#include "runtime/state_table.h"

/* --- whose event it is ------------------------------------------------------------------------ */

/* Text as it is, anything else as JSON; empty when it is too long, or nothing. */
static struct slice key_text(struct arena *arena, struct value value) {
    struct slice text = value_text(value);
    if (value.kind != VALUE_TEXT && value.kind != VALUE_NULL) {
        CLEANUP(buffer_done) struct buffer json;
        buffer_init(&json, EVENT_KEY_BYTES_MAX);
        json_write(&json, value);
        text =
            json.failed == STATUS_OK ? arena_copy(arena, buffer_slice(&json)) : (struct slice){0};
    }
    return text.count <= EVENT_KEY_BYTES_MAX ? text : (struct slice){0};
}

struct event_key key_order_of(const struct workflow *workflow, struct event *event,
                              const struct value *device) {
    struct event_key key = {.hash = 0};
    struct value value;
    if (workflow->order_by == NULL) {
        return key;
    }
    struct context context = {.arena = &event->arena,
                              .event = event->value,
                              .params = workflow->param_values,
                              .device = *device};
    if (template_render(workflow->order_by, &context, &value, NULL) == STATUS_OK) {
        key.text = key_text(&event->arena, value);
    }
    if (key.text.count > 0) {
        key.hash = state_key_hash(key.text);
    }
    return key;
}

status key_order_why_none(const struct keyed_state *state, struct context *context,
                          struct error *err) {
    struct value value;
    TRY(template_render(state->by, context, &value, err));
    const bool nothing = value.kind == VALUE_NULL || (value.kind == VALUE_TEXT && value.count == 0);
    return nothing ? fail(err, STATUS_INVALID,
                          "`by` of its state gives nothing for this event: whose state is it?")
                   : fail(err, STATUS_INVALID, "`by` of its state gives more than %d bytes",
                          EVENT_KEY_BYTES_MAX);
}

/* --- holding ---------------------------------------------------------------------------------- */

bool key_order_is_held(const struct slot *slot, uint64_t hash) {
    return hash != 0 && number_map_get(&slot->held, hash, NULL);
}

bool key_order_hold_key(struct slot *slot, uint64_t hash) {
    uint64_t holders = 0;
    (void)number_map_get(&slot->held, hash, &holders); /* else nobody holds it yet */
    return number_map_set(&slot->held, hash, holders + 1);
}

void key_order_free_key(struct slot *slot, uint64_t hash) {
    uint64_t holders = 0;
    const bool held = number_map_get(&slot->held, hash, &holders);
    assert(held);
    (void)held; /* read by the assert alone */
    if (holders > 1) {
        (void)number_map_set(&slot->held, hash, holders - 1); /* it is there: no memory is needed */
    } else {
        number_map_remove(&slot->held, hash);
    }
}

status key_order_hold(struct run *run, struct error *err) {
    assert(!run->holds_key);
    if (run->key.hash == 0) {
        return STATUS_OK;
    }
    if (!key_order_hold_key(run->slot, run->key.hash)) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the key of an event");
    }
    run->holds_key = true;
    return STATUS_OK;
}

void key_order_give_back(struct run *run) {
    if (run->holds_key) {
        run->holds_key = false;
        key_order_free_key(run->slot, run->key.hash);
    }
}

/* --- whose turn it is ------------------------------------------------------------------------- */

static bool is_strict(const struct version *version) {
    return version->workflow->concurrency == 1;
}

struct run *key_order_next_run(struct slot *slot,
                               bool (*may_go_on)(struct slot *slot, const struct run *run)) {
    for (struct run *run = slot->line; run != NULL && may_go_on(slot, run); run = run->next) {
        if (!key_order_is_held(slot, run->key.hash)) {
            return run;
        }
        if (is_strict(run->version)) {
            return NULL;
        }
    }
    return NULL;
}

bool key_order_passes_line(const struct slot *slot) {
    for (const struct run *run = slot->line; run != NULL; run = run->next) {
        if (run->writing || is_strict(slot->version) || !key_order_is_held(slot, run->key.hash)) {
            return false;
        }
    }
    return true;
}

static bool is_in_line(const struct slot *slot, uint64_t hash) {
    for (const struct run *run = slot->line; run != NULL; run = run->next) {
        if (run->key.hash == hash) {
            return true;
        }
    }
    return false;
}

/* By the version that is current; another one may tell events apart by something else. */
static uint64_t key_now(const struct slot *slot, struct event *event, const struct value *device) {
    if (event->keyed_by != slot->version_count) {
        event->order = key_order_of(slot->version->workflow, event, device);
        event->keyed_by = slot->version_count;
    }
    return event->order.hash;
}

struct event *key_order_next_event(struct slot *slot, const struct value *device) {
    struct event **place = &slot->first;
    for (; *place != NULL; place = &(*place)->next) {
        const uint64_t hash = key_now(slot, *place, device);
        if (hash == 0 || !(key_order_is_held(slot, hash) || is_in_line(slot, hash))) {
            return slot_take_event(slot, place);
        }
        if (is_strict(slot->version)) {
            return NULL;
        }
    }
    return NULL;
}

// SPDX-License-Identifier: Apache-2.0
#include "runtime/each.h"

#include "runtime/agent_runner.h"
#include "runtime/step_call.h"
#include "wire/expression_evaluator.h"

enum item_state { ITEM_WAITS, ITEM_CALLED, ITEM_DONE, ITEM_FAILED };

struct item {
    enum item_state state;
    struct value with, output;
    struct step_input input; /* of this round */
    const struct error *error;
};

struct each {
    struct item *items;
    uint32_t count;
    struct agent_call *calls; /* places for those under way on the loop */
    uint32_t *items_of_calls;
    uint32_t places, under_way;
    uint32_t next; /* item of this round */
    uint64_t calls_made, failures;
    int64_t retry_after_ms; /* the longest that an agent has asked for in this round */
    void (*ended)(struct run *run);
};

static void fail_item(struct run *run, struct item *item, const struct error *err) {
    static const struct error NO_ROOM = {.code = STATUS_FULL, .text = "the run is too large"};
    struct error *kept = arena_get(&run->arena, 1, sizeof(*kept));
    if (kept != NULL) {
        *kept = *err;
    }
    item->state = ITEM_FAILED;
    item->error = kept != NULL ? kept : &NO_ROOM;
}

/* --- making it ready -------------------------------------------------------------------------- */

/* NULL: the run has no room for it. */
static struct each *new_each(struct run *run, uint32_t count) {
    const uint32_t places = run_current(run)->each_concurrency;
    struct each *each = arena_get(&run->arena, 1, sizeof(*each));
    if (each == NULL) {
        return NULL;
    }
    each->count = count;
    each->places = places;
    each->items = arena_get(&run->arena, count, sizeof(*each->items));
    each->calls = arena_get(&run->arena, places, sizeof(*each->calls));
    each->items_of_calls = arena_get(&run->arena, places, sizeof(*each->items_of_calls));
    const bool whole = each->items != NULL && each->calls != NULL && each->items_of_calls != NULL;
    return whole ? each : NULL;
}

status each_prepare(struct run *run, struct each **out_each, struct error *err) {
    const struct step *step = run_current(run);
    struct value list;
    TRY(template_render(step->each, &run->context, &list, err));
    if (list.kind != VALUE_LIST && list.kind != VALUE_NULL) {
        return fail(err, STATUS_INVALID, "`each` wants a list, and this is of type %s",
                    value_kind_name(list.kind));
    }
    if (list.kind == VALUE_LIST && list.count > step->each_max) {
        return fail(err, STATUS_INVALID, "`each` has %u items, more than its `max` of %u",
                    list.count, step->each_max);
    }
    struct each *each = new_each(run, list.kind == VALUE_LIST ? list.count : 0);
    if (each == NULL) {
        return fail(err, STATUS_FULL, "the run is too large");
    }
    for (uint32_t i = 0; i < each->count; i++) {
        struct error why;
        run->context.item = list.items[i];
        if (step_call_render(run, &each->items[i].with, &why) != STATUS_OK) {
            fail_item(run, &each->items[i], &why);
        }
    }
    run->context.item = (struct value){0};
    *out_each = each;
    return STATUS_OK;
}

/* --- a round ---------------------------------------------------------------------------------- */

static void take_answer(struct run *run, struct each *each, struct item *item,
                        struct agent_call *call) {
    each->calls_made++;
    if (call->error.code == STATUS_OK && !expression_depth_fits(call->out)) {
        (void)fail(&call->error, STATUS_INVALID, "the output is nested more than %d deep",
                   VALUE_DEPTH_MAX);
    }
    if (call->error.code == STATUS_OK) {
        item->state = ITEM_DONE;
        item->output = call->out;
        return;
    }
    each->failures++;
    if (call->retry_after_ms > each->retry_after_ms) {
        each->retry_after_ms = call->retry_after_ms;
    }
    fail_item(run, item, &call->error);
}

void each_call(struct run *run) {
    struct each *each = run->steps[run->current].each;
    const struct opened_agent *opened = &run->version->agents[run->current];
    bool waits = false;
    each->next = 0;
    each->retry_after_ms = 0;
    for (uint32_t i = 0; i < each->count; i++) {
        struct item *item = &each->items[i];
        struct error err;
        if (item->state != ITEM_WAITS ||
            atomic_load_explicit(&run->runner->hurried, memory_order_relaxed)) {
            continue;
        }
        if (step_call_files(run, item->with, (struct value){0}, &item->input, &err) != STATUS_OK) {
            fail_item(run, item, &err);
        } else if (opened->kind->place == AGENT_ON_LOOP) {
            waits = true;
        } else {
            step_call_fill(run, &item->input, i, &run->call);
            opened->kind->run(opened->agent, &run->call);
            take_answer(run, each, item, &run->call);
        }
    }
    run->need = waits ? NEED_CALL : NEED_WORKER;
}

static void begin_calls(struct run *run, struct each *each);

static void answered(struct agent_call *call) {
    struct run *run = call->owner;
    struct each *each = run->steps[run->current].each;
    const uint32_t place = (uint32_t)(call - each->calls);
    take_answer(run, each, &each->items[each->items_of_calls[place]], call);
    each->under_way--;
    call->owner = NULL; /* the place is free */
    begin_calls(run, each);
    if (each->under_way == 0) {
        each->ended(run);
    }
}

static struct agent_call *free_place(struct each *each) {
    for (uint32_t i = 0; i < each->places; i++) {
        if (each->calls[i].owner == NULL) {
            return &each->calls[i];
        }
    }
    return NULL;
}

static void begin_calls(struct run *run, struct each *each) {
    const struct opened_agent *opened = &run->version->agents[run->current];
    struct agent_call *call = free_place(each);
    for (; call != NULL && each->next < each->count && !run->runner->stopping; each->next++) {
        struct item *item = &each->items[each->next];
        if (item->state == ITEM_WAITS) {
            item->state = ITEM_CALLED;
            each->items_of_calls[call - each->calls] = each->next;
            each->under_way++;
            step_call_fill(run, &item->input, each->next, call);
            call->done = answered;
            opened->kind->run(opened->agent, call);
            call = free_place(each);
        }
    }
}

void each_call_on_loop(struct run *run, void (*ended)(struct run *run)) {
    struct each *each = run->steps[run->current].each;
    each->ended = ended;
    begin_calls(run, each);
    if (each->under_way == 0) {
        ended(run);
    }
}

/* --- what came of it -------------------------------------------------------------------------- */

void each_count(struct each *each, uint64_t *out_calls, uint64_t *out_failures) {
    *out_calls = each->calls_made;
    *out_failures = each->failures;
    each->calls_made = 0;
    each->failures = 0;
}

bool each_is_open(const struct each *each) {
    for (uint32_t i = 0; i < each->count; i++) {
        if (each->items[i].state == ITEM_WAITS) {
            return true;
        }
    }
    return false;
}

const struct error *each_again(struct run *run, struct each *each,
                               bool (*again)(const struct run *run, status code)) {
    const struct error *first = NULL;
    for (uint32_t i = 0; i < each->count; i++) {
        struct item *item = &each->items[i];
        if (item->state == ITEM_FAILED && again(run, item->error->code)) {
            item->state = ITEM_WAITS;
            first = first != NULL ? first : item->error;
        }
    }
    run->call.retry_after_ms = each->retry_after_ms;
    return first;
}

static bool show_error(struct run *run, const struct error *err, struct value *out_value) {
    struct member *members = value_new_object(&run->arena, 2, out_value);
    if (members != NULL) {
        const char *class = error_class_name(error_class_of(err->code));
        members[0] =
            (struct member){.name = SLICE("class"), .value = value_of_text(slice_of(class))};
        members[1] =
            (struct member){.name = SLICE("text"), .value = value_of_text(slice_of(err->text))};
    }
    return members != NULL;
}

status each_output(struct run *run, const struct each *each, struct value *out_output,
                   struct error *err) {
    struct value output;
    struct value list;
    struct value errors;
    struct value *items = value_new_list(&run->arena, each->count, &list);
    struct value *beside = value_new_list(&run->arena, each->count, &errors);
    struct member *members = value_new_object(&run->arena, 2, &output);
    bool room = items != NULL && beside != NULL && members != NULL;
    for (uint32_t i = 0; room && i < each->count; i++) {
        const struct item *item = &each->items[i];
        items[i] = item->state == ITEM_DONE ? item->output : (struct value){0};
        beside[i] = (struct value){0};
        room = item->state == ITEM_DONE || show_error(run, item->error, &beside[i]);
    }
    if (!room) {
        return fail(err, STATUS_FULL, "the run is too large");
    }
    members[0] = (struct member){.name = SLICE("items"), .value = list};
    members[1] = (struct member){.name = SLICE("errors"), .value = errors};
    *out_output = output;
    return STATUS_OK;
}

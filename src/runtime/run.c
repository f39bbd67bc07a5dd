// SPDX-License-Identifier: Apache-2.0
#include "runtime/run.h"

#include <assert.h>

#include "base/memory.h"
#include "platform/folder.h"
#include "platform/hash.h"
#include "platform/json.h"
#include "platform/random.h"
#include "runtime/key_order.h"
#include "runtime/run_states.h"

const char *run_outcome_name(enum run_outcome outcome) {
    static const char *const NAMES[] = {"done", "failed", "skipped", "expired"};
    return NAMES[outcome];
}

struct id run_id_for(const struct workflow *workflow, const struct event *event) {
    if (!event->repeatable || event->id.count == 0) {
        return random_id();
    }
    const struct id source = hash_128(workflow->name, event->source);
    return hash_128(id_slice(&source), event->id);
}

const struct step *run_current(const struct run *run) {
    assert(run->current < run->version->workflow->step_count);
    return &run->version->workflow->steps[run->current];
}

/* A worker asks a jq child of the generation that this run began under: an expression has a second,
 * an agent's filter until its step's deadline. */
static status ask_jq(void *owner, const struct expression *expression, struct slice input,
                     struct arena *arena, struct value *out_value, struct error *err) {
    struct run *run = owner;
    const struct generation *generation = run->version->generation;
    struct jq_child *jq = run->ask_deadline_ns > 0 ? generation->filters : generation->jq;
    if (jq == NULL) {
        return fail(err, STATUS_SYSTEM, "no jq child runs for this workflow");
    }
    return jq_child_ask(jq, expression_program_number(expression), input, run->ask_deadline_ns,
                        arena, out_value, err);
}

static status make_run_variable(struct run *run, struct error *err) {
    struct value value;
    struct member *members = value_new_object(&run->arena, 2, &value);
    struct slice id = {0};
    if (members != NULL) {
        char text[RUN_ID_TEXT_BYTES];
        id_write_hex(run->id, text);
        id = arena_copy(&run->arena, slice_of(text));
    }
    if (id.bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a run");
    }
    members[0] = (struct member){.name = SLICE("id"), .value = value_of_text(id)};
    members[1] = (struct member){.name = SLICE("workflow"),
                                 .value = value_of_text(run->version->workflow->name)};
    run->context.run = value;
    return STATUS_OK;
}

static status make_context(struct run *run, const struct value *device, struct error *err) {
    const struct workflow *workflow = run->version->workflow;
    struct arena *arena = &run->arena;
    run->steps = arena_get(arena, workflow->step_count, sizeof(*run->steps));
    struct value steps;
    struct member *outputs = value_new_object(arena, workflow->step_count, &steps);
    run->context = (struct context){
        .arena = arena,
        .event = run->event->value,
        .device = *device,
        .params = workflow->param_values,
        .lets = workflow->lets,
        .let_count = workflow->let_count,
        .let_values = arena_get(arena, workflow->let_count, sizeof(struct value)),
        .let_states = arena_get(arena, workflow->let_count, 1),
        .query = ask_jq,
        .query_owner = run,
    };
    run->limited = arena_get(arena, workflow->result_count, sizeof(*run->limited));
    run->states =
        arena_get(arena, workflow->step_count + workflow->result_count, sizeof(*run->states));
    run->records = arena_get(arena, 2 * workflow->result_count + workflow->step_count + 1,
                             sizeof(*run->records));
    if (run->steps == NULL || run->limited == NULL || run->states == NULL || run->records == NULL ||
        outputs == NULL || run->context.let_values == NULL || run->context.let_states == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a run");
    }
    steps.count = 0; /* grows with each output: run_give */
    run->context.steps = steps;
    return make_run_variable(run, err);
}

status run_create(struct version *version, struct event *event, const struct value *device,
                  struct run **out_run, struct error *err) {
    struct run *run = memory_new(1, sizeof(*run));
    if (run == NULL) {
        event_destroy(event);
        return fail(err, STATUS_NO_MEMORY, "out of memory for a run");
    }
    run->version = version_share(version);
    run->event = event;
    run->key = key_order_of(version->workflow, event, device);
    run->id = run_id_for(version->workflow, event);
    run->began_ns = clock_boot_ns();
    arena_init(&run->arena, RUN_BYTES_MAX);
    buffer_init(&run->event_json, EVENT_BYTES_MAX);
    buffer_init(&run->step_json, RECORD_BYTES_MAX);
    if (make_context(run, device, err) != STATUS_OK) {
        run_destroy(run);
        return STATUS_NO_MEMORY;
    }
    *out_run = run;
    return STATUS_OK;
}

void run_leave_folder(struct run *run) {
    if (run->folder != NULL) {
        (void)folder_remove(run->folder, NULL); /* what stays goes at the next start */
        run->folder = NULL;
    }
}

void run_destroy(struct run *run) {
    if (run == NULL) {
        return;
    }
    key_order_give_back(run);
    if (run->slot_place != NULL) {
        *run->slot_place = run->slot_next;
        if (run->slot_next != NULL) {
            run->slot_next->slot_place = run->slot_place;
        }
    }
    timer_close(run->timer);
    run_leave_folder(run);
    run_blobs_done(&run->blobs);
    buffer_done(&run->event_json);
    buffer_done(&run->step_json);
    arena_done(&run->arena);
    event_destroy(run->event);
    version_release(run->version);
    memory_free(run);
}

void run_give(struct run *run, uint32_t index, struct value output) {
    run->steps[index].output = output;
    /* The array has a place for every step; what expressions hold already is not changed. */
    union {
        const struct member *fixed;
        struct member *open;
    } members = {.fixed = run->context.steps.members};
    const uint32_t count = run->context.steps.count;
    assert(count < run->version->workflow->step_count);
    members.open[count] = (struct member){
        .name = run->version->workflow->steps[index].id,
        .value = output,
    };
    run->context.steps.count = count + 1;
}

struct slice run_keep_text(struct run *run, const char *text) {
    const struct slice kept = arena_copy(&run->arena, slice_of(text));
    return kept.bytes != NULL ? kept : SLICE("out of memory for a sentence");
}

const char *run_keep(struct run *run, struct slice bytes) {
    const char *kept = arena_copy(&run->arena, bytes).bytes;
    return kept != NULL ? kept : "";
}

int64_t run_left_ms(const struct run *run) {
    const int64_t deadline_ms = run->version->workflow->deadline_ms;
    if (deadline_ms == 0) {
        return INT64_MAX;
    }
    const int64_t age_ms = event_age_ms(run->event);
    return age_ms > deadline_ms ? -1 : deadline_ms - age_ms;
}

void run_fail(struct run *run, enum run_outcome outcome, const struct error *err) {
    run->outcome = outcome;
    run->code = err->code;
    run->error = run_keep_text(run, err->text);
    run_conclude(run);
}

static status resume_step(struct run *run, const struct kept_step *kept, uint32_t index,
                          struct error *err) {
    struct run_step *step = &run->steps[index];
    step->attempts = kept->attempts;
    step->noted = true;
    if (kept->state == STEP_BEGUN) {
        step->began_before = true;
        return STATUS_OK;
    }
    struct value output = {0};
    if (kept->output.count > 0) {
        struct value json;
        TRY(run_states_read_step(run, index, kept->output, &json, err));
        TRY(run_blobs_restore_output(&run->blobs, index, &run->arena, json, &output, err));
    }
    step->phase = PHASE_DONE;
    run_give(run, index, output);
    return STATUS_OK;
}

status run_resume(struct run *run, const struct kept_run *kept, struct error *err) {
    const struct workflow *workflow = run->version->workflow;
    run->id = kept->id;
    run->kept = true;
    run->recoveries = kept->recoveries;
    TRY(make_run_variable(run, err));
    for (uint32_t k = 0; k < kept->step_count; k++) {
        for (uint32_t i = 0; i < workflow->step_count; i++) {
            if (slice_equal(workflow->steps[i].id, kept->steps[k].step) &&
                run->steps[i].phase == PHASE_FRESH) {
                TRY(resume_step(run, &kept->steps[k], i, err));
            }
        }
    }
    return STATUS_OK;
}

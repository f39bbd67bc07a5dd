// SPDX-License-Identifier: Apache-2.0
#include "runtime/run_states.h"

#include "platform/json.h"
#include "runtime/key_order.h"
#include "runtime/state_text.h"

/* Of a model's state that is never on disk. */
enum { MEMORY_STATE_BYTES_MAX = 2 << 20 };

bool run_states_keyed(const struct run *run) {
    return run_current(run)->state.by != NULL;
}

status run_states_check_key(struct run *run, struct error *err) {
    if (!run_states_keyed(run) || run->key.hash != 0) {
        return STATUS_OK;
    }
    return key_order_why_none(&run_current(run)->state, &run->context, err);
}

status run_states_give(struct run *run, struct value *out_state, struct error *err) {
    const struct slice state = run->steps[run->current].state;
    if (state.count == 0) {
        return STATUS_OK;
    }
    if (state_text_read(&run->arena, state, out_state, err) != STATUS_OK) {
        return fail_while(err, "read the state of '%.*s'", SLICE_ARGS(run->key.text));
    }
    return STATUS_OK;
}

static size_t disk_bytes(const struct run *run) {
    const struct workflow *workflow = run->version->workflow;
    size_t bytes = 0;
    for (uint32_t i = 0; i < workflow->step_count; i++) {
        const bool on_disk = run_states_on_disk(workflow, &workflow->steps[i]);
        bytes += on_disk ? run->steps[i].state_after.count : 0;
    }
    return bytes;
}

status run_states_take(struct run *run, struct error *err) {
    struct run_step *progress = &run->steps[run->current];
    if (!run_states_keyed(run)) {
        return STATUS_OK;
    }
    if (run->call.state_out.kind == VALUE_NULL) {
        progress->state_after = progress->state;
        return STATUS_OK;
    }
    const struct workflow *workflow = run->version->workflow;
    const bool on_disk = run_states_on_disk(workflow, run_current(run));
    const struct agent_manifest *manifest = run->version->agents[run->current].manifest;
    const size_t bytes_max =
        on_disk || !manifest->carries ? agent_state_bytes_max(manifest) : MEMORY_STATE_BYTES_MAX;
    if (state_text_write(&run->arena, run->call.state_out, bytes_max, &progress->state_after,
                         err) != STATUS_OK) {
        return fail_while(err, "keep the state of '%.*s'", SLICE_ARGS(run->key.text));
    }
    if (disk_bytes(run) > RUN_STATES_BYTES_MAX) {
        progress->state_after = (struct slice){0};
        return fail(err, STATUS_INVALID, "the states that a run leaves have more than %d bytes",
                    RUN_STATES_BYTES_MAX);
    }
    return STATUS_OK;
}

/* --- in a step's row -------------------------------------------------------------------------- */

void run_states_write_step(const struct run *run, uint32_t index, struct buffer *out) {
    const struct run_step *step = &run->steps[index];
    if (run->version->workflow->steps[index].state.by == NULL) {
        json_write(out, step->output);
        return;
    }
    buffer_add_text(out, "{\"state\":");
    json_write_text(out, step->state_after);
    buffer_add_text(out, ",\"output\":");
    json_write(out, step->output);
    buffer_add_byte(out, '}');
}

status run_states_read_step(struct run *run, uint32_t index, struct slice json,
                            struct value *out_output, struct error *err) {
    struct value value;
    TRY(json_read_wrapped(&run->arena, json, &value, err));
    if (run->version->workflow->steps[index].state.by == NULL) {
        *out_output = value;
        return STATUS_OK;
    }
    const struct value *state = value_get(value, SLICE("state"));
    const struct value *output = value_get(value, SLICE("output"));
    if (state == NULL || output == NULL) {
        return fail(err, STATUS_CORRUPT, "the row of a step has no state");
    }
    run->steps[index].state_after = value_text(*state);
    *out_output = *output;
    return STATUS_OK;
}

/* --- with the run's end ----------------------------------------------------------------------- */

bool run_states_on_disk(const struct workflow *workflow, const struct step *step) {
    return step->state.by != NULL && !step->state.in_memory &&
           workflow->state_durability.mode != DURABILITY_NONE;
}

bool run_states_with_end(const struct workflow *workflow, const struct step *step) {
    return run_states_on_disk(workflow, step) && workflow->state_durability.mode == DURABILITY_EACH;
}

int64_t run_states_expires_ns(const struct keyed_state *state) {
    return clock_boot_ns() + (state->ttl_ms > 0 ? state->ttl_ms : RUN_STATES_FOR_EVER_MS) * 1000000;
}

int64_t run_states_wall_ms(int64_t expires_ns) {
    const struct moment now = clock_now();
    const int64_t left_ms = (expires_ns - now.boot_ns) / 1000000;
    return now.wall_ms + (now.quality != CLOCK_BAD ? left_ms : RUN_STATES_FOR_EVER_MS);
}

void run_states_collect(struct run *run) {
    const struct workflow *workflow = run->version->workflow;
    run->state_count = 0;
    for (uint32_t i = 0; i < workflow->step_count; i++) {
        const struct step *step = &workflow->steps[i];
        const int64_t expires_ns = run_states_expires_ns(&step->state);
        if (run->steps[i].state_after.count > 0 && run_states_with_end(workflow, step)) {
            run->states[run->state_count++] =
                (struct state_write){.step = step->id,
                                     .key = run->key.text,
                                     .value = run->steps[i].state_after,
                                     .expires_wall_ms = run_states_wall_ms(expires_ns)};
        }
    }
}

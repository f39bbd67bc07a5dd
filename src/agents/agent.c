// SPDX-License-Identifier: Apache-2.0
#include "agents/agent.h"

#include "agents/blob_files.h"

status agent_whole_input(const struct agent_call *call, struct value *out_input,
                         struct error *err) {
    if (!call->keyed || call->state.kind == VALUE_NULL) {
        *out_input = call->with;
        return STATUS_OK;
    }
    struct value whole;
    struct member *members = value_new_object(call->arena, call->with.count + 1, &whole);
    if (members == NULL) {
        return fail(err, STATUS_FULL, "no room for the state beside the input");
    }
    whole.count = 0;
    for (uint32_t i = 0; i < call->with.count; i++) {
        if (!slice_is(call->with.members[i].name, "state")) { /* a default of the manifest */
            members[whole.count++] = call->with.members[i];
        }
    }
    members[whole.count++] = (struct member){.name = SLICE("state"), .value = call->state};
    *out_input = whole;
    return STATUS_OK;
}

/* Parts the state from what the step's expressions see. */
static status take_state(struct agent_call *call) {
    const struct value *state = value_get(call->out, SLICE("state"));
    if (!call->keyed || state == NULL) {
        return STATUS_OK;
    }
    struct value visible;
    struct member *members = value_new_object(call->arena, call->out.count, &visible);
    if (members == NULL) {
        return fail(&call->error, STATUS_FULL, "no room for the output without its state");
    }
    visible.count = 0;
    for (uint32_t i = 0; i < call->out.count; i++) {
        if (!slice_is(call->out.members[i].name, "state")) {
            members[visible.count++] = call->out.members[i];
        }
    }
    call->state_out = *state;
    call->out = visible;
    return STATUS_OK;
}

status agent_take_output(const struct agent_manifest *manifest, struct agent_call *call,
                         struct value value) {
    struct value checked = {0};
    if (value.kind != VALUE_OBJECT) {
        return fail(&call->error, STATUS_INVALID,
                    "the output of agent '%.*s' is a %s, not an object", SLICE_ARGS(manifest->name),
                    value_kind_name(value.kind));
    }
    if (call->run_folder != NULL &&
        blob_files_take(call->run_folder, call->arena, value, &value, &call->error) != STATUS_OK) {
        return fail_while(&call->error, "the output of agent '%.*s'", SLICE_ARGS(manifest->name));
    }
    if (field_set_check(&manifest->outputs, call->arena, value, &checked, &call->error) !=
        STATUS_OK) {
        return fail_while(&call->error, "the output of agent '%.*s'", SLICE_ARGS(manifest->name));
    }
    call->out = checked;
    TRY(take_state(call));
    call->error.code = STATUS_OK;
    return STATUS_OK;
}

size_t agent_state_bytes_max(const struct agent_manifest *manifest) {
    const struct field *field = field_find(&manifest->outputs, SLICE("state"));
    if (manifest->carries) {
        return AGENT_STATE_BYTES_MAX;
    }
    if (field == NULL || field->count_max == 0) {
        return AGENT_STATE_BYTES_DEFAULT;
    }
    return field->count_max < AGENT_STATE_BYTES_MAX ? (size_t)field->count_max
                                                    : AGENT_STATE_BYTES_MAX;
}

static const double MIB = 1024.0 * 1024.0;

void agent_requirements_of(const struct agent_manifest *manifest,
                           struct agent_requirements *out_requirements) {
    const double model_mb = (double)manifest->model_bytes / MIB;
    struct agent_requirements needs = {.model_size_mb = model_mb,
                                       .min_memory_mb = 2 * model_mb,
                                       .recommended_memory_mb = 4 * model_mb,
                                       .supports_gpu = false,
                                       .offline_capable = manifest->needs_offline};
    if (manifest->needs_memory_bytes > 0) {
        needs.min_memory_mb = (double)manifest->needs_memory_bytes / MIB;
    }
    if (manifest->memory_bytes > 0) {
        needs.recommended_memory_mb = (double)manifest->memory_bytes / MIB;
    }
    if (needs.recommended_memory_mb < needs.min_memory_mb) {
        needs.recommended_memory_mb = needs.min_memory_mb;
    }
    *out_requirements = needs;
}

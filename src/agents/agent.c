// SPDX-License-Identifier: Apache-2.0
#include "agents/agent.h"

#include "agents/blob_files.h"

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
    call->error.code = STATUS_OK;
    return STATUS_OK;
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

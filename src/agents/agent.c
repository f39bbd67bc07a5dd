// SPDX-License-Identifier: Apache-2.0
#include "agents/agent.h"

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

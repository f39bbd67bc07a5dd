/*
 * agent_manifest: agent.yaml read and checked: what an agent takes, gives, and needs.
 *
 * Format version 1 whole; reserved keys are refused by name. Plain data in an arena of its own, immutable, counted.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/id.h"
#include "wire/expression.h"
#include "wire/field.h"

struct fault_list;

enum process_protocol { PROTOCOL_LINES, PROTOCOL_ONCE };

enum {
    AGENT_OUTPUT_BYTES_DEFAULT = 64 * 1024,
    AGENT_OUTPUT_BYTES_MAX = 1 << 20,
    AGENT_INSTANCES_MAX = 64
};

struct agent_version {
    int major, minor, patch;
};

struct agent_manifest {
    struct slice name;
    struct agent_version version;
    struct slice version_text, summary, kind, license;
    struct slice folder; /* where agent.yaml lies: paths in it are relative to this; ended by a zero */
    struct id digest;    /* of the manifest and of the files that it names */
    struct field_set inputs, outputs; /* open when the manifest does not say */
    /* process */
    const char *const *command; /* ended by NULL */
    const char *const *environment; /* "NAME=value", ended by NULL: PATH, LANG, EBB_* and `env:` */
    enum process_protocol protocol;
    int instances;
    bool ready_first_line;
    int64_t memory_bytes, output_bytes;
    /* text */
    struct slice model_file; /* path, ended by a zero */
    /* jq */
    const struct expression *filter;
    bool actuator; /* acts on the outside: `repeat` is never unless the step says otherwise */
};

/* Reads `folder`/agent.yaml. On INVALID *out_faults holds every fault when the file could be read at all, else NULL. */
status agent_manifest_read(const char *folder, struct agent_manifest **out_manifest,
                           struct fault_list **out_faults, struct error *err);
struct agent_manifest *agent_manifest_share(struct agent_manifest *manifest);
void agent_manifest_release(struct agent_manifest *manifest);

bool agent_version_read(struct slice text, struct agent_version *out_version);

/* "^1", "^1.2", "~1.2", "1.2.0", ">=1.2", "*" or "": false when the range itself is wrong (then *out_valid is false). */
bool agent_version_in(struct agent_version version, struct slice range, bool *out_valid);

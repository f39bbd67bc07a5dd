/*
 * version: a workflow as it was read, with its agents opened and its jq programs in a child; what
 * a run is executed with from its first step to its last.
 *
 * Versions that were loaded together form a generation: one catalogue, one jq child for expressions
 * and one for the filters of agents, which may take as long as their steps. A reload makes a new
 * generation; the old one goes with the last run that began under it. Counted.
 *
 * Thread: loop; a run reads its version from a worker.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agents/adapters/jq_child.h"
#include "agents/agent.h"
#include "agents/catalog.h"
#include "wire/workflow.h"

struct generation {
    struct catalog *catalog;       /* owned */
    const struct binding *binding; /* of the workflows that are loaded; not owned; NULL: none */
    bool kept;                     /* what is loaded is the text of runs that were kept */
    struct jq_child *jq;      /* owned, as is the next; NULL while no version has such a program */
    struct jq_child *filters; /* of agents of kind jq */
    struct version *versions; /* while it is being loaded */
    uint32_t owners;
};

struct opened_agent {
    const struct agent_kind *kind;
    struct agent *agent; /* the catalogue's */
    const struct catalog_agent *entry;
    const struct agent_manifest *manifest;
};

struct version {
    struct workflow *workflow;     /* shared */
    struct generation *generation; /* shared */
    struct opened_agent *agents;   /* one a step; owned */
    uint32_t number;               /* the store's; 0 until it has answered */
    uint32_t owners;
    struct version *next; /* of its generation while that is being loaded */
};

/* A generation over the agents of these folders, ended by NULL; those that are missing are passed
 * over. The caller is its first owner. */
status generation_create(const char *const *agent_folders, struct generation **out_generation,
                         struct error *err);
void generation_release(struct generation *generation);

/* Takes over the agents of an older generation that are open and unchanged; before the first load.
 * NULL is fine. */
void generation_adopt(struct generation *generation, struct generation *older);

/* Reads a workflow and opens its agents. INVALID with *out_faults when the file has faults. */
status generation_load(struct generation *generation, struct loop *loop, struct slice file,
                       struct slice text, struct version **out_version,
                       struct fault_list **out_faults, struct error *err);

/* Gathers the jq programs of all versions and makes their children; call it after the last load and
 * before the first run. They are started by generation_warm, or by the first question. */
status generation_ready(struct generation *generation, struct error *err);

/* Compiles the jq programs; on a worker. */
status generation_warm(struct generation *generation, struct error *err);

struct version *version_share(struct version *version);
void version_release(struct version *version);

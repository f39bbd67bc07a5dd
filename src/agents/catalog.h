/*
 * catalog: the agents there are, by name and version, from folders and from ebb itself.
 *
 * A folder holds NAME/agent.yaml (any folder name; the manifest's name counts). Several versions of one agent may stand side by side; a
 * reference takes the highest that fits. An agent is opened when the first workflow that names it is loaded, and shared from then on.
 *
 * Thread: loop (and the CLI's only thread).
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/agent.h"
#include "agents/agent_manifest.h"
#include "wire/workflow.h"

struct catalog;
struct catalog_agent; /* what step.agent_pinned points to */

status catalog_create(struct catalog **out_catalog, struct error *err);
void catalog_destroy(struct catalog *catalog); /* closes what is open */

/* Adds every agent of a folder; a folder that is not there is no error. A manifest with faults is kept as a fault of its name, so that a
 * workflow that needs it says why. */
status catalog_add_folder(struct catalog *catalog, const char *folder, struct error *err);

/* For workflow_read: workflow_doors.resolve with the catalogue as owner. */
status catalog_resolve(void *catalog, struct slice name, struct slice range, const struct field_set **out_inputs,
                       const struct field_set **out_outputs, const void **out_pinned, bool *out_actuator, struct error *err);

/* Opens it (once) and gives kind and agent. */
status catalog_open(struct catalog *catalog, struct loop *loop, const struct catalog_agent *pinned,
                    const struct agent_kind **out_kind, struct agent **out_agent, struct error *err);

const struct agent_manifest *catalog_manifest(const struct catalog_agent *pinned);
const struct agent_kind *catalog_kind(const struct catalog_agent *pinned);
struct agent_stats *catalog_stats(const struct catalog_agent *pinned); /* the runner counts */

void catalog_each(const struct catalog *catalog, void (*each)(void *owner, const struct catalog_agent *agent), void *owner);
const struct catalog_agent *catalog_find(const struct catalog *catalog, struct slice name);

/* The kinds of this build, ended by a NULL name. */
const struct agent_kind *const *catalog_kinds(void);

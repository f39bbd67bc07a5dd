/*
 * catalog: the agents there are, by name and version, from folders and from ebb itself.
 *
 * A folder holds NAME/agent.yaml (any folder name; the manifest's name counts). Several versions of
 * one agent may stand side by side; a reference takes the highest that fits. Where two folders hold
 * the same name and version, the one that was added first counts. An agent is opened when the first
 * workflow that names it is loaded, and shared from then on.
 *
 * A reload makes a new catalogue and lets the old one go when the last run that began under it has
 * ended. catalog_adopt, called between the two, lets both hold the same opened agents where nothing
 * changed. They are counted by the catalogues that hold them: the last one closes them, so an agent
 * lives as long as a catalogue from which a run may still call it.
 *
 * Thread: loop (and the CLI's only thread). Reading folders blocks on the disk.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/agent.h"
#include "agents/agent_manifest.h"
#include "wire/workflow.h"

struct catalog;
struct catalog_agent; /* what step.agent_pinned points to: lives as long as its catalogue */

/* Of folders: one beside each of a daemon's workflows, and those that were named. */
enum { CATALOG_AGENTS_MAX = 1000, CATALOG_FOLDERS_MAX = 1024 };

/* An empty one. */
status catalog_create(struct catalog **out_catalog, struct error *err);

/* Closes what is open and held by no other catalogue; see agent_kind.close. NULL is fine. */
void catalog_destroy(struct catalog *catalog);

/* Adds every agent of a folder; a folder that is not there is no error. A manifest with faults is
 * kept as a fault of its name, so that a workflow that needs it says why. */
status catalog_add_folder(struct catalog *catalog, const char *folder, struct error *err);

/* Takes over the agents of `old` that are open, not broken, and the same in `catalog` by folder,
 * name and digest: their processes and models stay as they are, their numbers go on. Agents with a
 * jq filter are not taken over, since programs are numbered anew with each jq child. Call it after
 * the last catalog_add_folder and before the first catalog_resolve. `old` can be used as before. */
void catalog_adopt(struct catalog *catalog, struct catalog *old);

/* For workflow_read: workflow_doors.resolve with the catalogue as owner. NOT_FOUND names the
 * nearest agent, or the versions there are; INVALID a range that is none, or the first fault of the
 * agent's manifest. */
status catalog_resolve(void *catalog, struct slice name, struct slice range,
                       struct workflow_agent *out_agent, struct error *err);

/* What a workflow is made of that was read with catalog_resolve: its text, and every agent that a
 * step of it has, wherever that lies. */
struct id catalog_digest(const struct workflow *workflow);

/* Whether the agent would open on this machine; its kind says, where it can without running it. */
status catalog_check(const struct agent_manifest *manifest, struct error *err);

/* Opens it (once) and gives kind and agent. */
status catalog_open(struct catalog *catalog, struct loop *loop, const struct catalog_agent *pinned,
                    const struct agent_kind **out_kind, struct agent **out_agent,
                    struct error *err);

const struct agent_manifest *catalog_manifest(const struct catalog_agent *pinned);
const struct agent_kind *catalog_kind(const struct catalog_agent *pinned);

/* Its numbers: the runner counts calls, the kind knows restarts and whether it is broken. */
struct agent_stats *catalog_stats(const struct catalog_agent *pinned);

/* Calls `each` for every number that it reports of itself. */
void catalog_metrics(const struct catalog_agent *pinned,
                     void (*each)(void *owner, const char *name, double number), void *owner);

/* By the opened agent where there is one, else by the manifest. */
void catalog_requirements(const struct catalog_agent *pinned,
                          struct agent_requirements *out_requirements);

/* Calls `each` for all agents, in the order of names, the highest version first. */
void catalog_each(const struct catalog *catalog,
                  void (*each)(void *owner, const struct catalog_agent *agent), void *owner);

/* Calls `each` for every manifest that cannot be used: its name (or its folder's), and why. */
void catalog_each_fault(const struct catalog *catalog,
                        void (*each)(void *owner, struct slice name, struct slice why),
                        void *owner);

/* The highest version, or NULL. */
const struct catalog_agent *catalog_find(const struct catalog *catalog, struct slice name);

/* Every version of that name is broken no more: a person has asked for another try. */
void catalog_mend(struct catalog *catalog, struct slice name);

/* The kinds of this build, ended by NULL. */
const struct agent_kind *const *catalog_kinds(void);

/*
 * reload: workflow files from their folders into slots, at the start and again without dropping an
 * event.
 *
 * A folder holds NAME.yaml files, or folders with a workflow.yaml; agents stand in `agents/` beside
 * a file, and so do the schemas that it names, which are no workflows. A file with faults leaves
 * the older version at work and says why; a file that is gone leaves its slot to finish what was
 * kept; an unchanged one (its agents too) is not touched.
 *
 * Thread: loop (reads small files). Survives: the files are the truth; whether a workflow is
 * stopped is a file in DATA/stopped. SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "runtime/orchestrator.h"

enum { RELOAD_FOLDERS_MAX = 8, RELOAD_FILES_MAX = 1000 };

struct reload_places {
    const char *file;                          /* one file alone (`ebb run`), or NULL */
    const char *workflows[RELOAD_FOLDERS_MAX]; /* folders, ended by NULL */
    const char *agents[RELOAD_FOLDERS_MAX];    /* more folders of agents, ended by NULL */
    const struct binding *binding;             /* of all workflows; not owned; NULL: none */
    /* Brings the binding up to date before every reload but the first; NULL: it stays. */
    void (*refresh)(void *owner);
    void *owner;
};

/* What a file's faults are told to; the text is several lines. */
typedef void reload_listener(void *owner, const char *file, struct slice faults);

/* Reads everything and installs it. `first`: also takes up the runs that were kept. The count of
 * workflows at work is put out. An error is one of the machine; faults of files go to the listener.
 * After an error of the first time nothing must be run; later, what is at work stays at work. */
status reload_workflows(struct orchestrator *orchestrator, const struct reload_places *places,
                        bool first, reload_listener *listener, void *owner, struct error *err);

/* Whether a person has stopped the workflow, and making it so. */
bool reload_is_stopped(const struct orchestrator *orchestrator, const char *name);
status reload_set_stopped(const struct orchestrator *orchestrator, const char *name, bool stopped,
                          struct error *err);

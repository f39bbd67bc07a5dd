/*
 * skeleton: a new folder of files to begin with, written whole or not at all.
 *
 * Texts are constant; @NAME@ in them becomes the name that a person chose. Nothing that is there is
 * ever written over. What the files hold is the business of the `ebb new` commands.
 *
 * Thread: the CLI's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>

#include "base/buffer.h"
#include "cli/call.h"

enum { SKELETON_BYTES_MAX = 4 << 20 }; /* of one file */

struct skeleton_file {
    const char *name; /* @NAME@ here too */
    const char *text; /* NULL: made by `write` */
    /* Appends the file; `folder` is where the files before it stand already. */
    status (*write)(const char *folder, struct buffer *out, struct error *err);
};

struct skeleton {
    const char *what;   /* "workflow" */
    const char *name;   /* as it was typed */
    const char *folder; /* that is made */
    const struct skeleton_file *files;
    size_t count;
    const char *next; /* the command that tries it, @NAME@ in it */
};

/* The line by which an editor finds the schema that stands beside a file, and the files' names. */
#define SKELETON_SCHEMA_LINE     "# yaml-language-server: $schema="
#define SKELETON_WORKFLOW_SCHEMA "workflow.schema.json"
#define SKELETON_AGENT_SCHEMA    "agent.schema.json"

/* INVALID with a name that would do, unless the text may be a name. */
status skeleton_check_name(const char *what, const char *name, struct error *err);

/* Makes the folder with its files and says what to try next; under --dry-run it only says what it
 * would do. CONFLICT when there is something of that name. */
status skeleton_write(struct call *call, const struct skeleton *skeleton, struct error *err);

/*
 * call: what a person typed, taken apart by the command's row, and where its answer goes.
 *
 * Lives from main to the end of the command; everything that a command makes on the way may go
 * into its arena. It refuses what the command does not take before anything is done.
 *
 * Thread: the CLI's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/value.h"
#include "cli/command.h"
#include "cli/terminal.h"

enum { CALL_ARENA_BYTES_MAX = 256 << 20, CALL_ARGUMENTS_MAX = 10000 };

struct call_value {
    const struct command_option *option;
    const char *text; /* NULL for a switch */
};

struct call {
    const struct command *command;
    const char **arguments; /* owned; the texts are main's */
    size_t argument_count;
    struct call_value *values; /* owned; in the order in which they were typed */
    size_t value_count;
    bool json, dry_run, wants_help;
    const char *socket; /* of a daemon that the command runs itself; NULL: as daemon.h says */
    struct terminal terminal;
    FILE *out;  /* the answer */
    FILE *talk; /* everything else */
    struct arena arena;
};

/* Takes the words after the command's own apart. INVALID: an unknown option (with the nearest), a
 * missing value, too few or too many arguments; with --help only the options are looked at. */
status call_read(struct call *call, const struct command *command, const char *const *words,
                 size_t count, struct error *err);
void call_done(struct call *call);

/* The option's value (the last one where it stands twice), or NULL. */
const char *call_option(const struct call *call, const char *name);

/* As if the option had been typed as well, behind the others; both outlive the call. */
status call_add(struct call *call, const struct command_option *option, const char *text,
                struct error *err);

/* A switch was given. */
bool call_has(const struct call *call, const char *name);

/* The option's whole number; `otherwise` where it is not given, INVALID where it is none from least
 * to most. */
status call_number(const struct call *call, const char *name, int64_t least, int64_t most,
                   int64_t otherwise, int64_t *out_number, struct error *err);

/* The argument of that index, or NULL. */
const char *call_argument(const struct call *call, size_t index);

/* Writes a value to the answer: on one line, or spread for people. */
status call_write_json(struct call *call, struct value value, bool spread, struct error *err);

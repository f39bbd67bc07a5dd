/*
 * expression_scanner: what a program that is not native reads, found by scanning its words.
 *
 * It knows for every place in the text whether `.` may be the context there: behind a `|` it is
 * not, in the arguments of unknown functions it may be. So only what a program reads is handed to
 * the jq child, and the checker sees which steps and variables are named. Where it is unsure it
 * takes the whole context; what jq would refuse it need not understand.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "wire/expression_tree.h"
#include "wire/lexer.h"

enum {
    SCANNER_DEPTH_MAX = 128, /* brackets, ifs and defs inside one another */
    SCANNER_BOUND_MAX = 256, /* local variables in sight */
    SCANNER_PATHS_MAX = 64,  /* above that the whole context is read */
    SCANNER_VARIABLES_MAX = 64
};

struct scanned {
    struct path *paths; /* of the context for certain, and of variables: for the checker */
    uint32_t path_count;
    struct path *reads; /* of the context perhaps */
    uint32_t read_count;
    struct slice *variables; /* not bound by the program itself, each once */
    uint32_t variable_count;
    bool reads_all;
};

/* INVALID: nested too deep, or too many variables. */
status expression_scan(struct arena *arena, const struct expression *expression,
                       const struct token *tokens, uint32_t count, struct scanned *out_scanned,
                       uint32_t *out_at, struct error *err);

/*
 * expression_tree: a native expression as the parser leaves it and the evaluator walks it.
 *
 * Plain data in the arena of what it belongs to (a workflow, a manifest), never changed after it
 * was made. Only the files wire/expression*.c look inside.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/value.h"
#include "wire/expression.h"

enum node_kind {
    NODE_LITERAL,
    NODE_ROOT,     /* . */
    NODE_VARIABLE, /* $name */
    NODE_PATH,     /* left, then steps */
    NODE_COMPARE,
    NODE_AND,
    NODE_OR,
    NODE_NOT,
    NODE_ALTERNATIVE, /* // */
    NODE_TEXT,        /* interpolation: parts, each a node */
    NODE_LIST,        /* parts */
    NODE_OBJECT       /* parts: name, value, name, value ... */
};

enum comparison {
    COMPARE_EQUAL,
    COMPARE_UNEQUAL,
    COMPARE_LESS,
    COMPARE_LESS_EQUAL,
    COMPARE_GREATER,
    COMPARE_GREATER_EQUAL
};

enum variable { VARIABLE_PARAMS, VARIABLE_DEVICE, VARIABLE_RUN, VARIABLE_NAME, VARIABLE_LET };

enum context_root {
    ROOT_EVENT,
    ROOT_STEPS,
    ROOT_INPUTS,
    ROOT_STATE,
    ROOT_DOCS,
    ROOT_ITEM,
    ROOT_COUNT
};

struct path_step {
    struct slice name; /* .bytes NULL: an index */
    int32_t index;     /* negative: from the end */
    bool optional;     /* ? */
};

struct node {
    enum node_kind kind;
    uint32_t begin, end; /* bytes in the expression's text */
    enum comparison comparison;
    enum variable variable;
    uint32_t count;          /* of parts, of steps, of nots */
    enum context_root first; /* PATH from ROOT: what its first step names */
    union {
        struct slice name; /* VARIABLE_LET */
        struct value literal;
        const struct path_step *steps; /* PATH */
        const struct node **parts;
    };
    const struct node *left, *right;
};

/* What a program that is not native reads of its input. */
struct program {
    struct slice text;        /* wrapped */
    uint32_t offset;          /* of the user's text in it */
    bool reads_all;           /* of the context: a bare `.` may see it */
    const struct path *reads; /* otherwise these, and nothing else of it */
    uint32_t read_count;
    const struct slice *variables; /* bound by the wrapping, each once */
    uint32_t variable_count;
};

struct expression {
    struct slice text;
    struct place place;
    int indent;                    /* the column at which its later lines begin */
    const struct node *root;       /* NULL: not native */
    const struct program *program; /* NULL: native */
    const struct path *paths;      /* what it reads, for the checker */
    uint32_t path_count;
    uint32_t *number; /* set once, before the expression is shared */
};

/* The context's root of that name, or ROOT_COUNT. */
enum context_root context_root_of(struct slice name);
const char *context_root_name(enum context_root root);
struct value context_root_value(const struct context *context, enum context_root root);

/* expression_compile for a text whose later lines begin at column `indent`. */
status expression_compile_in(struct arena *arena, struct slice text, struct place place, int indent,
                             const struct expression **out_expression, struct place *out_place,
                             struct error *err);

/* Which variable `$name` is. */
enum variable variable_of(struct slice name);

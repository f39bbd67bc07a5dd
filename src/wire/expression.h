/*
 * expression: what stands between ${ and }, compiled once, evaluated on a run's context.
 *
 * The language is jq. Paths, literals, the six comparisons, `and or not`, `//`, string
 * interpolation, and objects and lists of these are native: compiled here, evaluated here, under a
 * microsecond. Everything else is kept as a jq program that a door given by the caller evaluates
 * in another process (runtime) or checks (cli). One difference is meant: < <= > >= between null
 * and a number is INVALID natively.
 *
 * Thread: compiled expressions are immutable and shared; a context belongs to its run.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/value.h"
#include "platform/yaml.h"

enum {
    EXPRESSION_BYTES_MAX = 16 * 1024,
    EXPRESSION_DEPTH_MAX = 32,           /* brackets and interpolations inside one another */
    EXPRESSION_TEXT_BYTES_MAX = 2 << 20, /* of a text that marks or interpolations make */
    EXPRESSION_INPUT_BYTES_MAX = 8 << 20 /* of the JSON that a jq program is handed */
};

struct expression;
struct template;

/* A `let:`: a name and a template that is evaluated when it is first used in a run. */
struct let {
    struct slice name;
    struct place place;
    const struct template *template;
};

/* What a run's expressions see. Null where a root is empty. */
struct context {
    struct arena *arena;                                  /* values that are made go here */
    struct value event, steps, inputs, state, docs, item; /* .event ... */
    struct value params, device, run, name;               /* $params ... */
    struct value decoded; /* when it is not null it is `.` instead of the roots: jq agents,
                             and `event:` and `by:` of the reach */
    const struct let *lets;
    uint32_t let_count;
    struct value *let_values;  /* one per let, for this run */
    unsigned char *let_states; /* one per let: 0 not yet, 1 being evaluated, 2 known */
    /* Evaluates what is not native. `input` is the JSON that expression_program's text wants; no
     * output is null. NULL: such expressions fail. */
    status (*query)(void *owner, const struct expression *expression, struct slice input,
                    struct arena *arena, struct value *out_value, struct error *err);
    void *query_owner;
};

/* Compiles the text. A condition that yields nothing is false, a value that yields nothing null.
 * `place` is where the text's first character stands in its file. INVALID names what is wrong;
 * *out_place says where, inside the file; lines after the first are taken to begin at the same
 * column, as those of a block scalar do. Text that is not native is accepted unless it is fenced
 * (input, include, import, env, $ENV, halt, debug ...) or not even lexically jq; whether it
 * compiles the jq compiler says later. */
status expression_compile(struct arena *arena, struct slice text, struct place place,
                          const struct expression **out_expression, struct place *out_place,
                          struct error *err);

bool expression_is_native(const struct expression *expression);
struct slice expression_text(const struct expression *expression);
struct place expression_place(const struct expression *expression);

/* The place of byte `at` of the expression's text. */
struct place expression_place_of(const struct expression *expression, uint32_t at);

/* For what is not native: the whole jq program to compile (the user's text wrapped so that the
 * variables are bound), and by how many characters the wrapping moves the user's text on its first
 * line. */
struct slice expression_program(const struct expression *expression);
uint32_t expression_program_offset(const struct expression *expression);

/* A number that whoever compiles jq programs gives it (runtime: its index in the child); 0 at
 * first. Set before the expression is shared. */
void expression_set_program(const struct expression *expression, uint32_t number);
uint32_t expression_program_number(const struct expression *expression);

/* INVALID carries "line:column: what". */
status expression_evaluate(const struct expression *expression, struct context *context,
                           struct value *out_value, struct error *err);
status expression_holds(const struct expression *expression, struct context *context,
                        bool *out_holds, struct error *err);

/* The static paths it reads, for the checker: `visit` is called with the root ("event", "steps",
 * "$params" ...) and the names that follow as far as they are literal. For a program that is not
 * native these are found by scanning its text, strings and comments left out; a bare `.` visits an
 * empty root. */
struct path {
    struct slice root;
    const struct slice *names;
    uint32_t name_count;
    bool indexed; /* behind the names stands [N]; known of native ones alone */
    struct place place;
};
void expression_visit(const struct expression *expression,
                      void (*visit)(void *owner, const struct path *path), void *owner);

/* A value with marks inside: `with:`, `from:`, `key:`, a let. Literals are kept as they are; a
 * scalar that is nothing but one mark keeps its value's type, else it is text; $${ is a literal
 * ${. A key holds no mark. Places of marks are exact in block scalars and in scalars of one line;
 * an escape (\n) in front of one moves it, and so does a line that YAML folds. */
status template_compile(struct arena *arena, const struct yaml *node,
                        const struct template **out_template, struct place *out_place,
                        struct error *err);
status template_render(const struct template *template, struct context *context,
                       struct value *out_value, struct error *err);
bool template_is_literal(const struct template *template);

/* Calls `each` for every expression inside. */
void template_visit(const struct template *template,
                    void (*each)(void *owner, const struct expression *expression), void *owner);

/* The literal parts known before anything runs, for the checker: the value with null in place of
 * marks (false: no room); template_member_is_marked says whether member `name` of an object
 * template holds a mark. */
bool template_shape(const struct template *template, struct arena *arena, struct value *out_shape);
bool template_member_is_marked(const struct template *template, struct slice name);

/* Whether such a member is text, a list or an object with marks inside, and so of that kind
 * whatever the marks become. */
bool template_member_kind(const struct template *template, struct slice name,
                          enum value_kind *out_kind);

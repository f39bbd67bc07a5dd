// SPDX-License-Identifier: Apache-2.0
#include "wire/expression.h"

#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "wire/expression_evaluator.h"
#include "wire/expression_fence.h"
#include "wire/expression_input.h"
#include "wire/expression_parser.h"
#include "wire/expression_scanner.h"
#include "wire/expression_tree.h"
#include "wire/lexer.h"

static const char *const ROOT_NAMES[ROOT_COUNT] = {"event", "steps", "inputs",
                                                   "state", "docs",  "item"};

enum context_root context_root_of(struct slice name) {
    unsigned root = 0;
    while (root < ROOT_COUNT && !slice_is(name, ROOT_NAMES[root])) {
        root++;
    }
    return (enum context_root)root;
}

const char *context_root_name(enum context_root root) {
    return ROOT_NAMES[root];
}

struct value context_root_value(const struct context *context, enum context_root root) {
    switch (root) {
    case ROOT_EVENT:
        return context->event;
    case ROOT_STEPS:
        return context->steps;
    case ROOT_INPUTS:
        return context->inputs;
    case ROOT_STATE:
        return context->state;
    case ROOT_DOCS:
        return context->docs;
    case ROOT_ITEM:
        return context->item;
    case ROOT_COUNT:
        break;
    }
    return (struct value){0};
}

enum variable variable_of(struct slice name) {
    static const char *const NAMES[] = {"params", "device", "run", "name"};
    unsigned variable = 0;
    while (variable < VARIABLE_LET && !slice_is(name, NAMES[variable])) {
        variable++;
    }
    return (enum variable)variable;
}

/* Compiling -------------------------------------------------------------------------------- */

struct compiling {
    struct arena *arena; /* what stays */
    struct arena *brief; /* tokens */
    struct expression *expression;
    uint32_t at; /* where it is wrong */
    struct error *err;
};

static status no_room(struct compiling *compiling) {
    return fail(compiling->err, STATUS_FULL, "no room for the expression");
}

static status check_bytes(struct compiling *compiling, struct slice text) {
    if (text.count > EXPRESSION_BYTES_MAX) {
        return fail(compiling->err, STATUS_INVALID,
                    "an expression has at most %d bytes, this one has %zu", EXPRESSION_BYTES_MAX,
                    text.count);
    }
    const size_t zero = slice_find(text, '\0');
    if (zero != text.count) {
        compiling->at = (uint32_t)zero;
        return fail(compiling->err, STATUS_INVALID, "a zero byte is not part of jq");
    }
    if (!text_is_utf8(text)) {
        return fail(compiling->err, STATUS_INVALID, "the expression is not UTF-8");
    }
    return STATUS_OK;
}

/* The names of a path's steps as far as they are literal. */
static bool path_of(struct compiling *compiling, const struct node *base, const struct node *path,
                    struct path *out_path) {
    const uint32_t steps = path != NULL ? path->count : 0;
    uint32_t count = 0;
    while (count < steps && path->steps[count].name.bytes != NULL) {
        count++;
    }
    struct slice *names = arena_get(compiling->arena, count, sizeof(*names));
    if (names == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        names[i] = path->steps[i].name;
    }
    const struct expression *expression = compiling->expression;
    *out_path = (struct path){
        .names = names,
        .name_count = count,
        .indexed = count < steps && !path->steps[count].optional,
        .place = expression_place_of(expression, base->begin),
    };
    if (base->kind == NODE_VARIABLE) {
        out_path->root =
            slice_part(expression->text, base->begin, base->begin + 1 + base->name.count);
    } else if (count > 0) {
        out_path->root = names[0];
        out_path->names++;
        out_path->name_count--;
    }
    return true;
}

/* Counts the paths below `node`, and writes them when there is where to. */
static uint32_t list_paths(struct compiling *compiling, const struct node *node, struct path *paths,
                           bool *out_fits) {
    const struct node *base = node->kind == NODE_PATH ? node->left : node;
    if (base->kind == NODE_ROOT || base->kind == NODE_VARIABLE) {
        if (paths != NULL) {
            *out_fits =
                *out_fits && path_of(compiling, base, node->kind == NODE_PATH ? node : NULL, paths);
        }
        return 1;
    }
    uint32_t count = 0;
    const bool has_parts =
        node->kind == NODE_TEXT || node->kind == NODE_LIST || node->kind == NODE_OBJECT;
    for (uint32_t i = 0; has_parts && i < node->count; i++) {
        count +=
            list_paths(compiling, node->parts[i], paths != NULL ? paths + count : NULL, out_fits);
    }
    /* Chains are nested to the right: a loop there, recursion only to the left. */
    while (node != NULL && !has_parts) {
        if (node->left == NULL) {
            break;
        }
        count += list_paths(compiling, node->left, paths != NULL ? paths + count : NULL, out_fits);
        const struct node *right = node->right;
        if (right != NULL && right->kind != node->kind) {
            count += list_paths(compiling, right, paths != NULL ? paths + count : NULL, out_fits);
            break;
        }
        node = right;
    }
    return count;
}

static status finish_native(struct compiling *compiling, const struct node *root) {
    struct expression *expression = compiling->expression;
    bool fits = true;
    const uint32_t count = list_paths(compiling, root, NULL, &fits);
    struct path *paths = arena_get(compiling->arena, count, sizeof(*paths));
    if (paths == NULL) {
        return no_room(compiling);
    }
    (void)list_paths(compiling, root, paths, &fits);
    if (!fits) {
        return no_room(compiling);
    }
    expression->root = root;
    expression->paths = paths;
    expression->path_count = count;
    return STATUS_OK;
}

/* `.v.a as $a|.c|(` text, line end, `)`: a comment at the text's end must not swallow the
 * bracket. */
static status wrap(struct compiling *compiling, struct program *program) {
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, 4 * EXPRESSION_BYTES_MAX);
    for (uint32_t i = 0; i < program->variable_count; i++) {
        const struct slice name = program->variables[i];
        buffer_print(&text, ".v.\"%.*s\" as $%.*s|", SLICE_ARGS(name), SLICE_ARGS(name));
    }
    buffer_add_text(&text, ".c|(");
    program->offset = (uint32_t)text.count;
    buffer_add(&text, compiling->expression->text);
    buffer_add_text(&text, "\n)");
    TRY(buffer_status(&text, compiling->err));
    program->text = arena_copy(compiling->arena, buffer_slice(&text));
    return program->text.bytes != NULL ? STATUS_OK : no_room(compiling);
}

static status finish_program(struct compiling *compiling, const struct token *tokens,
                             uint32_t count) {
    struct expression *expression = compiling->expression;
    struct program *program = arena_get(compiling->arena, 1, sizeof(*program));
    if (program == NULL) {
        return no_room(compiling);
    }
    struct scanned scanned;
    TRY(expression_scan(compiling->arena, expression, tokens, count, &scanned, &compiling->at,
                        compiling->err));
    *program = (struct program){
        .reads_all = scanned.reads_all,
        .reads = scanned.reads,
        .read_count = scanned.read_count,
        .variables = scanned.variables,
        .variable_count = scanned.variable_count,
    };
    expression->program = program;
    expression->paths = scanned.paths;
    expression->path_count = scanned.path_count;
    return wrap(compiling, program);
}

static status compile(struct compiling *compiling, struct slice text) {
    struct expression *expression = compiling->expression;
    TRY(check_bytes(compiling, text));
    expression->text = arena_copy(compiling->arena, text);
    expression->number = arena_get(compiling->arena, 1, sizeof(*expression->number));
    if (expression->text.bytes == NULL || expression->number == NULL) {
        return no_room(compiling);
    }
    const struct token *tokens = NULL;
    uint32_t count = 0;
    TRY(expression_tokens(compiling->brief, expression->text, &tokens, &count, &compiling->at,
                          compiling->err));
    TRY(expression_fence(tokens, count, &compiling->at, compiling->err));
    const struct node *root = NULL;
    TRY(expression_parse(compiling->arena, expression->text, &root, &compiling->at,
                         compiling->err));
    return root != NULL ? finish_native(compiling, root) : finish_program(compiling, tokens, count);
}

status expression_compile(struct arena *arena, struct slice text, struct place place,
                          const struct expression **out_expression, struct place *out_place,
                          struct error *err) {
    return expression_compile_in(arena, text, place, place.column, out_expression, out_place, err);
}

status expression_compile_in(struct arena *arena, struct slice text, struct place place, int indent,
                             const struct expression **out_expression, struct place *out_place,
                             struct error *err) {
    struct expression *expression = arena_get(arena, 1, sizeof(*expression));
    if (expression == NULL) {
        *out_place = place;
        return fail(err, STATUS_FULL, "no room for the expression");
    }
    expression->place = place;
    expression->indent = indent;
    CLEANUP(arena_done) struct arena brief;
    arena_init(&brief, (size_t)EXPRESSION_BYTES_MAX * 4 * sizeof(struct token));
    struct compiling compiling = {
        .arena = arena, .brief = &brief, .expression = expression, .err = err};
    const status compiled = compile(&compiling, text);
    if (compiled != STATUS_OK) {
        *out_place = lexer_place_in(text, place, indent, compiling.at);
        return compiled;
    }
    *out_expression = expression;
    return STATUS_OK;
}

bool expression_is_native(const struct expression *expression) {
    return expression->root != NULL;
}

struct slice expression_text(const struct expression *expression) {
    return expression->text;
}

struct place expression_place(const struct expression *expression) {
    return expression->place;
}

struct place expression_place_of(const struct expression *expression, uint32_t at) {
    return lexer_place_in(expression->text, expression->place, expression->indent, at);
}

struct slice expression_program(const struct expression *expression) {
    return expression->program != NULL ? expression->program->text : (struct slice){0};
}

uint32_t expression_program_offset(const struct expression *expression) {
    return expression->program != NULL ? expression->program->offset : 0;
}

void expression_set_program(const struct expression *expression, uint32_t number) {
    *expression->number = number;
}

uint32_t expression_program_number(const struct expression *expression) {
    return *expression->number;
}

void expression_visit(const struct expression *expression,
                      void (*visit)(void *owner, const struct path *path), void *owner) {
    for (uint32_t i = 0; i < expression->path_count; i++) {
        visit(owner, &expression->paths[i]);
    }
}

/* Evaluating ------------------------------------------------------------------------------- */

static status ask(const struct expression *expression, struct context *context,
                  struct value *out_value, struct error *err) {
    CLEANUP(buffer_done) struct buffer input;
    buffer_init(&input, EXPRESSION_INPUT_BYTES_MAX);
    if (context->query == NULL) {
        return fail(err, STATUS_INVALID, "nothing here evaluates jq");
    }
    TRY(expression_input(expression, context, &input, err));
    return context->query(context->query_owner, expression, buffer_slice(&input), context->arena,
                          out_value, err);
}

status expression_evaluate(const struct expression *expression, struct context *context,
                           struct value *out_value, struct error *err) {
    bool empty = false;
    struct value value = {0};
    if (expression->root != NULL) {
        TRY(expression_walk(expression, context, &value, &empty, err));
        *out_value = empty ? (struct value){0} : value;
        return STATUS_OK;
    }
    const status asked = ask(expression, context, &value, err);
    if (asked != STATUS_OK) {
        expression_fail_at(expression, 0, err);
        return asked;
    }
    *out_value = value;
    return STATUS_OK;
}

status expression_holds(const struct expression *expression, struct context *context,
                        bool *out_holds, struct error *err) {
    struct value value = {0};
    TRY(expression_evaluate(expression, context, &value, err));
    *out_holds = value_truth(value);
    return STATUS_OK;
}

// SPDX-License-Identifier: Apache-2.0
#include "wire/expression_scanner.h"

#include <string.h>

#include "wire/expression_fence.h"
#include "wire/jq_words.h"

/* May `.` be the context here? */
enum sight { SIGHT_NONE, SIGHT_MAYBE, SIGHT_ROOT };

/* What is open: a bracket, an `if`, a `def`. Variables bound inside go with it. */
struct frame {
    char kind; /* ( [ { m, i for if, d for def, c for a call, r for the body of reduce, foreach */
    enum sight base; /* at its start, and again where a new part begins */
    enum sight now;
    uint32_t bound;    /* how many variables were in sight before it */
    const char *parts; /* call, reduce: for each argument r: sees what the call sees, n: does not;
                          NULL: unknown function */
    uint32_t part;
};

struct scanner {
    struct arena *arena;
    const struct expression *expression;
    const struct token *tokens;
    uint32_t count;
    uint32_t at;  /* the token that is looked at */
    bool defines; /* a `def` may give any name another meaning */
    struct frame frames[SCANNER_DEPTH_MAX];
    uint32_t depth; /* frames in use; there is always one */
    struct slice bound[SCANNER_BOUND_MAX];
    uint32_t bound_count;
    struct scanned *out;
    uint32_t *out_at;
    struct error *err;
};

static const struct token *token_at(const struct scanner *scanner, uint32_t index) {
    return &scanner->tokens[index < scanner->count ? index : scanner->count - 1];
}

static struct frame *top(struct scanner *scanner) {
    return &scanner->frames[scanner->depth - 1];
}

static bool is_after(const struct scanner *scanner, const char *name) {
    return scanner->at > 0 && token_is_name(token_at(scanner, scanner->at - 1), name);
}

/* What a term at this token sees; `catch` sees the error. */
static enum sight sight_here(struct scanner *scanner) {
    return is_after(scanner, "catch") ? SIGHT_NONE : top(scanner)->now;
}

static bool is_postfix(const struct scanner *scanner) {
    return scanner->at > 0 && token_ends_term(token_at(scanner, scanner->at - 1));
}

static status refuse(struct scanner *scanner, const char *sentence) {
    *scanner->out_at = token_at(scanner, scanner->at)->begin;
    return fail(scanner->err, STATUS_INVALID, "%s", sentence);
}

static status no_room(struct scanner *scanner) {
    return fail(scanner->err, STATUS_FULL, "no room for the expression");
}

/* Frames ----------------------------------------------------------------------------------- */

static status push(struct scanner *scanner, struct frame frame) {
    if (scanner->depth == SCANNER_DEPTH_MAX) {
        return refuse(scanner, "brackets, `if` and `def` are nested too deep");
    }
    frame.bound = scanner->bound_count;
    frame.now = frame.base;
    scanner->frames[scanner->depth++] = frame;
    return STATUS_OK;
}

static void pop(struct scanner *scanner) {
    if (scanner->depth > 1) {
        scanner->bound_count = top(scanner)->bound;
        scanner->depth--;
    }
}

static void begin_part(struct scanner *scanner, enum sight sight) {
    top(scanner)->now = sight;
    scanner->bound_count = top(scanner)->bound;
}

static enum sight sight_of_part(const struct frame *frame, enum sight outside) {
    if (outside == SIGHT_NONE) {
        return SIGHT_NONE;
    }
    if (frame->parts == NULL) {
        return SIGHT_MAYBE;
    }
    const char part = frame->part < strlen(frame->parts) ? frame->parts[frame->part] : 'n';
    return part == 'r' ? outside : SIGHT_NONE;
}

static status bind(struct scanner *scanner, struct slice name) {
    if (scanner->bound_count == SCANNER_BOUND_MAX) {
        return refuse(scanner, "too many variables");
    }
    scanner->bound[scanner->bound_count++] = name;
    return STATUS_OK;
}

/* Recording -------------------------------------------------------------------------------- */

static bool is_bound(const struct scanner *scanner, struct slice name) {
    for (uint32_t i = 0; i < scanner->bound_count; i++) {
        if (slice_equal(scanner->bound[i], name)) {
            return true;
        }
    }
    return false;
}

static status add_variable(struct scanner *scanner, struct slice name) {
    struct scanned *out = scanner->out;
    for (uint32_t i = 0; i < out->variable_count; i++) {
        if (slice_equal(out->variables[i], name)) {
            return STATUS_OK;
        }
    }
    if (out->variable_count == SCANNER_VARIABLES_MAX) {
        return refuse(scanner, "too many variables");
    }
    out->variables[out->variable_count++] = name;
    return STATUS_OK;
}

/* What the program reads decides what it is handed: beyond the bound that is everything. */
static void add_path(struct scanner *scanner, struct path path, enum sight sight) {
    struct scanned *out = scanner->out;
    const bool is_variable = path.root.count > 0 && path.root.bytes[0] == '$';
    if (sight == SIGHT_ROOT && out->path_count < SCANNER_PATHS_MAX) {
        out->paths[out->path_count++] = path;
    }
    if (is_variable || sight == SIGHT_NONE) {
        return;
    }
    if (path.root.count == 0 || out->read_count == SCANNER_PATHS_MAX) {
        out->reads_all = true;
        return;
    }
    out->reads[out->read_count++] = path;
}

static void see_everything(struct scanner *scanner, const struct token *token, bool named) {
    const enum sight sight = sight_here(scanner);
    if (sight == SIGHT_NONE) {
        return;
    }
    scanner->out->reads_all = true;
    if (named) {
        add_path(scanner,
                 (struct path){.place = expression_place_of(scanner->expression, token->begin)},
                 sight);
    }
}

/* Paths ------------------------------------------------------------------------------------ */

/* A literal string from token `index` on (its quote): its text, and in *out_next what follows. */
static status literal_string(struct scanner *scanner, uint32_t index, struct slice *out_text,
                             uint32_t *out_next, bool *out_is_literal) {
    const struct token *part = token_at(scanner, index + 1);
    *out_is_literal = false;
    if (part->kind == TOKEN_UNQUOTE) {
        *out_text = SLICE("");
        *out_next = index + 2;
        *out_is_literal = true;
        return STATUS_OK;
    }
    if (part->kind != TOKEN_PART || token_at(scanner, index + 2)->kind != TOKEN_UNQUOTE) {
        return STATUS_OK;
    }
    TRY(lexer_unescape(scanner->arena, part, out_text, scanner->out_at, scanner->err));
    *out_next = index + 3;
    *out_is_literal = true;
    return STATUS_OK;
}

/* One literal step of a path at token `index`: .a, ."a", ["a"]. */
static status literal_step(struct scanner *scanner, uint32_t index, struct slice *out_name,
                           uint32_t *out_next, bool *out_is_step) {
    const struct token *token = token_at(scanner, index);
    *out_is_step = false;
    if (token->kind == TOKEN_FIELD) {
        *out_name = token->text;
        *out_next = index + 1;
        *out_is_step = true;
        return STATUS_OK;
    }
    const bool bracket = token_is(token, "[");
    if ((!bracket && !token_is(token, ".")) || token_at(scanner, index + 1)->kind != TOKEN_QUOTE) {
        return STATUS_OK;
    }
    TRY(literal_string(scanner, index + 1, out_name, out_next, out_is_step));
    if (*out_is_step && bracket) {
        *out_is_step = token_is(token_at(scanner, *out_next), "]");
        (*out_next)++;
    }
    return STATUS_OK;
}

/* Follows literal steps from token `index` on. Later tokens are met again by the main loop, as
 * postfixes, which add nothing. */
static status follow(struct scanner *scanner, uint32_t index, struct slice *names, uint32_t room,
                     uint32_t *out_count) {
    uint32_t count = 0;
    bool is_step = true;
    while (is_step && count < room) {
        TRY(literal_step(scanner, index, &names[count], &index, &is_step));
        count += is_step ? 1 : 0;
        while (is_step && token_is(token_at(scanner, index), "?")) {
            index++;
        }
    }
    *out_count = count;
    return STATUS_OK;
}

enum { STEPS_MAX = 16 };

static status add_names(struct scanner *scanner, const struct token *from, struct slice root,
                        const struct slice *names, uint32_t count, enum sight sight) {
    struct slice *copy = arena_get(scanner->arena, count, sizeof(*copy));
    if (copy == NULL) {
        return no_room(scanner);
    }
    for (uint32_t i = 0; i < count; i++) {
        copy[i] = names[i];
    }
    add_path(scanner,
             (struct path){
                 .root = root,
                 .names = copy,
                 .name_count = count,
                 .place = expression_place_of(scanner->expression, from->begin),
             },
             sight);
    return STATUS_OK;
}

/* A term that begins with a dot or a field. */
static status see_path(struct scanner *scanner) {
    const struct token *token = token_at(scanner, scanner->at);
    struct slice names[STEPS_MAX];
    uint32_t count = 0;
    /* `.["a"]`: the bracket stands behind the dot; `."a"` is a step of its own. */
    const bool bare =
        token_is(token, ".") && token_at(scanner, scanner->at + 1)->kind != TOKEN_QUOTE;
    TRY(follow(scanner, scanner->at + (bare ? 1 : 0), names, STEPS_MAX, &count));
    if (count == 0) {
        see_everything(scanner, token, true);
        return STATUS_OK;
    }
    return add_names(scanner, token, names[0], names + 1, count - 1, sight_here(scanner));
}

static status see_variable(struct scanner *scanner) {
    const struct token *token = token_at(scanner, scanner->at);
    if (is_bound(scanner, token->text)) {
        return STATUS_OK;
    }
    struct slice names[STEPS_MAX];
    uint32_t count = 0;
    TRY(add_variable(scanner, token->text));
    TRY(follow(scanner, scanner->at + 1, names, STEPS_MAX, &count));
    const struct slice root = slice_part(scanner->expression->text, token->begin, token->end);
    return add_names(scanner, token, root, names, count, SIGHT_ROOT);
}

/* Words ------------------------------------------------------------------------------------ */

/* How many arguments the call has whose bracket is token `index`. */
static uint32_t argument_count(const struct scanner *scanner, uint32_t index) {
    uint32_t arguments = 1;
    uint32_t depth = 0;
    for (; index < scanner->count; index++) {
        const struct token *token = token_at(scanner, index);
        if (token_opens(token)) {
            depth++;
        } else if (token_closes(token)) {
            depth--;
            if (depth == 0) {
                break;
            }
        } else if (depth == 1 && token_is(token, ";")) {
            arguments++;
        }
    }
    return arguments;
}

static status see_call(struct scanner *scanner) {
    const struct token *token = token_at(scanner, scanner->at);
    const bool has_arguments = token_is(token_at(scanner, scanner->at + 1), "(");
    const uint32_t arguments = has_arguments ? argument_count(scanner, scanner->at + 1) : 0;
    const char *parts = scanner->defines ? NULL : jq_function_parts(token->text, arguments);
    const enum sight outside = sight_here(scanner);
    if (parts == NULL) {
        see_everything(scanner, token, false);
    }
    if (!has_arguments) {
        return STATUS_OK;
    }
    scanner->at++;
    struct frame frame = {.kind = 'c', .parts = parts};
    frame.base = sight_of_part(&frame, outside);
    TRY(push(scanner, frame));
    return STATUS_OK;
}

/* `def f($a; g): body;` up to its colon. Its input is unknown. */
static status see_def(struct scanner *scanner) {
    TRY(push(scanner, (struct frame){.kind = 'd', .base = SIGHT_MAYBE}));
    while (scanner->at + 1 < scanner->count && !token_is(token_at(scanner, scanner->at), ":")) {
        const struct token *token = token_at(scanner, scanner->at);
        if (token->kind == TOKEN_VARIABLE) {
            TRY(bind(scanner, token->text));
        }
        scanner->at++;
    }
    return STATUS_OK;
}

/* The pattern behind `as`, up to the `|` of a binding or the bracket of reduce and foreach. */
static status see_pattern(struct scanner *scanner) {
    const uint32_t begin = scanner->at + 1;
    uint32_t depth = 0;
    uint32_t end = begin;
    for (; end + 1 < scanner->count; end++) {
        const struct token *token = token_at(scanner, end);
        if (depth == 0 && (token_is(token, "|") || token_is(token, "(") || token_closes(token))) {
            break;
        }
        depth += token_opens(token) ? 1 : 0;
        depth -= token_closes(token) ? 1 : 0;
    }
    scanner->at = end;
    if (token_is(token_at(scanner, end), "(")) {
        struct frame frame = {.kind = 'r', .parts = "rnn"};
        frame.base = top(scanner)->now;
        TRY(push(scanner, frame));
    } else if (!token_is(token_at(scanner, end), "|")) {
        scanner->at = end - 1; /* not jq: the main loop closes what is open */
    }
    for (uint32_t i = begin; i < end; i++) {
        if (token_at(scanner, i)->kind == TOKEN_VARIABLE) {
            TRY(bind(scanner, token_at(scanner, i)->text));
        }
    }
    return STATUS_OK;
}

/* {a} and {"a"} read .a. */
static status see_shorthand(struct scanner *scanner, struct slice name, uint32_t next) {
    const struct token *token = token_at(scanner, scanner->at);
    if (token_is(token_at(scanner, next), ":")) {
        return STATUS_OK;
    }
    return add_names(scanner, token, name, NULL, 0, sight_here(scanner));
}

static status see_member_string(struct scanner *scanner) {
    struct slice name = {0};
    uint32_t next = 0;
    bool is_literal = false;
    TRY(literal_string(scanner, scanner->at, &name, &next, &is_literal));
    if (is_literal) {
        return see_shorthand(scanner, name, next);
    }
    /* Interpolated: whether it is a shorthand is not worth finding out. */
    see_everything(scanner, token_at(scanner, scanner->at), false);
    return STATUS_OK;
}

static status see_name(struct scanner *scanner) {
    const struct token *token = token_at(scanner, scanner->at);
    const bool is_object = top(scanner)->kind == '{';
    if (expression_is_member_name(scanner->tokens, scanner->at, is_object)) {
        return see_shorthand(scanner, token->text, scanner->at + 1);
    }
    if (slice_is(token->text, "def")) {
        return see_def(scanner);
    }
    if (slice_is(token->text, "as")) {
        return see_pattern(scanner);
    }
    if (slice_is(token->text, "if")) {
        return push(scanner, (struct frame){.kind = 'i', .base = sight_here(scanner)});
    }
    if (slice_is(token->text, "then") || slice_is(token->text, "elif") ||
        slice_is(token->text, "else")) {
        if (top(scanner)->kind == 'i') {
            begin_part(scanner, top(scanner)->base);
        }
        return STATUS_OK;
    }
    if (slice_is(token->text, "end")) {
        if (top(scanner)->kind == 'i') {
            pop(scanner);
        }
        return STATUS_OK;
    }
    if (slice_is(token->text, "label")) {
        scanner->at += 2; /* `$out` and its `|` */
        return STATUS_OK;
    }
    if (slice_is(token->text, "break")) {
        scanner->at++;
        return STATUS_OK;
    }
    return token_is_keyword(token) ? STATUS_OK : see_call(scanner);
}

/* Signs ------------------------------------------------------------------------------------ */

/* `;` ends an argument, a part of reduce, or a def. */
static void see_semicolon(struct scanner *scanner) {
    struct frame *frame = top(scanner);
    if (frame->kind == 'd') {
        pop(scanner);
        return;
    }
    frame->part++;
    if (frame->kind != 'c' && frame->kind != 'r') {
        return;
    }
    const struct frame *outside = &scanner->frames[scanner->depth - 2];
    const enum sight sight = sight_of_part(frame, outside->now);
    if (frame->kind == 'r') {
        frame->now = sight; /* its variables stay in sight */
    } else {
        begin_part(scanner, sight);
    }
}

/* An `if` or `def` that a bracket cuts off is not jq; it must not keep the bracket open. */
static void see_closing(struct scanner *scanner) {
    while (scanner->depth > 1 && (top(scanner)->kind == 'i' || top(scanner)->kind == 'd')) {
        pop(scanner);
    }
    pop(scanner);
}

static status see_sign(struct scanner *scanner) {
    const struct token *token = token_at(scanner, scanner->at);
    if (token_is(token, ".")) {
        return is_postfix(scanner) ? STATUS_OK : see_path(scanner);
    }
    if (token_is(token, "..") || token_assigns(token)) {
        see_everything(scanner, token, token_is(token, ".."));
    } else if (token_is(token, "|")) {
        top(scanner)->now = SIGHT_NONE;
    } else if (token_is(token, ";")) {
        see_semicolon(scanner);
    } else if (token_is(token, ",") && top(scanner)->kind == '{') {
        begin_part(scanner, top(scanner)->base);
    } else if (token_closes(token)) {
        see_closing(scanner);
    } else if (token_opens(token)) {
        return push(scanner,
                    (struct frame){.kind = token->text.bytes[0], .base = sight_here(scanner)});
    }
    return STATUS_OK;
}

static status see(struct scanner *scanner) {
    const struct token *token = token_at(scanner, scanner->at);
    switch (token->kind) {
    case TOKEN_FIELD:
        return is_postfix(scanner) ? STATUS_OK : see_path(scanner);
    case TOKEN_VARIABLE:
        return see_variable(scanner);
    case TOKEN_NAME:
        return see_name(scanner);
    case TOKEN_FORMAT:
        if (token_at(scanner, scanner->at + 1)->kind != TOKEN_QUOTE) {
            see_everything(scanner, token, false);
        }
        return STATUS_OK;
    case TOKEN_QUOTE:
        return expression_is_member_name(scanner->tokens, scanner->at, top(scanner)->kind == '{')
                   ? see_member_string(scanner)
                   : STATUS_OK;
    case TOKEN_OPEN_MARK:
        return push(scanner, (struct frame){.kind = 'm', .base = top(scanner)->now});
    case TOKEN_CLOSE_MARK:
        see_closing(scanner);
        return STATUS_OK;
    case TOKEN_SIGN:
        return see_sign(scanner);
    default:
        return STATUS_OK;
    }
}

static bool defines_something(const struct token *tokens, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (token_is_name(&tokens[i], "def")) {
            return true;
        }
    }
    return false;
}

/* The scan's lists have room for the most there may be; what stays is as large as it is. */
static void *shrunk(struct arena *arena, const void *items, uint32_t count, size_t bytes_each) {
    void *copy = arena_get(arena, count, bytes_each);
    if (copy != NULL && count > 0) {
        (void)memcpy(copy, items, count * bytes_each);
    }
    return copy;
}

static status shrink(struct arena *arena, struct scanned *scanned, struct error *err) {
    scanned->paths = shrunk(arena, scanned->paths, scanned->path_count, sizeof(struct path));
    scanned->reads = shrunk(arena, scanned->reads, scanned->read_count, sizeof(struct path));
    scanned->variables =
        shrunk(arena, scanned->variables, scanned->variable_count, sizeof(struct slice));
    if (scanned->paths == NULL || scanned->reads == NULL || scanned->variables == NULL) {
        return fail(err, STATUS_FULL, "no room for the expression");
    }
    return STATUS_OK;
}

status expression_scan(struct arena *arena, const struct expression *expression,
                       const struct token *tokens, uint32_t count, struct scanned *out_scanned,
                       uint32_t *out_at, struct error *err) {
    struct path paths[SCANNER_PATHS_MAX];
    struct path reads[SCANNER_PATHS_MAX];
    struct slice variables[SCANNER_VARIABLES_MAX];
    struct scanned scanned = {.paths = paths, .reads = reads, .variables = variables};
    struct scanner scanner = {
        .arena = arena,
        .expression = expression,
        .tokens = tokens,
        .count = count,
        .defines = defines_something(tokens, count),
        .frames = {{.kind = '(', .base = SIGHT_ROOT, .now = SIGHT_ROOT}},
        .depth = 1,
        .out = &scanned,
        .out_at = out_at,
        .err = err,
    };
    for (; scanner.at < count; scanner.at++) {
        TRY(see(&scanner));
    }
    TRY(shrink(arena, &scanned, err));
    *out_scanned = scanned;
    return STATUS_OK;
}

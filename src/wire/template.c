// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "wire/expression.h"
#include "wire/expression_evaluator.h"
#include "wire/expression_tree.h"
#include "wire/joined_text.h"
#include "wire/lexer.h"

enum template_kind {
    TEMPLATE_LITERAL, /* no mark anywhere below */
    TEMPLATE_MARK,    /* one expression, whose value keeps its type */
    TEMPLATE_TEXT,    /* parts, literal and marks, joined */
    TEMPLATE_LIST,
    TEMPLATE_OBJECT
};

struct template {
    enum template_kind kind;
    struct value literal;
    const struct expression *expression;
    const struct template *parts; /* of text, list, object */
    const struct slice *names;    /* of the parts of an object */
    uint32_t count;
};

struct compiling {
    struct arena *arena;
    struct place *out_place;
    struct error *err;
};

static status compile_node(struct compiling *compiling, const struct yaml *node,
                           struct template *template);

static status no_room(struct compiling *compiling, const struct yaml *node) {
    *compiling->out_place = node->place;
    return fail(compiling->err, STATUS_FULL, "no room for the value");
}

/* Scalars ---------------------------------------------------------------------------------- */

/* The parts of a scalar while it is read: literal text between marks. */
struct scalar {
    struct compiling *compiling;
    const struct yaml *node;
    struct template *parts;
    uint32_t count, room;
    uint32_t marks;
    bool escaped; /* a $${ stood in it */
    size_t known; /* the byte up to which lines and columns were counted, and its place: a scalar
                     may have tens of thousands of marks */
    struct place known_place;
};

/* The place of byte `at`, which is not before the one that was asked for last. */
static struct place place_in(struct scalar *scalar, size_t at) {
    const struct yaml *node = scalar->node;
    const struct slice rest = slice_part(node->text, scalar->known, node->text.count);
    scalar->known_place = lexer_place_in(rest, scalar->known_place, node->place.column,
                                         (uint32_t)(at - scalar->known));
    scalar->known = at;
    return scalar->known_place;
}

static status add_part(struct scalar *scalar, struct template part) {
    if (scalar->count == scalar->room) {
        const uint32_t room = scalar->room == 0 ? 2 : scalar->room * 2;
        struct template *parts = arena_get(scalar->compiling->arena, room, sizeof(*parts));
        if (parts == NULL) {
            return no_room(scalar->compiling, scalar->node);
        }
        if (scalar->count > 0) {
            (void)memcpy(parts, scalar->parts, scalar->count * sizeof(*parts));
        }
        scalar->parts = parts;
        scalar->room = room;
    }
    scalar->parts[scalar->count++] = part;
    return STATUS_OK;
}

static status add_text(struct scalar *scalar, size_t from, size_t to) {
    const struct slice text =
        arena_copy(scalar->compiling->arena, slice_part(scalar->node->text, from, to));
    if (text.bytes == NULL) {
        return no_room(scalar->compiling, scalar->node);
    }
    return text.count == 0 ? STATUS_OK
                           : add_part(scalar, (struct template){.kind = TEMPLATE_LITERAL,
                                                                .literal = value_of_text(text)});
}

/* The closing brace of the mark whose expression begins at `from`: the first that the lexer finds
 * outside strings, comments and brackets. */
static status find_close(struct scalar *scalar, size_t from, size_t *out_close) {
    struct compiling *compiling = scalar->compiling;
    const struct slice rest = slice_part(scalar->node->text, from, scalar->node->text.count);
    struct token token = {.kind = TOKEN_NAME};
    struct lexer lexer;
    lexer_init(&lexer, rest);
    lexer.ends_at_brace = true;
    while (token.kind != TOKEN_END) {
        uint32_t at = 0;
        const status got = lexer_next(&lexer, &token, &at, compiling->err);
        if (got != STATUS_OK) {
            *compiling->out_place = place_in(scalar, from + at);
            return got;
        }
    }
    if (lexer.at >= rest.count) {
        *compiling->out_place = place_in(scalar, from - 2);
        return fail(compiling->err, STATUS_INVALID, "'${' is not closed: '}' is missing");
    }
    *out_close = from + lexer.at;
    return STATUS_OK;
}

static status add_mark(struct scalar *scalar, size_t from, size_t to) {
    struct compiling *compiling = scalar->compiling;
    const struct slice inside = slice_part(scalar->node->text, from, to);
    const struct slice text = slice_trim(inside);
    from += text.bytes != NULL ? (size_t)(text.bytes - inside.bytes) : 0;
    struct template mark = {.kind = TEMPLATE_MARK};
    TRY(expression_compile_in(compiling->arena, text, place_in(scalar, from),
                              scalar->node->place.column, &mark.expression, compiling->out_place,
                              compiling->err));
    scalar->marks++;
    return add_part(scalar, mark);
}

static status read_scalar(struct scalar *scalar) {
    const struct slice text = scalar->node->text;
    size_t done = 0;
    size_t at = 0;
    while (at < text.count) {
        const struct slice rest = slice_part(text, at, text.count);
        if (slice_starts(rest, "$${")) {
            TRY(add_text(scalar, done, at));
            scalar->escaped = true;
            done = at + 1;
            at += 3;
        } else if (slice_starts(rest, "${")) {
            size_t close = 0;
            TRY(add_text(scalar, done, at));
            TRY(find_close(scalar, at + 2, &close));
            TRY(add_mark(scalar, at + 2, close));
            at = close + 1;
            done = at;
        } else {
            at++;
        }
    }
    return add_text(scalar, done, text.count);
}

/* A `|` block ends with a line end that nobody meant as text. */
static bool is_one_mark(const struct scalar *scalar) {
    if (scalar->marks != 1 || scalar->parts[0].kind != TEMPLATE_MARK || scalar->escaped) {
        return false;
    }
    return scalar->count == 1 ||
           (scalar->count == 2 && slice_is(value_text(scalar->parts[1].literal), "\n"));
}

/* A literal shares nothing with the node. */
static status compile_literal(struct compiling *compiling, const struct yaml *node,
                              struct template *template) {
    struct value value = {0};
    template->kind = TEMPLATE_LITERAL;
    return yaml_value(compiling->arena, node, &value) &&
                   value_copy(compiling->arena, value, &template->literal)
               ? STATUS_OK
               : no_room(compiling, node);
}

/* Without a mark only $${ is to be resolved. */
static status join_literals(const struct scalar *scalar, struct template *template) {
    struct compiling *compiling = scalar->compiling;
    struct value *texts = arena_get(compiling->arena, scalar->count, sizeof(*texts));
    if (texts == NULL) {
        return no_room(compiling, scalar->node);
    }
    for (uint32_t i = 0; i < scalar->count; i++) {
        texts[i] = scalar->parts[i].literal;
    }
    template->kind = TEMPLATE_LITERAL;
    *compiling->out_place = scalar->node->place;
    return joined_text(compiling->arena, texts, scalar->count, &template->literal, compiling->err);
}

static status compile_scalar(struct compiling *compiling, const struct yaml *node,
                             struct template *template) {
    struct scalar scalar = {.compiling = compiling, .node = node, .known_place = node->place};
    TRY(read_scalar(&scalar));
    if (scalar.marks == 0) {
        return scalar.escaped ? join_literals(&scalar, template)
                              : compile_literal(compiling, node, template);
    }
    if (is_one_mark(&scalar)) {
        *template = scalar.parts[0];
        return STATUS_OK;
    }
    *template =
        (struct template){.kind = TEMPLATE_TEXT, .parts = scalar.parts, .count = scalar.count};
    return STATUS_OK;
}

/* Lists and objects ------------------------------------------------------------------------ */

static status compile_list(struct compiling *compiling, const struct yaml *node,
                           struct template *template) {
    struct template *parts = arena_get(compiling->arena, node->count, sizeof(*parts));
    if (parts == NULL) {
        return no_room(compiling, node);
    }
    for (uint32_t i = 0; i < node->count; i++) {
        TRY(compile_node(compiling, &node->items[i], &parts[i]));
    }
    *template = (struct template){.kind = TEMPLATE_LIST, .parts = parts, .count = node->count};
    return STATUS_OK;
}

static bool has_mark(struct slice text) {
    for (size_t i = 0; i + 1 < text.count; i++) {
        if (text.bytes[i] == '$' && text.bytes[i + 1] == '{') {
            return true;
        }
    }
    return false;
}

static status compile_object(struct compiling *compiling, const struct yaml *node,
                             struct template *template) {
    struct template *parts = arena_get(compiling->arena, node->count, sizeof(*parts));
    struct slice *names = arena_get(compiling->arena, node->count, sizeof(*names));
    if (parts == NULL || names == NULL) {
        return no_room(compiling, node);
    }
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        if (has_mark(pair->key)) {
            *compiling->out_place = pair->key_place;
            return fail(compiling->err, STATUS_INVALID,
                        "a key is literal; an object with a key that is not is one expression: "
                        "${ {(.a): .b} }");
        }
        names[i] = arena_copy(compiling->arena, pair->key);
        if (names[i].bytes == NULL) {
            return no_room(compiling, node);
        }
        TRY(compile_node(compiling, &pair->value, &parts[i]));
    }
    *template = (struct template){
        .kind = TEMPLATE_OBJECT, .parts = parts, .names = names, .count = node->count};
    return STATUS_OK;
}

/* What has no mark below becomes one literal, rendered by sharing it. */
static status settle(struct compiling *compiling, const struct yaml *node,
                     struct template *template) {
    for (uint32_t i = 0; i < template->count; i++) {
        if (template->parts[i].kind != TEMPLATE_LITERAL) {
            return STATUS_OK;
        }
    }
    struct value literal = {0};
    if (!template_shape(template, compiling->arena, &literal)) {
        return no_room(compiling, node);
    }
    *template = (struct template){.kind = TEMPLATE_LITERAL, .literal = literal};
    return STATUS_OK;
}

static status compile_node(struct compiling *compiling, const struct yaml *node,
                           struct template *template) {
    switch (node->kind) {
    case YAML_LIST:
        TRY(compile_list(compiling, node, template));
        return settle(compiling, node, template);
    case YAML_MAP:
        TRY(compile_object(compiling, node, template));
        return settle(compiling, node, template);
    case YAML_SCALAR:
        break;
    }
    return compile_scalar(compiling, node, template);
}

status template_compile(struct arena *arena, const struct yaml *node,
                        const struct template **out_template, struct place *out_place,
                        struct error *err) {
    struct compiling compiling = {.arena = arena, .out_place = out_place, .err = err};
    struct template *template = arena_get(arena, 1, sizeof(*template));
    if (template == NULL) {
        return no_room(&compiling, node);
    }
    TRY(compile_node(&compiling, node, template));
    *out_template = template;
    return STATUS_OK;
}

/* Rendering -------------------------------------------------------------------------------- */

static status render(const struct template *template, struct context *context,
                     struct value *out_value, struct error *err);

static status render_text(const struct template *template, struct context *context,
                          struct value *out_value, struct error *err) {
    struct value *parts = arena_get(context->arena, template->count, sizeof(*parts));
    if (parts == NULL) {
        return fail(err, STATUS_FULL, "no room for a text");
    }
    for (uint32_t i = 0; i < template->count; i++) {
        TRY(render(&template->parts[i], context, &parts[i], err));
    }
    return joined_text(context->arena, parts, template->count, out_value, err);
}

static status render_list(const struct template *template, struct context *context,
                          struct value *out_value, struct error *err) {
    struct value list = {0};
    struct value *items = value_new_list(context->arena, template->count, &list);
    if (items == NULL) {
        return fail(err, STATUS_FULL, "no room for a list");
    }
    for (uint32_t i = 0; i < template->count; i++) {
        TRY(render(&template->parts[i], context, &items[i], err));
    }
    *out_value = list;
    return STATUS_OK;
}

static status render_object(const struct template *template, struct context *context,
                            struct value *out_value, struct error *err) {
    struct value object = {0};
    struct member *members = value_new_object(context->arena, template->count, &object);
    if (members == NULL) {
        return fail(err, STATUS_FULL, "no room for an object");
    }
    for (uint32_t i = 0; i < template->count; i++) {
        members[i].name = template->names[i];
        TRY(render(&template->parts[i], context, &members[i].value, err));
    }
    *out_value = object;
    return STATUS_OK;
}

static status render(const struct template *template, struct context *context,
                     struct value *out_value, struct error *err) {
    switch (template->kind) {
    case TEMPLATE_LITERAL:
        *out_value = template->literal;
        return STATUS_OK;
    case TEMPLATE_MARK:
        return expression_evaluate(template->expression, context, out_value, err);
    case TEMPLATE_TEXT:
        return render_text(template, context, out_value, err);
    case TEMPLATE_LIST:
        return render_list(template, context, out_value, err);
    case TEMPLATE_OBJECT:
        return render_object(template, context, out_value, err);
    }
    return STATUS_OK;
}

status template_render(const struct template *template, struct context *context,
                       struct value *out_value, struct error *err) {
    struct value value = {0};
    TRY(render(template, context, &value, err));
    if (template->kind != TEMPLATE_LITERAL && !expression_depth_fits(value)) {
        return fail(err, STATUS_INVALID, "the value is nested more than %d deep", VALUE_DEPTH_MAX);
    }
    *out_value = value;
    return STATUS_OK;
}

bool template_is_literal(const struct template *template) {
    return template->kind == TEMPLATE_LITERAL;
}

/* For the checker -------------------------------------------------------------------------- */

void template_visit(const struct template *template,
                    void (*each)(void *owner, const struct expression *expression), void *owner) {
    if (template->kind == TEMPLATE_MARK) {
        each(owner, template->expression);
    }
    for (uint32_t i = 0; i < template->count; i++) {
        template_visit(&template->parts[i], each, owner);
    }
}

static bool shape_list(const struct template *template, struct arena *arena,
                       struct value *out_shape) {
    struct value *items = value_new_list(arena, template->count, out_shape);
    bool shaped = items != NULL;
    for (uint32_t i = 0; shaped && i < template->count; i++) {
        shaped = template_shape(&template->parts[i], arena, &items[i]);
    }
    return shaped;
}

static bool shape_object(const struct template *template, struct arena *arena,
                         struct value *out_shape) {
    struct member *members = value_new_object(arena, template->count, out_shape);
    bool shaped = members != NULL;
    for (uint32_t i = 0; shaped && i < template->count; i++) {
        members[i].name = template->names[i];
        shaped = template_shape(&template->parts[i], arena, &members[i].value);
    }
    return shaped;
}

bool template_shape(const struct template *template, struct arena *arena, struct value *out_shape) {
    switch (template->kind) {
    case TEMPLATE_LITERAL:
        *out_shape = template->literal;
        return true;
    case TEMPLATE_LIST:
        return shape_list(template, arena, out_shape);
    case TEMPLATE_OBJECT:
        return shape_object(template, arena, out_shape);
    default:
        *out_shape = (struct value){0};
        return true;
    }
}

static const struct template *find_member(const struct template *template, struct slice name) {
    for (uint32_t i = 0; template->kind == TEMPLATE_OBJECT && i < template->count; i++) {
        if (slice_equal(template->names[i], name)) {
            return &template->parts[i];
        }
    }
    return NULL;
}

bool template_member_is_marked(const struct template *template, struct slice name) {
    const struct template *member = find_member(template, name);
    return member != NULL && member->kind != TEMPLATE_LITERAL;
}

bool template_member_kind(const struct template *template, struct slice name,
                          enum value_kind *out_kind) {
    const struct template *member = find_member(template, name);
    switch (member != NULL ? member->kind : TEMPLATE_LITERAL) {
    case TEMPLATE_TEXT:
        *out_kind = VALUE_TEXT;
        return true;
    case TEMPLATE_LIST:
        *out_kind = VALUE_LIST;
        return true;
    case TEMPLATE_OBJECT:
        *out_kind = VALUE_OBJECT;
        return true;
    default:
        return false;
    }
}

// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "wire/expression_parsing.h"

struct step_list {
    struct path_step *items;
    uint32_t count, room;
};

static bool add_step(struct parser *parser, struct step_list *steps, struct path_step step) {
    if (steps->count == steps->room) {
        const uint32_t room = steps->room == 0 ? 4 : steps->room * 2;
        struct path_step *items = arena_get(parser->arena, room, sizeof(*items));
        if (items == NULL) {
            (void)parser_no_room(parser);
            return false;
        }
        if (steps->count > 0) {
            (void)memcpy(items, steps->items, steps->count * sizeof(*items));
        }
        steps->items = items;
        steps->room = room;
    }
    steps->items[steps->count++] = step;
    return true;
}

static bool parse_named_step(struct parser *parser, struct step_list *steps) {
    const struct node *name = parser_read_string(parser);
    if (name == NULL) {
        return false;
    }
    if (name->kind != NODE_LITERAL) {
        (void)parser_leave(parser);
        return false;
    }
    return add_step(parser, steps, (struct path_step){.name = value_text(name->literal)});
}

static bool parse_index_step(struct parser *parser, struct step_list *steps) {
    const bool negative = parser_sees(parser, "-");
    if (negative && !parser_advance(parser)) {
        return false;
    }
    struct value value = {0};
    if (parser->token.kind != TOKEN_NUMBER) {
        (void)parser_leave(parser);
        return false;
    }
    if (!parser_number(parser, negative, &value) || !parser_advance(parser)) {
        return false;
    }
    if (value.kind != VALUE_INTEGER || value.integer > INT32_MAX || value.integer < -INT32_MAX) {
        (void)parser_leave(parser);
        return false;
    }
    return add_step(parser, steps, (struct path_step){.index = (int32_t)value.integer});
}

/* ["name"] and [3]; what else may stand in brackets is jq's. */
static bool parse_bracket_step(struct parser *parser, struct step_list *steps) {
    if (!parser_advance(parser)) {
        return false;
    }
    const bool parsed = parser->token.kind == TOKEN_QUOTE ? parse_named_step(parser, steps)
                                                          : parse_index_step(parser, steps);
    if (!parsed) {
        return false;
    }
    if (!parser_sees(parser, "]")) {
        (void)parser_leave(parser);
        return false;
    }
    return parser_advance(parser);
}

static bool parse_optional(struct parser *parser, struct step_list *steps) {
    if (steps->count == 0 || steps->items[steps->count - 1].optional) {
        (void)parser_leave(parser);
        return false;
    }
    steps->items[steps->count - 1].optional = true;
    return parser_advance(parser);
}

static bool parse_step(struct parser *parser, struct step_list *steps) {
    if (parser->token.kind == TOKEN_FIELD) {
        return add_step(parser, steps, (struct path_step){.name = parser->token.text}) &&
               parser_advance(parser);
    }
    if (parser_sees(parser, "[")) {
        return parse_bracket_step(parser, steps);
    }
    if (parser_sees(parser, "?")) {
        return parse_optional(parser, steps);
    }
    if (!parser_advance(parser)) {
        return false;
    }
    if (parser->token.kind != TOKEN_QUOTE) {
        (void)parser_leave(parser);
        return false;
    }
    return parse_named_step(parser, steps);
}

static const struct node *finish_path(struct parser *parser, const struct node *base,
                                      const struct step_list *steps) {
    if (steps->count == 0) {
        return base;
    }
    struct node *node = parser_new_node(parser, NODE_PATH, base->begin);
    if (node == NULL) {
        return NULL;
    }
    node->left = base;
    node->steps = steps->items;
    node->count = steps->count;
    node->first =
        steps->items[0].name.bytes != NULL ? context_root_of(steps->items[0].name) : ROOT_COUNT;
    return node;
}

const struct node *parser_read_postfix(struct parser *parser, const struct node *base) {
    struct step_list steps = {0};
    if (base == NULL) {
        return NULL;
    }
    while (parser_sees_postfix(parser)) {
        if (parser_sees(parser, "?//")) {
            return parser_leave(parser);
        }
        if (!parse_step(parser, &steps)) {
            return NULL;
        }
    }
    if (token_is_name(&parser->token, "as")) {
        return parser_leave(parser);
    }
    return finish_path(parser, base, &steps);
}

/* The bare dot, `."name"` and what begins with a field. */
const struct node *parser_read_root(struct parser *parser) {
    struct node *root = parser_new_node(parser, NODE_ROOT, parser->token.begin);
    if (root == NULL || parser->token.kind == TOKEN_FIELD) {
        return root;
    }
    struct step_list steps = {0};
    if (!parser_advance(parser)) {
        return NULL;
    }
    root->end = parser->last_end;
    if (parser->token.kind != TOKEN_QUOTE) {
        return root;
    }
    return parse_named_step(parser, &steps) ? finish_path(parser, root, &steps) : NULL;
}

const struct node *parser_read_variable(struct parser *parser) {
    const struct token token = parser->token;
    if (slice_find(token.text, ':') != token.text.count) {
        return parser_leave(parser);
    }
    if (!parser_advance(parser)) {
        return NULL;
    }
    struct node *node = parser_new_node(parser, NODE_VARIABLE, token.begin);
    if (node != NULL) {
        node->variable = variable_of(token.text);
        node->name = token.text;
    }
    return node;
}

/* {a} and {"a b"} stand for {a: .a}. */
const struct node *parser_shorthand(struct parser *parser, const struct node *name) {
    struct step_list steps = {0};
    const struct node *root = parser_new_node(parser, NODE_ROOT, name->begin);
    if (root == NULL ||
        !add_step(parser, &steps, (struct path_step){.name = value_text(name->literal)})) {
        return NULL;
    }
    return finish_path(parser, root, &steps);
}

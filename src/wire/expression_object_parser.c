// SPDX-License-Identifier: Apache-2.0
#include "wire/expression_parsing.h"
#include "wire/jq_words.h"

const struct node *parser_read_list(struct parser *parser) {
    const uint32_t begin = parser->token.begin;
    struct node_list items = {0};
    if (!parser_advance(parser)) {
        return NULL;
    }
    while (!parser_sees(parser, "]")) {
        if (items.count > 0 && !parser_advance(parser)) {
            return NULL;
        }
        const struct node *item = parser_read_alternative(parser);
        const bool piped = parser_sees(parser, "|");
        if (piped && items.count == 0) {
            item = parser_read_nots(parser, item);
        }
        if (!parser_add(parser, &items, item)) {
            return NULL;
        }
        if (!parser_sees(parser, "]") && (piped || !parser_sees(parser, ","))) {
            return parser_leave(parser);
        }
    }
    return parser_advance(parser) ? parser_new_parts(parser, NODE_LIST, begin, &items) : NULL;
}

static const struct node *parse_member_value(struct parser *parser) {
    if (!parser_advance(parser)) {
        return NULL;
    }
    const struct node *value = parser_read_nots(parser, parser_read_term(parser));
    if (value == NULL || parser_sees(parser, ",") || parser_sees(parser, "}")) {
        return value;
    }
    return parser_refuse(
        parser, parser->token.begin,
        "a member's value that is more than a path stands in parentheses: {a: (...)}");
}

/* The member's name; *out_value is set where the name alone says the value. */
static const struct node *parse_member_name(struct parser *parser, const struct node **out_value) {
    const struct token token = parser->token;
    if (token.kind == TOKEN_VARIABLE) {
        *out_value = parser_read_variable(parser);
        return *out_value != NULL
                   ? parser_new_literal(parser, token.begin, value_of_text(token.text))
                   : NULL;
    }
    if (token.kind == TOKEN_QUOTE) {
        const struct node *name = parser_read_string(parser);
        if (name != NULL && !parser_sees(parser, ":")) {
            *out_value =
                name->kind == NODE_LITERAL ? parser_shorthand(parser, name) : parser_leave(parser);
        }
        return name;
    }
    if (token.kind == TOKEN_NAME && slice_find(token.text, ':') == token.text.count) {
        if (!parser_advance(parser)) {
            return NULL;
        }
        const struct node *name =
            parser_new_literal(parser, token.begin, value_of_text(token.text));
        if (name != NULL && !parser_sees(parser, ":")) {
            *out_value =
                token_is_keyword(&token) ? parser_leave(parser) : parser_shorthand(parser, name);
        }
        return name;
    }
    if (parser_sees(parser, "(")) {
        const struct node *name = parser_read_parentheses(parser);
        const bool is_wrong =
            name != NULL && name->kind == NODE_LITERAL && name->literal.kind != VALUE_TEXT;
        return is_wrong ? parser_refuse(parser, token.begin, "a member's name is a string") : name;
    }
    return token.kind == TOKEN_SIGN
               ? parser_refuse(parser, token.begin, "a name is missing before '%.*s'",
                               SLICE_ARGS(token.text))
               : parser_leave(parser);
}

static bool parse_member(struct parser *parser, struct node_list *parts) {
    const struct node *value = NULL;
    const struct node *name = parse_member_name(parser, &value);
    if (name == NULL || parser->foreign || parser->failed != STATUS_OK) {
        return false;
    }
    if (value == NULL) {
        if (!parser_sees(parser, ":")) {
            (void)parser_refuse(parser, parser->token.begin,
                                "':' is missing after a member's name");
            return false;
        }
        value = parse_member_value(parser);
    }
    return value != NULL && parser_add(parser, parts, name) && parser_add(parser, parts, value);
}

const struct node *parser_read_object(struct parser *parser) {
    const uint32_t begin = parser->token.begin;
    struct node_list parts = {0};
    if (!parser_advance(parser)) {
        return NULL;
    }
    while (!parser_sees(parser, "}")) {
        if (parts.count > 0 && !parser_advance(parser)) {
            return NULL;
        }
        if (!parse_member(parser, &parts)) {
            return NULL;
        }
        if (!parser_sees(parser, "}") && !parser_sees(parser, ",")) {
            return parser_refuse(parser, parser->token.begin, "',' is missing between two members");
        }
    }
    return parser_advance(parser) ? parser_new_parts(parser, NODE_OBJECT, begin, &parts) : NULL;
}

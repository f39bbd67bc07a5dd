// SPDX-License-Identifier: Apache-2.0
#include "wire/expression_parsing.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct node *parser_leave(struct parser *parser) {
    parser->foreign = true;
    return NULL;
}

const struct node *parser_refuse(struct parser *parser, uint32_t at, const char *format, ...) {
    char text[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    parser->failed = fail(parser->err, STATUS_INVALID, "%s", text);
    parser->failed_at = at;
    return NULL;
}

const struct node *parser_no_room(struct parser *parser) {
    parser->failed = fail(parser->err, STATUS_FULL, "no room for the expression");
    parser->failed_at = parser->token.begin;
    return NULL;
}

bool parser_advance(struct parser *parser) {
    parser->last_end = parser->token.end;
    uint32_t at = 0;
    const status got = lexer_next(&parser->lexer, &parser->token, &at, parser->err);
    if (got != STATUS_OK) {
        parser->failed = got;
        parser->failed_at = at;
    }
    return got == STATUS_OK;
}

bool parser_sees(const struct parser *parser, const char *sign) {
    return token_is(&parser->token, sign);
}

struct node *parser_new_node(struct parser *parser, enum node_kind kind, uint32_t begin) {
    struct node *node = arena_get(parser->arena, 1, sizeof(*node));
    if (node == NULL) {
        (void)parser_no_room(parser);
        return NULL;
    }
    node->kind = kind;
    node->begin = begin;
    node->end = parser->last_end;
    return node;
}

const struct node *parser_new_literal(struct parser *parser, uint32_t begin, struct value value) {
    struct node *node = parser_new_node(parser, NODE_LITERAL, begin);
    if (node != NULL) {
        node->literal = value;
    }
    return node;
}

bool parser_add(struct parser *parser, struct node_list *list, const struct node *part) {
    if (part == NULL) {
        return false;
    }
    if (list->count == list->room) {
        const uint32_t room = list->room == 0 ? 4 : list->room * 2;
        const struct node **items = arena_get(parser->arena, room, sizeof(*items));
        if (items == NULL) {
            (void)parser_no_room(parser);
            return false;
        }
        for (uint32_t i = 0; i < list->count; i++) {
            items[i] = list->items[i];
        }
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] = part;
    return true;
}

const struct node *parser_new_parts(struct parser *parser, enum node_kind kind, uint32_t begin,
                                    const struct node_list *list) {
    struct node *node = parser_new_node(parser, kind, begin);
    if (node != NULL) {
        node->parts = list->items;
        node->count = list->count;
    }
    return node;
}

/* What stands where a value should. */
const struct node *parser_refuse_missing(struct parser *parser) {
    const struct token *token = &parser->token;
    if (token->kind == TOKEN_END) {
        return parser->last_end == 0
                   ? parser_refuse(parser, token->begin, "an expression is missing")
                   : parser_refuse(parser, token->begin, "a value is missing at the end");
    }
    if (token_is(token, "|") && parser->last_end > 0 &&
        parser->lexer.text.bytes[parser->last_end - 1] == '|') {
        return parser_refuse(parser, token->begin, "jq has no '||': write `or`");
    }
    return parser_refuse(parser, token->begin, "a value is missing before '%.*s'",
                         SLICE_ARGS(slice_part(parser->lexer.text, token->begin, token->end)));
}

/* Numbers ---------------------------------------------------------------------------------- */

bool parser_number(struct parser *parser, bool negative, struct value *out_value) {
    struct slice digits = parser->token.text;
    while (digits.count > 1 && digits.bytes[0] == '0' && digits.bytes[1] >= '0' &&
           digits.bytes[1] <= '9') {
        digits = slice_part(digits, 1, digits.count);
    }
    const struct slice text =
        arena_print(parser->arena, "%s%.*s", negative ? "-" : "", SLICE_ARGS(digits));
    if (text.bytes == NULL) {
        (void)parser_no_room(parser);
        return false;
    }
    errno = 0;
    if (strpbrk(text.bytes, ".eE") == NULL) {
        const long long number = strtoll(text.bytes, NULL, 10);
        *out_value = errno == 0 ? value_of_integer(number)
                                : (struct value){.kind = VALUE_RAW,
                                                 .count = (uint32_t)text.count,
                                                 .text = text.bytes};
        return true;
    }
    const double number = strtod(text.bytes, NULL);
    if (!isfinite(number)) {
        (void)parser_refuse(parser, parser->token.begin, "the number is too large");
        return false;
    }
    *out_value = value_of_real(number);
    return true;
}

const struct node *parser_read_number(struct parser *parser) {
    const uint32_t begin = parser->token.begin;
    struct value value = {0};
    if (!parser_number(parser, false, &value) || !parser_advance(parser)) {
        return NULL;
    }
    return parser_new_literal(parser, begin, value);
}

bool parser_sees_postfix(const struct parser *parser) {
    return parser->token.kind == TOKEN_FIELD || parser_sees(parser, ".") ||
           parser_sees(parser, "[") || parser_sees(parser, "?") || parser_sees(parser, "?//");
}

/* Only a number that nothing binds closer to is a negative literal. */
const struct node *parser_read_negative(struct parser *parser) {
    const uint32_t begin = parser->token.begin;
    if (!parser_advance(parser)) {
        return NULL;
    }
    if (parser->token.kind != TOKEN_NUMBER) {
        return parser_leave(parser);
    }
    struct value value = {0};
    if (!parser_number(parser, true, &value) || !parser_advance(parser)) {
        return NULL;
    }
    if (parser_sees_postfix(parser) || token_is_name(&parser->token, "as")) {
        return parser_leave(parser);
    }
    return parser_new_literal(parser, begin, value);
}

/* Strings ---------------------------------------------------------------------------------- */

static const struct node *parse_string_part(struct parser *parser) {
    struct slice text = {0};
    const uint32_t begin = parser->token.begin;
    const status got =
        lexer_unescape(parser->arena, &parser->token, &text, &parser->failed_at, parser->err);
    if (got != STATUS_OK) {
        parser->failed = got;
        return NULL;
    }
    return parser_advance(parser) ? parser_new_literal(parser, begin, value_of_text(text)) : NULL;
}

/* A string without interpolations is one literal. */
const struct node *parser_read_string(struct parser *parser) {
    const uint32_t begin = parser->token.begin;
    struct node_list parts = {0};
    bool plain = true;
    if (!parser_advance(parser)) {
        return NULL;
    }
    while (parser->token.kind != TOKEN_UNQUOTE) {
        const bool is_mark = parser->token.kind == TOKEN_OPEN_MARK;
        if (is_mark && !parser_advance(parser)) {
            return NULL;
        }
        if (!parser_add(parser, &parts,
                        is_mark ? parser_read_pipe(parser) : parse_string_part(parser))) {
            return NULL;
        }
        plain = plain && !is_mark;
        if (is_mark && parser->token.kind != TOKEN_CLOSE_MARK) {
            return parser_leave(parser);
        }
        if (is_mark && !parser_advance(parser)) {
            return NULL;
        }
    }
    if (!parser_advance(parser)) {
        return NULL;
    }
    if (plain) {
        return parser_new_literal(
            parser, begin, parts.count > 0 ? parts.items[0]->literal : value_of_text(SLICE("")));
    }
    return parser_new_parts(parser, NODE_TEXT, begin, &parts);
}

// SPDX-License-Identifier: Apache-2.0
#include "wire/expression_parser.h"

#include "wire/expression_parsing.h"
#include "wire/jq_words.h"

const struct node *parser_read_parentheses(struct parser *parser) {
    if (!parser_advance(parser)) {
        return NULL;
    }
    const struct node *inside = parser_read_pipe(parser);
    if (inside == NULL || !parser_sees(parser, ")")) {
        return inside == NULL ? NULL : parser_leave(parser);
    }
    return parser_advance(parser) ? inside : NULL;
}

static const struct node *parse_name(struct parser *parser) {
    static const char *const AFTER[] = {"and", "or", "then", "else", "elif", "end", "as", "catch"};
    const struct token token = parser->token;
    for (size_t i = 0; i < sizeof(AFTER) / sizeof(AFTER[0]); i++) {
        if (slice_is(token.text, AFTER[i])) {
            return parser_refuse_missing(parser);
        }
    }
    if (!parser_advance(parser)) {
        return NULL;
    }
    if (slice_is(token.text, "not") &&
        (token_begins_term(&parser->token) || parser->token.kind == TOKEN_NAME) &&
        !token_is_name(&parser->token, "and") && !token_is_name(&parser->token, "or") &&
        !token_is_name(&parser->token, "as")) {
        return parser_refuse(parser, token.begin, "`not` comes behind in jq: write `(... | not)`");
    }
    if (parser_sees(parser, "(")) {
        return parser_leave(parser);
    }
    if (slice_is(token.text, "null")) {
        return parser_new_literal(parser, token.begin, (struct value){0});
    }
    if (slice_is(token.text, "true") || slice_is(token.text, "false")) {
        return parser_new_literal(parser, token.begin,
                                  value_of_boolean(slice_is(token.text, "true")));
    }
    return parser_leave(parser);
}

static const struct node *parse_bare_term(struct parser *parser) {
    switch (parser->token.kind) {
    case TOKEN_FIELD:
        return parser_read_root(parser);
    case TOKEN_NUMBER:
        return parser_read_number(parser);
    case TOKEN_QUOTE:
        return parser_read_string(parser);
    case TOKEN_VARIABLE:
        return parser_read_variable(parser);
    case TOKEN_NAME:
        return parse_name(parser);
    case TOKEN_FORMAT:
        return parser_leave(parser);
    default:
        break;
    }
    if (parser_sees(parser, ".")) {
        return parser_read_root(parser);
    }
    if (parser_sees(parser, "(")) {
        return parser_read_parentheses(parser);
    }
    if (parser_sees(parser, "[")) {
        return parser_read_list(parser);
    }
    if (parser_sees(parser, "{")) {
        return parser_read_object(parser);
    }
    return parser_sees(parser, "..") ? parser_leave(parser) : parser_refuse_missing(parser);
}

const struct node *parser_read_term(struct parser *parser) {
    if (parser_sees(parser, "-")) {
        return parser_read_negative(parser);
    }
    return parser_read_postfix(parser, parse_bare_term(parser));
}

/* Operators -------------------------------------------------------------------------------- */

static bool sees_any(const struct parser *parser, const char *const signs[], size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (parser_sees(parser, signs[i])) {
            return true;
        }
    }
    return false;
}

static bool sees_arithmetic(const struct parser *parser) {
    static const char *const SIGNS[] = {"+", "-", "*", "/", "%"};
    return sees_any(parser, SIGNS, sizeof(SIGNS) / sizeof(SIGNS[0]));
}

static bool sees_comparison(const struct parser *parser, enum comparison *out_comparison) {
    static const char *const SIGNS[] = {"==", "!=", "<", "<=", ">", ">="};
    static const enum comparison MEANINGS[] = {COMPARE_EQUAL,   COMPARE_UNEQUAL,
                                               COMPARE_LESS,    COMPARE_LESS_EQUAL,
                                               COMPARE_GREATER, COMPARE_GREATER_EQUAL};
    for (size_t i = 0; i < sizeof(SIGNS) / sizeof(SIGNS[0]); i++) {
        if (parser_sees(parser, SIGNS[i])) {
            *out_comparison = MEANINGS[i];
            return true;
        }
    }
    return false;
}

static const struct node *parse_comparison(struct parser *parser) {
    const struct node *left = parser_read_term(parser);
    enum comparison comparison = COMPARE_EQUAL;
    if (left != NULL && sees_arithmetic(parser)) {
        return parser_leave(parser);
    }
    if (left == NULL || !sees_comparison(parser, &comparison)) {
        return left;
    }
    const struct node *right = parser_advance(parser) ? parser_read_term(parser) : NULL;
    if (right != NULL && sees_arithmetic(parser)) {
        return parser_leave(parser);
    }
    enum comparison next = COMPARE_EQUAL;
    if (right != NULL && sees_comparison(parser, &next)) {
        return parser_refuse(parser, parser->token.begin,
                             "comparisons do not chain: write `a < b and b < c`");
    }
    struct node *node = right != NULL ? parser_new_node(parser, NODE_COMPARE, left->begin) : NULL;
    if (node != NULL) {
        node->comparison = comparison;
        node->left = left;
        node->right = right;
    }
    return node;
}

/* `a op b op c` becomes a op (b op c): what jq means by `//`, and the same for `and` and `or`,
 * which can be grouped either way. So the evaluator walks a long chain without recursion. */
static const struct node *parse_chain(struct parser *parser, enum node_kind kind, const char *sign,
                                      const char *name,
                                      const struct node *(*parse_operand)(struct parser *)) {
    const struct node *first = parse_operand(parser);
    struct node *last = NULL;
    while (first != NULL &&
           (sign != NULL ? parser_sees(parser, sign) : token_is_name(&parser->token, name))) {
        const struct node *operand = parser_advance(parser) ? parse_operand(parser) : NULL;
        const struct node *left = last != NULL ? last->right : first;
        struct node *node = operand != NULL ? parser_new_node(parser, kind, left->begin) : NULL;
        if (node == NULL) {
            return NULL;
        }
        node->left = left;
        node->right = operand;
        if (last != NULL) {
            last->right = node;
        } else {
            first = node;
        }
        last = node;
    }
    return first;
}

static const struct node *parse_and(struct parser *parser) {
    return parse_chain(parser, NODE_AND, NULL, "and", parse_comparison);
}

static const struct node *parse_or(struct parser *parser) {
    return parse_chain(parser, NODE_OR, NULL, "or", parse_and);
}

const struct node *parser_read_alternative(struct parser *parser) {
    return parse_chain(parser, NODE_ALTERNATIVE, "//", NULL, parse_or);
}

/* `| not`, any number of times. Whether something else follows is the caller's question. */
const struct node *parser_read_nots(struct parser *parser, const struct node *value) {
    uint32_t count = 0;
    while (value != NULL && parser_sees(parser, "|")) {
        if (!parser_advance(parser)) {
            return NULL;
        }
        if (parser_sees(parser, "|")) {
            return parser_refuse_missing(parser);
        }
        if (!token_is_name(&parser->token, "not")) {
            return parser_leave(parser);
        }
        if (!parser_advance(parser)) {
            return NULL;
        }
        count++;
    }
    if (count == 0) {
        return value;
    }
    const bool ends = parser->token.kind == TOKEN_END || parser->token.kind == TOKEN_CLOSE_MARK ||
                      parser_sees(parser, ")") || parser_sees(parser, "]") ||
                      parser_sees(parser, "}") || parser_sees(parser, ",");
    if (!ends) {
        return parser_leave(parser);
    }
    struct node *node = parser_new_node(parser, NODE_NOT, value->begin);
    if (node != NULL) {
        node->left = value;
        node->count = count;
    }
    return node;
}

const struct node *parser_read_pipe(struct parser *parser) {
    const struct node *value = parser_read_nots(parser, parser_read_alternative(parser));
    return value != NULL && parser_sees(parser, ",") ? parser_leave(parser) : value;
}

/* Two values side by side are a syntax error for certain; an operator may be jq's. */
static const struct node *parse_all(struct parser *parser) {
    const struct node *root = parser_advance(parser) ? parser_read_pipe(parser) : NULL;
    if (root == NULL || parser->token.kind == TOKEN_END) {
        return root;
    }
    if (parser->token.kind == TOKEN_SIGN && !token_begins_term(&parser->token)) {
        return parser_leave(parser);
    }
    const struct token *token = &parser->token;
    return parser_refuse(parser, token->begin, "an operator is missing before '%.*s'",
                         SLICE_ARGS(slice_part(parser->lexer.text, token->begin, token->end)));
}

status expression_parse(struct arena *arena, struct slice text, const struct node **out_root,
                        uint32_t *out_at, struct error *err) {
    struct parser parser = {.arena = arena, .failed = STATUS_OK, .err = err};
    lexer_init(&parser.lexer, text);
    const struct node *root = parse_all(&parser);
    if (parser.failed != STATUS_OK) {
        *out_at = parser.failed_at;
        return parser.failed;
    }
    *out_root = parser.foreign ? NULL : root;
    return STATUS_OK;
}

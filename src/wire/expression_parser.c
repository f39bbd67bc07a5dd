// SPDX-License-Identifier: Apache-2.0
#include "wire/expression_parser.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/lexer.h"

/* Every parse_x returns its node, or NULL: then `foreign` says that the text is not native, or
 * `failed` that it is wrong. Recursion is bounded by the lexer's bracket depth. */
struct parser {
    struct arena *arena;
    struct lexer lexer;
    struct token token; /* the one that is looked at */
    uint32_t last_end;  /* of the token before it */
    bool foreign;
    status failed;
    uint32_t failed_at;
    struct error *err;
};

struct node_list {
    const struct node **items;
    uint32_t count, room;
};

static const struct node *parse_pipe(struct parser *parser);
static const struct node *parse_alternative(struct parser *parser);
static const struct node *parse_term(struct parser *parser);
static const struct node *parse_parentheses(struct parser *parser);

static const struct node *leave_to_jq(struct parser *parser) {
    parser->foreign = true;
    return NULL;
}

__attribute__((format(printf, 3, 4))) static const struct node *
refuse(struct parser *parser, uint32_t at, const char *format, ...) {
    char text[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    parser->failed = fail(parser->err, STATUS_INVALID, "%s", text);
    parser->failed_at = at;
    return NULL;
}

static const struct node *no_room(struct parser *parser) {
    parser->failed = fail(parser->err, STATUS_FULL, "no room for the expression");
    parser->failed_at = parser->token.begin;
    return NULL;
}

static bool advance(struct parser *parser) {
    parser->last_end = parser->token.end;
    uint32_t at = 0;
    const status got = lexer_next(&parser->lexer, &parser->token, &at, parser->err);
    if (got != STATUS_OK) {
        parser->failed = got;
        parser->failed_at = at;
    }
    return got == STATUS_OK;
}

static bool sees(const struct parser *parser, const char *sign) {
    return token_is(&parser->token, sign);
}

static bool sees_any(const struct parser *parser, const char *const signs[], size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (sees(parser, signs[i])) {
            return true;
        }
    }
    return false;
}

static bool sees_arithmetic(const struct parser *parser) {
    static const char *const SIGNS[] = {"+", "-", "*", "/", "%"};
    return sees_any(parser, SIGNS, sizeof(SIGNS) / sizeof(SIGNS[0]));
}

static struct node *new_node(struct parser *parser, enum node_kind kind, uint32_t begin) {
    struct node *node = arena_get(parser->arena, 1, sizeof(*node));
    if (node == NULL) {
        (void)no_room(parser);
        return NULL;
    }
    node->kind = kind;
    node->begin = begin;
    node->end = parser->last_end;
    return node;
}

static const struct node *new_literal(struct parser *parser, uint32_t begin, struct value value) {
    struct node *node = new_node(parser, NODE_LITERAL, begin);
    if (node != NULL) {
        node->literal = value;
    }
    return node;
}

static bool add_part(struct parser *parser, struct node_list *list, const struct node *part) {
    if (part == NULL) {
        return false;
    }
    if (list->count == list->room) {
        const uint32_t room = list->room == 0 ? 4 : list->room * 2;
        const struct node **items = arena_get(parser->arena, room, sizeof(*items));
        if (items == NULL) {
            (void)no_room(parser);
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

static const struct node *new_parts(struct parser *parser, enum node_kind kind, uint32_t begin,
                                    const struct node_list *list) {
    struct node *node = new_node(parser, kind, begin);
    if (node != NULL) {
        node->parts = list->items;
        node->count = list->count;
    }
    return node;
}

/* What stands where a value should. */
static const struct node *refuse_missing(struct parser *parser) {
    const struct token *token = &parser->token;
    if (token->kind == TOKEN_END) {
        return parser->last_end == 0
                   ? refuse(parser, token->begin, "an expression is missing")
                   : refuse(parser, token->begin, "a value is missing at the end");
    }
    if (token_is(token, "|") && parser->last_end > 0 &&
        parser->lexer.text.bytes[parser->last_end - 1] == '|') {
        return refuse(parser, token->begin, "jq has no '||': write `or`");
    }
    return refuse(parser, token->begin, "a value is missing before '%.*s'",
                  SLICE_ARGS(slice_part(parser->lexer.text, token->begin, token->end)));
}

/* Numbers ---------------------------------------------------------------------------------- */

static bool read_number(struct parser *parser, bool negative, struct value *out_value) {
    struct slice digits = parser->token.text;
    while (digits.count > 1 && digits.bytes[0] == '0' && digits.bytes[1] >= '0' &&
           digits.bytes[1] <= '9') {
        digits = slice_part(digits, 1, digits.count);
    }
    const struct slice text =
        arena_print(parser->arena, "%s%.*s", negative ? "-" : "", SLICE_ARGS(digits));
    if (text.bytes == NULL) {
        (void)no_room(parser);
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
        (void)refuse(parser, parser->token.begin, "the number is too large");
        return false;
    }
    *out_value = value_of_real(number);
    return true;
}

static const struct node *parse_number(struct parser *parser) {
    const uint32_t begin = parser->token.begin;
    struct value value = {0};
    if (!read_number(parser, false, &value) || !advance(parser)) {
        return NULL;
    }
    return new_literal(parser, begin, value);
}

static bool sees_postfix(const struct parser *parser) {
    return parser->token.kind == TOKEN_FIELD || sees(parser, ".") || sees(parser, "[") ||
           sees(parser, "?") || sees(parser, "?//");
}

/* Only a number that nothing binds closer to is a negative literal. */
static const struct node *parse_negative(struct parser *parser) {
    const uint32_t begin = parser->token.begin;
    if (!advance(parser)) {
        return NULL;
    }
    if (parser->token.kind != TOKEN_NUMBER) {
        return leave_to_jq(parser);
    }
    struct value value = {0};
    if (!read_number(parser, true, &value) || !advance(parser)) {
        return NULL;
    }
    if (sees_postfix(parser) || token_is_name(&parser->token, "as")) {
        return leave_to_jq(parser);
    }
    return new_literal(parser, begin, value);
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
    return advance(parser) ? new_literal(parser, begin, value_of_text(text)) : NULL;
}

/* A string without interpolations is one literal. */
static const struct node *parse_string(struct parser *parser) {
    const uint32_t begin = parser->token.begin;
    struct node_list parts = {0};
    bool plain = true;
    if (!advance(parser)) {
        return NULL;
    }
    while (parser->token.kind != TOKEN_UNQUOTE) {
        const bool is_mark = parser->token.kind == TOKEN_OPEN_MARK;
        if (is_mark && !advance(parser)) {
            return NULL;
        }
        if (!add_part(parser, &parts, is_mark ? parse_pipe(parser) : parse_string_part(parser))) {
            return NULL;
        }
        plain = plain && !is_mark;
        if (is_mark && parser->token.kind != TOKEN_CLOSE_MARK) {
            return leave_to_jq(parser);
        }
        if (is_mark && !advance(parser)) {
            return NULL;
        }
    }
    if (!advance(parser)) {
        return NULL;
    }
    if (plain) {
        return new_literal(parser, begin,
                           parts.count > 0 ? parts.items[0]->literal : value_of_text(SLICE("")));
    }
    return new_parts(parser, NODE_TEXT, begin, &parts);
}

/* Paths ------------------------------------------------------------------------------------ */

struct step_list {
    struct path_step *items;
    uint32_t count, room;
};

static bool add_step(struct parser *parser, struct step_list *steps, struct path_step step) {
    if (steps->count == steps->room) {
        const uint32_t room = steps->room == 0 ? 4 : steps->room * 2;
        struct path_step *items = arena_get(parser->arena, room, sizeof(*items));
        if (items == NULL) {
            (void)no_room(parser);
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
    const struct node *name = parse_string(parser);
    if (name == NULL) {
        return false;
    }
    if (name->kind != NODE_LITERAL) {
        (void)leave_to_jq(parser);
        return false;
    }
    return add_step(parser, steps, (struct path_step){.name = value_text(name->literal)});
}

static bool parse_index_step(struct parser *parser, struct step_list *steps) {
    const bool negative = sees(parser, "-");
    if (negative && !advance(parser)) {
        return false;
    }
    struct value value = {0};
    if (parser->token.kind != TOKEN_NUMBER) {
        (void)leave_to_jq(parser);
        return false;
    }
    if (!read_number(parser, negative, &value) || !advance(parser)) {
        return false;
    }
    if (value.kind != VALUE_INTEGER || value.integer > INT32_MAX || value.integer < -INT32_MAX) {
        (void)leave_to_jq(parser);
        return false;
    }
    return add_step(parser, steps, (struct path_step){.index = (int32_t)value.integer});
}

/* ["name"] and [3]; what else may stand in brackets is jq's. */
static bool parse_bracket_step(struct parser *parser, struct step_list *steps) {
    if (!advance(parser)) {
        return false;
    }
    const bool parsed = parser->token.kind == TOKEN_QUOTE ? parse_named_step(parser, steps)
                                                          : parse_index_step(parser, steps);
    if (!parsed) {
        return false;
    }
    if (!sees(parser, "]")) {
        (void)leave_to_jq(parser);
        return false;
    }
    return advance(parser);
}

static bool parse_optional(struct parser *parser, struct step_list *steps) {
    if (steps->count == 0 || steps->items[steps->count - 1].optional) {
        (void)leave_to_jq(parser);
        return false;
    }
    steps->items[steps->count - 1].optional = true;
    return advance(parser);
}

static bool parse_step(struct parser *parser, struct step_list *steps) {
    if (parser->token.kind == TOKEN_FIELD) {
        return add_step(parser, steps, (struct path_step){.name = parser->token.text}) &&
               advance(parser);
    }
    if (sees(parser, "[")) {
        return parse_bracket_step(parser, steps);
    }
    if (sees(parser, "?")) {
        return parse_optional(parser, steps);
    }
    if (!advance(parser)) {
        return false;
    }
    if (parser->token.kind != TOKEN_QUOTE) {
        (void)leave_to_jq(parser);
        return false;
    }
    return parse_named_step(parser, steps);
}

static const struct node *finish_path(struct parser *parser, const struct node *base,
                                      const struct step_list *steps) {
    if (steps->count == 0) {
        return base;
    }
    struct node *node = new_node(parser, NODE_PATH, base->begin);
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

static const struct node *parse_postfix(struct parser *parser, const struct node *base) {
    struct step_list steps = {0};
    if (base == NULL) {
        return NULL;
    }
    while (sees_postfix(parser)) {
        if (sees(parser, "?//")) {
            return leave_to_jq(parser);
        }
        if (!parse_step(parser, &steps)) {
            return NULL;
        }
    }
    if (token_is_name(&parser->token, "as")) {
        return leave_to_jq(parser);
    }
    return finish_path(parser, base, &steps);
}

/* The bare dot, `."name"` and what begins with a field. */
static const struct node *parse_root(struct parser *parser) {
    struct node *root = new_node(parser, NODE_ROOT, parser->token.begin);
    if (root == NULL || parser->token.kind == TOKEN_FIELD) {
        return root;
    }
    struct step_list steps = {0};
    if (!advance(parser)) {
        return NULL;
    }
    root->end = parser->last_end;
    if (parser->token.kind != TOKEN_QUOTE) {
        return root;
    }
    return parse_named_step(parser, &steps) ? finish_path(parser, root, &steps) : NULL;
}

static const struct node *parse_variable(struct parser *parser) {
    const struct token token = parser->token;
    if (slice_find(token.text, ':') != token.text.count) {
        return leave_to_jq(parser);
    }
    if (!advance(parser)) {
        return NULL;
    }
    struct node *node = new_node(parser, NODE_VARIABLE, token.begin);
    if (node != NULL) {
        node->variable = variable_of(token.text);
        node->name = token.text;
    }
    return node;
}

/* Lists and objects ------------------------------------------------------------------------ */

/* `| not`, any number of times. Whether something else follows is the caller's question. */
static const struct node *parse_nots(struct parser *parser, const struct node *value) {
    uint32_t count = 0;
    while (value != NULL && sees(parser, "|")) {
        if (!advance(parser)) {
            return NULL;
        }
        if (sees(parser, "|")) {
            return refuse_missing(parser);
        }
        if (!token_is_name(&parser->token, "not")) {
            return leave_to_jq(parser);
        }
        if (!advance(parser)) {
            return NULL;
        }
        count++;
    }
    if (count == 0) {
        return value;
    }
    const bool ends = parser->token.kind == TOKEN_END || parser->token.kind == TOKEN_CLOSE_MARK ||
                      sees(parser, ")") || sees(parser, "]") || sees(parser, "}") ||
                      sees(parser, ",");
    if (!ends) {
        return leave_to_jq(parser);
    }
    struct node *node = new_node(parser, NODE_NOT, value->begin);
    if (node != NULL) {
        node->left = value;
        node->count = count;
    }
    return node;
}

static const struct node *parse_list(struct parser *parser) {
    const uint32_t begin = parser->token.begin;
    struct node_list items = {0};
    if (!advance(parser)) {
        return NULL;
    }
    while (!sees(parser, "]")) {
        if (items.count > 0 && !advance(parser)) {
            return NULL;
        }
        const struct node *item = parse_alternative(parser);
        const bool piped = sees(parser, "|");
        if (piped && items.count == 0) {
            item = parse_nots(parser, item);
        }
        if (!add_part(parser, &items, item)) {
            return NULL;
        }
        if (!sees(parser, "]") && (piped || !sees(parser, ","))) {
            return leave_to_jq(parser);
        }
    }
    return advance(parser) ? new_parts(parser, NODE_LIST, begin, &items) : NULL;
}

static bool is_keyword(struct slice name) {
    static const char *const WORDS[] = {
        "as",  "import", "include", "def", "if",    "then",  "else",   "elif",    "end",
        "and", "or",     "reduce",  "try", "catch", "label", "module", "foreach", "__loc__"};
    for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
        if (slice_is(name, WORDS[i])) {
            return true;
        }
    }
    return false;
}

/* {a} and {"a b"} stand for {a: .a}. */
static const struct node *shorthand(struct parser *parser, const struct node *name) {
    struct step_list steps = {0};
    const struct node *root = new_node(parser, NODE_ROOT, name->begin);
    if (root == NULL ||
        !add_step(parser, &steps, (struct path_step){.name = value_text(name->literal)})) {
        return NULL;
    }
    return finish_path(parser, root, &steps);
}

static const struct node *parse_member_value(struct parser *parser) {
    if (!advance(parser)) {
        return NULL;
    }
    const struct node *value = parse_nots(parser, parse_term(parser));
    if (value == NULL || sees(parser, ",") || sees(parser, "}")) {
        return value;
    }
    return refuse(parser, parser->token.begin,
                  "a member's value that is more than a path stands in parentheses: {a: (...)}");
}

/* The member's name; *out_value is set where the name alone says the value. */
static const struct node *parse_member_name(struct parser *parser, const struct node **out_value) {
    const struct token token = parser->token;
    if (token.kind == TOKEN_VARIABLE) {
        *out_value = parse_variable(parser);
        return *out_value != NULL ? new_literal(parser, token.begin, value_of_text(token.text))
                                  : NULL;
    }
    if (token.kind == TOKEN_QUOTE) {
        const struct node *name = parse_string(parser);
        if (name != NULL && !sees(parser, ":")) {
            *out_value = name->kind == NODE_LITERAL ? shorthand(parser, name) : leave_to_jq(parser);
        }
        return name;
    }
    if (token.kind == TOKEN_NAME && slice_find(token.text, ':') == token.text.count) {
        if (!advance(parser)) {
            return NULL;
        }
        const struct node *name = new_literal(parser, token.begin, value_of_text(token.text));
        if (name != NULL && !sees(parser, ":")) {
            *out_value = is_keyword(token.text) ? leave_to_jq(parser) : shorthand(parser, name);
        }
        return name;
    }
    if (sees(parser, "(")) {
        const struct node *name = parse_parentheses(parser);
        const bool is_wrong =
            name != NULL && name->kind == NODE_LITERAL && name->literal.kind != VALUE_TEXT;
        return is_wrong ? refuse(parser, token.begin, "a member's name is a string") : name;
    }
    return token.kind == TOKEN_SIGN ? refuse(parser, token.begin, "a name is missing before '%.*s'",
                                             SLICE_ARGS(token.text))
                                    : leave_to_jq(parser);
}

static bool parse_member(struct parser *parser, struct node_list *parts) {
    const struct node *value = NULL;
    const struct node *name = parse_member_name(parser, &value);
    if (name == NULL || parser->foreign || parser->failed != STATUS_OK) {
        return false;
    }
    if (value == NULL) {
        if (!sees(parser, ":")) {
            (void)refuse(parser, parser->token.begin, "':' is missing after a member's name");
            return false;
        }
        value = parse_member_value(parser);
    }
    return value != NULL && add_part(parser, parts, name) && add_part(parser, parts, value);
}

static const struct node *parse_object(struct parser *parser) {
    const uint32_t begin = parser->token.begin;
    struct node_list parts = {0};
    if (!advance(parser)) {
        return NULL;
    }
    while (!sees(parser, "}")) {
        if (parts.count > 0 && !advance(parser)) {
            return NULL;
        }
        if (!parse_member(parser, &parts)) {
            return NULL;
        }
        if (!sees(parser, "}") && !sees(parser, ",")) {
            return refuse(parser, parser->token.begin, "',' is missing between two members");
        }
    }
    return advance(parser) ? new_parts(parser, NODE_OBJECT, begin, &parts) : NULL;
}

/* Terms ------------------------------------------------------------------------------------ */

static const struct node *parse_parentheses(struct parser *parser) {
    if (!advance(parser)) {
        return NULL;
    }
    const struct node *inside = parse_pipe(parser);
    if (inside == NULL || !sees(parser, ")")) {
        return inside == NULL ? NULL : leave_to_jq(parser);
    }
    return advance(parser) ? inside : NULL;
}

static bool begins_term(const struct token *token) {
    return token->kind == TOKEN_FIELD || token->kind == TOKEN_NUMBER ||
           token->kind == TOKEN_VARIABLE || token->kind == TOKEN_QUOTE ||
           token->kind == TOKEN_FORMAT || token_is(token, "(") || token_is(token, "[") ||
           token_is(token, "{") || token_is(token, ".") || token_is(token, "..");
}

static const struct node *parse_name(struct parser *parser) {
    static const char *const AFTER[] = {"and", "or", "then", "else", "elif", "end", "as", "catch"};
    const struct token token = parser->token;
    for (size_t i = 0; i < sizeof(AFTER) / sizeof(AFTER[0]); i++) {
        if (slice_is(token.text, AFTER[i])) {
            return refuse_missing(parser);
        }
    }
    if (!advance(parser)) {
        return NULL;
    }
    if (slice_is(token.text, "not") &&
        (begins_term(&parser->token) || parser->token.kind == TOKEN_NAME) &&
        !token_is_name(&parser->token, "and") && !token_is_name(&parser->token, "or") &&
        !token_is_name(&parser->token, "as")) {
        return refuse(parser, token.begin, "`not` comes behind in jq: write `(... | not)`");
    }
    if (sees(parser, "(")) {
        return leave_to_jq(parser);
    }
    if (slice_is(token.text, "null")) {
        return new_literal(parser, token.begin, (struct value){0});
    }
    if (slice_is(token.text, "true") || slice_is(token.text, "false")) {
        return new_literal(parser, token.begin, value_of_boolean(slice_is(token.text, "true")));
    }
    return leave_to_jq(parser);
}

static const struct node *parse_bare_term(struct parser *parser) {
    switch (parser->token.kind) {
    case TOKEN_FIELD:
        return parse_root(parser);
    case TOKEN_NUMBER:
        return parse_number(parser);
    case TOKEN_QUOTE:
        return parse_string(parser);
    case TOKEN_VARIABLE:
        return parse_variable(parser);
    case TOKEN_NAME:
        return parse_name(parser);
    case TOKEN_FORMAT:
        return leave_to_jq(parser);
    default:
        break;
    }
    if (sees(parser, ".")) {
        return parse_root(parser);
    }
    if (sees(parser, "(")) {
        return parse_parentheses(parser);
    }
    if (sees(parser, "[")) {
        return parse_list(parser);
    }
    if (sees(parser, "{")) {
        return parse_object(parser);
    }
    return sees(parser, "..") ? leave_to_jq(parser) : refuse_missing(parser);
}

static const struct node *parse_term(struct parser *parser) {
    if (sees(parser, "-")) {
        return parse_negative(parser);
    }
    return parse_postfix(parser, parse_bare_term(parser));
}

/* Operators -------------------------------------------------------------------------------- */

static bool sees_comparison(const struct parser *parser, enum comparison *out_comparison) {
    static const char *const SIGNS[] = {"==", "!=", "<", "<=", ">", ">="};
    static const enum comparison MEANINGS[] = {COMPARE_EQUAL,   COMPARE_UNEQUAL,
                                               COMPARE_LESS,    COMPARE_LESS_EQUAL,
                                               COMPARE_GREATER, COMPARE_GREATER_EQUAL};
    for (size_t i = 0; i < sizeof(SIGNS) / sizeof(SIGNS[0]); i++) {
        if (sees(parser, SIGNS[i])) {
            *out_comparison = MEANINGS[i];
            return true;
        }
    }
    return false;
}

static const struct node *parse_comparison(struct parser *parser) {
    const struct node *left = parse_term(parser);
    enum comparison comparison = COMPARE_EQUAL;
    if (left != NULL && sees_arithmetic(parser)) {
        return leave_to_jq(parser);
    }
    if (left == NULL || !sees_comparison(parser, &comparison)) {
        return left;
    }
    const struct node *right = advance(parser) ? parse_term(parser) : NULL;
    if (right != NULL && sees_arithmetic(parser)) {
        return leave_to_jq(parser);
    }
    enum comparison next = COMPARE_EQUAL;
    if (right != NULL && sees_comparison(parser, &next)) {
        return refuse(parser, parser->token.begin,
                      "comparisons do not chain: write `a < b and b < c`");
    }
    struct node *node = right != NULL ? new_node(parser, NODE_COMPARE, left->begin) : NULL;
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
           (sign != NULL ? sees(parser, sign) : token_is_name(&parser->token, name))) {
        const struct node *operand = advance(parser) ? parse_operand(parser) : NULL;
        const struct node *left = last != NULL ? last->right : first;
        struct node *node = operand != NULL ? new_node(parser, kind, left->begin) : NULL;
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

static const struct node *parse_alternative(struct parser *parser) {
    return parse_chain(parser, NODE_ALTERNATIVE, "//", NULL, parse_or);
}

static const struct node *parse_pipe(struct parser *parser) {
    const struct node *value = parse_nots(parser, parse_alternative(parser));
    return value != NULL && sees(parser, ",") ? leave_to_jq(parser) : value;
}

/* Two values side by side are a syntax error for certain; an operator may be jq's. */
static const struct node *parse_all(struct parser *parser) {
    const struct node *root = advance(parser) ? parse_pipe(parser) : NULL;
    if (root == NULL || parser->token.kind == TOKEN_END) {
        return root;
    }
    if (parser->token.kind == TOKEN_SIGN && !begins_term(&parser->token)) {
        return leave_to_jq(parser);
    }
    const struct token *token = &parser->token;
    return refuse(parser, token->begin, "an operator is missing before '%.*s'",
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

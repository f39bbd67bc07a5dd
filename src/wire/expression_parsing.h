/*
 * expression_parsing: the state of one parse, and what the files of the parser share.
 *
 * Every parser_read_x returns its node, or NULL: then `foreign` says that the text is not native,
 * or `failed` that it is wrong. Recursion is bounded by the lexer's bracket depth. Private to
 * wire/expression_*parser.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "wire/expression_tree.h"
#include "wire/lexer.h"

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

/* The ways out; each returns NULL. */
const struct node *parser_leave(struct parser *parser); /* to jq */
const struct node *parser_refuse(struct parser *parser, uint32_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
const struct node *parser_refuse_missing(struct parser *parser); /* a value, at this token */
const struct node *parser_no_room(struct parser *parser);

/* Looks at the next token; false when there is none that is jq. */
bool parser_advance(struct parser *parser);
bool parser_sees(const struct parser *parser, const char *sign);
bool parser_sees_postfix(const struct parser *parser);

/* Nodes end with the last token that was left behind. */
struct node *parser_new_node(struct parser *parser, enum node_kind kind, uint32_t begin);
const struct node *parser_new_literal(struct parser *parser, uint32_t begin, struct value value);
const struct node *parser_new_parts(struct parser *parser, enum node_kind kind, uint32_t begin,
                                    const struct node_list *list);

/* False when `part` is NULL, too. */
bool parser_add(struct parser *parser, struct node_list *list, const struct node *part);

/* Literals: expression_parsing.c */
bool parser_number(struct parser *parser, bool negative, struct value *out_value);
const struct node *parser_read_number(struct parser *parser);
const struct node *parser_read_negative(struct parser *parser);
const struct node *parser_read_string(struct parser *parser); /* interpolations and all */

/* Paths: expression_path_parser.c */
const struct node *parser_read_root(struct parser *parser); /* a dot and what belongs to it */
const struct node *parser_read_variable(struct parser *parser);
const struct node *parser_read_postfix(struct parser *parser, const struct node *base);
const struct node *parser_shorthand(struct parser *parser, const struct node *name);

/* Lists and objects: expression_object_parser.c */
const struct node *parser_read_list(struct parser *parser);
const struct node *parser_read_object(struct parser *parser);

/* Terms and operators: expression_parser.c */
const struct node *parser_read_term(struct parser *parser);
const struct node *parser_read_parentheses(struct parser *parser);
const struct node *parser_read_alternative(struct parser *parser); /* all but `|` and `,` */
const struct node *parser_read_nots(struct parser *parser, const struct node *value);
const struct node *parser_read_pipe(struct parser *parser);

/*
 * lexer: the words of a jq text, one at a time, as jq's own lexer cuts them.
 *
 * Strings come in parts: TOKEN_QUOTE, then TOKEN_PART and interpolations (TOKEN_OPEN_MARK ...
 * TOKEN_CLOSE_MARK) in any number, then TOKEN_UNQUOTE. Brackets are kept in step here, so whoever
 * reads tokens meets none that is not closed. What a token means is the parser's business.
 *
 * Pure: any thread. Foreign bytes: bounded by EXPRESSION_BYTES_MAX and EXPRESSION_DEPTH_MAX.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "wire/expression.h"

enum token_kind {
    TOKEN_END,
    TOKEN_FIELD, /* .name; text is the name */
    TOKEN_NUMBER,
    TOKEN_NAME,     /* functions and keywords */
    TOKEN_VARIABLE, /* $name; text is the name */
    TOKEN_FORMAT,   /* @name; text is the name */
    TOKEN_QUOTE,
    TOKEN_PART, /* text is raw, escapes and all */
    TOKEN_OPEN_MARK,
    TOKEN_CLOSE_MARK,
    TOKEN_UNQUOTE,
    TOKEN_SIGN /* operators, brackets, the bare dot; text is the sign */
};

struct token {
    enum token_kind kind;
    uint32_t begin, end; /* bytes in the text, sign and all */
    struct slice text;
};

struct lexer {
    struct slice text;
    uint32_t at;
    uint32_t depth;
    bool ends_at_brace;              /* an unmatched } ends the text: marks in templates */
    char open[EXPRESSION_DEPTH_MAX]; /* what is open: ( [ { " and m for a mark in a string */
};

void lexer_init(struct lexer *lexer, struct slice text);

/* The next token. INVALID: not lexically jq, a bracket out of step, too deep; *out_at is where. */
status lexer_next(struct lexer *lexer, struct token *out_token, uint32_t *out_at,
                  struct error *err);

bool token_is(const struct token *token, const char *sign);
bool token_is_name(const struct token *token, const char *name);

/* A part with its escapes resolved; shares the text's bytes where there are none. `at` is where
 * the part begins. */
status lexer_unescape(struct arena *arena, const struct token *part, struct slice *out_text,
                      uint32_t *out_at, struct error *err);

/* The place of byte `at` of a text that begins at `place` and whose later lines begin at the same
 * column, or at column `indent`. */
struct place lexer_place(struct slice text, struct place place, uint32_t at);
struct place lexer_place_in(struct slice text, struct place place, int indent, uint32_t at);

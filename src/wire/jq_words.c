// SPDX-License-Identifier: Apache-2.0
#include "wire/jq_words.h"

#include <string.h>

struct known_function {
    const char *name;
    const char *parts;
};

static const struct known_function KNOWN[] = {
    {"null", ""},     {"true", ""},    {"false", ""},    {"empty", ""},    {"now", ""},
    {"infinite", ""}, {"nan", ""},     {"any", "rn"},    {"all", "rn"},    {"first", "r"},
    {"last", "r"},    {"limit", "rr"}, {"nth", "rr"},    {"isempty", "r"}, {"error", "r"},
    {"range", "r"},   {"range", "rr"}, {"range", "rrr"}, {"IN", "rr"},     {"INDEX", "rn"},
};

bool token_opens(const struct token *token) {
    return token->kind == TOKEN_OPEN_MARK || token_is(token, "(") || token_is(token, "[") ||
           token_is(token, "{");
}

bool token_closes(const struct token *token) {
    return token->kind == TOKEN_CLOSE_MARK || token_is(token, ")") || token_is(token, "]") ||
           token_is(token, "}");
}

bool token_is_keyword(const struct token *token) {
    static const char *const WORDS[] = {
        "as",  "import", "include", "def",     "if",  "then",  "else",  "elif",   "end",
        "and", "or",     "reduce",  "foreach", "try", "catch", "label", "module", "__loc__"};
    for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
        if (token_is_name(token, WORDS[i])) {
            return true;
        }
    }
    return false;
}

bool token_assigns(const struct token *token) {
    static const char *const SIGNS[] = {"=", "|=", "+=", "-=", "*=", "/=", "%=", "//="};
    for (size_t i = 0; i < sizeof(SIGNS) / sizeof(SIGNS[0]); i++) {
        if (token_is(token, SIGNS[i])) {
            return true;
        }
    }
    return false;
}

bool token_begins_term(const struct token *token) {
    return token->kind == TOKEN_FIELD || token->kind == TOKEN_NUMBER ||
           token->kind == TOKEN_VARIABLE || token->kind == TOKEN_QUOTE ||
           token->kind == TOKEN_FORMAT || token_is(token, "(") || token_is(token, "[") ||
           token_is(token, "{") || token_is(token, ".") || token_is(token, "..");
}

bool token_ends_term(const struct token *token) {
    switch (token->kind) {
    case TOKEN_FIELD:
    case TOKEN_NUMBER:
    case TOKEN_VARIABLE:
    case TOKEN_FORMAT:
    case TOKEN_UNQUOTE:
        return true;
    case TOKEN_NAME:
        return !token_is_keyword(token) || token_is_name(token, "end");
    case TOKEN_SIGN:
        return token_is(token, ".") || token_is(token, "..") || token_is(token, "?") ||
               token_is(token, ")") || token_is(token, "]") || token_is(token, "}");
    default:
        return false;
    }
}

const char *jq_function_parts(struct slice name, uint32_t arguments) {
    for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++) {
        if (slice_is(name, KNOWN[i].name) && strlen(KNOWN[i].parts) == arguments) {
            return KNOWN[i].parts;
        }
    }
    return NULL;
}

// SPDX-License-Identifier: Apache-2.0
#include "wire/lexer.h"

#include <stdint.h>
#include <string.h>

/* Longest first where one begins another. */
static const char *const SIGNS[] = {"?//", "//=", "!=", "==", "//", "|=", "+=", "-=", "*=",
                                    "/=",  "%=",  "<=", ">=", "..", ".",  "?",  "=",  ";",
                                    ",",   ":",   "|",  "+",  "-",  "*",  "/",  "%",  "<",
                                    ">",   "(",   ")",  "[",  "]",  "{",  "}"};

void lexer_init(struct lexer *lexer, struct slice text) {
    *lexer = (struct lexer){.text = text};
}

bool token_is(const struct token *token, const char *sign) {
    return token->kind == TOKEN_SIGN && slice_is(token->text, sign);
}

bool token_is_name(const struct token *token, const char *name) {
    return token->kind == TOKEN_NAME && slice_is(token->text, name);
}

struct place lexer_place(struct slice text, struct place place, uint32_t at) {
    return lexer_place_in(text, place, place.column, at);
}

struct place lexer_place_in(struct slice text, struct place place, int indent, uint32_t at) {
    for (uint32_t i = 0; i < at && i < text.count; i++) {
        if (text.bytes[i] == '\n') {
            place.line++;
            place.column = indent;
        } else if (((unsigned char)text.bytes[i] & 0xC0) != 0x80) {
            place.column++;
        }
    }
    return place;
}

static char byte_at(const struct lexer *lexer, size_t at) {
    return at < lexer->text.count ? lexer->text.bytes[at] : '\0';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static uint32_t name_end(const struct lexer *lexer, uint32_t at) {
    while (is_letter(byte_at(lexer, at)) || is_digit(byte_at(lexer, at))) {
        at++;
    }
    return at;
}

/* Names may carry modules in front: a::b. */
static uint32_t path_end(const struct lexer *lexer, uint32_t at) {
    at = name_end(lexer, at);
    while (byte_at(lexer, at) == ':' && byte_at(lexer, at + 1) == ':' &&
           is_letter(byte_at(lexer, at + 2))) {
        at = name_end(lexer, at + 2);
    }
    return at;
}

static uint32_t number_end(const struct lexer *lexer, uint32_t at) {
    while (is_digit(byte_at(lexer, at))) {
        at++;
    }
    if (byte_at(lexer, at) == '.') {
        at++;
        while (is_digit(byte_at(lexer, at))) {
            at++;
        }
    }
    if (byte_at(lexer, at) == 'e' || byte_at(lexer, at) == 'E') {
        uint32_t digits = at + 1;
        if (byte_at(lexer, digits) == '+' || byte_at(lexer, digits) == '-') {
            digits++;
        }
        if (is_digit(byte_at(lexer, digits))) {
            at = digits;
            while (is_digit(byte_at(lexer, at))) {
                at++;
            }
        }
    }
    return at;
}

static void skip_blanks(struct lexer *lexer) {
    for (;;) {
        const char c = byte_at(lexer, lexer->at);
        if (c == '#') {
            while (lexer->at < lexer->text.count && byte_at(lexer, lexer->at) != '\n') {
                lexer->at++;
            }
        } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            lexer->at++;
        } else {
            return;
        }
    }
}

static bool is_inside(const struct lexer *lexer, char open) {
    return lexer->depth > 0 && lexer->open[lexer->depth - 1] == open;
}

static status open_one(struct lexer *lexer, char open, struct error *err) {
    if (lexer->depth == EXPRESSION_DEPTH_MAX) {
        return fail(err, STATUS_INVALID, "brackets and strings are nested more than %d deep",
                    EXPRESSION_DEPTH_MAX);
    }
    lexer->open[lexer->depth] = open;
    lexer->depth++;
    return STATUS_OK;
}

static struct token *take(struct lexer *lexer, struct token *token, enum token_kind kind,
                          uint32_t end) {
    token->kind = kind;
    token->begin = lexer->at;
    token->end = end;
    token->text = slice_part(lexer->text, lexer->at, end);
    lexer->at = end;
    return token;
}

static const char *name_of_open(char open) {
    switch (open) {
    case '(':
        return "(";
    case '[':
        return "[";
    case '{':
        return "{";
    case 'm':
        return "\\(";
    default:
        return "\"";
    }
}

static status close_one(struct lexer *lexer, char sign, struct token *token, struct error *err) {
    const char wanted = sign == ')' ? '(' : sign == ']' ? '[' : '{';
    if (is_inside(lexer, 'm') && sign == ')') {
        lexer->depth--;
        (void)take(lexer, token, TOKEN_CLOSE_MARK, lexer->at + 1);
        return STATUS_OK;
    }
    if (is_inside(lexer, wanted)) {
        lexer->depth--;
        (void)take(lexer, token, TOKEN_SIGN, lexer->at + 1);
        return STATUS_OK;
    }
    if (lexer->depth == 0 && sign == '}' && lexer->ends_at_brace) {
        (void)take(lexer, token, TOKEN_END, lexer->at);
        return STATUS_OK;
    }
    if (lexer->depth == 0) {
        return fail(err, STATUS_INVALID, "'%c' closes nothing", sign);
    }
    return fail(err, STATUS_INVALID, "'%c' stands where '%s' is still open", sign,
                name_of_open(lexer->open[lexer->depth - 1]));
}

/* Inside a string: a part, an interpolation's start, or the quote that ends it. */
static status next_in_string(struct lexer *lexer, struct token *token, struct error *err) {
    uint32_t end = lexer->at;
    while (end < lexer->text.count && byte_at(lexer, end) != '"') {
        if (byte_at(lexer, end) == '\\' && byte_at(lexer, end + 1) == '(') {
            break;
        }
        end += byte_at(lexer, end) == '\\' && end + 1 < lexer->text.count ? 2 : 1;
    }
    if (end >= lexer->text.count) {
        return fail(err, STATUS_INVALID, "a string is not closed: '\"' is missing");
    }
    if (end > lexer->at) {
        (void)take(lexer, token, TOKEN_PART, end);
        return STATUS_OK;
    }
    if (byte_at(lexer, end) == '"') {
        lexer->depth--;
        (void)take(lexer, token, TOKEN_UNQUOTE, end + 1);
        return STATUS_OK;
    }
    TRY(open_one(lexer, 'm', err));
    (void)take(lexer, token, TOKEN_OPEN_MARK, end + 2);
    return STATUS_OK;
}

static status fail_at_end(const struct lexer *lexer, struct error *err) {
    return fail(err, STATUS_INVALID, "'%s' is not closed",
                name_of_open(lexer->open[lexer->depth - 1]));
}

/* What people bring from other languages is answered with jq's word for it. */
static status fail_strange(const struct lexer *lexer, struct error *err) {
    const char c = byte_at(lexer, lexer->at);
    switch (c) {
    case '&':
        return fail(err, STATUS_INVALID, "jq has no '&': write `and`");
    case '!':
        return fail(err, STATUS_INVALID, "jq has no '!' but in '!=': write `(... | not)`");
    case '\'':
        return fail(err, STATUS_INVALID, "a string stands in double quotes, not in single ones");
    case '$':
        return fail(err, STATUS_INVALID, "a name is missing after '$'");
    case '@':
        return fail(err, STATUS_INVALID, "a name is missing after '@'");
    case '\\':
        return fail(err, STATUS_INVALID, "'\\' stands outside a string");
    default:
        break;
    }
    if ((unsigned char)c < 0x20 || c == 0x7F) {
        return fail(err, STATUS_INVALID, "the byte 0x%02x is not part of jq",
                    (unsigned)(unsigned char)c);
    }
    uint32_t end = lexer->at + 1;
    while (((unsigned char)byte_at(lexer, end) & 0xC0) == 0x80) {
        end++;
    }
    return fail(err, STATUS_INVALID, "'%.*s' is not part of jq",
                SLICE_ARGS(slice_part(lexer->text, lexer->at, end)));
}

static status next_sign(struct lexer *lexer, struct token *token, struct error *err) {
    const struct slice rest = slice_part(lexer->text, lexer->at, lexer->text.count);
    for (size_t i = 0; i < sizeof(SIGNS) / sizeof(SIGNS[0]); i++) {
        if (!slice_starts(rest, SIGNS[i])) {
            continue;
        }
        const char first = SIGNS[i][0];
        if (first == ')' || first == ']' || first == '}') {
            return close_one(lexer, first, token, err);
        }
        if (first == '(' || first == '[' || first == '{') {
            TRY(open_one(lexer, first, err));
        }
        (void)take(lexer, token, TOKEN_SIGN, lexer->at + (uint32_t)strlen(SIGNS[i]));
        return STATUS_OK;
    }
    return fail_strange(lexer, err);
}

/* $name, @name and .name: the sign is not part of the token's text. */
static bool next_marked(struct lexer *lexer, struct token *token) {
    const char c = byte_at(lexer, lexer->at);
    if ((c != '$' && c != '@' && c != '.') || !is_letter(byte_at(lexer, lexer->at + 1))) {
        return false;
    }
    const uint32_t end = c == '$' ? path_end(lexer, lexer->at + 1) : name_end(lexer, lexer->at + 1);
    (void)take(lexer, token,
               c == '$'   ? TOKEN_VARIABLE
               : c == '@' ? TOKEN_FORMAT
                          : TOKEN_FIELD,
               end);
    token->text = slice_part(token->text, 1, token->text.count);
    return true;
}

static status next_token(struct lexer *lexer, struct token *token, struct error *err) {
    if (is_inside(lexer, '"')) {
        return next_in_string(lexer, token, err);
    }
    skip_blanks(lexer);
    if (lexer->at >= lexer->text.count) {
        if (lexer->depth > 0) {
            return fail_at_end(lexer, err);
        }
        (void)take(lexer, token, TOKEN_END, lexer->at);
        return STATUS_OK;
    }
    const char c = byte_at(lexer, lexer->at);
    if (c == '"') {
        TRY(open_one(lexer, '"', err));
        (void)take(lexer, token, TOKEN_QUOTE, lexer->at + 1);
        return STATUS_OK;
    }
    if (next_marked(lexer, token)) {
        return STATUS_OK;
    }
    if (is_letter(c)) {
        (void)take(lexer, token, TOKEN_NAME, path_end(lexer, lexer->at));
        return STATUS_OK;
    }
    if (is_digit(c) || (c == '.' && is_digit(byte_at(lexer, lexer->at + 1)))) {
        (void)take(lexer, token, TOKEN_NUMBER, number_end(lexer, lexer->at));
        return STATUS_OK;
    }
    return next_sign(lexer, token, err);
}

status lexer_next(struct lexer *lexer, struct token *out_token, uint32_t *out_at,
                  struct error *err) {
    const status got = next_token(lexer, out_token, err);
    if (got != STATUS_OK) {
        *out_at = lexer->at;
    }
    return got;
}

static int hex_digit(char c) {
    if (is_digit(c)) {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The four digits of \uXXXX at `at`, or -1. */
static long read_unit(struct slice text, size_t at) {
    if (at + 6 > text.count || text.bytes[at] != '\\' || text.bytes[at + 1] != 'u') {
        return -1;
    }
    long unit = 0;
    for (size_t i = at + 2; i < at + 6; i++) {
        const int digit = hex_digit(text.bytes[i]);
        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

static size_t write_code_point(char *out, long code) {
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | (code >> 6));
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | (code >> 12));
        out[1] = (char)(0x80 | ((code >> 6) & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | (code >> 18));
    out[1] = (char)(0x80 | ((code >> 12) & 0x3F));
    out[2] = (char)(0x80 | ((code >> 6) & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

/* A \u escape at *at: the code point of one unit or of a pair, or -1. */
static long read_code_point(struct slice text, size_t *at) {
    const long unit = read_unit(text, *at);
    if (unit < 0xD800 || unit > 0xDFFF) {
        *at += 6;
        return unit;
    }
    const long low = read_unit(text, *at + 6);
    if (unit > 0xDBFF || low < 0xDC00 || low > 0xDFFF) {
        return -1;
    }
    *at += 12;
    return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

static char simple_escape(char c) {
    static const char NAMES[] = "\"\\/bfnrt";
    static const char BYTES[] = "\"\\/\b\f\n\r\t";
    const char *hit = c != '\0' ? strchr(NAMES, c) : NULL;
    return hit != NULL ? BYTES[hit - NAMES] : '\0';
}

status lexer_unescape(struct arena *arena, const struct token *part, struct slice *out_text,
                      uint32_t *out_at, struct error *err) {
    const struct slice raw = part->text;
    if (slice_find(raw, '\\') == raw.count) {
        *out_text = raw;
        return STATUS_OK;
    }
    /* No escape is longer resolved than written. */
    char *text = arena_get(arena, raw.count + 1, 1);
    if (text == NULL) {
        return fail(err, STATUS_FULL, "no room for a string of %zu bytes", raw.count);
    }
    size_t count = 0;
    for (size_t i = 0; i < raw.count;) {
        if (raw.bytes[i] != '\\') {
            text[count++] = raw.bytes[i++];
            continue;
        }
        const char name = i + 1 < raw.count ? raw.bytes[i + 1] : '\0';
        if (name == 'u') {
            *out_at = part->begin + (uint32_t)i;
            const long code = read_code_point(raw, &i);
            if (code < 0) {
                return fail(err, STATUS_INVALID,
                            "'\\u' wants four hexadecimal digits, and a pair of surrogates whole");
            }
            count += write_code_point(text + count, code);
            continue;
        }
        const char byte = simple_escape(name);
        if (byte == '\0') {
            *out_at = part->begin + (uint32_t)i;
            return fail(
                err, STATUS_INVALID,
                "a string has the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX and \\(");
        }
        text[count++] = byte;
        i += 2;
    }
    *out_text = (struct slice){.bytes = text, .count = count};
    return STATUS_OK;
}

// SPDX-License-Identifier: Apache-2.0
#include "platform/json_member.h"

#include <stdlib.h>
#include <string.h>

enum { NUMBER_BYTES_MAX = 400, NAME_BYTES_MAX = 1024, EXACT_DIGITS = 15 };

static const int64_t EXACT_MAX = INT64_C(1) << 53; /* of whole numbers that a double has all */

/* Where the reading is. It never goes behind the end. */
struct scan {
    const char *at, *end;
};

static void skip_blanks(struct scan *scan) {
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\t' || *scan->at == '\r')) {
        scan->at++;
    }
}

static bool take(struct scan *scan, char byte) {
    skip_blanks(scan);
    if (scan->at < scan->end && *scan->at == byte) {
        scan->at++;
        return true;
    }
    return false;
}

/* What is between the quotes, of which the first was taken. */
static bool take_text(struct scan *scan, struct slice *out_raw, bool *out_escaped) {
    const char *from = scan->at;
    *out_escaped = false;
    while (scan->at < scan->end && *scan->at != '"') {
        const bool escape = *scan->at == '\\';
        *out_escaped = *out_escaped || escape;
        scan->at += escape && scan->at + 1 < scan->end ? 2 : 1;
    }
    if (scan->at >= scan->end) {
        return false;
    }
    *out_raw = (struct slice){.bytes = from, .count = (size_t)(scan->at - from)};
    scan->at++;
    return true;
}

/* A list or an object, of which the first bracket was taken: up to the one that closes it. */
static bool take_nest(struct scan *scan) {
    size_t depth = 1;
    struct slice raw;
    bool escaped;
    while (depth > 0 && scan->at < scan->end) {
        const char byte = *scan->at++;
        if (byte == '"' && !take_text(scan, &raw, &escaped)) {
            return false;
        }
        depth += byte == '[' || byte == '{' ? 1 : 0;
        depth -= byte == ']' || byte == '}' ? 1 : 0;
    }
    return depth == 0;
}

static bool is_end(char byte) {
    return byte == ',' || byte == '}' || byte == ']' || byte == ' ' || byte == '\n' ||
           byte == '\t' || byte == '\r' || byte == ':' || byte == '"';
}

/* Digits up to a point or an end; false: more than an int64 holds, and *number means nothing. It is
 * kept negative, since there is one more of those. */
static bool take_digits(struct slice raw, size_t *place, int64_t *number) {
    while (*place < raw.count && raw.bytes[*place] >= '0' && raw.bytes[*place] <= '9') {
        if (__builtin_mul_overflow(*number, 10, number) ||
            __builtin_sub_overflow(*number, raw.bytes[*place] - '0', number)) {
            return false;
        }
        (*place)++;
    }
    return true;
}

/* What strtod makes of it, which wants a zero at the end. */
static double read_slowly(struct slice raw) {
    char text[NUMBER_BYTES_MAX];
    const size_t count = raw.count < sizeof(text) ? raw.count : sizeof(text) - 1;
    (void)memcpy(text, raw.bytes, count);
    text[count] = '\0';
    return strtod(text, NULL);
}

/* Most numbers are integers, or have few digits: of two doubles that are exact the quotient is the
 * nearest one, and so what strtod gives. */
static void read_number(struct json_member *member) {
    static const double TENS[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    const struct slice raw = member->raw;
    const bool negative = raw.bytes[0] == '-';
    size_t place = negative ? 1 : 0;
    int64_t number = 0;
    bool held = take_digits(raw, &place, &number);
    if (held && place == raw.count && (negative || number > INT64_MIN)) {
        member->kind = JSON_MEMBER_INTEGER;
        member->integer = negative ? number : -number;
        member->real = (double)member->integer;
        return;
    }
    member->kind = JSON_MEMBER_REAL;
    const size_t point = place;
    if (held && point < raw.count && raw.bytes[point] == '.') {
        place++;
        held = take_digits(raw, &place, &number);
        const size_t digits = place - point - 1;
        if (held && place == raw.count && number > -EXACT_MAX && digits <= EXACT_DIGITS) {
            const double size = (double)-number / TENS[digits];
            member->real = negative ? -size : size;
            return;
        }
    }
    member->real = read_slowly(raw);
}

static bool take_word(struct scan *scan, struct json_member *out) {
    const char *from = scan->at;
    while (scan->at < scan->end && !is_end(*scan->at)) {
        scan->at++;
    }
    out->raw = (struct slice){.bytes = from, .count = (size_t)(scan->at - from)};
    if (out->raw.count == 0) {
        return false;
    }
    if (*from == 't' || *from == 'f') {
        out->kind = *from == 't' ? JSON_MEMBER_TRUE : JSON_MEMBER_FALSE;
    } else if (*from != 'n') {
        read_number(out);
    }
    return true;
}

static bool take_value(struct scan *scan, struct json_member *out) {
    *out = (struct json_member){.kind = JSON_MEMBER_NONE};
    skip_blanks(scan);
    if (scan->at == scan->end) {
        return false;
    }
    const char *from = scan->at;
    if (*from == '"') {
        out->kind = JSON_MEMBER_TEXT;
        scan->at++;
        return take_text(scan, &out->raw, &out->escaped);
    }
    if (*from != '[' && *from != '{') {
        return take_word(scan, out);
    }
    out->kind = *from == '[' ? JSON_MEMBER_LIST : JSON_MEMBER_OBJECT;
    scan->at++;
    const bool whole = take_nest(scan);
    out->raw = (struct slice){.bytes = from, .count = (size_t)(scan->at - from)};
    return whole;
}

/* --- names --- */

static bool is_name(struct slice raw, bool escaped, struct slice name) {
    if (!escaped) {
        return slice_equal(raw, name);
    }
    CLEANUP(buffer_done) struct buffer plain;
    buffer_init(&plain, NAME_BYTES_MAX);
    json_member_text(&plain, raw);
    return plain.failed == STATUS_OK && slice_equal(buffer_slice(&plain), name);
}

/* The name is there, and its value was taken. */
static bool take_member(struct scan *scan, struct slice *out_name, bool *out_escaped,
                        struct json_member *out_member) {
    return take(scan, '"') && take_text(scan, out_name, out_escaped) && take(scan, ':') &&
           take_value(scan, out_member);
}

struct json_member json_member_find(struct slice object, struct slice name) {
    struct scan scan = {.at = object.bytes, .end = object.bytes + object.count};
    struct json_member found = {.kind = JSON_MEMBER_NONE};
    struct json_member member;
    struct slice raw;
    bool escaped;
    if (object.count == 0 || !take(&scan, '{')) {
        return found;
    }
    while (take_member(&scan, &raw, &escaped, &member)) {
        if (is_name(raw, escaped, name)) {
            found = member;
        }
        if (!take(&scan, ',')) {
            break;
        }
    }
    return found;
}

bool json_member_next(struct slice object, size_t *place, struct slice *out_name,
                      struct json_member *out_member) {
    bool escaped;
    if (*place >= object.count) {
        return false;
    }
    struct scan scan = {.at = object.bytes + *place, .end = object.bytes + object.count};
    if (!take(&scan, *place == 0 ? '{' : ',') ||
        !take_member(&scan, out_name, &escaped, out_member)) {
        return false;
    }
    *place = (size_t)(scan.at - object.bytes);
    return true;
}

/* --- escapes --- */

static uint32_t read_hex(const char *bytes) {
    uint32_t code = 0;
    for (int i = 0; i < 4; i++) {
        const char byte = bytes[i];
        const int digit = byte >= '0' && byte <= '9'   ? byte - '0'
                          : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
                          : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                                       : 0;
        code = code << 4 | (uint32_t)digit;
    }
    return code;
}

static void add_code(struct buffer *out, uint32_t code) {
    if (code < 0x80) {
        buffer_add_byte(out, (uint8_t)code);
    } else if (code < 0x800) {
        buffer_add_byte(out, (uint8_t)(0xc0 | code >> 6));
        buffer_add_byte(out, (uint8_t)(0x80 | (code & 0x3f)));
    } else if (code < 0x10000) {
        buffer_add_byte(out, (uint8_t)(0xe0 | code >> 12));
        buffer_add_byte(out, (uint8_t)(0x80 | (code >> 6 & 0x3f)));
        buffer_add_byte(out, (uint8_t)(0x80 | (code & 0x3f)));
    } else {
        buffer_add_byte(out, (uint8_t)(0xf0 | code >> 18));
        buffer_add_byte(out, (uint8_t)(0x80 | (code >> 12 & 0x3f)));
        buffer_add_byte(out, (uint8_t)(0x80 | (code >> 6 & 0x3f)));
        buffer_add_byte(out, (uint8_t)(0x80 | (code & 0x3f)));
    }
}

/* The escape behind a "\u" at `i`; two halves of a pair are one code. How many bytes it took. */
static size_t add_unicode(struct buffer *out, struct slice raw, size_t i) {
    if (raw.count - i < 4) {
        return raw.count - i;
    }
    const uint32_t code = read_hex(raw.bytes + i);
    const bool pair = code >= 0xd800 && code < 0xdc00 && raw.count - i >= 10 &&
                      raw.bytes[i + 4] == '\\' && raw.bytes[i + 5] == 'u';
    const uint32_t low = pair ? read_hex(raw.bytes + i + 6) : 0;
    if (pair && low >= 0xdc00 && low < 0xe000) {
        add_code(out, 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00));
        return 10;
    }
    add_code(out, code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
    return 4;
}

void json_member_text(struct buffer *out, struct slice raw) {
    static const char ESCAPES[] = "bfnrt";
    static const char PLAIN[] = "\b\f\n\r\t";
    for (size_t i = 0; i < raw.count; i++) {
        if (raw.bytes[i] != '\\' || i + 1 == raw.count) {
            buffer_add_byte(out, (uint8_t)raw.bytes[i]);
            continue;
        }
        const char escape = raw.bytes[++i];
        const char *known = escape != '\0' ? strchr(ESCAPES, escape) : NULL;
        if (escape == 'u') {
            i += add_unicode(out, raw, i + 1);
        } else {
            buffer_add_byte(out, (uint8_t)(known != NULL ? PLAIN[known - ESCAPES] : escape));
        }
    }
}

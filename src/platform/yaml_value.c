// SPDX-License-Identifier: Apache-2.0
/* The half of yaml.h that needs no library: scalars by YAML 1.2's core schema. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "platform/yaml.h"

enum { NUMBER_BYTES_MAX = 400 }; /* longer digits are text: nobody means a number by them */

static bool is_one_of(struct slice text, const char *const words[]) {
    for (size_t i = 0; words[i] != NULL; i++) {
        if (slice_is(text, words[i])) {
            return true;
        }
    }
    return false;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static size_t skip_digits(struct slice text, size_t from) {
    while (from < text.count && is_digit(text.bytes[from])) {
        from++;
    }
    return from;
}

static size_t skip_sign(struct slice text, size_t from) {
    return from < text.count && (text.bytes[from] == '-' || text.bytes[from] == '+') ? from + 1
                                                                                     : from;
}

/* [-+]?[0-9]+ */
static bool is_integer(struct slice text) {
    const size_t start = skip_sign(text, 0);
    return start < text.count && skip_digits(text, start) == text.count;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_real(struct slice text) {
    const size_t start = skip_sign(text, 0);
    size_t at = skip_digits(text, start);
    size_t digits = at - start;
    if (at < text.count && text.bytes[at] == '.') {
        const size_t fraction = at + 1;
        at = skip_digits(text, fraction);
        digits += at - fraction;
    }
    if (digits == 0) {
        return false;
    }
    if (at < text.count && (text.bytes[at] == 'e' || text.bytes[at] == 'E')) {
        const size_t exponent = skip_sign(text, at + 1);
        at = skip_digits(text, exponent);
        return at == text.count && at > exponent;
    }
    return at == text.count;
}

/* Digits that an int64 does not hold, as JSON writes them: no plus, no leading zeroes. */
static bool raw_integer(struct arena *arena, struct slice text, struct value *out_value) {
    const bool negative = text.bytes[0] == '-';
    size_t from = skip_sign(text, 0);
    while (from + 1 < text.count && text.bytes[from] == '0') {
        from++;
    }
    const struct slice digits = slice_part(text, from, text.count);
    const struct slice raw = arena_print(arena, "%s%.*s", negative ? "-" : "", SLICE_ARGS(digits));
    *out_value = (struct value){.kind = VALUE_RAW, .count = (uint32_t)raw.count, .text = raw.bytes};
    return raw.bytes != NULL;
}

/* 0x and 0o take no sign; what does not fit stays text. */
static bool read_radix(struct slice text, struct value *out_value) {
    const bool hex = slice_starts(text, "0x");
    if ((!hex && !slice_starts(text, "0o")) || text.count == 2) {
        return false;
    }
    int64_t number = 0;
    for (size_t i = 2; i < text.count; i++) {
        const char c = text.bytes[i];
        int digit = is_digit(c) ? c - '0' : 99;
        digit = c >= 'a' && c <= 'f' ? c - 'a' + 10 : digit;
        digit = c >= 'A' && c <= 'F' ? c - 'A' + 10 : digit;
        const int radix = hex ? 16 : 8;
        if (digit >= radix || number > (INT64_MAX - digit) / radix) {
            return false;
        }
        number = number * radix + digit;
    }
    *out_value = value_of_integer(number);
    return true;
}

/* true when the text is a number and fits; *out_room is false when the arena has no room. */
static bool read_number(struct arena *arena, struct slice text, struct value *out_value,
                        bool *out_room) {
    if (text.count > NUMBER_BYTES_MAX) {
        return false;
    }
    char copy[NUMBER_BYTES_MAX + 1];
    (void)memcpy(copy, text.bytes, text.count);
    copy[text.count] = '\0';
    if (is_integer(text)) {
        errno = 0;
        const long long number = strtoll(copy, NULL, 10);
        if (errno == 0) {
            *out_value = value_of_integer(number);
        } else {
            *out_room = raw_integer(arena, text, out_value);
        }
        return true;
    }
    if (is_real(text)) {
        const double number = strtod(copy, NULL);
        *out_value = value_of_real(number);
        return isfinite(number);
    }
    return read_radix(text, out_value);
}

static bool read_scalar(struct arena *arena, const struct yaml *node, struct value *out_value) {
    static const char *const NULLS[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const TRUES[] = {"true", "True", "TRUE", NULL};
    static const char *const FALSES[] = {"false", "False", "FALSE", NULL};
    bool room = true;
    if (!node->quoted && is_one_of(node->text, NULLS)) {
        *out_value = (struct value){0};
    } else if (!node->quoted && is_one_of(node->text, TRUES)) {
        *out_value = value_of_boolean(true);
    } else if (!node->quoted && is_one_of(node->text, FALSES)) {
        *out_value = value_of_boolean(false);
    } else if (node->quoted || !read_number(arena, node->text, out_value, &room)) {
        *out_value = value_of_text(node->text);
    }
    return room;
}

bool yaml_value(struct arena *arena, const struct yaml *node, struct value *out_value) {
    if (node->kind == YAML_SCALAR) {
        return read_scalar(arena, node, out_value);
    }
    bool room = true;
    if (node->kind == YAML_LIST) {
        struct value *items = value_new_list(arena, node->count, out_value);
        room = items != NULL;
        for (uint32_t i = 0; room && i < node->count; i++) {
            room = yaml_value(arena, &node->items[i], &items[i]);
        }
        return room;
    }
    struct member *members = value_new_object(arena, node->count, out_value);
    room = members != NULL;
    for (uint32_t i = 0; room && i < node->count; i++) {
        members[i].name = node->pairs[i].key;
        room = yaml_value(arena, &node->pairs[i].value, &members[i].value);
    }
    return room;
}

// SPDX-License-Identifier: Apache-2.0
#include "base/slice.h"

#include <string.h>

struct slice slice_of(const char *text) {
    return (struct slice){.bytes = text, .count = text != NULL ? strlen(text) : 0};
}

bool slice_equal(struct slice a, struct slice b) {
    return a.count == b.count && (a.count == 0 || memcmp(a.bytes, b.bytes, a.count) == 0);
}

bool slice_is(struct slice a, const char *text) {
    return slice_equal(a, slice_of(text));
}

bool slice_starts(struct slice a, const char *text) {
    const size_t count = strlen(text);
    return a.count >= count && slice_equal(slice_part(a, 0, count), slice_of(text));
}

bool slice_ends(struct slice a, const char *text) {
    const size_t count = strlen(text);
    return a.count >= count && slice_equal(slice_part(a, a.count - count, a.count), slice_of(text));
}

struct slice slice_part(struct slice a, size_t from, size_t to) {
    if (to > a.count) {
        to = a.count;
    }
    if (from >= to) {
        return (struct slice){0};
    }
    return (struct slice){.bytes = a.bytes + from, .count = to - from};
}

size_t slice_find(struct slice a, char byte) {
    const char *hit = a.count > 0 ? memchr(a.bytes, byte, a.count) : NULL;
    return hit != NULL ? (size_t)(hit - a.bytes) : a.count;
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct slice slice_trim(struct slice a) {
    size_t from = 0;
    size_t to = a.count;
    while (from < to && is_space(a.bytes[from])) {
        from++;
    }
    while (to > from && is_space(a.bytes[to - 1])) {
        to--;
    }
    return slice_part(a, from, to);
}

int slice_compare(struct slice a, struct slice b) {
    const size_t shared = a.count < b.count ? a.count : b.count;
    const int order = shared > 0 ? memcmp(a.bytes, b.bytes, shared) : 0;
    if (order != 0) {
        return order;
    }
    return a.count < b.count ? -1 : a.count > b.count;
}

bool slice_next_line(struct slice *rest, struct slice *out_line) {
    if (rest->count == 0) {
        return false;
    }
    const size_t end = slice_find(*rest, '\n');
    *out_line = slice_trim(slice_part(*rest, 0, end));
    *rest = slice_part(*rest, end + 1, rest->count);
    return true;
}

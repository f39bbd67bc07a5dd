// SPDX-License-Identifier: Apache-2.0
#include "base/rate.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"

static bool read_count(struct slice text, uint32_t *out_count) {
    uint32_t count = 0;
    for (size_t i = 0; i < text.count; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9') {
            return false;
        }
        count = count * 10 + (uint32_t)(text.bytes[i] - '0');
        if (count > RATE_COUNT_MAX) {
            return false;
        }
    }
    *out_count = count;
    return count > 0;
}

/* "15m", "m", "min", "2day": a span whose number may be left out, with two more words for units. */
static bool read_span(struct slice text, int64_t *out_span_ms) {
    static const struct { const char *word, *unit; } WORDS[] = {{"min", "m"}, {"day", "d"}};
    char span[32];
    size_t digits = 0;
    while (digits < text.count && text.bytes[digits] >= '0' && text.bytes[digits] <= '9') {
        digits++;
    }
    struct slice unit = slice_part(text, digits, text.count);
    for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
        unit = slice_is(unit, WORDS[i].word) ? slice_of(WORDS[i].unit) : unit;
    }
    const int count = snprintf(span, sizeof(span), "%.*s%.*s", digits > 0 ? (int)digits : 1,
                               digits > 0 ? text.bytes : "1", SLICE_ARGS(unit));
    return text.count < sizeof(span) - 1 && count > 0 && unit.count > 0 &&
           time_read_span(slice_of(span), out_span_ms) && *out_span_ms > 0;
}

bool rate_read(struct slice text, uint32_t *out_count, int64_t *out_span_ms) {
    const size_t stroke = slice_find(text, '/');
    uint32_t count = 0;
    int64_t span_ms = 0;
    if (stroke == text.count || !read_count(slice_part(text, 0, stroke), &count) ||
        !read_span(slice_part(text, stroke + 1, text.count), &span_ms)) {
        return false;
    }
    *out_count = count;
    *out_span_ms = span_ms;
    return true;
}

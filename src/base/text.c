// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <stdint.h>
#include <string.h>

enum { WORD_BYTES_MAX = 64, NAME_BYTES_MAX = 63 };

static const char REPLACEMENT[] = "\xEF\xBF\xBD"; /* U+FFFD */

static bool is_tail(unsigned char byte) {
    return (byte & 0xC0) == 0x80;
}

/* The second byte alone tells overlong forms, surrogates and what lies above U+10FFFF. */
static bool is_second(unsigned char lead, unsigned char second) {
    switch (lead) {
    case 0xE0:
        return second >= 0xA0 && second <= 0xBF;
    case 0xED:
        return second >= 0x80 && second <= 0x9F;
    case 0xF0:
        return second >= 0x90 && second <= 0xBF;
    case 0xF4:
        return second >= 0x80 && second <= 0x8F;
    default:
        return is_tail(second);
    }
}

static size_t sequence_bytes(unsigned char lead) {
    if (lead < 0x80) {
        return 1;
    }
    if (lead < 0xC2 || lead > 0xF4) {
        return 0;
    }
    return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

size_t text_next(struct slice text) {
    if (text.count == 0) {
        return 0;
    }
    const unsigned char *bytes = (const unsigned char *)text.bytes;
    const size_t count = sequence_bytes(bytes[0]);
    if (count <= 1) {
        return count;
    }
    if (count > text.count || !is_second(bytes[0], bytes[1])) {
        return 0;
    }
    for (size_t i = 2; i < count; i++) {
        if (!is_tail(bytes[i])) {
            return 0;
        }
    }
    return count;
}

/* Index of the first byte that is not ASCII, from `from` on; eight at a time, since most text is.
 */
static size_t skip_ascii(struct slice text, size_t from) {
    size_t i = from;
    uint64_t eight = 0;
    while (text.count - i >= sizeof(eight)) {
        (void)memcpy(&eight, text.bytes + i, sizeof(eight));
        if ((eight & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
        i += sizeof(eight);
    }
    while (i < text.count && (unsigned char)text.bytes[i] < 0x80) {
        i++;
    }
    return i;
}

/* Index of the first ill-formed byte, or the count. */
static size_t first_bad(struct slice text, size_t from) {
    size_t i = skip_ascii(text, from);
    while (i < text.count) {
        const size_t step = text_next(slice_part(text, i, text.count));
        if (step == 0) {
            return i;
        }
        i = skip_ascii(text, i + step);
    }
    return i;
}

bool text_is_utf8(struct slice text) {
    return first_bad(text, 0) == text.count;
}

size_t text_repair(struct buffer *out, struct slice text) {
    size_t replaced = 0;
    size_t from = 0;
    while (from < text.count) {
        const size_t bad = first_bad(text, from);
        buffer_add(out, slice_part(text, from, bad));
        if (bad == text.count) {
            break;
        }
        buffer_add_text(out, REPLACEMENT);
        replaced++;
        from = bad + 1;
    }
    return replaced;
}

struct slice text_cut(struct slice text, size_t bytes_max) {
    if (text.count <= bytes_max) {
        return text;
    }
    size_t end = bytes_max;
    const size_t least = bytes_max >= 3 ? bytes_max - 3 : 0;
    while (end > least && is_tail((unsigned char)text.bytes[end])) {
        end--;
    }
    /* Four tails in a row are no code point: ill-formed text is cut where it was asked for. */
    if (is_tail((unsigned char)text.bytes[end])) {
        end = bytes_max;
    }
    return slice_part(text, 0, end);
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t least_of(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Letters to insert, drop, change or swap with the next; three rows of the table are enough. */
static size_t distance(struct slice a, struct slice b) {
    size_t rows[3][WORD_BYTES_MAX + 1];
    size_t *before = rows[0];
    size_t *above = rows[1];
    size_t *row = rows[2];
    for (size_t j = 0; j <= b.count; j++) {
        above[j] = j;
        before[j] = 0;
    }
    for (size_t i = 1; i <= a.count; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.count; j++) {
            const char x = lower(a.bytes[i - 1]);
            const char y = lower(b.bytes[j - 1]);
            size_t cost = above[j - 1] + (x != y);
            cost = least_of(cost, least_of(above[j], row[j - 1]) + 1);
            const bool swapped =
                i > 1 && j > 1 && x == lower(b.bytes[j - 2]) && lower(a.bytes[i - 2]) == y;
            row[j] = swapped ? least_of(cost, before[j - 2] + 1) : cost;
        }
        size_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b.count];
}

const char *text_nearest(struct slice word, const char *const words[]) {
    const char *nearest = NULL;
    size_t least = SIZE_MAX;
    if (word.count == 0 || word.count > WORD_BYTES_MAX) {
        return NULL;
    }
    for (size_t i = 0; words[i] != NULL; i++) {
        const struct slice other = slice_of(words[i]);
        if (other.count > WORD_BYTES_MAX) {
            continue;
        }
        const size_t letters = word.count > other.count ? word.count : other.count;
        const size_t cost = distance(word, other);
        if (cost * 3 <= letters && cost < least) {
            least = cost;
            nearest = words[i];
        }
    }
    return nearest;
}

bool text_next_parameter(struct slice *query, struct slice *out_name, struct slice *out_value) {
    if (query->count == 0) {
        return false;
    }
    const struct slice rest = slice_part(*query, 1, query->count);
    const size_t end = 1 + slice_find(rest, '&');
    const size_t equals = slice_find(*query, '=');
    const size_t from = equals < end ? equals + 1 : 1;
    *out_name = slice_part(*query, 0, from);
    *out_value = slice_part(*query, from, end);
    *query = slice_part(*query, end, query->count);
    return true;
}

void text_mask_query(struct buffer *out, struct slice url) {
    const size_t begin = slice_find(url, '?');
    struct slice query = slice_part(url, begin, url.count);
    struct slice name, value;
    buffer_add(out, slice_part(url, 0, begin));
    while (text_next_parameter(&query, &name, &value)) {
        buffer_add(out, name);
        buffer_add_text(out, value.count > 0 ? "..." : "");
    }
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool text_number(struct slice text, uint64_t most, uint64_t *out_number) {
    uint64_t number = 0;
    for (size_t i = 0; i < text.count; i++) {
        const unsigned digit = (unsigned)text.bytes[i] - '0';
        if (digit > 9 || digit > most || number > (most - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    *out_number = number;
    return text.count > 0;
}

bool text_is_name(struct slice text) {
    if (text.count == 0 || text.count > NAME_BYTES_MAX || text.bytes[0] < 'a' ||
        text.bytes[0] > 'z') {
        return false;
    }
    for (size_t i = 1; i < text.count; i++) {
        const char c = text.bytes[i];
        if (!(c >= 'a' && c <= 'z') && !is_digit(c) && c != '-') {
            return false;
        }
    }
    return true;
}

bool text_is_field(struct slice text) {
    if (text.count == 0 || text.count > NAME_BYTES_MAX || is_digit(text.bytes[0])) {
        return false;
    }
    for (size_t i = 0; i < text.count; i++) {
        const char c = text.bytes[i];
        if (!is_letter(c) && !is_digit(c) && c != '_') {
            return false;
        }
    }
    return true;
}

// SPDX-License-Identifier: Apache-2.0
#include "cli/pairs.h"

#include "base/text.h"
#include "platform/json.h"

enum { SHOWN_MAX = 64, LETTERS_A_BYTE = 3 };

static struct slice name_of(const char *text) {
    const struct slice pair = slice_of(text);
    return slice_part(pair, 0, slice_find(pair, '='));
}

static status write_pair(struct buffer *out, const char *text, bool may_clear, struct error *err) {
    const struct slice pair = slice_of(text);
    const struct slice name = name_of(text);
    const struct slice value = slice_part(pair, name.count + 1, pair.count);
    if (name.count == pair.count || !text_is_name(name) || !text_is_utf8(value)) {
        return fail(err, STATUS_INVALID,
                    "'%.*s' is no label: NAME=VALUE, with a name of small letters, digits and '-'",
                    SLICE_ARGS(slice_part(pair, 0, SHOWN_MAX)));
    }
    json_write_text(out, name);
    buffer_add_byte(out, ':');
    if (may_clear && value.count == 0) {
        buffer_add_text(out, "null");
    } else {
        json_write_text(out, value);
    }
    return STATUS_OK;
}

static bool comes_again(const char *const *texts, size_t from, size_t count, struct slice name) {
    for (size_t i = from; i < count; i++) {
        if (slice_equal(name_of(texts[i]), name)) {
            return true;
        }
    }
    return false;
}

status pairs_write(struct buffer *out, const char *const *texts, size_t count, bool may_clear,
                   struct error *err) {
    const char *between = "";
    buffer_add_byte(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (!comes_again(texts, i + 1, count, name_of(texts[i]))) {
            buffer_add_text(out, between);
            TRY(write_pair(out, texts[i], may_clear, err));
            between = ",";
        }
    }
    buffer_add_byte(out, '}');
    return buffer_status(out, err);
}

struct slice pairs_encode(struct arena *arena, struct slice text) {
    static const char DIGITS[] = "0123456789ABCDEF";
    char *encoded = arena_get(arena, text.count * LETTERS_A_BYTE + 1, 1);
    size_t count = 0;
    for (size_t i = 0; encoded != NULL && i < text.count; i++) {
        const unsigned char byte = (unsigned char)text.bytes[i];
        const bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                              (byte >= '0' && byte <= '9') || byte == '-' || byte == '.';
        if (is_plain) {
            encoded[count++] = (char)byte;
        } else {
            encoded[count++] = '%';
            encoded[count++] = DIGITS[byte >> 4];
            encoded[count++] = DIGITS[byte & 15];
        }
    }
    return (struct slice){.bytes = encoded, .count = count};
}

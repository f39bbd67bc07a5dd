// SPDX-License-Identifier: Apache-2.0
#include "wire/joined_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "platform/json.h"
#include "wire/expression.h"

/* Texts share their bytes, numbers are short: only lists, objects and reals want a buffer. */
static struct slice text_of(struct arena *arena, struct value part) {
    switch (part.kind) {
    case VALUE_TEXT:
    case VALUE_RAW:
        return part.count > 0 ? value_text(part) : SLICE("");
    case VALUE_NULL:
        return SLICE("null");
    case VALUE_BOOLEAN:
        return part.boolean ? SLICE("true") : SLICE("false");
    case VALUE_INTEGER:
        return arena_print(arena, "%" PRId64, part.integer);
    default:
        break;
    }
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, EXPRESSION_TEXT_BYTES_MAX);
    json_write(&json, part);
    return buffer_status(&json, NULL) == STATUS_OK ? arena_copy(arena, buffer_slice(&json))
                                                   : (struct slice){0};
}

status joined_text(struct arena *arena, const struct value *parts, uint32_t count,
                   struct value *out_text, struct error *err) {
    struct slice *texts = arena_get(arena, count, sizeof(*texts));
    size_t bytes = 0;
    for (uint32_t i = 0; texts != NULL && i < count; i++) {
        texts[i] = text_of(arena, parts[i]);
        bytes += texts[i].count;
        if (texts[i].bytes == NULL || bytes > EXPRESSION_TEXT_BYTES_MAX) {
            return fail(err, STATUS_FULL, "the text would have more than %d bytes, or no room",
                        EXPRESSION_TEXT_BYTES_MAX);
        }
    }
    char *joined = texts != NULL ? arena_get(arena, bytes + 1, 1) : NULL;
    if (joined == NULL) {
        return fail(err, STATUS_FULL, "no room for a text of %zu bytes", bytes);
    }
    size_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        (void)memcpy(joined + at, texts[i].bytes, texts[i].count);
        at += texts[i].count;
    }
    *out_text = value_of_text((struct slice){.bytes = joined, .count = bytes});
    return STATUS_OK;
}

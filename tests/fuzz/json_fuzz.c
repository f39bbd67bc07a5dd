// SPDX-License-Identifier: Apache-2.0
/* What json_read accepts, json_write writes, and json_read reads to an equal value, compact and for
 * people; writing that again gives the same bytes. What it refuses has one sentence. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "platform/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { ARENA_BYTES = 64 << 20, WRITTEN_BYTES = 16 << 20 };

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

static void check_written(struct arena *arena, struct value value, struct slice written) {
    struct value again;
    need(text_is_utf8(written));
    need(json_read(arena, written, &again, NULL) == STATUS_OK);
    need(value_equal(value, again) && value_equal(again, value));
    need(value_compare(value, again) == 0);
    CLEANUP(buffer_done) struct buffer twice;
    buffer_init(&twice, WRITTEN_BYTES);
    json_write(&twice, again);
    CLEANUP(buffer_done) struct buffer once;
    buffer_init(&once, WRITTEN_BYTES);
    json_write(&once, value);
    need(slice_equal(buffer_slice(&once), buffer_slice(&twice)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    const struct slice text = {.bytes = (const char *)bytes, .count = count};
    struct value value;
    struct error err = {0};
    if (json_read(&arena, text, &value, &err) != STATUS_OK) {
        need(err.text[0] != '\0' && strchr(err.text, '\n') == NULL);
        return 0;
    }
    CLEANUP(buffer_done) struct buffer written;
    buffer_init(&written, WRITTEN_BYTES);
    json_write(&written, value);
    need(buffer_status(&written, NULL) == STATUS_OK);
    check_written(&arena, value, buffer_slice(&written));
    buffer_clear(&written);
    json_write_pretty(&written, value);
    check_written(&arena, value, buffer_slice(&written));
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
#include "agents/labels.h"

#include "base/buffer.h"
#include "base/text.h"
#include "platform/file.h"

static status split(struct slice text, struct arena *arena, struct labels *out_labels,
                    struct error *err) {
    struct slice rest = text;
    struct slice line;
    uint32_t count = 0;
    while (slice_next_line(&rest, &line)) {
        if (++count > LABELS_MAX || line.count > LABEL_BYTES_MAX || !text_is_utf8(line)) {
            return fail(err, STATUS_INVALID,
                        "line %u: at most %d labels, a line each, of at most %d bytes of UTF-8",
                        count, LABELS_MAX, LABEL_BYTES_MAX);
        }
    }
    struct slice *names = arena_get(arena, count, sizeof(*names));
    rest = text;
    for (uint32_t i = 0; names != NULL && slice_next_line(&rest, &line); i++) {
        names[i] = arena_copy(arena, line);
        if (names[i].bytes == NULL) {
            names = NULL;
        }
    }
    if (names == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for labels");
    }
    *out_labels = (struct labels){.names = names, .count = count};
    return STATUS_OK;
}

status labels_read_file(const char *path, struct arena *arena, struct labels *out_labels,
                        struct error *err) {
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, LABELS_BYTES_MAX);
    TRY(file_read(path, &text, err));
    const struct slice lines = slice_trim(buffer_slice(&text));
    if (lines.count == 0) {
        return fail(err, STATUS_INVALID, "there is no label in it");
    }
    return split(lines, arena, out_labels, err);
}

struct slice labels_name(const struct labels *labels, size_t number, struct arena *arena) {
    return number < labels->count ? arena_copy(arena, labels->names[number])
                                  : arena_print(arena, "%zu", number);
}

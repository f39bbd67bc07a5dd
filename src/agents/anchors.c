// SPDX-License-Identifier: Apache-2.0
#include "agents/anchors.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "platform/file.h"

enum { LINE_BYTES_MAX = 200 };

static bool counts(struct slice line) {
    return line.count > 0 && line.bytes[0] != '#';
}

static bool read_line(struct slice line, float out_numbers[ANCHOR_NUMBERS]) {
    char copy[LINE_BYTES_MAX];
    if (line.count >= sizeof(copy)) {
        return false;
    }
    (void)memcpy(copy, line.bytes, line.count);
    copy[line.count] = 0;
    char *at = copy;
    for (int i = 0; i < ANCHOR_NUMBERS; i++) {
        char *end;
        at += strspn(at, i > 0 ? " \t," : " \t");
        out_numbers[i] = strtof(at, &end);
        if (end == at || !isfinite(out_numbers[i])) {
            return false;
        }
        at = end;
    }
    return at == copy + line.count && out_numbers[2] > 0 && out_numbers[3] > 0;
}

status anchors_parse(struct slice text, struct arena *arena, const float **out_anchors,
                     uint32_t *out_count, struct error *err) {
    struct slice rest = text;
    struct slice line;
    uint32_t count = 0;
    while (slice_next_line(&rest, &line)) {
        count += counts(line);
    }
    if (count == 0 || count > ANCHORS_MAX) {
        return fail(err, STATUS_INVALID, "it has %u anchors, a line each: 1 to %d", count,
                    ANCHORS_MAX);
    }
    float *anchors = arena_get(arena, count, ANCHOR_NUMBERS * sizeof(*anchors));
    if (anchors == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for anchors");
    }
    rest = text;
    float *to = anchors;
    for (uint32_t number = 1; slice_next_line(&rest, &line); number++) {
        if (!counts(line)) {
            continue;
        }
        if (!read_line(line, to)) {
            return fail(err, STATUS_INVALID,
                        "line %u: an anchor is four numbers: x and y of its centre, width, height",
                        number);
        }
        to += ANCHOR_NUMBERS;
    }
    *out_anchors = anchors;
    *out_count = count;
    return STATUS_OK;
}

status anchors_read(const char *path, struct arena *arena, const float **out_anchors,
                    uint32_t *out_count, struct error *err) {
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, ANCHORS_BYTES_MAX);
    TRY(file_read(path, &text, err));
    return anchors_parse(buffer_slice(&text), arena, out_anchors, out_count, err);
}

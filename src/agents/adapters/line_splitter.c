// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/line_splitter.h"

#include <assert.h>

void line_splitter_init(struct line_splitter *splitter, size_t line_bytes_max) {
    assert(line_bytes_max > 0);
    *splitter = (struct line_splitter){0};
    buffer_init(&splitter->held, line_bytes_max);
}

void line_splitter_done(struct line_splitter *splitter) {
    buffer_done(&splitter->held);
}

void line_splitter_reset(struct line_splitter *splitter) {
    buffer_clear(&splitter->held);
    splitter->given = false;
    splitter->skipping = false;
}

/* Gives what is held as a line that goes on (`skipping`) or not. */
static enum line_found give(struct line_splitter *splitter, enum line_found found, bool skipping,
                            struct slice *out_line) {
    splitter->given = true;
    splitter->skipping = skipping;
    const bool kept = splitter->held.failed == STATUS_OK;
    *out_line = kept ? buffer_slice(&splitter->held) : (struct slice){0};
    return kept ? found : LINE_NO_MEMORY;
}

/* Takes everything up to the next line end off the bytes; false when there is none. */
static bool take_part(struct slice *bytes, struct slice *out_part) {
    const size_t end = slice_find(*bytes, '\n');
    const bool ended = end < bytes->count;
    *out_part = slice_part(*bytes, 0, end);
    *bytes = slice_part(*bytes, ended ? end + 1 : end, bytes->count);
    return ended;
}

enum line_found line_splitter_next(struct line_splitter *splitter, struct slice *bytes,
                                   struct slice *out_line) {
    struct buffer *held = &splitter->held;
    struct slice part;
    if (splitter->given) {
        buffer_clear(held);
        splitter->given = false;
    }
    if (splitter->skipping) {
        splitter->skipping = !take_part(bytes, &part);
    }
    if (bytes->count == 0) {
        return LINE_NONE;
    }
    const bool ended = take_part(bytes, &part);
    const size_t room = held->count_max - held->count;
    if (part.count > room) {
        buffer_add(held, slice_part(part, 0, room));
        return give(splitter, LINE_TOO_LONG, !ended, out_line);
    }
    if (ended && held->count == 0) {
        *out_line = part;
        return LINE_WHOLE;
    }
    buffer_add(held, part);
    if (ended) {
        return give(splitter, LINE_WHOLE, false, out_line);
    }
    return held->failed == STATUS_OK ? LINE_NONE : give(splitter, LINE_NO_MEMORY, true, out_line);
}

struct slice line_splitter_rest(const struct line_splitter *splitter) {
    return splitter->given ? (struct slice){0} : buffer_slice(&splitter->held);
}

// SPDX-License-Identifier: Apache-2.0
/* The same bytes give the same lines however they are cut into pieces, and those that one pass over
 * all of them finds. The first byte is the bound, the second how the rest is cut. */
#include <stdint.h>
#include <stdlib.h>

#include "agents/adapters/line_splitter.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

/* What was found: each line, cut at the bound, with '+' before it when it was too long. */
static void note(struct buffer *found, struct slice line, bool too_long) {
    buffer_add_byte(found, too_long ? '+' : '-');
    buffer_add(found, line);
    buffer_add_byte(found, '\n');
}

static void split_plainly(struct slice all, size_t line_max, struct buffer *found) {
    while (all.count > 0) {
        const size_t end = slice_find(all, '\n');
        const bool ended = end < all.count;
        const bool too_long = end > line_max;
        if (ended || too_long) {
            note(found, slice_part(all, 0, too_long ? line_max : end), too_long);
        } else {
            buffer_add(found, slice_part(all, 0, end)); /* the rest */
        }
        all = slice_part(all, ended ? end + 1 : end, all.count);
    }
}

static void split_in_pieces(struct slice all, size_t line_max, unsigned seed,
                            struct buffer *found) {
    struct line_splitter splitter;
    line_splitter_init(&splitter, line_max);
    while (all.count > 0) {
        seed = seed * 1103515245U + 12345U;
        const size_t piece = 1 + seed / 65536 % (2 * line_max + 2);
        struct slice bytes = slice_part(all, 0, piece);
        all = slice_part(all, piece, all.count);
        struct slice line;
        enum line_found what;
        while ((what = line_splitter_next(&splitter, &bytes, &line)) != LINE_NONE) {
            need(what == LINE_WHOLE || what == LINE_TOO_LONG);
            need(line.count <= line_max);
            note(found, line, what == LINE_TOO_LONG);
        }
        need(bytes.count == 0);
        need(line_splitter_rest(&splitter).count <= line_max);
    }
    buffer_add(found, line_splitter_rest(&splitter));
    line_splitter_done(&splitter);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    if (count < 2 || count > 1 << 16) {
        return 0;
    }
    const struct slice all = {.bytes = (const char *)bytes + 2, .count = count - 2};
    const size_t line_max = 1 + bytes[0] % 64U;
    CLEANUP(buffer_done) struct buffer plain, pieces;
    buffer_init(&plain, 1 << 20);
    buffer_init(&pieces, 1 << 20);
    split_plainly(all, line_max, &plain);
    split_in_pieces(all, line_max, bytes[1], &pieces);
    need(plain.failed == STATUS_OK && pieces.failed == STATUS_OK);
    need(slice_equal(buffer_slice(&plain), buffer_slice(&pieces)));
    return 0;
}

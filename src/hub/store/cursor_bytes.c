// SPDX-License-Identifier: Apache-2.0
#include "hub/store/cursor_bytes.h"

#include <string.h>

#include "base/little_endian.h"

enum { INTERVAL_BYTES = 16 + 2 * ID_BYTES };

static void add_id(struct buffer *out, const struct id *id) {
    buffer_add(out, id_slice(id));
}

void cursor_bytes_write(const struct lane_cursor *cursor, struct buffer *out) {
    for (int i = 0; i < cursor->held.count; i++) {
        buffer_add_u64(out, cursor->held.items[i].from);
        buffer_add_u64(out, cursor->held.items[i].to);
        add_id(out, &cursor->chain_before[i]);
        add_id(out, &cursor->chain_end[i]);
    }
}

bool cursor_bytes_read(struct slice bytes, struct lane_cursor *out_cursor) {
    if (bytes.count % INTERVAL_BYTES != 0 || bytes.count / INTERVAL_BYTES > RANGES_MAX) {
        return false;
    }
    out_cursor->held.count = (int)(bytes.count / INTERVAL_BYTES);
    for (int i = 0; i < out_cursor->held.count; i++) {
        const char *at = bytes.bytes + (size_t)i * INTERVAL_BYTES;
        struct range *range = &out_cursor->held.items[i];
        *range =
            (struct range){.from = little_endian_get_u64(at), .to = little_endian_get_u64(at + 8)};
        (void)memcpy(out_cursor->chain_before[i].bytes, at + 16, ID_BYTES);
        (void)memcpy(out_cursor->chain_end[i].bytes, at + 16 + ID_BYTES, ID_BYTES);
        if (range->from == 0 || range->to < range->from ||
            (i > 0 && range->from <= range[-1].to + 1)) {
            return false;
        }
    }
    return true;
}

// SPDX-License-Identifier: Apache-2.0
#include "hub/row.h"

#include <string.h>

struct id row_id(const struct query *query, int column) {
    return id_from(query_bytes(query, column));
}

struct digest row_digest(const struct query *query, int column) {
    struct digest digest = {0};
    const struct slice bytes = query_bytes(query, column);
    if (bytes.count == DIGEST_BYTES) {
        (void)memcpy(digest.bytes, bytes.bytes, DIGEST_BYTES);
    }
    return digest;
}

status row_text(const struct query *query, int column, struct arena *arena, struct slice *out_text,
                struct error *err) {
    *out_text = arena_copy(arena, query_text(query, column));
    return out_text->bytes != NULL ? STATUS_OK : fail(err, STATUS_NO_MEMORY, "no memory for a row");
}

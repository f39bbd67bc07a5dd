// SPDX-License-Identifier: Apache-2.0
#include "storage/seen.h"

#include "storage/sql.h"

status seen_mark(struct database *database, struct slice source, uint64_t hash, int64_t wall_ms,
                 struct error *err) {
    if (source.count > SEEN_SOURCE_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a source's name has at most %d bytes",
                    SEEN_SOURCE_BYTES_MAX);
    }
    CLEANUP(query_done) struct query query = query_on(database, SQL_SEEN_PUT);
    query_bind_text(&query, source);
    query_bind_number(&query, (int64_t)hash);
    query_bind_number(&query, wall_ms);
    return query_run(&query, err);
}

status seen_forget(struct database *database, struct slice source, uint64_t hash,
                   struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_SEEN_DELETE);
    query_bind_text(&query, source);
    query_bind_number(&query, (int64_t)hash);
    return query_run(&query, err);
}

status seen_each(struct database *database,
                 bool (*each)(void *owner, struct slice source, uint64_t hash), void *owner,
                 struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_SEEN_LIST);
    while (query_next(&query)) {
        if (!each(owner, query_text(&query, 0), (uint64_t)query_number(&query, 1))) {
            return fail(err, STATUS_NO_MEMORY, "read the marks of events: out of memory");
        }
    }
    return query_status(&query, err);
}

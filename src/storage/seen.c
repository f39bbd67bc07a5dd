// SPDX-License-Identifier: Apache-2.0
#include "storage/seen.h"

#include "platform/hash.h"
#include "storage/sql.h"

uint64_t seen_key(struct slice source, uint64_t hash) {
    return hash ^ hash_64(source, (struct slice){0});
}

static status check_source(struct slice source, struct error *err) {
    return source.count <= SEEN_SOURCE_BYTES_MAX
               ? STATUS_OK
               : fail(err, STATUS_INVALID, "a source's name has at most %d bytes",
                      SEEN_SOURCE_BYTES_MAX);
}

status seen_mark(struct database *database, struct slice source, uint64_t hash, int64_t wall_ms,
                 struct error *err) {
    TRY(check_source(source, err));
    CLEANUP(query_done) struct query query = query_on(database, SQL_SEEN_PUT);
    query_bind_text(&query, source);
    query_bind_number(&query, (int64_t)hash);
    query_bind_number(&query, wall_ms);
    return query_run(&query, err);
}

status seen_forget(struct database *database, struct slice source, uint64_t hash, uint64_t mask,
                   uint64_t out_gone[STORE_GONE_MAX], uint32_t *out_count, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_SEEN_DELETE);
    query_bind_text(&query, source);
    query_bind_number(&query, (int64_t)(hash & ~mask)); /* low bits vary: in order, signed or not */
    query_bind_number(&query, (int64_t)(hash | mask));
    *out_count = 0;
    while (query_next(&query)) {
        if (*out_count < STORE_GONE_MAX) {
            out_gone[(*out_count)++] = seen_key(source, (uint64_t)query_number(&query, 0));
        }
    }
    return query_status(&query, err);
}

status seen_deliver(struct database *database, struct slice source, uint64_t hash,
                    const struct moment *now, uint64_t out_gone[STORE_GONE_MAX],
                    uint32_t *out_count, struct error *err) {
    TRY(check_source(source, err));
    CLEANUP(query_done) struct query put = query_on(database, SQL_DELIVERED_PUT);
    query_bind_text(&put, source);
    query_bind_number(&put, (int64_t)hash);
    query_bind_number(&put, now->wall_ms);
    TRY(query_run(&put, err));
    /* Each mark lets some go: so the ring never grows, and no mark has many to take away. */
    CLEANUP(query_done) struct query trim = query_on(database, SQL_DELIVERED_TRIM);
    query_bind_number(&trim, SEEN_DELIVERED_MAX);
    query_bind_number(&trim, now->quality != CLOCK_BAD ? now->wall_ms - SEEN_DELIVERED_MS : 0);
    query_bind_number(&trim, STORE_GONE_MAX);
    *out_count = 0;
    while (query_next(&trim)) {
        out_gone[(*out_count)++] = seen_key(query_text(&trim, 0), (uint64_t)query_number(&trim, 1));
    }
    return query_status(&trim, err);
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

// SPDX-License-Identifier: Apache-2.0
#include "hub/certificate_rows.h"

#include "hub/registry_sql.h"
#include "hub/row.h"

static status read_row(const struct query *query, struct arena *arena, struct certificate_row *out,
                       struct error *err) {
    *out = (struct certificate_row){.number = query_number(query, 0),
                                    .fingerprint = row_digest(query, 1),
                                    .serial = row_id(query, 2),
                                    .spki = row_digest(query, 3),
                                    .parent = query_number(query, 4),
                                    .device = row_id(query, 5),
                                    .issued_ms = query_number(query, 6),
                                    .ends_ms = query_number(query, 7),
                                    .revoked_ms = query_number(query, 8),
                                    .replaced_ms = query_number(query, 9)};
    return row_text(query, 10, arena, &out->pem, err);
}

/* The first row of a query that is bound. */
static status read_one(struct query *query, struct arena *arena, struct certificate_row *out,
                       struct error *err) {
    if (query_next(query)) {
        return read_row(query, arena, out, err);
    }
    TRY(query_status(query, err));
    return fail(err, STATUS_NOT_FOUND, "the hub knows no such certificate");
}

status certificate_rows_find(struct database *database, struct arena *arena,
                             struct digest fingerprint, struct certificate_row *out_row,
                             struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_CERTIFICATE_FIND);
    query_bind_bytes(&query, digest_slice(&fingerprint));
    return read_one(&query, arena, out_row, err);
}

status certificate_rows_get(struct database *database, struct arena *arena, int64_t number,
                            struct certificate_row *out_row, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_CERTIFICATE_GET);
    query_bind_number(&query, number);
    return read_one(&query, arena, out_row, err);
}

status certificate_rows_of_key(struct database *database, struct arena *arena, struct digest spki,
                               struct certificate_row *out_row, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_CERTIFICATE_OF_KEY);
    query_bind_bytes(&query, digest_slice(&spki));
    return read_one(&query, arena, out_row, err);
}

status certificate_rows_child(struct database *database, struct arena *arena,
                              const struct certificate_row *parent, struct digest spki,
                              int64_t since_ms, struct certificate_row *out_row,
                              struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_CERTIFICATE_CHILD);
    query_bind_bytes(&query, id_slice(&parent->device));
    query_bind_number(&query, parent->number);
    query_bind_bytes(&query, digest_slice(&spki));
    query_bind_number(&query, since_ms);
    return read_one(&query, arena, out_row, err);
}

status certificate_rows_put(struct database *database, struct certificate_row *row,
                            struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_CERTIFICATE_PUT);
    query_bind_bytes(&query, digest_slice(&row->fingerprint));
    query_bind_bytes(&query, id_slice(&row->serial));
    query_bind_bytes(&query, digest_slice(&row->spki));
    query_bind_number_or_null(&query, row->parent);
    query_bind_bytes(&query, id_slice(&row->device));
    query_bind_number(&query, row->issued_ms);
    query_bind_number(&query, row->ends_ms);
    query_bind_text(&query, row->pem);
    return query_one_number(&query, &row->number, err);
}

status certificate_rows_list(struct database *database, struct arena *arena, struct id device,
                             int count_max, struct certificate_row **out_rows, int *out_count,
                             struct error *err) {
    struct certificate_row *rows = arena_get(arena, (size_t)count_max, sizeof(*rows));
    int count = 0;
    if (rows == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for %d certificates", count_max);
    }
    CLEANUP(query_done) struct query query = query_on(database, SQL_CERTIFICATE_LIST);
    query_bind_bytes(&query, id_slice(&device));
    query_bind_number(&query, count_max);
    while (count < count_max && query_next(&query)) {
        TRY(read_row(&query, arena, &rows[count], err));
        count++;
    }
    TRY(query_status(&query, err));
    *out_rows = rows;
    *out_count = count;
    return STATUS_OK;
}

status certificate_rows_revoke(struct database *database, struct id device, int64_t now_ms,
                               struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_CERTIFICATE_REVOKE);
    query_bind_bytes(&query, id_slice(&device));
    query_bind_number(&query, now_ms);
    return query_run(&query, err);
}

status certificate_rows_move(struct database *database, struct id from, struct id to,
                             struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_CERTIFICATE_MOVE);
    query_bind_bytes(&query, id_slice(&to));
    query_bind_bytes(&query, id_slice(&from));
    return query_run(&query, err);
}

status certificate_rows_each(struct database *database,
                             status (*each)(void *owner, struct id device,
                                            const struct certificate_view *view, struct error *err),
                             void *owner, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_CERTIFICATE_ALL);
    while (query_next(&query)) {
        const struct certificate_view view = {.fingerprint = row_digest(&query, 1),
                                              .revoked = !query_is_null(&query, 2),
                                              .replaced = !query_is_null(&query, 3)};
        TRY(each(owner, row_id(&query, 0), &view, err));
    }
    return query_status(&query, err);
}

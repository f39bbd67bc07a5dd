// SPDX-License-Identifier: Apache-2.0
#include "hub/token_rows.h"

#include <string.h>

#include "hub/registry_sql.h"
#include "hub/row.h"

static const int64_t DAY_MS = INT64_C(24) * 3600 * 1000;

static struct slice token_id_slice(const struct token_id *id) {
    return (struct slice){.bytes = (const char *)id->bytes, .count = TOKEN_ID_BYTES};
}

static status read_row(const struct query *query, struct arena *arena, struct token_row *out,
                       struct error *err) {
    *out = (struct token_row){.verifier = row_digest(query, 1),
                              .uses = query_number(query, 2),
                              .used = query_number(query, 3),
                              .created_ms = query_number(query, 4),
                              .expires_ms = query_number(query, 5),
                              .device = row_id(query, 8),
                              .removed_ms = query_number(query, 9)};
    const struct slice id = query_bytes(query, 0);
    if (id.count == TOKEN_ID_BYTES) {
        (void)memcpy(out->id.bytes, id.bytes, TOKEN_ID_BYTES);
    }
    TRY(row_text(query, 6, arena, &out->labels, err));
    return row_text(query, 7, arena, &out->name, err);
}

status token_rows_put(struct database *database, const struct token_row *row, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_TOKEN_PUT);
    query_bind_bytes(&query, token_id_slice(&row->id));
    query_bind_bytes(&query, digest_slice(&row->verifier));
    query_bind_number(&query, row->uses);
    query_bind_number(&query, row->created_ms);
    query_bind_number(&query, row->expires_ms);
    query_bind_text(&query, row->labels);
    query_bind_text(&query, row->name);
    if (id_is_zero(row->device)) {
        query_bind_null(&query);
    } else {
        query_bind_bytes(&query, id_slice(&row->device));
    }
    return query_run(&query, err);
}

status token_rows_get(struct database *database, struct arena *arena, struct token_id id,
                      struct token_row *out_row, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_TOKEN_GET);
    query_bind_bytes(&query, token_id_slice(&id));
    if (query_next(&query)) {
        return read_row(&query, arena, out_row, err);
    }
    TRY(query_status(&query, err));
    return fail(err, STATUS_NOT_FOUND, "this hub knows no such token");
}

status token_rows_remove(struct database *database, struct token_id id, int64_t now_ms,
                         struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_TOKEN_REMOVE);
    query_bind_bytes(&query, token_id_slice(&id));
    query_bind_number(&query, now_ms);
    TRY(query_run(&query, err));
    return database_changes(database) > 0
               ? STATUS_OK
               : fail(err, STATUS_NOT_FOUND,
                      "this hub has no such token; `ebb hub token list` shows those that it has");
}

status token_rows_list(struct database *database, struct arena *arena, struct token_row **out_rows,
                       int *out_count, struct error *err) {
    struct token_row *rows = arena_get(arena, TOKENS_LISTED_MAX, sizeof(*rows));
    int count = 0;
    if (rows == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a list of tokens");
    }
    CLEANUP(query_done) struct query query = query_on(database, SQL_TOKEN_LIST);
    query_bind_number(&query, TOKENS_LISTED_MAX);
    while (count < TOKENS_LISTED_MAX && query_next(&query)) {
        TRY(read_row(&query, arena, &rows[count], err));
        count++;
    }
    TRY(query_status(&query, err));
    *out_rows = rows;
    *out_count = count;
    return STATUS_OK;
}

status token_rows_find_use(struct database *database, struct token_id id, struct digest spki,
                           struct token_use *out_use, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_TOKEN_USE_GET);
    query_bind_bytes(&query, token_id_slice(&id));
    query_bind_bytes(&query, digest_slice(&spki));
    if (query_next(&query)) {
        *out_use = (struct token_use){.certificate = query_number(&query, 0),
                                      .used_ms = query_number(&query, 1)};
        return STATUS_OK;
    }
    TRY(query_status(&query, err));
    return fail(err, STATUS_NOT_FOUND, "that key has not used the token");
}

status token_rows_use(struct database *database, struct token_id id, struct digest spki,
                      const struct token_use *use, struct error *err) {
    CLEANUP(query_done) struct query put = query_on(database, SQL_TOKEN_USE_PUT);
    query_bind_bytes(&put, token_id_slice(&id));
    query_bind_bytes(&put, digest_slice(&spki));
    query_bind_number(&put, use->certificate);
    query_bind_number(&put, use->used_ms);
    TRY(query_run(&put, err));
    CLEANUP(query_done) struct query count = query_on(database, SQL_TOKEN_USE_COUNT);
    query_bind_bytes(&count, token_id_slice(&id));
    return query_run(&count, err);
}

status token_rows_forget(struct database *database, int64_t now_ms, struct error *err) {
    CLEANUP(query_done) struct query forget = query_on(database, SQL_TOKEN_FORGET);
    query_bind_number(&forget, now_ms - TOKEN_KEPT_DAYS * DAY_MS);
    TRY(query_run(&forget, err));
    if (database_changes(database) == 0) {
        return STATUS_OK;
    }
    CLEANUP(query_done) struct query uses = query_on(database, SQL_TOKEN_USE_FORGET);
    return query_run(&uses, err);
}

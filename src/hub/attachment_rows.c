// SPDX-License-Identifier: Apache-2.0
#include "hub/attachment_rows.h"

#include <stdio.h>

#include "hub/row.h"
#include "hub/store/hub_sql.h"

const char *attachment_state_name(enum attachment_state state) {
    static const char *const NAMES[ATTACHMENT_STATES] = {"wanted",    "here",    "gone",   "kept",
                                                         "too_large", "damaged", "removed"};
    return state < ATTACHMENT_STATES ? NAMES[state] : "gone";
}

status attachment_rows_put(struct database *database, const struct attachment_row *row,
                           struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_ATTACHMENT_PUT);
    query_bind_bytes(&query, id_slice(&row->hash));
    query_bind_bytes(&query, id_slice(&row->device));
    query_bind_number(&query, (int64_t)row->state);
    query_bind_text(&query, slice_of(row->type));
    query_bind_number(&query, row->bytes);
    query_bind_number(&query, row->asked_ms);
    query_bind_number(&query, row->came_ms);
    return query_run(&query, err);
}

static struct attachment_row read_row(const struct query *query) {
    const int64_t state = query_number(query, 2);
    struct attachment_row row = {.hash = row_id(query, 0),
                                 .device = row_id(query, 1),
                                 .state = state >= 0 && state < ATTACHMENT_STATES
                                              ? (enum attachment_state)state
                                              : ATTACHMENT_GONE,
                                 .bytes = query_number(query, 4),
                                 .asked_ms = query_number(query, 5),
                                 .came_ms = query_number(query, 6)};
    (void)snprintf(row.type, sizeof(row.type), "%.*s", SLICE_ARGS(query_text(query, 3)));
    return row;
}

status attachment_rows_get(struct database *database, struct id hash,
                           struct attachment_row *out_row, struct error *err) {
    char hex[ID_HEX_BYTES + 1];
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_ATTACHMENT_GET);
    query_bind_bytes(&query, id_slice(&hash));
    const bool found = query_next(&query);
    TRY(query_status(&query, err));
    if (!found) {
        id_write_hex(hash, hex);
        return fail(err, STATUS_NOT_FOUND, "nobody has asked a device for the attachment %s", hex);
    }
    *out_row = read_row(&query);
    return STATUS_OK;
}

status attachment_rows_list(struct database *database, enum attachment_state state,
                            struct attachment_row *rows, int room, int *out_count,
                            struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_ATTACHMENT_LIST);
    query_bind_number(&query, (int64_t)state);
    query_bind_number(&query, room);
    *out_count = 0;
    while (*out_count < room && query_next(&query)) {
        rows[(*out_count)++] = read_row(&query);
    }
    return query_status(&query, err);
}

status attachment_rows_sum(struct database *database, int64_t *out_bytes, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_ATTACHMENT_SUM);
    query_bind_number(&query, (int64_t)ATTACHMENT_HERE);
    return query_one_number(&query, out_bytes, err);
}

status attachment_rows_trim(struct database *database, int most, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_ATTACHMENT_TRIM);
    query_bind_number(&query, most);
    return query_run(&query, err);
}

// SPDX-License-Identifier: Apache-2.0
#include "hub/alarm_rows.h"

#include "hub/registry_sql.h"
#include "hub/row.h"

static void bind(struct query *query, const char *kind, struct slice subject, int64_t now_ms,
                 struct slice text) {
    query_bind_text(query, slice_of(kind));
    query_bind_text(query, subject);
    query_bind_number(query, now_ms);
    query_bind_text(query, text);
}

status alarm_rows_raise(struct database *database, const char *kind, struct slice subject,
                        struct slice text, int64_t now_ms, struct error *err) {
    CLEANUP(query_done) struct query again = query_on(database, SQL_ALARM_COUNT);
    bind(&again, kind, subject, now_ms, text);
    TRY(query_run(&again, err));
    if (database_changes(database) > 0) {
        return STATUS_OK;
    }
    CLEANUP(query_done) struct query put = query_on(database, SQL_ALARM_PUT);
    bind(&put, kind, subject, now_ms, text);
    TRY(query_run(&put, err));
    CLEANUP(query_done) struct query trim = query_on(database, SQL_ALARM_TRIM);
    query_bind_number(&trim, ALARMS_KEPT_MAX);
    return query_run(&trim, err);
}

status alarm_rows_see(struct database *database, int64_t number, struct slice who, int64_t now_ms,
                      struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_ALARM_SEEN);
    query_bind_number(&query, number);
    query_bind_number(&query, now_ms);
    query_bind_text(&query, who);
    TRY(query_run(&query, err));
    return database_changes(database) > 0
               ? STATUS_OK
               : fail(err, STATUS_NOT_FOUND, "there is no alarm of number %lld (any more)",
                      (long long)number);
}

static status read_rows(struct query *query, struct arena *arena, struct alarm_row *rows,
                        int *out_count, struct error *err) {
    int count = 0;
    while (count < ALARMS_KEPT_MAX && query_next(query)) {
        struct alarm_row *row = &rows[count];
        *row = (struct alarm_row){.count = query_number(query, 3),
                                  .first_ms = query_number(query, 4),
                                  .last_ms = query_number(query, 5),
                                  .number = query_number(query, 6),
                                  .seen_ms = query_number(query, 7)};
        TRY(row_text(query, 0, arena, &row->kind, err));
        TRY(row_text(query, 1, arena, &row->subject, err));
        TRY(row_text(query, 2, arena, &row->text, err));
        TRY(row_text(query, 8, arena, &row->seen_by, err));
        count++;
    }
    *out_count = count;
    return query_status(query, err);
}

status alarm_rows_list(struct database *database, struct arena *arena, struct slice subject,
                       struct alarm_row **out_rows, int *out_count, struct error *err) {
    *out_rows = arena_get(arena, ALARMS_KEPT_MAX, sizeof(**out_rows));
    if (*out_rows == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a list of alarms");
    }
    CLEANUP(query_done)
    struct query query = query_on(database, subject.count > 0 ? SQL_ALARM_OF : SQL_ALARM_LIST);
    if (subject.count > 0) {
        query_bind_text(&query, subject);
    }
    query_bind_number(&query, ALARMS_KEPT_MAX);
    return read_rows(&query, arena, *out_rows, out_count, err);
}

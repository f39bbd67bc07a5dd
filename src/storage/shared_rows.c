// SPDX-License-Identifier: Apache-2.0
#include "storage/shared_rows.h"

#include "storage/sql.h"

enum { DROPPED_MAX = 256 }; /* in one cycle */

void shared_rows_done(struct shared_rows *rows) {
    number_map_done(&rows->boots);
    number_map_done(&rows->workflows);
    rows->incomplete = false;
}

void shared_rows_note(struct shared_rows *rows, const struct record_row *row) {
    if (!number_map_set(&rows->boots, row->boot, 1) ||
        !number_map_set(&rows->workflows, row->workflow, 1)) {
        rows->incomplete = true;
    }
}

static status delete_one(struct database *database, const char *sql, uint32_t number,
                         struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, sql);
    query_bind_number(&query, number);
    return query_run(&query, err);
}

/* Numbers of a table that were not noted, as many as fit. */
static status list_unnamed(struct database *database, const char *sql,
                           const struct number_map *named, uint32_t numbers[DROPPED_MAX],
                           int *out_count, struct error *err) {
    int count = 0;
    CLEANUP(query_done) struct query query = query_on(database, sql);
    while (count < DROPPED_MAX && query_next(&query)) {
        const uint32_t number = (uint32_t)query_number(&query, 0);
        if (!number_map_get(named, number, NULL)) {
            numbers[count++] = number;
        }
    }
    *out_count = count;
    return query_status(&query, err);
}

static status drop_boots(struct shared_rows *rows, struct database *database, struct boots *boots,
                         struct error *err) {
    uint32_t numbers[DROPPED_MAX];
    int count = 0;
    TRY(list_unnamed(database, SQL_BOOT_NUMBERS, &rows->boots, numbers, &count, err));
    for (int i = 0; i < count; i++) {
        if (!boots_is_used(boots, numbers[i])) {
            TRY(delete_one(database, SQL_BOOT_DELETE, numbers[i], err));
            boots_forget(boots, numbers[i]);
        }
    }
    return STATUS_OK;
}

static status drop_workflows(struct shared_rows *rows, struct database *database,
                             struct workflows *workflows, struct error *err) {
    uint32_t numbers[DROPPED_MAX];
    int count = 0;
    TRY(list_unnamed(database, SQL_WORKFLOW_UNUSED, &rows->workflows, numbers, &count, err));
    for (int i = 0; i < count; i++) {
        if (!workflows_is_used(workflows, numbers[i])) {
            TRY(delete_one(database, SQL_WORKFLOW_DELETE, numbers[i], err));
            workflows_forget(workflows, numbers[i]);
        }
    }
    return STATUS_OK;
}

status shared_rows_drop(struct shared_rows *rows, struct database *database, struct boots *boots,
                        struct workflows *workflows, struct error *err) {
    if (!rows->incomplete) {
        TRY(drop_boots(rows, database, boots, err));
        TRY(drop_workflows(rows, database, workflows, err));
    }
    shared_rows_done(rows);
    return STATUS_OK;
}

// SPDX-License-Identifier: Apache-2.0
#include "hub/people/person_rows.h"

#include <stdio.h>
#include <string.h>

#include "hub/people/people_sql.h"

static bool is_name_byte(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || (byte != '\0' && strchr(".-_@+", byte) != NULL);
}

status person_check_name(struct slice name, struct error *err) {
    bool is_good = name.count > 0 && name.count <= PERSON_NAME_BYTES_MAX;
    for (size_t i = 0; i < name.count && is_good; i++) {
        is_good = is_name_byte(name.bytes[i]);
    }
    return is_good ? STATUS_OK
                   : fail(err, STATUS_INVALID,
                          "a person's name has letters, digits and .-_@+, at most %d of them, and "
                          "'%.*s' is none",
                          PERSON_NAME_BYTES_MAX, SLICE_ARGS(slice_part(name, 0, 40)));
}

static void copy(char *out, size_t room, struct slice text) {
    (void)snprintf(out, room, "%.*s", SLICE_ARGS(text));
}

static struct person_row read_row(const struct query *query) {
    struct person_row row = {.rights = (unsigned)query_number(query, 1),
                             .must_change = query_number(query, 3) != 0,
                             .created_ms = query_number(query, 4),
                             .wrong = query_number(query, 5),
                             .locked_ms = query_number(query, 6)};
    copy(row.name, sizeof(row.name), query_text(query, 0));
    copy(row.verifier, sizeof(row.verifier), query_text(query, 2));
    return row;
}

status person_rows_get(struct database *database, struct slice name, struct person_row *out_row,
                       struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_PERSON_GET);
    query_bind_text(&query, name);
    if (query_next(&query)) {
        *out_row = read_row(&query);
        return STATUS_OK;
    }
    TRY(query_status(&query, err));
    return fail(err, STATUS_NOT_FOUND, "nobody here is called '%.*s'",
                SLICE_ARGS(slice_part(name, 0, PERSON_NAME_BYTES_MAX)));
}

status person_rows_put(struct database *database, const struct person_row *row, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_PERSON_PUT);
    query_bind_text(&query, slice_of(row->name));
    query_bind_number(&query, row->rights);
    query_bind_text(&query, slice_of(row->verifier));
    query_bind_number(&query, row->must_change ? 1 : 0);
    query_bind_number(&query, row->created_ms);
    query_bind_number(&query, row->wrong);
    query_bind_number(&query, row->locked_ms);
    return query_run(&query, err);
}

status person_rows_remove(struct database *database, struct slice name, struct error *err) {
    {
        CLEANUP(query_done) struct query query = query_on(database, SQL_SESSION_END_ALL);
        query_bind_text(&query, name);
        query_bind_bytes(&query, SLICE(""));
        TRY(query_run(&query, err));
    }
    CLEANUP(query_done) struct query query = query_on(database, SQL_PERSON_REMOVE);
    query_bind_text(&query, name);
    return query_run(&query, err);
}

status person_rows_each(struct database *database,
                        status (*each)(void *owner, const struct person_row *row,
                                       struct error *err),
                        void *owner, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_PERSON_LIST);
    query_bind_number(&query, PERSON_LISTED_MAX);
    while (query_next(&query)) {
        const struct person_row row = read_row(&query);
        TRY(each(owner, &row, err));
    }
    return query_status(&query, err);
}

status person_rows_check_admins(struct database *database, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_PERSON_ADMINS);
    int64_t count = 0;
    TRY(query_one_number(&query, &count, err));
    return count > 0 ? STATUS_OK
                     : fail(err, STATUS_CONFLICT,
                            "nobody would be left who may do all: make another an admin first");
}

// SPDX-License-Identifier: Apache-2.0
#include "hub/people/session_rows.h"

#include <stdio.h>
#include <string.h>

#include "hub/hub_call.h"
#include "hub/people/people_sql.h"
#include "platform/random.h"

void session_make(char out_secret[SESSION_SECRET_BYTES + 1], struct digest *out_id) {
    struct digest chance;
    const struct id first = random_id();
    const struct id second = random_id();
    (void)memcpy(chance.bytes, first.bytes, ID_BYTES);
    (void)memcpy(chance.bytes + ID_BYTES, second.bytes, ID_BYTES);
    digest_write(chance, out_secret);
    *out_id = session_id(slice_of(out_secret));
}

struct digest session_id(struct slice secret) {
    return secret.count == SESSION_SECRET_BYTES ? hash_256(secret) : (struct digest){0};
}

static status trim(struct database *database, const struct session_row *row, struct error *err) {
    {
        CLEANUP(query_done) struct query query = query_on(database, SQL_SESSION_TRIM);
        query_bind_number(&query, row->began_ms);
        TRY(query_run(&query, err));
    }
    CLEANUP(query_done) struct query query = query_on(database, SQL_SESSION_OLDEST);
    query_bind_text(&query, slice_of(row->person));
    query_bind_number(&query, SESSIONS_A_PERSON_MAX);
    return query_run(&query, err);
}

status session_rows_put(struct database *database, const struct session_row *row,
                        struct error *err) {
    {
        CLEANUP(query_done) struct query query = query_on(database, SQL_SESSION_PUT);
        query_bind_bytes(&query, digest_slice(&row->id));
        query_bind_text(&query, slice_of(row->person));
        query_bind_text(&query, slice_of(row->source));
        query_bind_text(&query, slice_of(row->browser));
        query_bind_number(&query, row->began_ms);
        query_bind_number(&query, row->began_ms + SESSION_IDLE_MS);
        TRY(query_run(&query, err));
    }
    return trim(database, row, err);
}

status session_rows_find(struct database *database, struct session_visit *visit,
                         struct caller *out_caller, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_SESSION_GET);
    query_bind_bytes(&query, digest_slice(&visit->id));
    query_bind_number(&query, visit->now_ms);
    visit->stolen = false;
    if (!query_next(&query)) {
        TRY(query_status(&query, err));
        return fail(err, STATUS_DENIED, "nobody is logged in here (any more): log in");
    }
    (void)snprintf(out_caller->name, sizeof(out_caller->name), "%.*s",
                   SLICE_ARGS(query_text(&query, 0)));
    if (!slice_equal(query_text(&query, 1), visit->source)) {
        visit->stolen = true;
        return fail(err, STATUS_DENIED, "this log-in was made at another address: log in here");
    }
    visit->seen_ms = query_number(&query, 2);
    out_caller->rights = (unsigned)query_number(&query, 3);
    out_caller->must_change = query_number(&query, 4) != 0;
    out_caller->has_session = true;
    out_caller->session = visit->id;
    return STATUS_OK;
}

status session_rows_note(struct database *database, struct digest id, int64_t now_ms,
                         struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_SESSION_SEEN);
    query_bind_bytes(&query, digest_slice(&id));
    query_bind_number(&query, now_ms);
    query_bind_number(&query, SESSION_IDLE_MS);
    query_bind_number(&query, SESSION_MOST_MS);
    return query_run(&query, err);
}

status session_rows_end(struct database *database, struct digest id, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_SESSION_END);
    query_bind_bytes(&query, digest_slice(&id));
    return query_run(&query, err);
}

status session_rows_end_all(struct database *database, struct slice person, struct digest stays,
                            struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_SESSION_END_ALL);
    query_bind_text(&query, person);
    query_bind_bytes(&query, digest_slice(&stays));
    return query_run(&query, err);
}

status session_rows_write(struct database *database, struct slice person, int64_t now_ms,
                          struct buffer *out, struct error *err) {
    const char *between = "";
    CLEANUP(query_done) struct query query = query_on(database, SQL_SESSION_LIST);
    query_bind_text(&query, person);
    query_bind_number(&query, now_ms);
    query_bind_number(&query, SESSIONS_A_PERSON_MAX);
    buffer_add_byte(out, '[');
    while (query_next(&query)) {
        buffer_print(out, "%s{", between);
        hub_call_write_text(out, "source", query_text(&query, 2));
        buffer_add_byte(out, ',');
        hub_call_write_text(out, "browser", query_text(&query, 3));
        buffer_add_byte(out, ',');
        hub_call_write_time(out, "began_at", query_number(&query, 4));
        buffer_add_byte(out, ',');
        hub_call_write_time(out, "seen_at", query_number(&query, 5));
        buffer_add_byte(out, '}');
        between = ",";
    }
    buffer_add_byte(out, ']');
    return query_status(&query, err);
}

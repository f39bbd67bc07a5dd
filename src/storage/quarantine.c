// SPDX-License-Identifier: Apache-2.0
#include "storage/quarantine.h"

#include "base/time.h"
#include "platform/json.h"
#include "storage/seen.h"
#include "storage/sql.h"

status quarantine_put(struct database *database, const struct store_job *job, int64_t wall_ms,
                      uint64_t *out_number, struct error *err) {
    if (job->event.count > QUARANTINE_EVENT_BYTES_MAX ||
        job->source.count > SEEN_SOURCE_BYTES_MAX || job->reason.count > ERROR_TEXT_MAX) {
        return fail(err, STATUS_INVALID, "an event that is kept aside has at most %d bytes",
                    QUARANTINE_EVENT_BYTES_MAX);
    }
    CLEANUP(query_done) struct query put = query_on(database, SQL_QUARANTINE_PUT);
    query_bind_number(&put, wall_ms);
    query_bind_text(&put, job->workflow_name);
    query_bind_text(&put, job->source);
    query_bind_text(&put, job->event_id);
    query_bind_text(&put, job->reason);
    query_bind_number(&put, (int64_t)job->event.count);
    query_bind_text(&put, job->event);
    TRY(query_run(&put, err));
    CLEANUP(query_done) struct query trim = query_on(database, SQL_QUARANTINE_TRIM);
    query_bind_number(&trim, QUARANTINE_ROWS_MAX);
    query_bind_number(&trim, QUARANTINE_BYTES_MAX);
    TRY(query_run(&trim, err));
    CLEANUP(query_done)
    struct query last = query_on(database, "SELECT max(number) FROM quarantine");
    int64_t number = 0;
    TRY(query_one_number(&last, &number, err));
    *out_number = (uint64_t)number;
    return STATUS_OK;
}

static void write_text(struct buffer *out, const char *name, struct slice text) {
    buffer_print(out, ",\"%s\":", name);
    json_write_text(out, text);
}

/* Without the closing brace. */
static void write_head(struct buffer *out, const struct query *query) {
    char at[TIME_TEXT_BYTES];
    time_write_plain(query_number(query, 1), at);
    buffer_print(out, "{\"id\":%lld,\"created_at\":\"%s\"", (long long)query_number(query, 0), at);
    write_text(out, "workflow", query_text(query, 2));
    write_text(out, "source", query_text(query, 3));
    write_text(out, "event_id", query_text(query, 4));
    write_text(out, "reason", query_text(query, 5));
    buffer_print(out, ",\"bytes\":%lld", (long long)query_number(query, 6));
}

status quarantine_list(struct database *database, struct store_read *read, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_QUARANTINE_LIST);
    query_bind_number(&query, read->before_key == 0 ? INT64_MAX : (int64_t)read->before_key);
    query_bind_text_or_null(&query, read->workflow);
    buffer_add_text(&read->out, "{\"events\":[");
    uint32_t rows = 0;
    uint64_t last = 0;
    while (query_next(&query)) {
        if (rows == read->limit) {
            read->out_next_key = last;
            break;
        }
        buffer_add_text(&read->out, rows++ > 0 ? "," : "");
        write_head(&read->out, &query);
        buffer_add_byte(&read->out, '}');
        last = (uint64_t)query_number(&query, 0);
    }
    TRY(query_status(&query, err));
    CLEANUP(query_done) struct query sum = query_on(database, SQL_QUARANTINE_SUM);
    if (query_next(&sum)) {
        buffer_print(&read->out, "],\"kept\":%lld,\"gone\":%lld}", (long long)query_number(&sum, 0),
                     (long long)query_number(&sum, 1));
    }
    TRY(query_status(&sum, err));
    return buffer_status(&read->out, err);
}

status quarantine_show(struct database *database, struct store_read *read, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_QUARANTINE_GET);
    query_bind_number(&query, (int64_t)read->before_key);
    if (!query_next(&query)) {
        TRY(query_status(&query, err));
        return fail(err, STATUS_NOT_FOUND, "no event of number %llu is kept aside",
                    (unsigned long long)read->before_key);
    }
    write_head(&read->out, &query);
    buffer_add_text(&read->out, ",\"event\":");
    buffer_add(&read->out, query_text(&query, 7));
    buffer_add_byte(&read->out, '}');
    return buffer_status(&read->out, err);
}

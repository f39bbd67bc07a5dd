// SPDX-License-Identifier: Apache-2.0
#include "hub/people/deed_rows.h"

#include "base/text.h"
#include "hub/hub_call.h"
#include "hub/people/people_sql.h"

enum { TRIM_EACH = 64, TEXT_BYTES_MAX = 4 * DEED_DETAILS_BYTES_MAX };

/* Not at each deed: a few more than DEEDS_MAX do no harm. */
static status trim(struct database *database, int64_t number, struct error *err) {
    if (number % TRIM_EACH != 0) {
        return STATUS_OK;
    }
    CLEANUP(query_done) struct query query = query_on(database, SQL_DEED_TRIM);
    query_bind_number(&query, DEEDS_MAX);
    return query_run(&query, err);
}

status deed_rows_put(struct database *database, const struct caller *who, const struct deed *deed,
                     struct error *err) {
    /* What came over the wire may be no text. */
    CLEANUP(buffer_done) struct buffer what;
    CLEANUP(buffer_done) struct buffer details;
    buffer_init(&what, TEXT_BYTES_MAX);
    buffer_init(&details, TEXT_BYTES_MAX);
    (void)text_repair(&what, text_cut(deed->what, DEED_DETAILS_BYTES_MAX));
    (void)text_repair(&details, text_cut(deed->details, DEED_DETAILS_BYTES_MAX));
    TRY(buffer_status(&what, err));
    TRY(buffer_status(&details, err));
    {
        CLEANUP(query_done) struct query query = query_on(database, SQL_DEED_PUT);
        query_bind_number(&query, deed->wall_ms);
        query_bind_text(&query, slice_of(who->name));
        query_bind_text(&query, slice_of(who->source));
        query_bind_text(&query, buffer_slice(&what));
        query_bind_text(&query, deed->subject);
        query_bind_text(&query, buffer_slice(&details));
        TRY(query_run(&query, err));
    }
    CLEANUP(query_done) struct query query = query_on(database, SQL_DEED_LAST);
    int64_t number = 0;
    TRY(query_one_number(&query, &number, err));
    return trim(database, number, err);
}

static void write_deed(struct buffer *out, const struct query *query) {
    static const char *const NAMES[] = {"who", "source", "what", "subject", "details"};
    buffer_print(out, "{\"number\":%lld,", (long long)query_number(query, 0));
    hub_call_write_time(out, "at", query_number(query, 1));
    for (int i = 0; i < 5; i++) {
        buffer_add_byte(out, ',');
        hub_call_write_text(out, NAMES[i], query_text(query, i + 2));
    }
    buffer_add_byte(out, '}');
}

status deed_rows_list(struct database *database, const struct deed_query *wish, struct buffer *out,
                      struct error *err) {
    int count = 0;
    int64_t last = 0;
    CLEANUP(query_done) struct query query = query_on(database, SQL_DEED_LIST);
    query_bind_number(&query, wish->before > 0 ? wish->before : INT64_MAX);
    query_bind_text(&query, wish->who);
    query_bind_text(&query, wish->words);
    query_bind_number(&query, wish->since_ms);
    query_bind_number(&query, wish->limit);
    buffer_add_text(out, "{\"deeds\":[");
    while (query_next(&query)) {
        buffer_add_text(out, count > 0 ? "," : "");
        write_deed(out, &query);
        last = query_number(&query, 0);
        count++;
    }
    TRY(query_status(&query, err));
    if (count == wish->limit) {
        buffer_print(out, "],\"next\":%lld}\n", (long long)last);
    } else {
        buffer_add_text(out, "],\"next\":null}\n");
    }
    return buffer_status(out, err);
}

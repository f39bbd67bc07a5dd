// SPDX-License-Identifier: Apache-2.0
#include "storage/states.h"

#include "platform/json.h"
#include "storage/sql.h"

enum { PAGE_BYTES = 1 << 20 };

status states_write(struct database *database, struct slice workflow,
                    const struct state_write *write, struct error *err) {
    if (write->step.count > STORE_KEY_BYTES_MAX || write->key.count > STORE_KEY_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "a state's step and key have at most %d bytes each",
                    STORE_KEY_BYTES_MAX);
    }
    const bool removed = write->value.count == 0;
    CLEANUP(query_done)
    struct query query = query_on(database, removed ? SQL_STATE_DELETE : SQL_STATE_PUT);
    query_bind_text(&query, workflow);
    query_bind_text(&query, write->step);
    query_bind_text(&query, write->key);
    if (!removed) {
        query_bind_text(&query, write->value);
        query_bind_number_or_null(&query, write->expires_wall_ms);
    }
    return query_run(&query, err);
}

/* A value goes out as text, so that one that was damaged spoils no other. */
status states_read(struct database *database, struct store_read *read, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_STATE_LIST);
    query_bind_text(&query, read->workflow);
    query_bind_text(&query, read->name);
    query_bind_text(&query, read->after);
    uint32_t rows = 0;
    buffer_add_byte(&read->out, '[');
    while (query_next(&query)) {
        if (rows == read->limit || read->out.count > PAGE_BYTES) {
            read->out_next_key = 1;
            break;
        }
        buffer_add_text(&read->out, rows++ > 0 ? ",[" : "[");
        json_write_text(&read->out, query_text(&query, 0));
        buffer_print(&read->out, ",%lld,", (long long)query_number(&query, 2));
        json_write_text(&read->out, query_text(&query, 1));
        buffer_add_byte(&read->out, ']');
    }
    buffer_add_byte(&read->out, ']');
    TRY(query_status(&query, err));
    return buffer_status(&read->out, err);
}

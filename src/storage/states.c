// SPDX-License-Identifier: Apache-2.0
#include "storage/states.h"

#include "storage/sql.h"

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

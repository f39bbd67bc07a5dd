// SPDX-License-Identifier: Apache-2.0
#include "storage/sync_rounds.h"

#include <stdio.h>

#include "platform/clock.h"
#include "storage/sql.h"

status sync_rounds_add(struct database *database, const char *word, struct slice details,
                       struct error *err) {
    CLEANUP(query_done) struct query put = query_on(database, SQL_SYNC_ROUND_PUT);
    query_bind_number(&put, clock_wall_ms());
    query_bind_text(&put, slice_of(word));
    query_bind_text_or_null(&put, details);
    TRY(query_run(&put, err));
    CLEANUP(query_done) struct query trim = query_on(database, SQL_SYNC_ROUND_TRIM);
    query_bind_number(&trim, SYNC_ROUNDS_MAX);
    return query_run(&trim, err);
}

status sync_rounds_note_dropped(struct database *database, const char *word, struct seq_range range,
                                struct error *err) {
    char text[128];
    (void)snprintf(text, sizeof(text), "{\"lane\":\"local\",\"from\":%llu,\"to\":%llu}",
                   (unsigned long long)range.from, (unsigned long long)range.to);
    return sync_rounds_add(database, word, slice_of(text), err);
}

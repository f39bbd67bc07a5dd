// SPDX-License-Identifier: Apache-2.0
#include "power_beside.h"

#include <stdio.h>

void power_beside_add(struct power_beside *beside, struct store_job *job, int number) {
    (void)snprintf(beside->key, sizeof(beside->key), "%d", number);
    (void)snprintf(beside->value, sizeof(beside->value), "{\"n\":%d}", number);
    beside->state = (struct state_write){
        .step = SLICE("count"), .key = slice_of(beside->key), .value = slice_of(beside->value)};
    job->states = &beside->state;
    job->state_count = 1;
    job->seen_source = SLICE("sender");
    job->seen_hash = (uint64_t)number;
    job->seen_fades = true;
}

status power_beside_check(struct database *database, struct error *err) {
    static const char APART[] =
        "SELECT what, n, count(*) FROM"
        " (SELECT 'state' AS what, value ->> 'n' AS n FROM state"
        "  UNION ALL SELECT 'mark', id_hash FROM delivered"
        "  UNION ALL SELECT 'state', body ->> 'n' FROM record WHERE kind & 255 = 1"
        "  UNION ALL SELECT 'mark', body ->> 'n' FROM record WHERE kind & 255 = 1)"
        " GROUP BY what, n HAVING count(*) <> 2 LIMIT 1";
    CLEANUP(query_done) struct query query = query_on(database, APART);
    if (query_next(&query)) {
        return fail(err, STATUS_CORRUPT, "of record %lld and its %.*s %lld are there",
                    (long long)query_number(&query, 1), SLICE_ARGS(query_text(&query, 0)),
                    (long long)query_number(&query, 2));
    }
    return query_status(&query, err);
}

// SPDX-License-Identifier: Apache-2.0
#include "hub/store/hub_check.h"

#include <string.h>

#include "hub/store/cursor_bytes.h"
#include "hub/store/hub_sql.h"

/* Leaves the lane: what is said of it is said. */
static status say(struct hub_check *check, const char *what, struct error *err) {
    char hex[ID_HEX_BYTES + 1];
    id_write_hex(check->stream_id, hex);
    check->inside = false;
    return fail(err, STATUS_CORRUPT, "stream %s, lane '%s': %s", hex,
                lane_name((enum lane)check->lane), what);
}

static status enter_lane(struct hub_check *check, struct database *database, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_CHECK_LANE);
    query_bind_number(&query, check->stream);
    query_bind_number(&query, check->lane);
    if (!query_next(&query)) {
        TRY(query_status(&query, err));
        return fail(err, STATUS_NOT_FOUND, "all lanes were looked at");
    }
    const struct slice id = query_bytes(&query, 2);
    struct lane_cursor *cursor = &check->cursor;
    check->stream = query_number(&query, 0);
    check->lane = query_number(&query, 1);
    check->row = 0;
    check->inside = true;
    check->lanes++;
    check->stream_id = (struct id){0};
    if (id.count == ID_BYTES) {
        (void)memcpy(check->stream_id.bytes, id.bytes, ID_BYTES);
    }
    *cursor = (struct lane_cursor){.stored = (uint64_t)query_number(&query, 4),
                                   .gapped = (uint64_t)query_number(&query, 5),
                                   .quarantined = (uint64_t)query_number(&query, 6)};
    check->found = (uint64_t)query_number(&query, 7); /* set aside */
    check->removed = (uint64_t)query_number(&query, 8);
    if (!cursor_bytes_read(query_bytes(&query, 3), cursor) || !receiver_adds_up(cursor)) {
        return say(check, "its cursor does not add up", err);
    }
    return check->found == cursor->quarantined
               ? STATUS_OK
               : say(check, "what was set aside is not what the cursor says", err);
}

static status walk(struct hub_check *check, struct database *database, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_CHECK_ROWS);
    query_bind_number(&query, check->stream);
    query_bind_number(&query, check->lane);
    query_bind_number(&query, check->row);
    query_bind_number(&query, HUB_CHECK_ROWS_MAX);
    int rows = 0;
    while (query_next(&query)) {
        const struct range range = {.from = (uint64_t)query_number(&query, 0),
                                    .to = (uint64_t)query_number(&query, 1)};
        rows++;
        check->row = (int64_t)range.from;
        const bool is_whole = query_number(&query, 2) != 0 || check->removed > 0;
        if (!is_whole || range.to < range.from) {
            return say(check, "records that came together are not where they should be", err);
        }
        if (ranges_hold(&check->cursor.held, range)) { /* else it came meanwhile */
            check->found += range.to - range.from + 1;
        }
    }
    TRY(query_status(&query, err));
    if (rows == HUB_CHECK_ROWS_MAX) {
        return STATUS_OK;
    }
    /* Of what came together a part may have been removed, or all. */
    const uint64_t held = ranges_total(&check->cursor.held);
    if (check->found > held || held - check->found > check->removed) {
        return say(check, "what is stored is not what the cursor says", err);
    }
    check->inside = false;
    return STATUS_OK;
}

status hub_check_step(struct hub_check *check, struct database *database, struct error *err) {
    return check->inside ? walk(check, database, err) : enter_lane(check, database, err);
}

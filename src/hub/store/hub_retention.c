// SPDX-License-Identifier: Apache-2.0
#include "hub/store/hub_retention.h"

#include <string.h>

#include "hub/store/hub_sql.h"
#include "platform/json.h"

enum {
    COUNTED_TOGETHER = 100, /* records */
    COUNTS_A_STEP = 10,
    REMOVED_A_STEP = 4,     /* segments */
    LOOKED_AT_A_STEP = 500, /* workflows */
};

/* What one step goes by. */
struct step {
    struct database *database;
    const struct hub_retention_rules *rules;
    int64_t now_ms, newest;
};

struct due {
    struct slice workflow; /* lies in the place */
    int64_t first, last, records, bytes;
};

/* --- counting --- */

static status add_segment(struct database *database, const struct query *scan, struct error *err) {
    const struct slice workflow = query_text(scan, 0);
    const int64_t bytes = query_number(scan, 4);
    {
        CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_USE_ADD);
        query_bind_text(&query, workflow);
        query_bind_number(&query, query_number(scan, 3));
        query_bind_number(&query, bytes);
        TRY(query_run(&query, err));
    }
    {
        CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_SEGMENT_EXTEND);
        query_bind_text(&query, workflow);
        query_bind_number(&query, query_number(scan, 2));
        query_bind_number(&query, query_number(scan, 3));
        query_bind_number(&query, bytes);
        query_bind_number(&query, query_number(scan, 6));
        TRY(query_run(&query, err));
    }
    if (database_changes(database) > 0) {
        return STATUS_OK;
    }
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_SEGMENT_PUT);
    query_bind_text(&query, workflow);
    for (int column = 1; column <= 6; column++) {
        query_bind_number(&query, query_number(scan, column));
    }
    return query_run(&query, err);
}

static status tally(struct database *database, int64_t first, int64_t last, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_TALLY_ADD);
    query_bind_number(&query, first);
    query_bind_number(&query, last);
    return query_run(&query, err);
}

static status count_up_to(struct database *database, int64_t counted, int64_t end,
                          struct error *err) {
    {
        CLEANUP(query_done) struct query scan = query_on(database, SQL_HUB_SEGMENT_SCAN);
        query_bind_number(&scan, counted + 1);
        query_bind_number(&scan, end);
        while (query_next(&scan)) {
            TRY(add_segment(database, &scan, err));
        }
        TRY(query_status(&scan, err));
    }
    TRY(tally(database, counted + 1, end, err));
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_COUNTED_SET);
    query_bind_number(&query, end);
    return query_run(&query, err);
}

static status count(struct database *database, int64_t *out_newest, bool *out_more,
                    struct error *err) {
    int64_t counted = 0;
    {
        CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_COUNTED_GET);
        if (query_next(&query)) {
            counted = query_number(&query, 0);
            *out_newest = query_number(&query, 1);
        }
        TRY(query_status(&query, err));
    }
    for (int i = 0; i < COUNTS_A_STEP && counted < *out_newest; i++) {
        const int64_t left = *out_newest - counted;
        const int64_t end = counted + (left < COUNTED_TOGETHER ? left : COUNTED_TOGETHER);
        TRY(count_up_to(database, counted, end, err));
        counted = end;
    }
    *out_more = counted < *out_newest;
    return STATUS_OK;
}

/* --- removing --- */

static const struct hub_retention_rule *rule_of(const struct hub_retention_rules *rules,
                                                struct slice workflow) {
    for (uint32_t i = 0; i < rules->count; i++) {
        if (slice_equal(rules->rules[i].workflow, workflow)) {
            return &rules->rules[i];
        }
    }
    return &rules->otherwise;
}

static struct slice name_at(const struct hub_retention_place *place) {
    return (struct slice){.bytes = place->workflow, .count = place->count};
}

static void move_to(struct hub_retention_place *place, struct slice workflow) {
    const struct slice part = slice_part(workflow, 0, HUB_RETENTION_NAME_BYTES);
    (void)memcpy(place->workflow, part.bytes, part.count);
    place->count = part.count;
}

static bool is_due(const struct query *row, const struct step *step) {
    const struct hub_retention_rule *rule = rule_of(step->rules, query_text(row, 0));
    const bool is_old = rule->keep_ms > 0 && query_number(row, 6) < step->now_ms - rule->keep_ms;
    const bool is_much = rule->bytes > 0 && query_number(row, 1) > rule->bytes;
    return (is_old || is_much) && query_number(row, 3) < step->newest;
}

/* The next workflow from `place` on whose oldest segment must go; `place` is where it was looked
 * for, and at the beginning again when all were looked at. */
static status find_due(const struct step *step, struct hub_retention_place *place,
                       struct due *out_due, bool *out_found, struct error *err) {
    int looked_at = 0;
    *out_found = false;
    CLEANUP(query_done) struct query row = query_on(step->database, SQL_HUB_SEGMENT_OLDEST);
    const struct hub_retention_place from = *place;
    query_bind_text(&row, name_at(&from));
    query_bind_number(&row, LOOKED_AT_A_STEP);
    while (!*out_found && query_next(&row)) {
        looked_at++;
        move_to(place, query_text(&row, 0));
        *out_found = is_due(&row, step);
    }
    TRY(query_status(&row, err));
    if (*out_found) {
        out_due->workflow = name_at(place);
        out_due->first = query_number(&row, 2);
        out_due->last = query_number(&row, 3);
        out_due->records = query_number(&row, 4);
        out_due->bytes = query_number(&row, 5);
    } else if (looked_at < LOOKED_AT_A_STEP) {
        place->count = 0;
    }
    return STATUS_OK;
}

static status run_on(struct database *database, const char *sql, const struct due *due,
                     int64_t second, int64_t third, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, sql);
    query_bind_text(&query, due->workflow);
    query_bind_number(&query, second);
    query_bind_number(&query, third);
    return query_run(&query, err);
}

static status remove_due(const struct step *step, const struct due *due, struct error *err) {
    struct database *database = step->database;
    TRY(hub_outgoing_count_removed(database, &step->rules->outgoing, due->workflow, due->first,
                                   due->last, err));
    TRY(run_on(database, SQL_HUB_REMOVED_ADD, due, due->first, due->last, err));
    TRY(run_on(database, SQL_HUB_REMOVED_DELIVERIES, due, due->first, due->last, err));
    TRY(run_on(database, SQL_HUB_REMOVED_RECORDS, due, due->first, due->last, err));
    TRY(run_on(database, SQL_HUB_USE_REMOVE, due, due->records, due->bytes, err));
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_SEGMENT_REMOVE);
    query_bind_text(&query, due->workflow);
    query_bind_number(&query, due->first);
    return query_run(&query, err);
}

status hub_retention_step(struct database *database, const struct hub_retention_rules *rules,
                          int64_t now_ms, struct hub_retention_place *place, bool *out_more,
                          struct error *err) {
    struct step step = {.database = database, .rules = rules, .now_ms = now_ms};
    struct due due;
    bool found = true;
    TRY(count(database, &step.newest, out_more, err));
    for (int i = 0; found && i < REMOVED_A_STEP; i++) {
        TRY(find_due(&step, place, &due, &found, err));
        if (found) {
            TRY(remove_due(&step, &due, err));
        }
    }
    *out_more = *out_more || found || place->count > 0;
    return STATUS_OK;
}

status hub_retention_list(struct database *database, struct buffer *out, struct error *err) {
    CLEANUP(query_done) struct query row = query_on(database, SQL_HUB_USE_LIST);
    query_bind_number(&row, HUB_RETENTION_LISTED_MAX);
    buffer_add_byte(out, '[');
    for (bool is_first = true; query_next(&row); is_first = false) {
        buffer_add_text(out, is_first ? "{\"workflow\":" : ",{\"workflow\":");
        json_write_text(out, query_text(&row, 0));
        buffer_print(out,
                     ",\"records\":%lld,\"bytes\":%lld,\"removed_records\":%lld,"
                     "\"removed_bytes\":%lld}",
                     (long long)query_number(&row, 1), (long long)query_number(&row, 2),
                     (long long)query_number(&row, 3), (long long)query_number(&row, 4));
    }
    buffer_add_byte(out, ']');
    return query_status(&row, err);
}

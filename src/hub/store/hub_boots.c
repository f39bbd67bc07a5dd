// SPDX-License-Identifier: Apache-2.0
#include "hub/store/hub_boots.h"

#include "hub/store/hub_sql.h"

enum { LOOKED_AT_A_STEP = 20, DATED_A_STEP = 100, NS_PER_MS = 1000000 };

static const int64_t AHEAD_MS = INT64_C(24) * 60 * 60 * 1000;
static const int64_t FORGET_MS = INT64_C(7) * 24 * 60 * 60 * 1000;

/* A hello may have been so long on its way, and the two clocks may have drifted: what is no
 * further off is left as it was said. */
static const int64_t SLACK_MS = INT64_C(60) * 1000;

/* A row of `unclear`, and what is known of its boot. */
struct unclear {
    struct hub_boots_where where;
    struct hub_boot boot;
    bool is_known;
    int64_t noted_ms;
};

struct dated {
    int64_t number, made_ms;
};

bool hub_boots_doubts(const struct moment *said, const struct moment *arrived) {
    return said->quality >= CLOCK_BAD ||
           (said->wall_ms > arrived->wall_ms + AHEAD_MS && arrived->quality != CLOCK_BAD);
}

/* What a boot clock says is believed as far as it can be. */
static int64_t made_at(const struct moment *said, int64_t began_ms, int64_t arrived_ms) {
    const int64_t ms = began_ms + said->boot_ns / NS_PER_MS;
    const bool is_near = said->wall_ms >= ms - SLACK_MS && said->wall_ms <= ms + SLACK_MS;
    const bool can_be = said->boot_ns >= 0 && ms <= arrived_ms + AHEAD_MS;
    return is_near || !can_be ? said->wall_ms : ms;
}

/* --- boots --- */

status hub_boots_hear(struct database *database, struct id device, const struct hub_boot *boot,
                      struct error *err) {
    {
        CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_BOOT_PUT);
        query_bind_bytes(&query, id_slice(&device));
        query_bind_bytes(&query, id_slice(&boot->id));
        query_bind_number(&query, boot->began_ms);
        query_bind_number(&query, SLACK_MS);
        TRY(query_run(&query, err));
    }
    if (database_changes(database) == 0) {
        return STATUS_OK;
    }
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_BOOT_TRIM);
    query_bind_bytes(&query, id_slice(&device));
    query_bind_number(&query, HUB_BOOTS_KEPT);
    return query_run(&query, err);
}

static status find(struct database *database, struct id device, struct hub_boot *boot,
                   bool *out_found, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_BOOT_GET);
    query_bind_bytes(&query, id_slice(&device));
    query_bind_bytes(&query, id_slice(&boot->id));
    *out_found = query_next(&query);
    if (*out_found) {
        boot->began_ms = query_number(&query, 0);
    }
    return query_status(&query, err);
}

/* --- on arrival --- */

static status note(struct database *database, const struct hub_boots_where *where, struct id boot,
                   int64_t now_ms, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_UNCLEAR_PUT);
    query_bind_number(&query, where->stream);
    query_bind_number(&query, where->lane);
    query_bind_bytes(&query, id_slice(&boot));
    query_bind_number(&query, (int64_t)where->first_seq);
    query_bind_number(&query, (int64_t)where->last_seq);
    query_bind_number(&query, now_ms);
    return query_run(&query, err);
}

status hub_boots_date(struct database *database, const struct hub_boots_where *where,
                      const struct record *said, int64_t arrived_ms, int64_t *out_made_ms,
                      struct error *err) {
    struct hub_boot boot = {.id = said->boot};
    bool found = false;
    *out_made_ms = said->time.wall_ms;
    if (id_is_zero(said->boot)) {
        return STATUS_OK;
    }
    TRY(find(database, where->device, &boot, &found, err));
    if (!found) {
        return note(database, where, said->boot, arrived_ms, err);
    }
    *out_made_ms = made_at(&said->time, boot.began_ms, arrived_ms);
    return STATUS_OK;
}

/* --- afterwards --- */

static status run_on(struct database *database, const char *sql, const struct unclear *unclear,
                     uint64_t fourth, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, sql);
    query_bind_number(&query, unclear->where.stream);
    query_bind_number(&query, unclear->where.lane);
    query_bind_bytes(&query, id_slice(&unclear->boot.id));
    if (fourth > 0) {
        query_bind_number(&query, (int64_t)fourth);
    }
    return query_run(&query, err);
}

static status find_next(struct database *database, const struct hub_boots_place *place,
                        struct unclear *out_unclear, bool *out_found, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_UNCLEAR_NEXT);
    query_bind_number(&query, place->stream);
    query_bind_number(&query, place->lane);
    query_bind_bytes(&query, id_slice(&place->boot));
    *out_found = query_next(&query);
    if (*out_found) {
        *out_unclear = (struct unclear){
            .where = {.device = id_from(query_bytes(&query, 6)),
                      .stream = query_number(&query, 0),
                      .lane = (enum lane)query_number(&query, 1),
                      .first_seq = (uint64_t)query_number(&query, 3),
                      .last_seq = (uint64_t)query_number(&query, 4)},
            .boot = {.id = id_from(query_bytes(&query, 2)), .began_ms = query_number(&query, 7)},
            .is_known = !query_is_null(&query, 7),
            .noted_ms = query_number(&query, 5)};
    }
    return query_status(&query, err);
}

/* The head of a row is believed to be of this boot, and whether its time is doubted. */
static bool is_of_boot(const struct query *row, int head, struct id boot, struct record *out_record,
                       bool *out_doubted) {
    struct error err;
    const struct moment arrived = {.wall_ms = query_number(row, head + 1)};
    if (record_read_head(query_bytes(row, head), out_record, &err) != STATUS_OK) {
        return false;
    }
    *out_doubted = hub_boots_doubts(&out_record->time, &arrived);
    return id_equal(out_record->boot, boot);
}

/* The record that ends with this seq may know when the boot began. */
static status ask(struct database *database, struct unclear *unclear, uint64_t seq,
                  struct error *err) {
    struct record record;
    int64_t number = 0;
    bool doubted = true;
    {
        CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_RECORD_FIND);
        query_bind_number(&query, unclear->where.stream);
        query_bind_number(&query, unclear->where.lane);
        query_bind_number(&query, (int64_t)seq);
        TRY(query_one_number(&query, &number, err));
    }
    CLEANUP(query_done) struct query row = query_on(database, SQL_HUB_RECORD_HEAD);
    query_bind_number(&row, number);
    if (query_next(&row) && is_of_boot(&row, 0, unclear->boot.id, &record, &doubted) && !doubted &&
        record.time.wall_ms >= 0) {
        unclear->is_known = true;
        unclear->boot.began_ms = record.time.wall_ms - record.time.boot_ns / NS_PER_MS;
    }
    return query_status(&row, err);
}

static status ask_neighbours(struct database *database, struct unclear *unclear,
                             struct error *err) {
    TRY(ask(database, unclear, unclear->where.last_seq + 1, err));
    if (!unclear->is_known) {
        TRY(ask(database, unclear, unclear->where.first_seq - 1, err));
    }
    return unclear->is_known ? hub_boots_hear(database, unclear->where.device, &unclear->boot, err)
                             : STATUS_OK;
}

/* The next of them, and where those behind them begin; 0: there are none. */
static status find_records(struct database *database, const struct unclear *unclear,
                           struct dated out_dated[DATED_A_STEP], int *out_count, uint64_t *out_next,
                           struct error *err) {
    const struct hub_boots_where *where = &unclear->where;
    int rows = 0;
    CLEANUP(query_done) struct query row = query_on(database, SQL_HUB_UNCLEAR_RECORDS);
    query_bind_number(&row, where->stream);
    query_bind_number(&row, where->lane);
    query_bind_number(&row, (int64_t)where->first_seq);
    query_bind_number(&row, (int64_t)where->last_seq);
    query_bind_number(&row, DATED_A_STEP);
    *out_count = 0;
    *out_next = 0;
    for (; rows < DATED_A_STEP && query_next(&row); rows++) {
        struct record record;
        bool doubted = false;
        if (is_of_boot(&row, 2, unclear->boot.id, &record, &doubted) && doubted) {
            out_dated[(*out_count)++] = (struct dated){
                .number = query_number(&row, 0),
                .made_ms = made_at(&record.time, unclear->boot.began_ms, query_number(&row, 3))};
        }
        *out_next = (uint64_t)query_number(&row, 1) + 1;
    }
    if (rows < DATED_A_STEP) {
        *out_next = 0;
    }
    return query_status(&row, err);
}

static status date(struct database *database, const struct unclear *unclear, uint64_t *out_next,
                   struct error *err) {
    struct dated dated[DATED_A_STEP];
    int count = 0;
    TRY(find_records(database, unclear, dated, &count, out_next, err));
    for (int i = 0; i < count; i++) {
        CLEANUP(query_done) struct query query = query_on(database, SQL_HUB_UNCLEAR_DATE);
        query_bind_number(&query, dated[i].number);
        query_bind_number(&query, dated[i].made_ms);
        TRY(query_run(&query, err));
    }
    return *out_next > 0 ? run_on(database, SQL_HUB_UNCLEAR_BEGIN, unclear, *out_next, err)
                         : run_on(database, SQL_HUB_UNCLEAR_REMOVE, unclear, 0, err);
}

/* *out_next > 0: it is not done with. */
static status look_at(struct database *database, struct unclear *unclear, int64_t now_ms,
                      uint64_t *out_next, struct error *err) {
    *out_next = 0;
    if (!unclear->is_known) {
        TRY(ask_neighbours(database, unclear, err));
    }
    if (unclear->is_known) {
        return date(database, unclear, out_next, err);
    }
    return now_ms - unclear->noted_ms > FORGET_MS
               ? run_on(database, SQL_HUB_UNCLEAR_REMOVE, unclear, 0, err)
               : STATUS_OK;
}

status hub_boots_step(struct database *database, int64_t now_ms, struct hub_boots_place *place,
                      bool *out_more, struct error *err) {
    struct unclear unclear;
    uint64_t next = 0;
    *out_more = true;
    for (int i = 0; i < LOOKED_AT_A_STEP && next == 0; i++) {
        TRY(find_next(database, place, &unclear, out_more, err));
        if (!*out_more) {
            *place = (struct hub_boots_place){0};
            return STATUS_OK;
        }
        TRY(look_at(database, &unclear, now_ms, &next, err));
        if (next == 0) {
            *place = (struct hub_boots_place){.stream = unclear.where.stream,
                                              .lane = (int64_t)unclear.where.lane,
                                              .boot = unclear.boot.id};
        }
    }
    return STATUS_OK;
}

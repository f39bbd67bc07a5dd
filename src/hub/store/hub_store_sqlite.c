// SPDX-License-Identifier: Apache-2.0
#include "hub/store/hub_store_sqlite.h"

#include <string.h>

#include "base/memory.h"
#include "hub/store/cursor_bytes.h"
#include "hub/store/hub_db.h"
#include "hub/store/hub_sql.h"
#include "platform/clock.h"

enum {
    TIDY_PAGES = 1000, /* of the WAL, from which on it is copied into the file */
    HURRY_PAGES = 8 * TIDY_PAGES,
    KNOWN_STREAMS = 4096,
    RUNS_OPEN = 4096,
    RUN_SPREAD_MAX = 1024 /* rows from a run's first to its last: so many are searched for one */
};

/* Records of a lane one behind the other, and their row of `delivery`. */
struct run {
    int64_t number, stream;
    enum lane lane;
    uint64_t first_seq, next_seq;
    int64_t first_record, last_record, count;
    uint64_t survey; /* of another one than the session's: it is over */
    bool changed;    /* since its row was written; then it stands in `changed` below */
};

/* What the next row of each table gets, and the last backup; taken back with the transaction. */
struct numbers {
    int64_t stream, record, delivery;
    int64_t backed_up_ms;
    struct hub_tally came;
};

/* A stream that was asked for, so that its row need not be read again. */
struct known_stream {
    struct id id, device;
    int64_t number;  /* 0: the place is free */
    uint64_t survey; /* of another one than the session's: no longer true */
};

struct sqlite_session {
    struct hub_session session; /* first */
    struct database *database;
    struct id store;
    struct numbers next, committed;
    struct run runs[RUNS_OPEN];
    struct run *changed[RUNS_OPEN];
    size_t changed_count;
    struct known_stream known[KNOWN_STREAMS];
    uint64_t survey;
};

static struct sqlite_session *own(struct hub_session *session) {
    return (struct sqlite_session *)session;
}

static void bind_id_or_null(struct query *query, const struct id *id) {
    if (id_is_zero(*id)) {
        query_bind_null(query);
    } else {
        query_bind_bytes(query, id_slice(id));
    }
}

/* --- deliveries --- */

static status save_run(struct sqlite_session *own, struct run *run, struct error *err) {
    const bool is_dense = run->last_record - run->first_record == run->count - 1;
    CLEANUP(query_done) struct query query = query_on(own->database, SQL_HUB_DELIVERY_PUT);
    query_bind_number(&query, run->number);
    query_bind_number(&query, run->stream);
    query_bind_number(&query, run->lane);
    query_bind_number(&query, (int64_t)run->first_seq);
    query_bind_number(&query, (int64_t)run->next_seq - 1);
    query_bind_number(&query, run->first_record);
    query_bind_number(&query, run->count);
    query_bind_number(&query, is_dense ? 0 : run->last_record);
    TRY(query_run(&query, err));
    run->changed = false;
    return STATUS_OK;
}

static status save_runs(struct sqlite_session *own, struct error *err) {
    for (size_t i = 0; i < own->changed_count; i++) {
        if (own->changed[i]->changed) {
            TRY(save_run(own, own->changed[i], err));
        }
    }
    own->changed_count = 0;
    return STATUS_OK;
}

static bool goes_on(const struct sqlite_session *own, const struct run *run, int64_t stream,
                    enum lane lane, const struct frame_item *item) {
    return run->count > 0 && run->survey == own->survey && run->stream == stream &&
           run->lane == lane && run->next_seq == item->seq && item->last_seq == item->seq &&
           own->next.record - run->first_record < RUN_SPREAD_MAX;
}

/* The row of the next record belongs to a run that is open, or begins one. A gap is alone. */
static status add_to_run(struct sqlite_session *own, int64_t stream, enum lane lane,
                         const struct frame_item *item, struct error *err) {
    struct run *run = &own->runs[(size_t)(stream * LANE_COUNT + lane) % RUNS_OPEN];
    if (!goes_on(own, run, stream, lane, item)) {
        if (run->changed) {
            TRY(save_runs(own, err));
        }
        *run = (struct run){.number = own->next.delivery++,
                            .stream = stream,
                            .lane = lane,
                            .first_seq = item->seq,
                            .first_record = own->next.record,
                            .survey = own->survey};
    }
    run->next_seq = item->last_seq + 1;
    run->last_record = own->next.record;
    run->count++;
    if (!run->changed) {
        run->changed = true;
        own->changed[own->changed_count++] = run;
    }
    if (item->last_seq > item->seq) {
        run->survey = 0; /* it is over */
    }
    return STATUS_OK;
}

/* --- transactions --- */

static status begin(struct hub_session *session, struct error *err) {
    own(session)->committed = own(session)->next;
    return database_begin(own(session)->database, err);
}

static status commit(struct hub_session *session, struct error *err) {
    TRY(save_runs(own(session), err));
    TRY(database_reserve(own(session)->database, err));
    return database_commit(own(session)->database, err);
}

static void rollback(struct hub_session *session) {
    database_rollback(own(session)->database);
    own(session)->next = own(session)->committed;
    for (size_t i = 0; i < own(session)->changed_count; i++) {
        own(session)->changed[i]->changed = false;
    }
    own(session)->changed_count = 0;
    own(session)->survey++;
}

static void tidy(struct hub_session *session, bool hurry) {
    struct error err;
    bool done = false;
    if (database_wal_pages(own(session)->database) >= (hurry ? HURRY_PAGES : TIDY_PAGES)) {
        /* What fails here fails again where somebody waits for it. */
        (void)database_checkpoint(own(session)->database, &done, &err);
    }
}

/* --- streams --- */

/* Stream ids are random: a few of their bits spread well. */
static struct known_stream *place_of(struct sqlite_session *own, struct id id) {
    uint32_t bits = 0;
    (void)memcpy(&bits, id.bytes, sizeof(bits));
    return &own->known[bits % KNOWN_STREAMS];
}

static bool is_known(const struct sqlite_session *own, const struct known_stream *known,
                     struct id id) {
    return known->number != 0 && known->survey == own->survey && id_equal(known->id, id);
}

/* *out_known is NULL when there is no such stream. */
static status find_stream(struct sqlite_session *own, struct id id,
                          const struct known_stream **out_known, struct error *err) {
    struct known_stream *known = place_of(own, id);
    *out_known = known;
    if (is_known(own, known, id)) {
        return STATUS_OK;
    }
    CLEANUP(query_done) struct query query = query_on(own->database, SQL_HUB_STREAM_GET);
    query_bind_bytes(&query, id_slice(&id));
    if (query_next(&query)) {
        *known = (struct known_stream){.id = id,
                                       .device = id_from(query_bytes(&query, 1)),
                                       .number = query_number(&query, 0),
                                       .survey = own->survey};
        return STATUS_OK;
    }
    *out_known = NULL;
    return query_status(&query, err);
}

/* 0: there is no such stream. */
static status number_of(struct sqlite_session *own, struct id id, int64_t *out_number,
                        struct error *err) {
    const struct known_stream *known = NULL;
    TRY(find_stream(own, id, &known, err));
    *out_number = known != NULL ? known->number : 0;
    return STATUS_OK;
}

static status claim(struct hub_session *session, struct id id, struct id device,
                    struct hub_stream *out_stream, struct error *err) {
    struct sqlite_session *own_session = own(session);
    const struct known_stream *known = NULL;
    TRY(find_stream(own_session, id, &known, err));
    if (known != NULL) {
        *out_stream = (struct hub_stream){.device = known->device};
        return STATUS_OK;
    }
    CLEANUP(query_done) struct query query = query_on(own_session->database, SQL_HUB_STREAM_PUT);
    query_bind_number(&query, own_session->next.stream);
    query_bind_bytes(&query, id_slice(&id));
    query_bind_bytes(&query, id_slice(&device));
    query_bind_number(&query, clock_wall_ms());
    TRY(query_run(&query, err));
    own_session->next.stream++;
    *out_stream = (struct hub_stream){.device = device};
    return STATUS_OK;
}

/* --- cursors --- */

static status load_cursor(struct hub_session *session, struct id stream, enum lane lane,
                          struct hub_cursor *out_cursor, struct error *err) {
    int64_t number = 0;
    *out_cursor = (struct hub_cursor){.stream = stream, .lane = lane};
    TRY(number_of(own(session), stream, &number, err));
    CLEANUP(query_done) struct query query = query_on(own(session)->database, SQL_HUB_CURSOR_GET);
    query_bind_number(&query, number);
    query_bind_number(&query, lane);
    if (query_next(&query)) {
        struct lane_cursor *cursor = &out_cursor->lane_cursor;
        out_cursor->connection = (uint64_t)query_number(&query, 0);
        if (!cursor_bytes_read(query_bytes(&query, 1), cursor)) {
            return fail(err, STATUS_CORRUPT, "what the hub holds of lane '%s' cannot be read",
                        lane_name(lane));
        }
        cursor->anchored = (uint64_t)query_number(&query, 2);
        cursor->stored = (uint64_t)query_number(&query, 3);
        cursor->gapped = (uint64_t)query_number(&query, 4);
        cursor->quarantined = (uint64_t)query_number(&query, 5);
    }
    return query_status(&query, err);
}

static status save_cursor(struct hub_session *session, const struct hub_cursor *hub_cursor,
                          struct error *err) {
    const struct lane_cursor *cursor = &hub_cursor->lane_cursor;
    int64_t number = 0;
    CLEANUP(buffer_done) struct buffer ranges;
    buffer_init(&ranges, CURSOR_BYTES_MAX);
    TRY(number_of(own(session), hub_cursor->stream, &number, err));
    cursor_bytes_write(cursor, &ranges);
    TRY(buffer_status(&ranges, err));
    CLEANUP(query_done) struct query query = query_on(own(session)->database, SQL_HUB_CURSOR_PUT);
    query_bind_number(&query, number);
    query_bind_number(&query, hub_cursor->lane);
    query_bind_number(&query, (int64_t)hub_cursor->connection);
    query_bind_bytes(&query, buffer_slice(&ranges));
    query_bind_number(&query, (int64_t)cursor->anchored);
    query_bind_number(&query, (int64_t)cursor->stored);
    query_bind_number(&query, (int64_t)cursor->gapped);
    query_bind_number(&query, (int64_t)cursor->quarantined);
    return query_run(&query, err);
}

/* --- records --- */

static status put_poison(struct sqlite_session *own, int64_t stream,
                         const struct hub_record *record, struct error *err) {
    const struct frame_item *item = &record->received->item;
    CLEANUP(query_done) struct query query = query_on(own->database, SQL_HUB_QUARANTINE_PUT);
    query_bind_number(&query, stream);
    query_bind_number(&query, record->lane);
    query_bind_number(&query, (int64_t)item->seq);
    query_bind_number(&query, (int64_t)item->last_seq);
    query_bind_number(&query, record->arrived.wall_ms);
    query_bind_text(&query, record->received->reason);
    query_bind_bytes(&query, id_slice(&item->chain));
    bind_id_or_null(&query, &item->first_id);
    query_bind_bytes(&query, item->record);
    return query_run(&query, err);
}

static void bind_record(struct query *query, const struct hub_record *hub_record, int64_t made_ms) {
    const struct frame_item *item = &hub_record->received->item;
    const struct record *record = &hub_record->received->record;
    const bool is_known = record_is_known(record->kind, record->version);
    query_bind_number(query, hub_record->lane);
    query_bind_number(query, (int64_t)item->seq);
    query_bind_number_or_null(query, item->last_seq != item->seq ? (int64_t)item->last_seq : 0);
    query_bind_number(query, record->kind);
    query_bind_number(query, record->priority);
    query_bind_number(query, made_ms);
    query_bind_number(query, hub_record->arrived.wall_ms);
    query_bind_text_or_null(query, record->workflow);
    query_bind_text_or_null(query, record->name);
    query_bind_bytes(query, id_slice(&item->chain));
    bind_id_or_null(query, &item->first_id);
    query_bind_bytes(query, slice_part(item->record, 0, RECORD_HEAD_BYTES));
    bind_id_or_null(query, &record->run);
    if (is_known) {
        query_bind_text(query, record->body);
    } else {
        query_bind_bytes(query, record->tail);
    }
}

static status date(struct sqlite_session *own, const struct known_stream *stream,
                   const struct hub_record *record, int64_t *out_made_ms, struct error *err) {
    const struct frame_item *item = &record->received->item;
    const struct hub_boots_where where = {.device = stream->device,
                                          .stream = stream->number,
                                          .lane = record->lane,
                                          .first_seq = item->seq,
                                          .last_seq = item->last_seq};
    const struct record *said = &record->received->record;
    return hub_boots_date(own->database, &where, said, record->arrived.wall_ms, out_made_ms, err);
}

static status append(struct hub_session *session, const struct hub_record *record,
                     struct error *err) {
    struct sqlite_session *own_session = own(session);
    const struct known_stream *known = NULL;
    TRY(find_stream(own_session, record->stream, &known, err));
    const int64_t stream = known != NULL ? known->number : 0;
    if (record->received->kind == RECEIVED_POISON) {
        own_session->next.came.poison++;
        return put_poison(own_session, stream, record, err);
    }
    const unsigned kind = record->received->record.kind;
    int64_t made_ms = record->received->record.time.wall_ms;
    if (known != NULL && hub_boots_doubts(&record->received->record.time, &record->arrived)) {
        TRY(date(own_session, known, record, &made_ms, err));
    }
    TRY(add_to_run(own_session, stream, record->lane, &record->received->item, err));
    CLEANUP(query_done) struct query query = query_on(own_session->database, SQL_HUB_RECORD_PUT);
    query_bind_number(&query, own_session->next.record);
    query_bind_number(&query, stream);
    bind_record(&query, record, made_ms);
    TRY(query_run(&query, err));
    own_session->next.record++;
    own_session->next.came.kinds[kind < HUB_TALLY_KINDS ? kind : 0]++;
    return STATUS_OK;
}

/* --- chain values --- */

static const char NO_CHAIN[] = "the hub has no chain value there";

static status quarantine_chain(struct sqlite_session *own, int64_t stream, enum lane lane,
                               uint64_t seq, struct id *out_chain, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(own->database, SQL_HUB_QUARANTINE_CHAIN);
    query_bind_number(&query, stream);
    query_bind_number(&query, lane);
    query_bind_number(&query, (int64_t)seq);
    struct id chain = {0};
    if (query_next(&query)) {
        chain = id_from(query_bytes(&query, 0));
    }
    TRY(query_status(&query, err));
    if (id_is_zero(chain)) {
        return fail(err, STATUS_NOT_FOUND, "%s", NO_CHAIN);
    }
    *out_chain = chain;
    return STATUS_OK;
}

static status chain_at(struct hub_session *session, struct id id, enum lane lane, uint64_t seq,
                       struct id *out_chain, struct error *err) {
    struct sqlite_session *own_session = own(session);
    int64_t stream = 0;
    TRY(number_of(own_session, id, &stream, err));
    TRY(save_runs(own_session, err));
    {
        CLEANUP(query_done)
        struct query query = query_on(own_session->database, SQL_HUB_RECORD_FIND);
        query_bind_number(&query, stream);
        query_bind_number(&query, lane);
        query_bind_number(&query, (int64_t)seq);
        if (query_next(&query)) {
            const struct id chain = id_from(query_bytes(&query, 1));
            if (id_is_zero(chain)) { /* a piece of a gap */
                return fail(err, STATUS_NOT_FOUND, "%s", NO_CHAIN);
            }
            *out_chain = chain;
            return STATUS_OK;
        }
        TRY(query_status(&query, err));
    }
    return quarantine_chain(own_session, stream, lane, seq, out_chain, err);
}

/* --- the time of records --- */

static status hear_boot(struct hub_session *session, struct id device, const struct hub_boot *boot,
                        struct error *err) {
    return hub_boots_hear(own(session)->database, device, boot, err);
}

static status mend_times(struct hub_session *session, int64_t now_ms, struct hub_boots_place *place,
                         bool *out_more, struct error *err) {
    TRY(save_runs(own(session), err)); /* by which records are found */
    return hub_boots_step(own(session)->database, now_ms, place, out_more, err);
}

/* --- the hub itself --- */

static status next_connection(struct hub_session *session, uint64_t *out_number,
                              struct error *err) {
    int64_t number = 0;
    CLEANUP(query_done) struct query query = query_on(own(session)->database, SQL_HUB_CONNECTION);
    TRY(query_one_number(&query, &number, err));
    *out_number = (uint64_t)number;
    return STATUS_OK;
}

static struct id store_id(struct hub_session *session) {
    return own(session)->store;
}

static void tally(struct hub_session *session, struct hub_tally *out_tally) {
    *out_tally = own(session)->next.came;
    out_tally->newest = own(session)->next.record - 1;
}

static int64_t backed_up_ms(struct hub_session *session) {
    return own(session)->next.backed_up_ms;
}

static status set_backed_up(struct hub_session *session, int64_t moment_ms, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(own(session)->database, SQL_HUB_BACKED_UP);
    query_bind_number(&query, moment_ms);
    TRY(query_run(&query, err));
    own(session)->next.backed_up_ms = moment_ms;
    return STATUS_OK;
}

/* --- opening and closing --- */

static void close_session(struct hub_session *session) {
    database_close(own(session)->database);
    memory_free(session);
}

static const struct hub_store_kind SQLITE = {
    .name = "sqlite",
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .tidy = tidy,
    .claim = claim,
    .load_cursor = load_cursor,
    .save_cursor = save_cursor,
    .append = append,
    .chain_at = chain_at,
    .hear_boot = hear_boot,
    .mend_times = mend_times,
    .next_connection = next_connection,
    .store_id = store_id,
    .tally = tally,
    .backed_up_ms = backed_up_ms,
    .set_backed_up = set_backed_up,
    .close = close_session,
};

static status last_number(struct database *database, const char *sql, int64_t *out_next,
                          struct error *err) {
    CLEANUP(query_done) struct query query = query_on(database, sql);
    TRY(query_one_number(&query, out_next, err));
    (*out_next)++;
    return STATUS_OK;
}

static status load(struct sqlite_session *own, struct error *err) {
    TRY(last_number(own->database, SQL_HUB_STREAM_LAST, &own->next.stream, err));
    TRY(last_number(own->database, SQL_HUB_RECORD_LAST, &own->next.record, err));
    TRY(last_number(own->database, SQL_HUB_DELIVERY_LAST, &own->next.delivery, err));
    CLEANUP(query_done) struct query query = query_on(own->database, SQL_HUB_GET);
    if (query_next(&query)) {
        own->store = id_from(query_bytes(&query, 0));
        own->next.backed_up_ms = query_number(&query, 2);
    }
    TRY(query_status(&query, err));
    return !id_is_zero(own->store) ? STATUS_OK
                                   : fail(err, STATUS_CORRUPT, "the hub's own row is gone");
}

status hub_store_sqlite_open(const char *path, struct hub_session **out_session,
                             struct error *err) {
    struct sqlite_session *session = memory_new(1, sizeof(*session));
    if (session == NULL) {
        return fail(err, STATUS_NO_MEMORY, "open '%s': out of memory", path);
    }
    session->session.kind = &SQLITE;
    session->survey = 1;
    status opened = hub_db_open(path, &session->database, err);
    if (opened == STATUS_OK) {
        opened = load(session, err);
    }
    if (opened != STATUS_OK) {
        close_session(&session->session);
        return opened;
    }
    *out_session = &session->session;
    return STATUS_OK;
}

struct database *hub_store_sqlite_database(struct hub_session *session) {
    own(session)->survey++; /* a stream may be another device's behind this */
    return own(session)->database;
}

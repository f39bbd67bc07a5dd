// SPDX-License-Identifier: Apache-2.0
#include "storage/stream.h"

#include <string.h>

#include "platform/clock.h"
#include "platform/random.h"
#include "storage/sql.h"

static const uint64_t SEQ_MAX = (UINT64_C(1) << RECORD_SEQ_BITS) - 1;

/* --- loading --------------------------------------------------------------------------------- */

status stream_load_floor(struct stream *stream, struct database *database, enum lane lane,
                         struct error *err) {
    struct lane_head *head = &stream->lanes[lane];
    CLEANUP(query_done) struct query query = query_on(database, SQL_LANE_GET);
    query_bind_number(&query, stream->number);
    query_bind_number(&query, lane);
    if (query_next(&query)) {
        head->floor_seq = (uint64_t)query_number(&query, 0);
        head->floor_chain = id_from(query_bytes(&query, 1));
        head->counted_seq = (uint64_t)query_number(&query, 2);
        head->bytes = query_number(&query, 3);
        head->acked_seq = (uint64_t)query_number(&query, 4);
        head->anchored_seq = (uint64_t)query_number(&query, 5);
    }
    TRY(query_status(&query, err));
    head->next_seq = head->floor_seq + 1;
    head->chain = head->floor_chain;
    return STATUS_OK;
}

static status load_last(struct stream *stream, struct database *database, enum lane lane,
                        struct error *err) {
    struct lane_head *head = &stream->lanes[lane];
    CLEANUP(query_done) struct query query = query_on(database, SQL_RECORD_LAST);
    query_bind_number(&query, (int64_t)record_key(stream->number, lane, 0));
    query_bind_number(&query, (int64_t)record_key(stream->number, lane, SEQ_MAX));
    if (query_next(&query)) {
        const uint64_t seq = record_key_seq((uint64_t)query_number(&query, 0));
        const uint64_t last = query_is_null(&query, 1) ? seq : (uint64_t)query_number(&query, 1);
        if (last < seq || last >= SEQ_MAX || seq <= head->floor_seq) {
            return fail(err, STATUS_CORRUPT, "lane '%s' ends with a record that cannot be there",
                        lane_name(lane));
        }
        head->next_seq = last + 1;
        head->chain = id_from(query_bytes(&query, 2));
    }
    return query_status(&query, err);
}

static status count_bytes(struct stream *stream, struct database *database, enum lane lane,
                          struct error *err) {
    struct lane_head *head = &stream->lanes[lane];
    CLEANUP(query_done) struct query query = query_on(database, SQL_RECORD_SUM);
    query_bind_number(&query, (int64_t)record_key(stream->number, lane, head->counted_seq));
    query_bind_number(&query, (int64_t)record_key(stream->number, lane, SEQ_MAX));
    int64_t bytes = 0;
    TRY(query_one_number(&query, &bytes, err));
    head->bytes += bytes;
    return STATUS_OK;
}

status stream_load(struct stream *stream, struct database *database, uint32_t number, struct id id,
                   struct error *err) {
    *stream = (struct stream){.number = number, .id = id};
    for (int i = 0; i < LANE_COUNT; i++) {
        const enum lane lane = (enum lane)i;
        TRY(stream_load_floor(stream, database, lane, err));
        TRY(load_last(stream, database, lane, err));
        TRY(count_bytes(stream, database, lane, err));
        if (stream->lanes[i].acked_seq >= stream->lanes[i].next_seq) {
            return fail(err, STATUS_CORRUPT, "lane '%s' is acknowledged beyond its end",
                        lane_name(lane));
        }
    }
    stream_settle(stream);
    return STATUS_OK;
}

/* --- changing -------------------------------------------------------------------------------- */

status stream_begin(struct stream *stream, struct database *database, const char *reason,
                    struct error *err) {
    const struct id id = random_id();
    CLEANUP(query_done) struct query query = query_on(database, SQL_STREAM_BEGIN);
    query_bind_bytes(&query, id_slice(&id));
    query_bind_number(&query, clock_wall_ms());
    query_bind_text(&query, slice_of(reason));
    int64_t number = 0;
    TRY(query_one_number(&query, &number, err));
    if (number > STREAM_NUMBER_MAX) {
        return fail(err, STATUS_FULL, "all %d numbers of streams are used", STREAM_NUMBER_MAX);
    }
    *stream = (struct stream){.number = (uint32_t)number, .id = id};
    for (int i = 0; i < LANE_COUNT; i++) {
        stream->lanes[i].next_seq = 1;
    }
    stream_settle(stream);
    return STATUS_OK;
}

struct lane_head *stream_change(struct stream *stream, enum lane lane) {
    stream->touched = true;
    return &stream->lanes[lane];
}

static status write_row(struct stream *stream, struct database *database, enum lane lane,
                        struct error *err) {
    struct lane_head *head = stream_change(stream, lane);
    CLEANUP(query_done) struct query query = query_on(database, SQL_LANE_PUT);
    query_bind_number(&query, stream->number);
    query_bind_number(&query, lane);
    query_bind_number(&query, (int64_t)head->floor_seq);
    query_bind_bytes(&query, id_slice(&head->floor_chain));
    query_bind_number(&query, (int64_t)head->next_seq - 1);
    query_bind_number(&query, head->bytes);
    query_bind_number(&query, (int64_t)head->acked_seq);
    query_bind_number(&query, (int64_t)head->anchored_seq);
    TRY(query_run(&query, err));
    head->counted_seq = head->next_seq - 1;
    head->row_due = false;
    return STATUS_OK;
}

status stream_write_rows(struct stream *stream, struct database *database, bool all,
                         struct error *err) {
    for (int i = 0; i < LANE_COUNT; i++) {
        const struct lane_head *head = &stream->lanes[i];
        if (head->row_due || (all && head->counted_seq + 1 != head->next_seq)) {
            TRY(write_row(stream, database, (enum lane)i, err));
        }
    }
    return STATUS_OK;
}

void stream_settle(struct stream *stream) {
    (void)memcpy(stream->kept, stream->lanes, sizeof(stream->kept));
    stream->touched = false;
}

void stream_take_back(struct stream *stream) {
    if (stream->touched) {
        (void)memcpy(stream->lanes, stream->kept, sizeof(stream->lanes));
        stream->touched = false;
    }
}

bool stream_is_empty(const struct stream *stream) {
    for (int i = 0; i < LANE_COUNT; i++) {
        if (stream->lanes[i].floor_seq + 1 != stream->lanes[i].next_seq) {
            return false;
        }
    }
    return true;
}

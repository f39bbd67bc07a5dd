// SPDX-License-Identifier: Apache-2.0
#include "storage/outbox_purge.h"

#include <string.h>

#include "storage/cursors.h"
#include "storage/outbox_gap.h"
#include "storage/outbox_room.h"
#include "storage/record_row.h"
#include "storage/sql.h"

static const uint64_t SEQ_MAX = (UINT64_C(1) << RECORD_SEQ_BITS) - 1;

/* Rows that lie together and go for one reason. */
struct due_run {
    struct seq_range range; /* from 0: none */
    enum gap_reason reason;
    uint64_t count;
    uint64_t next_seq; /* to go on from; 0: the lane's end */
};

static bool is_over(const struct outbox *box, const struct record *record, int64_t span_ms,
                    const struct moment *now) {
    if (id_equal(record->boot, box->boot)) {
        return now->boot_ns - record->time.boot_ns >= span_ms * 1000000;
    }
    return now->quality != CLOCK_BAD && record->time.quality != CLOCK_BAD &&
           now->wall_ms - record->time.wall_ms >= span_ms;
}

/* Why a row goes now; 0: it stays. `bottom`: everything below it is gone, or goes. */
static enum gap_reason reason_of(const struct outbox *box, const struct stream *stream,
                                 const struct record_row *row, bool bottom,
                                 const struct moment *now) {
    const enum lane lane = record_key_lane(row->key);
    const bool held = lane == LANE_LOCAL || row->last_seq <= stream->lanes[lane].acked_seq;
    const int64_t keep_ms = row->keep_ms > 0 ? row->keep_ms : STORE_KEEP_MS_DEFAULT;
    if (held) {
        const bool over = (row->is_gap && bottom) || is_over(box, &row->record, keep_ms, now);
        return over ? GAP_PURGED : (enum gap_reason)0;
    }
    const bool expires =
        !row->is_gap && row->expires_ms > 0 && row->seq > outbox_gap_border(box, stream, lane);
    if (expires && is_over(box, &row->record, row->expires_ms - row->record.time.wall_ms, now)) {
        return GAP_EXPIRED;
    }
    return (enum gap_reason)0;
}

static status find_due(struct outbox *box, struct purge_place *place, const struct moment *now,
                       int *rows_left, struct due_run *run, struct error *err) {
    const struct stream *stream = &box->streams[place->stream];
    uint64_t bottom = stream->lanes[place->lane].floor_seq; /* what goes from there up to here */
    *run = (struct due_run){0};
    CLEANUP(query_done) struct query query = query_on(box->database, SQL_RECORD_RANGE);
    query_bind_number(&query, (int64_t)record_key(stream->number, place->lane, place->seq));
    query_bind_number(&query, (int64_t)record_key(stream->number, place->lane, SEQ_MAX));
    while (*rows_left > 0 && query_next(&query)) {
        struct record_row row;
        TRY(record_row_read(&query, &row, err));
        shared_rows_note(&place->shared, &row);
        enum gap_reason reason = reason_of(box, stream, &row, row.seq == bottom + 1, now);
        bool wanted = false;
        TRY(cursors_want(box->cursors, box->database, &row, &wanted, err));
        reason = reason == GAP_PURGED && wanted ? (enum gap_reason)0 : reason;
        if (run->range.from != 0 && reason != run->reason) {
            run->next_seq = row.seq;
            return STATUS_OK;
        }
        run->next_seq = row.last_seq + 1;
        (*rows_left)--;
        if (reason != 0) {
            run->range.from = run->range.from == 0 ? row.seq : run->range.from;
            run->range.to = row.last_seq;
            run->reason = reason;
            run->count += row.is_gap ? 0 : 1;
            bottom = row.seq == bottom + 1 ? row.last_seq : bottom;
        }
    }
    if (*rows_left > 0) {
        run->next_seq = 0;
    }
    return query_status(&query, err);
}

/* A gap of purged records that stands alone goes only from the bottom: it would become itself. */
static status apply(struct outbox *box, const struct purge_place *place, const struct due_run *run,
                    uint64_t *gone, struct error *err) {
    struct stream *stream = &box->streams[place->stream];
    if (run->range.from == 0) {
        return STATUS_OK;
    }
    *gone += run->count;
    if (run->reason == GAP_PURGED && run->range.from == stream->lanes[place->lane].floor_seq + 1) {
        return outbox_room_drop_bottom(box, stream, place->lane, run->range.to, err);
    }
    if (run->count == 0) {
        return STATUS_OK;
    }
    return outbox_gap_write(box, stream, place->lane, run->range, run->reason, err);
}

static void next_lane(const struct outbox *box, struct purge_place *place) {
    place->seq = 0;
    place->lane = (enum lane)(place->lane + 1);
    if (place->lane == LANE_COUNT) {
        place->lane = LANE_CONTROL;
        place->stream++;
    }
    if (place->stream >= box->stream_count) {
        place->stream = 0;
        place->latest_is_next = true;
    }
}

/* --- the keys of results that wait no more --- */

static bool still_waits(const struct outbox *box, uint64_t key) {
    const struct stream *stream = &box->streams[box->stream_count - 1];
    return record_key_stream(key) == stream->number &&
           record_key_seq(key) > stream->lanes[record_key_lane(key)].acked_seq;
}

static status forget_key(struct outbox *box, const struct id *hash, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(box->database, SQL_LATEST_DELETE);
    query_bind_bytes(&query, id_slice(hash));
    return query_run(&query, err);
}

/* One key: found, judged, forgotten. *out_more is false at the end. */
static status step_latest(struct outbox *box, struct purge_place *place, bool *out_more,
                          struct error *err) {
    struct id hash = {0};
    uint64_t key = 0;
    {
        CLEANUP(query_done) struct query query = query_on(box->database, SQL_LATEST_NEXT);
        query_bind_bytes(&query, id_slice(&place->latest));
        *out_more = query_next(&query);
        if (*out_more) {
            const struct slice bytes = query_bytes(&query, 0);
            if (bytes.count != ID_BYTES) {
                return fail(err, STATUS_CORRUPT, "a key's hash has %zu bytes", bytes.count);
            }
            (void)memcpy(hash.bytes, bytes.bytes, ID_BYTES);
            key = (uint64_t)query_number(&query, 1);
        }
        TRY(query_status(&query, err));
    }
    place->latest = hash;
    return *out_more && !still_waits(box, key) ? forget_key(box, &hash, err) : STATUS_OK;
}

/* --- a step ----------------------------------------------------------------------------------- */

void purge_place_reset(struct purge_place *place) {
    shared_rows_done(&place->shared);
    *place = (struct purge_place){0};
}

status outbox_purge_step(struct outbox *box, struct purge_place *place, const struct moment *now,
                         uint64_t *out_gone, struct error *err) {
    int rows_left = PURGE_ROWS_MAX;
    uint64_t gone = 0;
    bool cycle_ended = false;
    if (place->stream >= box->stream_count) {
        purge_place_reset(place);
    }
    for (int lanes = 0;
         rows_left > 0 && lanes < box->stream_count * LANE_COUNT && !place->latest_is_next;) {
        struct due_run run;
        TRY(find_due(box, place, now, &rows_left, &run, err));
        TRY(apply(box, place, &run, &gone, err));
        place->seq = run.next_seq;
        if (run.next_seq == 0) {
            next_lane(box, place);
            cycle_ended = place->latest_is_next;
            lanes++;
        }
    }
    if (cycle_ended) {
        TRY(shared_rows_drop(&place->shared, box->database, box->boots, box->workflows, err));
    }
    bool more = place->latest_is_next;
    while (more && rows_left-- > 0) {
        TRY(step_latest(box, place, &more, err));
        place->latest_is_next = more;
    }
    *out_gone = gone;
    return STATUS_OK;
}

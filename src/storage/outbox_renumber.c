// SPDX-License-Identifier: Apache-2.0
#include "storage/outbox_renumber.h"

#include <assert.h>

#include "storage/outbox_gap.h"
#include "storage/sql.h"
#include "wire/gap.h"

static const uint64_t SEQ_MAX = (UINT64_C(1) << RECORD_SEQ_BITS) - 1;

/* The new chain value; a gap's body is written anew as well, into box->text. */
static status chain_of(struct outbox *box, const struct record_row *row, uint64_t seq,
                       struct id before, struct id *out_chain, struct error *err) {
    buffer_clear(&box->text);
    if (!row->is_gap) {
        buffer_clear(&box->bytes);
        TRY(record_write(&box->bytes, &row->record, err));
        *out_chain = record_chain(before, buffer_slice(&box->bytes));
        return STATUS_OK;
    }
    struct gap gap;
    record_row_gap(row, before, &gap);
    gap.to_seq = seq + (gap.to_seq - gap.from_seq);
    gap.from_seq = seq;
    gap.chain_before = before;
    gap.chain_end =
        record_chain(before, id_slice(&row->chain)); /* any value that is the same again */
    gap_write(&box->text, &gap);
    *out_chain = gap.chain_end;
    return buffer_status(&box->text, err);
}

status outbox_copy_on(struct outbox *box, struct id from_stream, const struct record_row *row,
                      struct error *err) {
    const enum lane lane = record_key_lane(row->key);
    struct stream *stream = outbox_stream(box);
    struct lane_head *head = stream_change(stream, lane);
    const uint64_t seq = head->next_seq;
    const uint64_t last_seq = seq + (row->last_seq - row->seq);
    const struct id first_id =
        id_is_zero(row->first_id) ? record_public_id(from_stream, lane, row->seq) : row->first_id;
    struct id chain;
    TRY(chain_of(box, row, seq, head->chain, &chain, err));
    CLEANUP(query_done) struct query query = query_on(box->database, SQL_RECORD_COPY);
    query_bind_number(&query, (int64_t)record_key(stream->number, lane, seq));
    query_bind_number_or_null(&query, row->is_gap ? (int64_t)last_seq : 0);
    query_bind_bytes(&query, id_slice(&chain));
    query_bind_text_or_null(&query, buffer_slice(&box->text));
    query_bind_bytes(&query, id_slice(&first_id));
    query_bind_number(&query, (int64_t)row->key);
    TRY(query_run(&query, err));
    head->next_seq = last_seq + 1;
    head->chain = chain;
    head->bytes += row->is_gap ? RECORD_COST + (int64_t)box->text.count : row->cost;
    return STATUS_OK;
}

/* --- a lane ---------------------------------------------------------------------------------- */

static status copy_rows(struct outbox *box, const struct stream *from, enum lane lane,
                        uint64_t after_seq, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(box->database, SQL_RECORD_RANGE);
    query_bind_number(&query, (int64_t)record_key(from->number, lane, after_seq + 1));
    query_bind_number(&query, (int64_t)record_key(from->number, lane, SEQ_MAX));
    while (query_next(&query)) {
        struct record_row row;
        TRY(record_row_read(&query, &row, err));
        TRY(outbox_copy_on(box, from->id, &row, err));
    }
    return query_status(&query, err);
}

/* What points at a moved record points at its new place: all moved by the same distance. */
static status move_pointers(struct outbox *box, const char *sql, uint64_t first, int64_t distance,
                            struct error *err) {
    CLEANUP(query_done) struct query query = query_on(box->database, sql);
    query_bind_number(&query, (int64_t)first);
    query_bind_number(&query, (int64_t)(first | SEQ_MAX));
    query_bind_number(&query, distance);
    return query_run(&query, err);
}

static status delete_rows(struct outbox *box, uint64_t first, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(box->database, SQL_RECORD_DELETE);
    query_bind_number(&query, (int64_t)first);
    query_bind_number(&query, (int64_t)(first | SEQ_MAX));
    return query_run(&query, err);
}

status outbox_renumber(struct outbox *box, struct stream *from, enum lane lane, uint64_t after_seq,
                       struct error *err) {
    assert(from != outbox_stream(box));
    struct lane_head *head = stream_change(from, lane);
    const uint64_t first = record_key(from->number, lane, after_seq + 1);
    const struct stream *to = outbox_stream(box);
    const uint64_t target = record_key(to->number, lane, to->lanes[lane].next_seq);
    const int64_t distance = (int64_t)target - (int64_t)first;
    struct id chain;
    if (after_seq + 1 >= head->next_seq) {
        return STATUS_OK;
    }
    TRY(outbox_gap_chain_at(box, from, lane, after_seq, &chain, err));
    const int64_t bytes_before = to->lanes[lane].bytes;
    TRY(copy_rows(box, from, lane, after_seq, err));
    TRY(move_pointers(box, SQL_LATEST_MOVE, first, distance, err));
    TRY(move_pointers(box, SQL_CURSOR_MOVE, first, distance, err));
    TRY(delete_rows(box, first, err));
    head->bytes -= to->lanes[lane].bytes - bytes_before;
    head->next_seq = after_seq + 1;
    head->chain = chain;
    head->acked_seq = head->acked_seq < after_seq ? head->acked_seq : after_seq;
    head->anchored_seq = head->anchored_seq < after_seq ? head->anchored_seq : after_seq;
    head->row_due = true;
    return STATUS_OK;
}

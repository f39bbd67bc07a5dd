// SPDX-License-Identifier: Apache-2.0
#include "storage/outbox_reader.h"

#include <string.h>

#include "storage/record_row.h"
#include "storage/sql.h"
#include "storage/stream.h"
#include "wire/gap.h"

/* Zero where it is not known. */
static status chain_or_zero(struct database *database, const struct stream *stream, enum lane lane,
                            uint64_t seq, struct id *out_chain, struct error *err) {
    struct outbox box = {.database = database};
    const status found = outbox_gap_chain_at(&box, stream, lane, seq, out_chain, err);
    if (found == STATUS_NOT_FOUND) {
        *out_chain = (struct id){0};
        return STATUS_OK;
    }
    return found;
}

/* --- peek ------------------------------------------------------------------------------------ */

static status read_lane(struct database *database, const struct stream *stream, enum lane lane,
                        struct lane_facts *facts, struct error *err) {
    const struct lane_head *head = &stream->lanes[lane];
    const bool empty = head->floor_seq + 1 == head->next_seq;
    *facts = (struct lane_facts){.lowest_kept = empty ? 0 : head->floor_seq + 1,
                                 .highest_durable = head->next_seq - 1,
                                 .acked_seq = head->acked_seq,
                                 .anchored_seq = head->anchored_seq,
                                 .bytes = head->bytes};
    return chain_or_zero(database, stream, lane, head->acked_seq, &facts->acked_chain, err);
}

static status read_positions(struct database *database, const struct stream *stream,
                             struct outbox_facts *facts, struct error *err) {
    for (int i = 0; i < facts->position_count; i++) {
        struct outbox_position *at = &facts->positions[i];
        TRY(chain_or_zero(database, stream, at->lane, at->seq, &at->chain, err));
    }
    return STATUS_OK;
}

static status read_stream(struct database *database, const struct stream *stream,
                          struct outbox_facts *facts, struct error *err) {
    struct outbox_stream_facts *out = &facts->streams[facts->stream_count++];
    *out = (struct outbox_stream_facts){.id = stream->id};
    for (int i = 0; i < LANE_LOCAL; i++) {
        TRY(read_lane(database, stream, (enum lane)i, &out->lanes[i], err));
    }
    return id_equal(stream->id, facts->positions_of) ? read_positions(database, stream, facts, err)
                                                     : STATUS_OK;
}

status outbox_reader_peek(struct database *database, struct outbox_facts *facts,
                          struct error *err) {
    struct stream stream = {.number = 0};
    facts->stream_count = 0;
    for (int i = 0; i < facts->position_count; i++) {
        facts->positions[i].chain = (struct id){0};
    }
    CLEANUP(query_done) struct query query = query_on(database, SQL_STREAM_LIST);
    while (query_next(&query)) {
        /* An older one that is empty has nothing to say. */
        if (stream.number != 0 && !stream_is_empty(&stream) &&
            facts->stream_count < OUTBOX_STREAMS_MAX - 1) {
            TRY(read_stream(database, &stream, facts, err));
        }
        struct id id = {0};
        const struct slice bytes = query_bytes(&query, 1);
        if (bytes.count != ID_BYTES) {
            return fail(err, STATUS_CORRUPT, "a stream's id has %zu bytes", bytes.count);
        }
        (void)memcpy(id.bytes, bytes.bytes, ID_BYTES);
        TRY(stream_load(&stream, database, (uint32_t)query_number(&query, 0), id, err));
    }
    TRY(query_status(&query, err));
    if (stream.number == 0) {
        return fail(err, STATUS_CORRUPT, "there is no stream");
    }
    TRY(read_stream(database, &stream, facts, err));
    facts->streams[facts->stream_count - 1].current = true;
    return STATUS_OK;
}

/* --- read ------------------------------------------------------------------------------------ */

/* A lane of a stream, as far as reading from it needs. */
struct place {
    struct database *database;
    struct stream stream; /* its id and number, and the floor of the lane */
    enum lane lane;
};

static status find_place(struct place *place, struct id id, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(place->database, SQL_STREAM_LIST);
    while (query_next(&query)) {
        const struct slice bytes = query_bytes(&query, 1);
        if (bytes.count == ID_BYTES && memcmp(bytes.bytes, id.bytes, ID_BYTES) == 0) {
            place->stream = (struct stream){.id = id, .number = (uint32_t)query_number(&query, 0)};
        }
    }
    TRY(query_status(&query, err));
    return place->stream.number != 0
               ? stream_load_floor(&place->stream, place->database, place->lane, err)
               : fail(err, STATUS_NOT_FOUND, "nothing of that stream is here");
}

/* True when it fitted. */
static bool add_item(struct outbox_batch *batch, const struct record *record,
                     const struct outbox_item *item) {
    struct error err;
    const size_t from = batch->room.count;
    if (batch->count == OUTBOX_BATCH_MAX || record_write(&batch->room, record, &err) != STATUS_OK) {
        batch->room.count = from;
        batch->room.failed = STATUS_OK;
        return false;
    }
    batch->items[batch->count] = *item;
    batch->items[batch->count].from = from;
    batch->items[batch->count++].to = batch->room.count;
    return true;
}

/* Up to the floor, whose chain value is known. */
static bool add_purged(const struct lane_head *head, uint64_t from, struct outbox_batch *batch) {
    const uint64_t to = head->floor_seq;
    const struct gap gap = {.reason = GAP_PURGED,
                            .from_seq = from,
                            .to_seq = to,
                            .count = to - from + 1,
                            .chain_end = head->floor_chain};
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, GAP_BODY_BYTES_MAX);
    gap_write(&body, &gap);
    const struct record record = {.kind = RECORD_GAP,
                                  .version = RECORD_VERSION,
                                  .time = clock_now(),
                                  .boot = clock_boot_id(),
                                  .body = buffer_slice(&body)};
    const struct outbox_item item = {
        .seq = from, .last_seq = to, .chain = gap.chain_end, .is_gap = true};
    return add_item(batch, &record, &item);
}

/* True when the last item, which is the row's, is what was chained. */
static bool is_whole(const struct outbox_batch *batch, const struct record_row *row,
                     struct id before) {
    if (row->is_gap) {
        return true;
    }
    const struct outbox_item *item = &batch->items[batch->count - 1];
    const struct slice bytes = slice_part(buffer_slice(&batch->room), item->from, item->to);
    return id_equal(record_chain(before, bytes), row->chain);
}

/* Forgets the last item. */
static void take_back(struct outbox_batch *batch) {
    batch->count--;
    batch->room.count = batch->items[batch->count].from;
}

static status read_rows(const struct place *place, struct seq_range range,
                        struct outbox_batch *batch, struct error *err) {
    struct id before = batch->chain_in;
    CLEANUP(query_done) struct query query = query_on(place->database, SQL_RECORD_RANGE);
    query_bind_number(&query, (int64_t)record_key(place->stream.number, place->lane, range.from));
    query_bind_number(&query, (int64_t)record_key(place->stream.number, place->lane, range.to));
    while (query_next(&query)) {
        struct record_row row;
        TRY(record_row_read(&query, &row, err));
        const struct outbox_item item = {.seq = row.seq,
                                         .last_seq = row.last_seq,
                                         .chain = row.chain,
                                         .first_id = row.first_id,
                                         .is_gap = row.is_gap};
        if (!add_item(batch, &row.record, &item)) {
            return batch->count > 0 ? STATUS_OK
                                    : fail(err, STATUS_FULL, "record %llu does not fit the batch",
                                           (unsigned long long)row.seq);
        }
        if (!is_whole(batch, &row, before)) {
            take_back(batch);
            return batch->count > 0 ? STATUS_OK
                                    : fail(err, STATUS_CORRUPT, "record %llu is damaged",
                                           (unsigned long long)row.seq);
        }
        before = row.chain;
    }
    return query_status(&query, err);
}

/* Where the row begins that `seq` lies in: before it, if that is a gap. */
static status find_begin(const struct place *place, uint64_t seq, uint64_t *out_begin,
                         struct error *err) {
    *out_begin = seq;
    CLEANUP(query_done) struct query query = query_on(place->database, SQL_RECORD_BACK);
    query_bind_number(&query, (int64_t)record_key(place->stream.number, place->lane, 0));
    query_bind_number(&query, (int64_t)record_key(place->stream.number, place->lane, seq));
    if (query_next(&query)) {
        struct record_row row;
        TRY(record_row_read(&query, &row, err));
        *out_begin = row.last_seq >= seq ? row.seq : seq;
    }
    return query_status(&query, err);
}

status outbox_reader_read(struct database *database, struct id stream, enum lane lane,
                          struct seq_range range, struct outbox_batch *batch, struct error *err) {
    static const uint64_t SEQ_MAX = (UINT64_C(1) << RECORD_SEQ_BITS) - 1;
    struct place place = {.database = database, .lane = lane};
    batch->count = 0;
    buffer_clear(&batch->room);
    TRY(find_place(&place, stream, err));
    const struct lane_head *head = &place.stream.lanes[lane];
    range.to = range.to < SEQ_MAX ? range.to : SEQ_MAX;
    if (range.from == 0 || range.from > range.to) {
        return STATUS_OK;
    }
    const bool purged = range.from <= head->floor_seq;
    if (!purged) {
        TRY(find_begin(&place, range.from, &range.from, err));
    }
    TRY(chain_or_zero(database, &place.stream, lane, range.from - 1, &batch->chain_in, err));
    if (purged) {
        /* What stands is read next, with a chain value before it. */
        return add_purged(head, range.from, batch)
                   ? STATUS_OK
                   : fail(err, STATUS_FULL, "not even a gap fits the batch");
    }
    return read_rows(&place, range, batch, err);
}

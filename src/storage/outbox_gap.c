// SPDX-License-Identifier: Apache-2.0
#include "storage/outbox_gap.h"

#include "storage/cursors.h"
#include "storage/record_row.h"
#include "storage/sql.h"
#include "wire/gap.h"

/* The row that a seq lies in, without its slices; key 0 when there is none in the lane. */
struct found_row {
    uint64_t key, seq, last_seq;
    struct id chain;
    bool is_gap;
    enum gap_reason reason; /* of a gap */
};

/* The row with the highest seq of at most `seq`. */
static status find_row(struct outbox *box, const struct stream *stream, enum lane lane,
                       uint64_t seq, struct found_row *out_found, struct error *err) {
    struct found_row found = {0};
    CLEANUP(query_done) struct query query = query_on(box->database, SQL_RECORD_BACK);
    query_bind_number(&query, (int64_t)record_key(stream->number, lane, 0));
    query_bind_number(&query, (int64_t)record_key(stream->number, lane, seq));
    if (query_next(&query)) {
        struct record_row row;
        TRY(record_row_read(&query, &row, err));
        found = (struct found_row){.key = row.key,
                                   .seq = row.seq,
                                   .last_seq = row.last_seq,
                                   .chain = row.chain,
                                   .is_gap = row.is_gap};
        if (row.is_gap) {
            struct gap gap;
            record_row_gap(&row, (struct id){0}, &gap);
            found.reason = gap.reason;
        }
    }
    TRY(query_status(&query, err));
    *out_found = found;
    return STATUS_OK;
}

status outbox_gap_chain_at(struct outbox *box, const struct stream *stream, enum lane lane,
                           uint64_t seq, struct id *out_chain, struct error *err) {
    const struct lane_head *head = &stream->lanes[lane];
    if (seq <= head->floor_seq) {
        if (seq < head->floor_seq) {
            return fail(err, STATUS_NOT_FOUND, "record %llu of lane '%s' is gone",
                        (unsigned long long)seq, lane_name(lane));
        }
        *out_chain = head->floor_chain;
        return STATUS_OK;
    }
    struct found_row found;
    TRY(find_row(box, stream, lane, seq, &found, err));
    if (found.key == 0 || found.last_seq != seq) {
        return fail(err, STATUS_NOT_FOUND, "no record of lane '%s' ends at %llu", lane_name(lane),
                    (unsigned long long)seq);
    }
    *out_chain = found.chain;
    return STATUS_OK;
}

status outbox_gap_is_record(struct outbox *box, uint64_t key, bool *out_stands, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(box->database, SQL_RECORD_GET);
    query_bind_number(&query, (int64_t)key);
    bool stands = false;
    if (query_next(&query)) {
        struct record_row row;
        TRY(record_row_read(&query, &row, err));
        stands = !row.is_gap;
    }
    TRY(query_status(&query, err));
    *out_stands = stands;
    return STATUS_OK;
}

/* --- the range, grown over the gaps that it touches ------------------------------------------- */

uint64_t outbox_gap_border(const struct outbox *box, const struct stream *stream, enum lane lane) {
    const uint64_t acked = stream->lanes[lane].acked_seq;
    const bool current = stream == &box->streams[box->stream_count - 1];
    const uint64_t sent =
        current ? atomic_load_explicit(&box->sent[lane], memory_order_acquire) : acked;
    return sent > acked ? sent : acked;
}

/* A gap and what joins it lie on the same side of the border: what was sent stays as it was. */
static bool may_join(const struct found_row *row, struct seq_range range, uint64_t border,
                     enum gap_reason reason) {
    return row->key != 0 && row->is_gap && row->reason == reason &&
           (row->seq > border) == (range.from > border);
}

static status grow_range(struct outbox *box, const struct stream *stream, enum lane lane,
                         enum gap_reason reason, struct seq_range *range, struct error *err) {
    const uint64_t border = outbox_gap_border(box, stream, lane);
    struct found_row row;
    if (range->from > stream->lanes[lane].floor_seq + 1) {
        TRY(find_row(box, stream, lane, range->from - 1, &row, err));
        if (may_join(&row, *range, border, reason)) {
            range->from = row.seq;
        }
    }
    if (range->to + 1 < stream->lanes[lane].next_seq) {
        TRY(find_row(box, stream, lane, range->to + 1, &row, err));
        if (may_join(&row, *range, border, reason)) {
            range->to = row.last_seq;
        }
    }
    return STATUS_OK;
}

/* --- replacing ------------------------------------------------------------------------------- */

/* What stands in the range, added up; *out_cost is what it counts in the lane's bytes. */
static status add_up(struct outbox *box, const struct stream *stream, enum lane lane,
                     struct gap *gap, int64_t *out_cost, struct error *err) {
    struct id before;
    TRY(outbox_gap_chain_at(box, stream, lane, gap->from_seq - 1, &before, err));
    gap->chain_before = before;
    const uint64_t to = gap->to_seq;
    int64_t cost = 0;
    gap->to_seq = gap->from_seq - 1;
    CLEANUP(query_done) struct query query = query_on(box->database, SQL_RECORD_RANGE);
    query_bind_number(&query, (int64_t)record_key(stream->number, lane, gap->from_seq));
    query_bind_number(&query, (int64_t)record_key(stream->number, lane, to));
    while (query_next(&query)) {
        struct record_row row;
        struct gap part;
        TRY(record_row_read(&query, &row, err));
        record_row_gap(&row, before, &part);
        if (part.from_seq != gap->to_seq + 1) {
            return fail(err, STATUS_CORRUPT, "lane '%s' has a hole before record %llu",
                        lane_name(lane), (unsigned long long)row.seq);
        }
        gap_join(gap, &part);
        before = row.chain;
        cost += row.cost;
    }
    TRY(query_status(&query, err));
    if (gap->to_seq != to) {
        return fail(err, STATUS_CORRUPT, "lane '%s' has no record that ends at %llu",
                    lane_name(lane), (unsigned long long)to);
    }
    *out_cost = cost;
    return STATUS_OK;
}

static status delete_range(struct outbox *box, uint64_t from, uint64_t to, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(box->database, SQL_RECORD_DELETE);
    query_bind_number(&query, (int64_t)from);
    query_bind_number(&query, (int64_t)to);
    return query_run(&query, err);
}

status outbox_gap_insert(struct outbox *box, uint64_t key, const struct gap *gap, int64_t *out_cost,
                         struct error *err) {
    struct record record = {.kind = RECORD_GAP, .version = RECORD_VERSION, .time = clock_now()};
    record.boot = box->boot;
    buffer_clear(&box->text);
    gap_write(&box->text, gap);
    TRY(buffer_status(&box->text, err));
    record.body = buffer_slice(&box->text);
    uint32_t boot = 0;
    TRY(boots_keep(box->boots, box->database, record.boot, &record.time, &boot, err));
    CLEANUP(query_done) struct query query = query_on(box->database, SQL_RECORD_PUT_GAP);
    query_bind_number(&query, (int64_t)key);
    query_bind_number(&query, (int64_t)gap->to_seq);
    query_bind_number(&query, record_row_kind(&record, 0));
    query_bind_number(&query, boot);
    query_bind_number(&query, record.time.boot_ns);
    query_bind_number(&query, record.time.wall_ms);
    query_bind_bytes(&query, id_slice(&gap->chain_end));
    query_bind_text(&query, record.body);
    TRY(query_run(&query, err));
    if (out_cost != NULL) {
        *out_cost = record_row_cost(&record);
    }
    return STATUS_OK;
}

status outbox_gap_write(struct outbox *box, struct stream *stream, enum lane lane,
                        struct seq_range range, enum gap_reason reason, struct error *err) {
    TRY(grow_range(box, stream, lane, reason, &range, err));
    struct gap gap = {.reason = reason, .from_seq = range.from, .to_seq = range.to};
    TRY(cursors_note_loss(box->cursors, box->database, stream, lane, range, gap_reason_name(reason),
                          err));
    int64_t cost_before = 0;
    int64_t cost_now = 0;
    TRY(add_up(box, stream, lane, &gap, &cost_before, err));
    const uint64_t key = record_key(stream->number, lane, range.from);
    TRY(delete_range(box, key, record_key(stream->number, lane, range.to), err));
    TRY(outbox_gap_insert(box, key, &gap, &cost_now, err));
    struct lane_head *head = stream_change(stream, lane);
    head->bytes += cost_now - cost_before;
    head->row_due = head->row_due || range.from <= head->counted_seq;
    box->gaps++;
    return STATUS_OK;
}

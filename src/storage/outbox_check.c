// SPDX-License-Identifier: Apache-2.0
#include "storage/outbox_check.h"

#include "storage/record_mend.h"
#include "storage/record_row.h"
#include "storage/sql.h"
#include "wire/gap.h"

static const uint64_t SEQ_MAX = (UINT64_C(1) << RECORD_SEQ_BITS) - 1;

/* A row's place, and what its chain value should be. */
struct link {
    uint64_t seq, last_seq;
    struct id stored, computed;
};

/* The chain value of the row that ends just before `seq`, and where that row ends. */
static status find_before(struct chain_check *check, uint64_t seq, struct error *err) {
    const struct lane_head *head = &check->stream->lanes[check->lane];
    check->next_seq = head->floor_seq + 1;
    check->before = head->floor_chain;
    if (seq <= check->next_seq) {
        return STATUS_OK;
    }
    CLEANUP(query_done) struct query query = query_on(check->database, SQL_RECORD_BACK);
    query_bind_number(&query, (int64_t)record_key(check->stream->number, check->lane, 0));
    query_bind_number(&query, (int64_t)record_key(check->stream->number, check->lane, seq - 1));
    if (query_next(&query)) {
        struct record_row row;
        TRY(record_row_read(&query, &row, err));
        check->next_seq = row.last_seq + 1;
        check->before = row.chain;
    }
    return query_status(&query, err);
}

status chain_check_begin(struct chain_check *check, struct database *database,
                         const struct stream *stream, enum lane lane, uint64_t from_seq,
                         struct error *err) {
    *check = (struct chain_check){.database = database, .stream = stream, .lane = lane};
    buffer_init(&check->bytes, RECORD_BYTES_MAX + RECORD_HEAD_BYTES);
    return find_before(check, from_seq, err);
}

void chain_check_done(struct chain_check *check) {
    buffer_done(&check->bytes);
}

/* A gap has no bytes in the chain: it says itself where it stands. */
static status compute(struct chain_check *check, const struct record_row *row, struct id before,
                      struct id *out_chain, struct error *err) {
    if (row->is_gap) {
        struct gap gap;
        *out_chain = (struct id){0};
        if (gap_read(row->record.body, &gap, NULL) == STATUS_OK && gap.from_seq == row->seq &&
            gap.to_seq == row->last_seq && id_equal(gap.chain_before, before)) {
            *out_chain = gap.chain_end;
        }
        return STATUS_OK;
    }
    buffer_clear(&check->bytes);
    TRY(record_write(&check->bytes, &row->record, err));
    *out_chain = record_chain(before, buffer_slice(&check->bytes));
    return STATUS_OK;
}

static status read_link(struct chain_check *check, const struct query *query, struct id before,
                        struct link *out_link, struct error *err) {
    struct record_row row;
    TRY(record_row_read(query, &row, err));
    struct link link = {.seq = row.seq, .last_seq = row.last_seq, .stored = row.chain};
    TRY(compute(check, &row, before, &link.computed, err));
    *out_link = link;
    return STATUS_OK;
}

/* The row behind decides: it was chained to the value that is right. */
static status judge(struct chain_check *check, const struct link *link,
                    struct chain_finding *finding, struct error *err) {
    *finding = (struct chain_finding){.fault = CHAIN_RECORD_DAMAGED,
                                      .range = {.from = link->seq, .to = link->last_seq},
                                      .before = check->before,
                                      .right = link->stored};
    CLEANUP(query_done) struct query query = query_on(check->database, SQL_RECORD_GET);
    query_bind_number(&query,
                      (int64_t)record_key(check->stream->number, check->lane, link->last_seq + 1));
    if (query_next(&query)) {
        struct link behind;
        TRY(read_link(check, &query, link->computed, &behind, err));
        if (id_equal(behind.stored, behind.computed)) {
            finding->fault = CHAIN_VALUE_DAMAGED;
            finding->right = link->computed;
        }
    }
    return query_status(&query, err);
}

status chain_check_go(struct chain_check *check, uint64_t rows, struct chain_finding *out_finding,
                      bool *out_more, struct error *err) {
    const uint64_t end = check->stream->lanes[check->lane].next_seq;
    *out_finding = (struct chain_finding){.fault = CHAIN_WHOLE};
    CLEANUP(query_done) struct query query = query_on(check->database, SQL_RECORD_RANGE);
    query_bind_number(&query,
                      (int64_t)record_key(check->stream->number, check->lane, check->next_seq));
    query_bind_number(&query, (int64_t)record_key(check->stream->number, check->lane, SEQ_MAX));
    uint64_t looked = 0;
    while (looked < rows && check->next_seq < end && out_finding->fault == CHAIN_WHOLE) {
        struct link link = {0};
        if (query_next(&query)) {
            TRY(read_link(check, &query, check->before, &link, err));
        }
        TRY(query_status(&query, err));
        if (link.seq != check->next_seq) {
            return fail(err, STATUS_CORRUPT, "lane '%s' has no record %llu", lane_name(check->lane),
                        (unsigned long long)check->next_seq);
        }
        check->next_seq = link.last_seq + 1;
        looked++;
        if (!id_equal(link.stored, link.computed)) {
            TRY(judge(check, &link, out_finding, err));
        }
        check->before = out_finding->fault == CHAIN_WHOLE ? link.stored : out_finding->right;
    }
    check->rows += looked;
    *out_more = check->next_seq < end;
    return STATUS_OK;
}

/* --- mending --------------------------------------------------------------------------------- */

static status keep_aside(struct outbox *box, uint64_t key, struct buffer *out_bytes,
                         struct error *err) {
    CLEANUP(query_done) struct query query = query_on(box->database, SQL_RECORD_GET);
    query_bind_number(&query, (int64_t)key);
    if (query_next(&query)) {
        struct record_row row;
        TRY(record_row_read(&query, &row, err));
        TRY(record_write(out_bytes, &row.record, err));
    }
    return query_status(&query, err);
}

static status set_chain(struct outbox *box, uint64_t key, const struct id *chain,
                        struct error *err) {
    CLEANUP(query_done) struct query query = query_on(box->database, SQL_RECORD_SET_CHAIN);
    query_bind_number(&query, (int64_t)key);
    query_bind_bytes(&query, id_slice(chain));
    return query_run(&query, err);
}

/* The lane goes on from what its last record's chain value is now. */
static status end_chain(struct outbox *box, struct stream *stream, enum lane lane, uint64_t seq,
                        struct error *err) {
    struct lane_head *head = stream_change(stream, lane);
    if (seq + 1 != head->next_seq) {
        return STATUS_OK;
    }
    return outbox_gap_chain_at(box, stream, lane, seq, &head->chain, err);
}

status outbox_mend(struct outbox *box, struct stream *stream, enum lane lane,
                   const struct chain_finding *finding, struct buffer *out_bytes,
                   struct error *err) {
    const uint64_t key = record_key(stream->number, lane, finding->range.from);
    if (finding->fault == CHAIN_VALUE_DAMAGED) {
        struct lane_head *head = stream_change(stream, lane);
        if (finding->range.to + 1 == head->next_seq) {
            head->chain = finding->right;
        }
        return set_chain(box, key, &finding->right, err);
    }
    bool mended = false;
    TRY(record_mend(box, key, finding->before, &mended, err));
    if (mended) {
        return end_chain(box, stream, lane, finding->range.to, err);
    }
    TRY(keep_aside(box, key, out_bytes, err));
    return outbox_gap_write(box, stream, lane, finding->range, GAP_DAMAGED, err);
}

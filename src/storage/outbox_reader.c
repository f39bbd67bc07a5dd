// SPDX-License-Identifier: Apache-2.0
#include "storage/outbox_reader.h"

#include "storage/core_parts.h"
#include "storage/record_row.h"
#include "storage/sql.h"
#include "wire/gap.h"

/* NULL: err says why. */
static struct stream *find_stream(struct core *core, struct id id, struct error *err) {
    if (core->database == NULL) {
        (void)fail(err, STATUS_SYSTEM, "the store is not open");
        return NULL;
    }
    struct stream *stream = outbox_find_stream(&core->outbox, id);
    if (stream == NULL) {
        (void)fail(err, STATUS_NOT_FOUND, "nothing of that stream is here");
    }
    return stream;
}

/* Zero where it is not known. */
static status chain_or_zero(struct core *core, const struct stream *stream, enum lane lane,
                            uint64_t seq, struct id *out_chain, struct error *err) {
    const status found = outbox_gap_chain_at(&core->outbox, stream, lane, seq, out_chain, err);
    if (found == STATUS_NOT_FOUND) {
        *out_chain = (struct id){0};
        return STATUS_OK;
    }
    return found;
}

/* --- peek ------------------------------------------------------------------------------------ */

static status peek(void *owner, struct id id, enum lane lane, struct lane_facts *facts,
                   struct error *err) {
    struct core *core = owner;
    struct stream *stream = find_stream(core, id, err);
    if (stream == NULL) {
        return err->code;
    }
    const struct lane_head *head = &stream->lanes[lane];
    const bool empty = head->floor_seq + 1 == head->next_seq;
    facts->lowest_kept = empty ? 0 : head->floor_seq + 1;
    facts->highest_durable = head->next_seq - 1;
    facts->acked_seq = head->acked_seq;
    facts->anchored_seq = head->anchored_seq;
    facts->bytes = head->bytes;
    TRY(chain_or_zero(core, stream, lane, head->acked_seq, &facts->acked_chain, err));
    for (int i = 0; i < facts->position_count && i < OUTBOX_POSITIONS_MAX; i++) {
        TRY(chain_or_zero(core, stream, lane, facts->positions[i], &facts->chains[i], err));
    }
    return STATUS_OK;
}

/* --- read ------------------------------------------------------------------------------------ */

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

static bool add_purged(struct core *core, const struct lane_head *head, struct seq_range range,
                       struct outbox_batch *batch) {
    const uint64_t to = range.to < head->floor_seq ? range.to : head->floor_seq;
    struct gap gap = {
        .reason = GAP_PURGED, .from_seq = range.from, .to_seq = to, .count = to - range.from + 1};
    if (to == head->floor_seq) {
        gap.chain_end = head->floor_chain;
    }
    struct record record = {.kind = RECORD_GAP, .version = RECORD_VERSION, .time = clock_now()};
    record.boot = core->outbox.boot;
    buffer_clear(&core->outbox.text);
    gap_write(&core->outbox.text, &gap);
    record.body = buffer_slice(&core->outbox.text);
    const struct outbox_item item = {
        .seq = range.from, .last_seq = to, .chain = gap.chain_end, .is_gap = true};
    return add_item(batch, &record, &item);
}

/* True when the record is what was chained. */
static bool is_whole(const struct outbox_batch *batch, const struct record_row *row,
                     struct id before) {
    if (row->is_gap || batch->count == 0) {
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

static status read_rows(struct core *core, const struct stream *stream, enum lane lane,
                        struct seq_range range, struct outbox_batch *batch, struct error *err) {
    struct id before = batch->chain_in;
    const uint64_t last = stream->lanes[lane].next_seq - 1;
    range.to = range.to < last ? range.to : last;
    CLEANUP(query_done) struct query query = query_on(core->database, SQL_RECORD_RANGE);
    query_bind_number(&query, (int64_t)record_key(stream->number, lane, range.from));
    query_bind_number(&query, (int64_t)record_key(stream->number, lane, range.to));
    while (query_next(&query)) {
        struct record_row row;
        TRY(record_row_read(&query, &row, err));
        const struct outbox_item item = {
            .seq = row.seq, .last_seq = row.last_seq, .chain = row.chain, .is_gap = row.is_gap};
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

/* What was handed out may be on its way: it is not replaced any more. */
static void note_sent(struct core *core, const struct stream *stream, enum lane lane,
                      const struct outbox_batch *batch) {
    if (batch->count == 0 || stream != outbox_stream(&core->outbox)) {
        return;
    }
    const uint64_t seq = batch->items[batch->count - 1].last_seq;
    if (seq > atomic_load(&core->outbox.sent[lane])) {
        atomic_store(&core->outbox.sent[lane], seq);
    }
}

static status read_batch(void *owner, struct id id, enum lane lane, struct seq_range range,
                         struct outbox_batch *batch, struct error *err) {
    struct core *core = owner;
    struct stream *stream = find_stream(core, id, err);
    batch->count = 0;
    buffer_clear(&batch->room);
    if (stream == NULL) {
        return err->code;
    }
    const struct lane_head *head = &stream->lanes[lane];
    if (range.from == 0 || range.from > range.to || range.from >= head->next_seq) {
        return STATUS_OK;
    }
    TRY(chain_or_zero(core, stream, lane, range.from - 1, &batch->chain_in, err));
    if (range.from <= head->floor_seq) {
        if (!add_purged(core, head, range, batch)) {
            return fail(err, STATUS_FULL, "not even a gap fits the batch");
        }
        return STATUS_OK; /* what stands is read next, with a chain value before it */
    }
    TRY(read_rows(core, stream, lane, range, batch, err));
    note_sent(core, stream, lane, batch);
    return STATUS_OK;
}

/* --- acknowledge and gap -----------------------------------------------------------------------
 */

static status acknowledge(void *owner, struct id id, enum lane lane, uint64_t seq, struct id chain,
                          struct error *err) {
    struct core *core = owner;
    struct stream *stream = find_stream(core, id, err);
    struct id ours;
    if (stream == NULL) {
        return err->code;
    }
    TRY(chain_or_zero(core, stream, lane, seq, &ours, err));
    if (!id_is_zero(ours) && !id_equal(ours, chain)) {
        return fail(err, STATUS_CONFLICT, "the hub holds another record %llu of lane '%s'",
                    (unsigned long long)seq, lane_name(lane));
    }
    struct store_job job = {.kind = STORE_ACKNOWLEDGE, .stream = id, .lane = lane, .seq = seq};
    struct store_job *batch[] = {&job};
    core_run(core, batch, 1);
    return job.error.code == STATUS_OK ? STATUS_OK
                                       : fail(err, job.error.code, "%s", job.error.text);
}

static status put_gap(void *owner, struct id id, enum lane lane, struct seq_range range,
                      enum gap_reason reason, struct error *err) {
    struct core *core = owner;
    struct stream *stream = find_stream(core, id, err);
    if (stream == NULL) {
        return err->code;
    }
    TRY(core_ready(core, err));
    TRY(database_begin(core->database, err));
    const status put = outbox_gap_write(&core->outbox, stream, lane, range, reason, err);
    if (put != STATUS_OK) {
        core_take_back(core);
        return put;
    }
    return core_commit(core, err);
}

struct outbox_reader outbox_reader_of(struct core *core) {
    return (struct outbox_reader){.owner = core,
                                  .peek = peek,
                                  .read = read_batch,
                                  .acknowledge = acknowledge,
                                  .gap = put_gap};
}

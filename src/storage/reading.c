// SPDX-License-Identifier: Apache-2.0
#include "storage/reading.h"

#include <string.h>

#include "base/time.h"
#include "platform/json.h"
#include "storage/blobs.h"
#include "storage/outbox_reader.h"
#include "storage/quarantine.h"
#include "storage/reading_due.h"
#include "storage/record_row.h"
#include "storage/record_units.h"
#include "storage/runs.h"
#include "storage/sql.h"
#include "storage/states.h"
#include "storage/stream.h"

enum { STREAMS_MAX = 32, LEVEL_SHIFT = 20 };

static const uint64_t SEQ_MAX = (UINT64_C(1) << RECORD_SEQ_BITS) - 1;
static const uint64_t SKIP_MASK = (UINT64_C(1) << LEVEL_SHIFT) - 1;

/* The newest streams, and up to where the hub holds each lane. */
struct streams {
    struct {
        uint32_t number;
        struct id id;
        uint64_t acked_seq[LANE_COUNT];
    } items[STREAMS_MAX];
    int count;
};

/* --- streams --------------------------------------------------------------------------------- */

static status load_acked(struct database *database, struct streams *streams, int index,
                         struct error *err) {
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        CLEANUP(query_done) struct query query = query_on(database, SQL_LANE_GET);
        query_bind_number(&query, streams->items[index].number);
        query_bind_number(&query, lane);
        if (query_next(&query)) {
            streams->items[index].acked_seq[lane] = (uint64_t)query_number(&query, 4);
        }
        TRY(query_status(&query, err));
    }
    return STATUS_OK;
}

static status load_streams(struct database *database, struct streams *streams, struct error *err) {
    streams->count = 0;
    CLEANUP(query_done) struct query query = query_on(database, SQL_STREAM_LIST);
    while (query_next(&query)) {
        if (streams->count == STREAMS_MAX) {
            (void)memmove(&streams->items[0], &streams->items[1],
                          (STREAMS_MAX - 1) * sizeof(streams->items[0]));
            streams->count--;
        }
        (void)memset(&streams->items[streams->count], 0, sizeof(streams->items[0]));
        streams->items[streams->count].number = (uint32_t)query_number(&query, 0);
        const struct slice id = query_bytes(&query, 1);
        if (id.count == ID_BYTES) {
            (void)memcpy(streams->items[streams->count].id.bytes, id.bytes, ID_BYTES);
        }
        streams->count++;
    }
    TRY(query_status(&query, err));
    for (int i = 0; i < streams->count; i++) {
        TRY(load_acked(database, streams, i, err));
    }
    return STATUS_OK;
}

/* --- a record as JSON ------------------------------------------------------------------------- */

static void write_member_text(struct buffer *out, const char *name, struct slice text) {
    buffer_print(out, "\"%s\":", name);
    json_write_text(out, text);
    buffer_add_byte(out, ',');
}

static const char *state_of(enum lane lane, bool acked) {
    if (lane == LANE_LOCAL) {
        return "kept";
    }
    return acked ? "acknowledged" : "waiting";
}

/* What a listing has at hand while it writes row after row. */
struct page {
    struct database *database; /* not owned */
    struct streams streams;
    struct record_units units;
};

static void page_done(struct page *page) {
    record_units_done(&page->units);
}

static status write_row(struct page *page, struct buffer *out, const struct record_row *row,
                        int stream, struct error *err) {
    const enum lane lane = record_key_lane(row->key);
    const struct id id = id_is_zero(row->first_id)
                             ? record_public_id(page->streams.items[stream].id, lane, row->seq)
                             : row->first_id;
    const bool acked = row->last_seq <= page->streams.items[stream].acked_seq[lane];
    char uuid[ID_UUID_BYTES + 1];
    char run[ID_HEX_BYTES + 1] = "";
    char created[TIME_TEXT_BYTES];
    struct slice units;
    TRY(record_units_of(&page->units, page->database, row, &units, err));
    id_write_uuid(id, uuid);
    if (!id_is_zero(row->record.run)) {
        id_write_hex(row->record.run, run);
    }
    time_write_plain(row->record.time.wall_ms, created);
    buffer_print(out, "{\"id\":\"%s\",", uuid);
    write_member_text(out, "workflow", row->record.workflow);
    write_member_text(out, "name", row->record.name);
    buffer_print(out,
                 "\"run\":\"%s\",\"priority\":%d,\"lane\":\"%s\",\"seq\":%llu,\"last_seq\":%llu,"
                 "\"kind\":\"%s\",\"created_at\":\"%s\",\"state\":\"%s\",\"result\":",
                 run, row->record.priority, lane_name(lane), (unsigned long long)row->seq,
                 (unsigned long long)row->last_seq, record_kind_name(row->record.kind), created,
                 state_of(lane, acked));
    buffer_add(out, row->record.body.count > 0 ? row->record.body : SLICE("null"));
    buffer_add_text(out, units.count > 0 ? ",\"units\":" : "");
    buffer_add(out, units);
    buffer_add_byte(out, '}');
    return STATUS_OK;
}

static status write_record(struct page *page, uint64_t key, struct buffer *out, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(page->database, SQL_RECORD_GET);
    query_bind_number(&query, (int64_t)key);
    if (!query_next(&query)) {
        TRY(query_status(&query, err));
        return fail(err, STATUS_NOT_FOUND, "there is no such record");
    }
    struct record_row row;
    TRY(record_row_read(&query, &row, err));
    for (int i = 0; i < page->streams.count; i++) {
        if (page->streams.items[i].number == record_key_stream(key)) {
            TRY(write_row(page, out, &row, i, err));
        }
    }
    return STATUS_OK;
}

/* --- results, newest first -------------------------------------------------------------------- */

/* The newest record of a lane that was not written yet; key 0: none. */
struct candidate {
    uint64_t key, least_key, next_key;
    int64_t wall_ms;
};

struct merge {
    struct database *database; /* not owned */
    const struct store_read *read;
    struct candidate candidates[STREAMS_MAX * LANE_COUNT];
    int count;
};

static status advance(struct merge *merge, struct candidate *candidate, int64_t level_ms,
                      struct error *err) {
    CLEANUP(query_done) struct query query = query_on(merge->database, SQL_RESULT_BACK);
    query_bind_number(&query, (int64_t)candidate->least_key);
    query_bind_number(&query, (int64_t)candidate->next_key);
    query_bind_number(&query, level_ms);
    query_bind_text_or_null(&query, merge->read->workflow);
    query_bind_text_or_null(&query, merge->read->name);
    candidate->key = 0;
    if (query_next(&query)) {
        candidate->key = (uint64_t)query_number(&query, 0);
        candidate->wall_ms = query_number(&query, 1);
        candidate->next_key = candidate->key - 1;
    }
    return query_status(&query, err);
}

static status begin_merge(struct merge *merge, const struct streams *streams, int64_t level_ms,
                          struct error *err) {
    for (int i = 0; i < streams->count; i++) {
        for (int lane = 0; lane < LANE_COUNT; lane++) {
            if (merge->read->lane != LANE_COUNT && (int)merge->read->lane != lane) {
                continue;
            }
            struct candidate *candidate = &merge->candidates[merge->count++];
            const uint32_t number = streams->items[i].number;
            candidate->least_key = record_key(number, (enum lane)lane, 1);
            candidate->next_key = record_key(number, (enum lane)lane, SEQ_MAX);
            TRY(advance(merge, candidate, level_ms, err));
        }
    }
    return STATUS_OK;
}

static struct candidate *newest(struct merge *merge) {
    struct candidate *best = NULL;
    for (int i = 0; i < merge->count; i++) {
        struct candidate *candidate = &merge->candidates[i];
        if (candidate->key != 0 && (best == NULL || candidate->wall_ms > best->wall_ms)) {
            best = candidate;
        }
    }
    return best;
}

/* The order is by the least time seen so far in each lane: a clock that jumped back never hides a
 * record, and a page can be named by that time and how many were written at it. */
static status read_results(struct database *database, struct store_read *read, struct error *err) {
    CLEANUP(page_done) struct page page = {.database = database};
    struct merge merge = {.database = database, .read = read};
    const bool first = read->before_key == 0;
    int64_t level_ms = first ? INT64_MAX : (int64_t)(read->before_key >> LEVEL_SHIFT);
    uint64_t at_level = 0;
    uint64_t skip = first ? 0 : read->before_key & SKIP_MASK;
    TRY(load_streams(database, &page.streams, err));
    TRY(begin_merge(&merge, &page.streams, level_ms, err));
    uint32_t rows = 0;
    buffer_add_byte(&read->out, '[');
    struct candidate *next = newest(&merge);
    for (; next != NULL && rows < read->limit; next = newest(&merge)) {
        if (next->wall_ms < level_ms) {
            level_ms = next->wall_ms;
            at_level = 0;
        }
        if (at_level++ >= skip || level_ms != (int64_t)(read->before_key >> LEVEL_SHIFT)) {
            buffer_add_text(&read->out, rows++ > 0 ? "," : "");
            TRY(write_record(&page, next->key, &read->out, err));
        }
        TRY(advance(&merge, next, INT64_MAX, err));
    }
    buffer_add_byte(&read->out, ']');
    read->out_next_key = next != NULL ? (uint64_t)level_ms << LEVEL_SHIFT | at_level : 0;
    return buffer_status(&read->out, err);
}

static status read_result(struct database *database, struct store_read *read, struct error *err) {
    CLEANUP(page_done) struct page page = {.database = database};
    const struct streams *streams = &page.streams;
    TRY(load_streams(database, &page.streams, err));
    for (int i = 0; i < streams->count; i++) {
        enum lane lane = LANE_CONTROL;
        uint64_t seq = 0;
        if (record_from_public_id(read->id, streams->items[i].id, &lane, &seq)) {
            return write_record(&page, record_key(streams->items[i].number, lane, seq), &read->out,
                                err);
        }
    }
    CLEANUP(query_done) struct query query = query_on(database, SQL_RECORD_BY_FIRST_ID);
    query_bind_bytes(&query, id_slice(&read->id));
    int64_t key = 0;
    TRY(query_one_number(&query, &key, err));
    return write_record(&page, (uint64_t)key, &read->out, err);
}

/* --- lanes ----------------------------------------------------------------------------------- */

struct lane_sum {
    uint64_t waiting, gaps;
    int64_t bytes, oldest_ms; /* 0: none waits */
    uint64_t next_seq, acked_seq;
};

static status add_lane(struct database *database, const struct stream *stream, enum lane lane,
                       struct lane_sum *sum, struct error *err) {
    const struct lane_head *head = &stream->lanes[lane];
    const int64_t last = (int64_t)record_key(stream->number, lane, SEQ_MAX);
    CLEANUP(query_done) struct query query = query_on(database, SQL_GAP_SUM);
    query_bind_number(&query, (int64_t)record_key(stream->number, lane, 0));
    query_bind_number(&query, last);
    query_bind_number(&query, (int64_t)head->acked_seq + 1);
    int64_t gaps = 0;
    TRY(query_one_number(&query, &gaps, err));
    CLEANUP(query_done) struct query first = query_on(database, SQL_RECORD_FIRST);
    query_bind_number(&first, (int64_t)record_key(stream->number, lane, head->acked_seq + 1));
    query_bind_number(&first, last);
    int64_t oldest_ms = 0;
    TRY(query_one_number(&first, &oldest_ms, err));
    sum->waiting += head->next_seq - 1 - head->acked_seq - (uint64_t)gaps;
    sum->gaps += (uint64_t)gaps;
    sum->bytes += head->bytes;
    sum->next_seq = head->next_seq;
    sum->acked_seq = head->acked_seq;
    if (oldest_ms != 0 && (sum->oldest_ms == 0 || oldest_ms < sum->oldest_ms)) {
        sum->oldest_ms = oldest_ms;
    }
    return STATUS_OK;
}

static void write_lane(struct buffer *out, enum lane lane, const struct lane_sum *sum) {
    char oldest[TIME_TEXT_BYTES];
    time_write_plain(sum->oldest_ms, oldest);
    const bool any = sum->oldest_ms != 0;
    buffer_print(out,
                 "{\"lane\":\"%s\",\"waiting\":%llu,\"bytes\":%lld,\"next_seq\":%llu,"
                 "\"acknowledged\":%llu,\"gaps\":%llu,\"oldest_at\":%s%s%s}",
                 lane_name(lane), (unsigned long long)sum->waiting, (long long)sum->bytes,
                 (unsigned long long)sum->next_seq, (unsigned long long)sum->acked_seq,
                 (unsigned long long)sum->gaps, any ? "\"" : "", any ? oldest : "null",
                 any ? "\"" : "");
}

static status read_lanes(struct database *database, struct store_read *read, struct error *err) {
    struct streams streams;
    struct lane_sum sums[LANE_COUNT] = {0};
    TRY(load_streams(database, &streams, err));
    for (int i = 0; i < streams.count; i++) {
        struct stream stream;
        TRY(stream_load(&stream, database, streams.items[i].number, streams.items[i].id, err));
        for (int lane = 0; lane < LANE_COUNT; lane++) {
            TRY(add_lane(database, &stream, (enum lane)lane, &sums[lane], err));
        }
    }
    buffer_add_byte(&read->out, '[');
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        buffer_add_text(&read->out, lane > 0 ? "," : "");
        write_lane(&read->out, (enum lane)lane, &sums[lane]);
    }
    buffer_add_byte(&read->out, ']');
    return buffer_status(&read->out, err);
}

/* --- what waits in a lane --- */

static status peek_stream(struct page *page, struct store_read *read, int index, uint32_t *rows,
                          struct error *err) {
    const uint32_t number = page->streams.items[index].number;
    const uint64_t acked_seq = page->streams.items[index].acked_seq[read->lane];
    CLEANUP(query_done) struct query query = query_on(page->database, SQL_RECORD_RANGE);
    query_bind_number(&query, (int64_t)record_key(number, read->lane, acked_seq + 1));
    query_bind_number(&query, (int64_t)record_key(number, read->lane, SEQ_MAX));
    while (*rows < read->limit && query_next(&query)) {
        struct record_row row;
        TRY(record_row_read(&query, &row, err));
        buffer_add_text(&read->out, (*rows)++ > 0 ? "," : "");
        TRY(write_row(page, &read->out, &row, index, err));
    }
    return query_status(&query, err);
}

static status read_peek(struct database *database, struct store_read *read, struct error *err) {
    if (read->lane >= LANE_COUNT) {
        return fail(err, STATUS_INVALID, "no such lane");
    }
    CLEANUP(page_done) struct page page = {.database = database};
    TRY(load_streams(database, &page.streams, err));
    uint32_t rows = 0;
    buffer_add_byte(&read->out, '[');
    for (int i = 0; i < page.streams.count; i++) {
        TRY(peek_stream(&page, read, i, &rows, err));
    }
    buffer_add_byte(&read->out, ']');
    return buffer_status(&read->out, err);
}

/* --- runs ------------------------------------------------------------------------------------ */

static const char *run_state_name(enum run_state state) {
    static const char *const NAMES[] = {"open", "waiting", "parked"};
    return state <= RUN_PARKED ? NAMES[state] : "unknown";
}

static const char *step_state_name(enum step_state state) {
    static const char *const NAMES[] = {"unknown", "begun", "done", "failed", "skipped"};
    return state <= STEP_SKIPPED ? NAMES[state] : NAMES[0];
}

static void write_run(void *owner, const struct kept_run *run) {
    struct store_read *read = owner;
    char id[ID_HEX_BYTES + 1];
    const bool wanted =
        (!read->parked_only || run->state == RUN_PARKED) &&
        (read->workflow.count == 0 || slice_equal(read->workflow, run->workflow_name)) &&
        (id_is_zero(read->id) || id_equal(read->id, run->id));
    if (!wanted || read->out_next_key == read->limit) {
        return;
    }
    id_write_hex(run->id, id);
    buffer_print(&read->out, "%s{\"id\":\"%s\",", read->out_next_key++ > 0 ? "," : "", id);
    write_member_text(&read->out, "workflow", run->workflow_name);
    write_member_text(&read->out, "event_id", run->event_id);
    buffer_print(&read->out, "\"state\":\"%s\",\"recoveries\":%d,\"steps\":[",
                 run_state_name(run->state), run->recoveries);
    for (uint32_t i = 0; i < run->step_count; i++) {
        buffer_add_text(&read->out, i > 0 ? ",{" : "{");
        write_member_text(&read->out, "step", run->steps[i].step);
        buffer_print(&read->out, "\"state\":\"%s\",\"attempts\":%d}",
                     step_state_name(run->steps[i].state), run->steps[i].attempts);
    }
    buffer_add_text(&read->out, "]}");
}

static status read_runs(struct database *database, struct store_read *read, struct error *err) {
    buffer_add_byte(&read->out, '[');
    TRY(runs_each(database, write_run, read, err));
    buffer_add_byte(&read->out, ']');
    read->out_next_key = 0; /* counted the rows meanwhile */
    return buffer_status(&read->out, err);
}

/* --- which ------------------------------------------------------------------------------------ */

static status run_read(struct database *database, struct store_read *read, struct error *err) {
    switch (read->kind) {
    case READ_RESULTS:
        return read_results(database, read, err);
    case READ_RESULT:
        return read_result(database, read, err);
    case READ_LANES:
        return read_lanes(database, read, err);
    case READ_RUNS:
        return read_runs(database, read, err);
    case READ_EVENTS:
        return quarantine_list(database, read, err);
    case READ_EVENT:
        return quarantine_show(database, read, err);
    case READ_PEEK:
        return read_peek(database, read, err);
    case READ_DUE:
        return reading_due(database, read, err);
    case READ_STATES:
        return states_read(database, read, err);
    case READ_DESTINATIONS:
        return reading_destinations(database, read, err);
    case READ_BLOB:
        return blobs_read_row(database, read, err);
    case READ_FACTS:
        return outbox_reader_peek(database, read->facts, err);
    case READ_BATCH:
        return outbox_reader_read(database, read->id, read->lane,
                                  (struct seq_range){.from = read->from_seq, .to = read->to_seq},
                                  read->batch, err);
    }
    return fail(err, STATUS_INVALID, "there is no listing of kind %u", (unsigned)read->kind);
}

void reading_run(struct database *database, struct store_read *read) {
    if (read->out.count_max == 0) {
        buffer_init(&read->out, STORE_READ_BYTES_MAX);
    }
    if (read->limit == 0 || read->limit > STORE_READ_ROWS_MAX) {
        read->limit = STORE_READ_ROWS_MAX;
    }
    buffer_clear(&read->out);
    read->out_next_key = 0;
    read->error = (struct error){.code = STATUS_OK};
    if (run_read(database, read, &read->error) == STATUS_OK) {
        read->error.code = STATUS_OK; /* what was looked for on the way may not have been there */
    } else {
        buffer_clear(&read->out);
    }
}

// SPDX-License-Identifier: Apache-2.0
#include "storage/outbox_room.h"

#include "storage/cursors.h"
#include "storage/outbox_gap.h"
#include "storage/record_row.h"
#include "storage/sql.h"
#include "storage/sync_rounds.h"

enum { SHARE = 100, SLACK = 32 };

static const uint64_t SEQ_MAX = (UINT64_C(1) << RECORD_SEQ_BITS) - 1;

/* What one look at a lane gives up: rows from the oldest on, until `want` bytes are together. */
struct look {
    struct stream *stream;
    enum lane lane;
    uint64_t from_seq, to_seq; /* where it looks */
    struct slice workflow;     /* only this one's; empty: anybody's */
    int64_t want;
    int rows_left;
    struct seq_range found; /* rows that lie together; from 0: none */
    int64_t found_bytes;
};

void outbox_set_budget(struct outbox *box, int64_t bytes) {
    static const int PERCENT[LANE_COUNT] = {
        [LANE_CONTROL] = 4, [LANE_URGENT] = 12,    [LANE_HIGH] = 20, [LANE_NORMAL] = 30,
        [LANE_LOW] = 10,    [LANE_TELEMETRY] = 10, [LANE_BULK] = 4,  [LANE_LOCAL] = 10};
    for (int i = 0; i < LANE_COUNT; i++) {
        box->budgets[i] = bytes / SHARE * PERCENT[i];
    }
}

static int64_t lane_bytes(const struct outbox *box, enum lane lane) {
    int64_t bytes = 0;
    for (int i = 0; i < box->stream_count; i++) {
        bytes += box->streams[i].lanes[lane].bytes;
    }
    return bytes;
}

/* --- what the hub holds --- */

status outbox_room_drop_bottom(struct outbox *box, struct stream *stream, enum lane lane,
                               uint64_t seq, struct error *err) {
    struct lane_head *head = stream_change(stream, lane);
    const uint64_t first = record_key(stream->number, lane, head->floor_seq + 1);
    const uint64_t last = record_key(stream->number, lane, seq);
    struct id chain;
    TRY(outbox_gap_chain_at(box, stream, lane, seq, &chain, err));
    CLEANUP(query_done) struct query sum = query_on(box->database, SQL_RECORD_SUM);
    query_bind_number(&sum, (int64_t)first - 1);
    query_bind_number(&sum, (int64_t)last);
    int64_t bytes = 0;
    TRY(query_one_number(&sum, &bytes, err));
    CLEANUP(query_done) struct query query = query_on(box->database, SQL_RECORD_DELETE);
    query_bind_number(&query, (int64_t)first);
    query_bind_number(&query, (int64_t)last);
    TRY(query_run(&query, err));
    head->floor_seq = seq;
    head->floor_chain = chain;
    head->bytes -= bytes;
    head->row_due = true;
    return STATUS_OK;
}

/* The oldest rows up to `look->to_seq`, whatever they are. */
static status find_bottom(struct outbox *box, struct look *look, struct error *err) {
    look->found = (struct seq_range){0};
    look->found_bytes = 0;
    CLEANUP(query_done) struct query query = query_on(box->database, SQL_RECORD_RANGE);
    query_bind_number(&query, (int64_t)record_key(look->stream->number, look->lane, 0));
    query_bind_number(&query, (int64_t)record_key(look->stream->number, look->lane, look->to_seq));
    while (look->found_bytes < look->want && look->rows_left > 0 && query_next(&query)) {
        struct record_row row;
        TRY(record_row_read(&query, &row, err));
        if (row.last_seq > look->to_seq) {
            break; /* a gap of which the hub holds only a part */
        }
        look->found.from = look->found.from == 0 ? row.seq : look->found.from;
        look->found.to = row.last_seq;
        look->found_bytes += row.cost;
        look->rows_left--;
    }
    return query_status(&query, err);
}

static status drop_up_to(struct outbox *box, struct stream *stream, enum lane lane, uint64_t to_seq,
                         int64_t want, struct error *err) {
    struct look look = {
        .stream = stream, .lane = lane, .to_seq = to_seq, .want = want, .rows_left = ROOM_ROWS_MAX};
    if (to_seq <= stream->lanes[lane].floor_seq || want <= 0) {
        return STATUS_OK;
    }
    TRY(find_bottom(box, &look, err));
    if (look.found.from == 0) {
        return STATUS_OK;
    }
    TRY(cursors_note_loss(box->cursors, box->database, stream, lane, look.found,
                          gap_reason_name(GAP_EVICTED), err));
    return outbox_room_drop_bottom(box, stream, lane, look.found.to, err);
}

/* --- what the hub does not hold
 * ------------------------------------------------------------------- */

static bool may_go(const struct look *look, const struct record_row *row) {
    if (row->is_gap || row->record.kind == RECORD_ALARM) {
        return false;
    }
    return look->workflow.count == 0 || slice_equal(look->workflow, row->record.workflow);
}

/* The first rows that lie together and may go; a gap among them ends the run, and the gap that is
 * written joins it. */
static status find_run(struct outbox *box, struct look *look, struct error *err) {
    look->found = (struct seq_range){0};
    look->found_bytes = 0;
    CLEANUP(query_done) struct query query = query_on(box->database, SQL_RECORD_RANGE);
    query_bind_number(&query,
                      (int64_t)record_key(look->stream->number, look->lane, look->from_seq));
    query_bind_number(&query, (int64_t)record_key(look->stream->number, look->lane, SEQ_MAX));
    while (look->found_bytes < look->want && look->rows_left > 0 && query_next(&query)) {
        struct record_row row;
        TRY(record_row_read(&query, &row, err));
        look->rows_left--;
        look->from_seq = row.last_seq + 1;
        if (may_go(look, &row)) {
            look->found.from = look->found.from == 0 ? row.seq : look->found.from;
            look->found.to = row.last_seq;
            look->found_bytes += row.cost;
        } else if (look->found.from != 0) {
            break;
        }
    }
    return query_status(&query, err);
}

/* Puts gaps in the place of the oldest unsent records until the lane has `want` bytes less. */
static status evict(struct outbox *box, struct stream *stream, enum lane lane,
                    struct slice workflow, int64_t want, struct error *err) {
    const int64_t goal = stream->lanes[lane].bytes - want;
    struct look look = {
        .stream = stream, .lane = lane, .workflow = workflow, .rows_left = ROOM_ROWS_MAX};
    look.from_seq = outbox_gap_border(box, stream, lane) + 1;
    while (stream->lanes[lane].bytes > goal && look.rows_left > 0) {
        look.want = stream->lanes[lane].bytes - goal;
        TRY(find_run(box, &look, err));
        if (look.found.from == 0) {
            return STATUS_OK;
        }
        TRY(outbox_gap_write(box, stream, lane, look.found, GAP_EVICTED, err));
    }
    return STATUS_OK;
}

/* The oldest of lane 7 go for good; that they did stands in sync_round. */
static status drop_local(struct outbox *box, struct stream *stream, int64_t want,
                         struct error *err) {
    const uint64_t floor_before = stream->lanes[LANE_LOCAL].floor_seq;
    TRY(drop_up_to(box, stream, LANE_LOCAL, stream->lanes[LANE_LOCAL].next_seq - 1, want, err));
    const uint64_t floor_now = stream->lanes[LANE_LOCAL].floor_seq;
    if (floor_now == floor_before) {
        return STATUS_OK;
    }
    return sync_rounds_note_dropped(box->database, "evicted",
                                    (struct seq_range){.from = floor_before + 1, .to = floor_now},
                                    err);
}

/* --- a lane's bytes
 * ------------------------------------------------------------------------------- */

static struct slice workflow_of(const struct outbox *box, const struct store_job *job) {
    const struct workflow_version *version =
        job != NULL && job->drop_oldest ? workflows_find(box->workflows, job->workflow) : NULL;
    if (version == NULL) {
        return (struct slice){0};
    }
    return (struct slice){.bytes = version->name, .count = version->name_bytes};
}

/* What may go from a lane beyond what the hub holds. */
static status give_up(struct outbox *box, struct stream *stream, enum lane lane, int64_t want,
                      const struct store_job *job, struct error *err) {
    const struct slice workflow = workflow_of(box, job);
    switch (lane) {
    case LANE_TELEMETRY:
    case LANE_LOW:
        return evict(box, stream, lane, (struct slice){0}, want, err);
    case LANE_HIGH:
    case LANE_NORMAL:
        return workflow.count > 0 ? evict(box, stream, lane, workflow, want, err) : STATUS_OK;
    case LANE_LOCAL:
        return drop_local(box, stream, want, err);
    default:
        return STATUS_OK;
    }
}

status outbox_room_for(struct outbox *box, enum lane lane, int64_t cost,
                       const struct store_job *job, struct error *err) {
    const int64_t budget = box->budgets[lane];
    if (lane_bytes(box, lane) + cost <= budget) {
        return STATUS_OK;
    }
    const int64_t goal =
        budget - budget / SLACK - cost; /* some more, so that it is not each time */
    for (int i = 0; i < box->stream_count; i++) {
        struct stream *stream = &box->streams[i];
        TRY(drop_up_to(box, stream, lane, stream->lanes[lane].acked_seq,
                       lane_bytes(box, lane) - goal, err));
    }
    for (int i = 0; i < box->stream_count && lane_bytes(box, lane) + cost > budget; i++) {
        TRY(give_up(box, &box->streams[i], lane, lane_bytes(box, lane) - goal, job, err));
    }
    if (lane_bytes(box, lane) + cost > budget) {
        return fail(err, STATUS_FULL, "lane '%s' holds its %lld bytes, and nothing in it may go",
                    lane_name(lane), (long long)budget);
    }
    return STATUS_OK;
}

/* --- the disk
 * ------------------------------------------------------------------------------------- */

static int64_t all_bytes(const struct outbox *box) {
    int64_t bytes = 0;
    for (int i = 0; i < LANE_COUNT; i++) {
        bytes += lane_bytes(box, (enum lane)i);
    }
    return bytes;
}

static status drop_held(struct outbox *box, int64_t goal, bool anchored_only, struct error *err) {
    for (int i = 0; i < box->stream_count; i++) {
        struct stream *stream = &box->streams[i];
        for (int lane = 0; lane < LANE_COUNT; lane++) {
            const struct lane_head *head = &stream->lanes[lane];
            const uint64_t to_seq = anchored_only ? head->anchored_seq : head->acked_seq;
            TRY(drop_up_to(box, stream, (enum lane)lane, to_seq, all_bytes(box) - goal, err));
        }
    }
    return STATUS_OK;
}

status outbox_room_on_disk(struct outbox *box, const struct store_job *job, int64_t *out_freed,
                           struct error *err) {
    static const enum lane ORDER[] = {LANE_TELEMETRY, LANE_LOW, LANE_LOCAL, LANE_NORMAL, LANE_HIGH};
    const int64_t before = all_bytes(box);
    const int64_t goal = before - ROOM_DISK_BYTES;
    TRY(drop_held(box, goal, true, err));
    TRY(drop_held(box, goal, false, err));
    for (size_t i = 0; i < sizeof(ORDER) / sizeof(ORDER[0]); i++) {
        for (int j = 0; j < box->stream_count && all_bytes(box) > goal; j++) {
            TRY(give_up(box, &box->streams[j], ORDER[i], all_bytes(box) - goal, job, err));
        }
    }
    *out_freed = before - all_bytes(box);
    return STATUS_OK;
}

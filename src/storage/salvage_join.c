// SPDX-License-Identifier: Apache-2.0
#include "storage/salvage_join.h"

#include "base/memory.h"
#include "storage/outbox_gap.h"
#include "storage/outbox_renumber.h"
#include "storage/sql.h"
#include "wire/gap.h"

enum { HOLE_PLAUSIBLE = 1 << 16 };

static const uint64_t SEQ_MAX = (UINT64_C(1) << RECORD_SEQ_BITS) - 1;

/* What is to be done about a lane, once all of it was looked at. */
struct repair {
    enum { REPAIR_GAP, REPAIR_COPY, REPAIR_DELETE } kind;
    uint64_t key;   /* of the row, or of the gap's first seq */
    struct gap gap; /* REPAIR_GAP */
};

struct joiner {
    struct database *database; /* not owned */
    struct boots boots;
    struct workflows workflows;
    struct outbox box;
    struct repair *repairs; /* owned */
    size_t count, room;
    struct salvage_sums sums;
};

/* A lane while its rows go by. */
struct join_lane {
    uint32_t stream;
    enum lane lane;
    uint64_t expected; /* seq */
    uint64_t acked;
    struct id before; /* chain value of the row before */
    bool in_gap;
    struct gap gap;
};

static status add_repair(struct joiner *joiner, struct repair repair, struct error *err) {
    if (joiner->count == joiner->room) {
        const size_t room = joiner->room > 0 ? joiner->room * 2 : 64;
        struct repair *repairs = memory_resize(joiner->repairs, room * sizeof(*repairs));
        if (repairs == NULL) {
            return fail(err, STATUS_NO_MEMORY, "join what was read: out of memory");
        }
        joiner->repairs = repairs;
        joiner->room = room;
    }
    joiner->repairs[joiner->count++] = repair;
    return STATUS_OK;
}

/* --- looking at a lane --- */

static status close_gap(struct joiner *joiner, struct join_lane *lane, struct error *err) {
    if (!lane->in_gap) {
        return STATUS_OK;
    }
    lane->in_gap = false;
    return add_repair(
        joiner,
        (struct repair){.kind = REPAIR_GAP,
                        .key = record_key(lane->stream, lane->lane, lane->gap.from_seq),
                        .gap = lane->gap},
        err);
}

/* The gap that is open, or a new one that begins here, goes up to `to_seq`. */
static void grow_gap(struct join_lane *lane, uint64_t to_seq, uint64_t lost, struct id end) {
    if (!lane->in_gap) {
        lane->in_gap = true;
        lane->gap = (struct gap){
            .reason = GAP_DAMAGED, .from_seq = lane->expected, .chain_before = lane->before};
    }
    lane->gap.to_seq = to_seq;
    lane->gap.count += lost;
    lane->gap.chain_end = end;
}

/* A row far behind the others that nothing is chained to has a key that was hit. */
static status is_stray(struct joiner *joiner, const struct join_lane *lane,
                       const struct record_row *row, bool *out_stray, struct error *err) {
    *out_stray = false;
    if (row->seq - lane->expected < HOLE_PLAUSIBLE) {
        return STATUS_OK;
    }
    CLEANUP(query_done) struct query query = query_on(joiner->database, SQL_RECORD_GET);
    query_bind_number(&query, (int64_t)row->key + 1);
    *out_stray = !query_next(&query);
    return query_status(&query, err);
}

/* A boot or a workflow that was lost: its records' bytes cannot be written again. */
static bool lost_its_head(const struct record_row *row) {
    return !row->is_gap && (id_is_zero(row->record.boot) ||
                            (row->workflow != 0 && slice_is(row->record.workflow, "lost")));
}

static status sacrifice(struct joiner *joiner, struct join_lane *lane, const struct record_row *row,
                        struct error *err) {
    const uint64_t lost = row->seq - lane->expected;
    grow_gap(lane, row->last_seq, lost, row->chain);
    joiner->sums.damaged += lost;
    if (row->is_gap) {
        struct gap inner;
        record_row_gap(row, lane->before, &inner);
        lane->gap.count += inner.count;
        return STATUS_OK;
    }
    if (lane->lane != LANE_LOCAL && row->seq <= lane->acked) {
        lane->gap.count++;
        return STATUS_OK; /* the hub has it */
    }
    return add_repair(joiner, (struct repair){.kind = REPAIR_COPY, .key = row->key}, err);
}

static status look_at_row(struct joiner *joiner, struct join_lane *lane,
                          const struct record_row *row, struct error *err) {
    bool stray = false;
    if (row->seq < lane->expected) {
        return add_repair(joiner, (struct repair){.kind = REPAIR_DELETE, .key = row->key}, err);
    }
    TRY(is_stray(joiner, lane, row, &stray, err));
    if (stray) {
        TRY(add_repair(joiner, (struct repair){.kind = REPAIR_COPY, .key = row->key}, err));
        return add_repair(joiner, (struct repair){.kind = REPAIR_DELETE, .key = row->key}, err);
    }
    if (row->seq > lane->expected || lost_its_head(row)) {
        TRY(sacrifice(joiner, lane, row, err));
    } else {
        TRY(close_gap(joiner, lane, err));
    }
    lane->expected = row->last_seq + 1;
    lane->before = row->chain;
    return STATUS_OK;
}

static status look_at_lane(struct joiner *joiner, uint32_t stream, enum lane at,
                           struct error *err) {
    struct join_lane lane = {.stream = stream, .lane = at, .expected = 1};
    {
        CLEANUP(query_done) struct query query = query_on(joiner->database, SQL_LANE_GET);
        query_bind_number(&query, stream);
        query_bind_number(&query, at);
        if (query_next(&query)) {
            const struct slice chain = query_bytes(&query, 1);
            lane.expected = (uint64_t)query_number(&query, 0) + 1;
            lane.acked = (uint64_t)query_number(&query, 4);
            for (size_t i = 0; chain.count == ID_BYTES && i < ID_BYTES; i++) {
                lane.before.bytes[i] = (uint8_t)chain.bytes[i];
            }
        }
        TRY(query_status(&query, err));
    }
    CLEANUP(query_done) struct query query = query_on(joiner->database, SQL_RECORD_RANGE);
    query_bind_number(&query, (int64_t)record_key(stream, at, 0));
    query_bind_number(&query, (int64_t)record_key(stream, at, SEQ_MAX));
    while (query_next(&query)) {
        struct record_row row;
        TRY(record_row_read(&query, &row, err));
        TRY(look_at_row(joiner, &lane, &row, err));
    }
    TRY(query_status(&query, err));
    return close_gap(joiner, &lane, err);
}

/* --- repairing --- */

static status copy_on(struct joiner *joiner, uint64_t key, struct error *err) {
    struct id from = {0};
    for (int i = 0; i < joiner->box.stream_count; i++) {
        if (joiner->box.streams[i].number == record_key_stream(key)) {
            from = joiner->box.streams[i].id;
        }
    }
    CLEANUP(query_done) struct query query = query_on(joiner->database, SQL_RECORD_GET);
    query_bind_number(&query, (int64_t)key);
    if (!query_next(&query)) {
        return query_status(&query, err);
    }
    struct record_row row;
    TRY(record_row_read(&query, &row, err));
    return outbox_copy_on(&joiner->box, from, &row, err);
}

static status delete_range(struct joiner *joiner, uint64_t from, uint64_t to, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(joiner->database, SQL_RECORD_DELETE);
    query_bind_number(&query, (int64_t)from);
    query_bind_number(&query, (int64_t)to);
    return query_run(&query, err);
}

static status put_gap(struct joiner *joiner, const struct repair *repair, struct error *err) {
    const uint64_t last = repair->key + (repair->gap.to_seq - repair->gap.from_seq);
    TRY(delete_range(joiner, repair->key, last, err));
    return outbox_gap_insert(&joiner->box, repair->key, &repair->gap, NULL, err);
}

/* Copies first: a gap takes the place of what is copied. */
static status apply(struct joiner *joiner, struct error *err) {
    for (size_t i = 0; i < joiner->count; i++) {
        if (joiner->repairs[i].kind == REPAIR_COPY) {
            TRY(copy_on(joiner, joiner->repairs[i].key, err));
        }
    }
    for (size_t i = 0; i < joiner->count; i++) {
        const struct repair *repair = &joiner->repairs[i];
        if (repair->kind == REPAIR_GAP) {
            TRY(put_gap(joiner, repair, err));
        } else if (repair->kind == REPAIR_DELETE) {
            TRY(delete_range(joiner, repair->key, repair->key, err));
        }
    }
    return STATUS_OK;
}

/* --- all of it
 * ------------------------------------------------------------------------------------ */

/* Rows that others name and that are gone get one that says so. */
static status complete(struct joiner *joiner, struct error *err) {
    TRY(database_run(joiner->database, SQL_SALVAGE_COMPLETE, err));
    TRY(boots_load(&joiner->boots, joiner->database, err));
    TRY(workflows_load(&joiner->workflows, joiner->database, err));
    joiner->box.database = joiner->database;
    joiner->box.boots = &joiner->boots;
    joiner->box.workflows = &joiner->workflows;
    joiner->box.boot = clock_boot_id();
    return STATUS_OK;
}

static status look_at_all(struct joiner *joiner, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(joiner->database, SQL_STREAM_LIST);
    while (query_next(&query)) {
        for (int lane = 0; lane < LANE_COUNT; lane++) {
            TRY(look_at_lane(joiner, (uint32_t)query_number(&query, 0), (enum lane)lane, err));
        }
    }
    return query_status(&query, err);
}

static status begin_stream(struct joiner *joiner, struct error *err) {
    struct stream stream;
    TRY(stream_begin(&stream, joiner->database, "salvage", err));
    TRY(database_run(joiner->database, SQL_SALVAGE_CLAMP, err));
    return outbox_load(&joiner->box, err);
}

static status count_records(struct joiner *joiner, struct error *err) {
    static const char COUNT[] = "SELECT count(*) FROM record WHERE last_seq IS NULL";
    int64_t count = 0;
    CLEANUP(query_done) struct query query = query_on(joiner->database, COUNT);
    TRY(query_one_number(&query, &count, err));
    joiner->sums.records = (uint64_t)count;
    return STATUS_OK;
}

static status join(struct joiner *joiner, struct error *err) {
    TRY(database_begin(joiner->database, err));
    TRY(complete(joiner, err));
    TRY(look_at_all(joiner, err));
    TRY(begin_stream(joiner, err));
    TRY(apply(joiner, err));
    TRY(count_records(joiner, err));
    TRY(database_reserve(joiner->database, err));
    return database_commit(joiner->database, err);
}

status salvage_join(struct database *database, struct salvage_sums *out_sums, struct error *err) {
    struct joiner *joiner = memory_new(1, sizeof(*joiner));
    if (joiner == NULL) {
        return fail(err, STATUS_NO_MEMORY, "join what was read: out of memory");
    }
    joiner->database = database;
    const status joined = join(joiner, err);
    if (joined == STATUS_OK) {
        *out_sums = joiner->sums;
    } else {
        database_rollback(database);
    }
    memory_free(joiner->repairs);
    outbox_done(&joiner->box);
    workflows_done(&joiner->workflows);
    memory_free(joiner);
    return joined;
}

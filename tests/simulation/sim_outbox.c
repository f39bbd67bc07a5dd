// SPDX-License-Identifier: Apache-2.0
#include "sim_outbox.h"

#include <stdlib.h>
#include <string.h>

#include "platform/hash.h"
#include "sim_disk.h"
#include "sim_world.h"
#include "wire/gap.h"

enum { PURGE_ROWS_MAX = 8 };

static void cut_lanes(struct sim_outbox *box);

/* --- streams and lanes ----------------------------------------------------------------------- */

void sim_outbox_init(struct sim_outbox *box, struct sim_world *world, int device) {
    *box = (struct sim_outbox){.world = world, .device = device};
}

void sim_outbox_done(struct sim_outbox *box) {
    for (int i = 0; i < box->stream_count; i++) {
        for (int lane = 0; lane < SYNC_LANES; lane++) {
            free(box->streams[i]->lanes[lane].rows);
        }
        free(box->streams[i]);
    }
    box->stream_count = 0;
}

struct sim_stream *sim_outbox_add_stream(struct sim_outbox *box) {
    struct sim_stream *stream = calloc(1, sizeof(*stream));
    if (stream == NULL || box->stream_count == SIM_STREAMS_MAX) {
        abort();
    }
    box->streams[box->stream_count++] = stream;
    return stream;
}

struct sim_stream *sim_outbox_new_stream(struct sim_outbox *box) {
    struct sim_stream *stream = sim_outbox_add_stream(box);
    stream->id = sim_id(&box->world->dice);
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        stream->lanes[lane].next_seq = 1;
    }
    return stream;
}

struct sim_stream *sim_outbox_stream(struct sim_outbox *box) {
    return box->streams[box->stream_count - 1];
}

struct sim_stream *sim_outbox_find(const struct sim_outbox *box, struct id id) {
    for (int i = 0; i < box->stream_count; i++) {
        if (id_equal(box->streams[i]->id, id)) {
            return box->streams[i];
        }
    }
    return NULL;
}

static void make_room(struct sim_lane *lane) {
    if (lane->count == lane->room) {
        lane->room = lane->room > 0 ? 2 * lane->room : 16;
        lane->rows = realloc(lane->rows, (size_t)lane->room * sizeof(*lane->rows));
        if (lane->rows == NULL) {
            abort();
        }
    }
}

void sim_outbox_copy(struct sim_outbox *to, const struct sim_outbox *from, int device) {
    sim_outbox_init(to, from->world, device);
    for (int i = 0; i < from->stream_count; i++) {
        struct sim_stream *stream = sim_outbox_add_stream(to);
        *stream = *from->streams[i];
        for (int number = 0; number < SYNC_LANES; number++) {
            struct sim_lane *lane = &stream->lanes[number];
            const struct sim_row *rows = lane->rows;
            lane->rows = NULL;
            lane->room = 0;
            const int count = lane->count;
            for (lane->count = 0; lane->count < count; lane->count++) {
                make_room(lane);
                lane->rows[lane->count] = rows[lane->count];
            }
        }
    }
    cut_lanes(to);
}

/* The index of the row that holds a seq; `count` when there is none. */
static int index_of(const struct sim_lane *lane, uint64_t seq) {
    int least = 0;
    int most = lane->count;
    while (least < most) {
        const int middle = least + (most - least) / 2;
        if (lane->rows[middle].last_seq < seq) {
            least = middle + 1;
        } else {
            most = middle;
        }
    }
    return least < lane->count && lane->rows[least].seq <= seq ? least : lane->count;
}

struct sim_row *sim_lane_row(const struct sim_lane *lane, uint64_t seq) {
    const int index = index_of(lane, seq);
    return index < lane->count ? &lane->rows[index] : NULL;
}

bool sim_lane_chain(const struct sim_lane *lane, uint64_t seq, struct id *out_chain) {
    if (seq <= lane->floor_seq) {
        *out_chain = lane->floor_chain;
        return seq == lane->floor_seq;
    }
    const struct sim_row *row = sim_lane_row(lane, seq);
    if (row == NULL || row->last_seq != seq) {
        return false;
    }
    *out_chain = row->chain;
    return true;
}

uint64_t sim_lane_border(const struct sim_lane *lane) {
    return lane->sent_seq > lane->acked_seq ? lane->sent_seq : lane->acked_seq;
}

struct sim_row *sim_lane_add(struct sim_lane *lane, const struct sim_row *row) {
    make_room(lane);
    struct sim_row *added = &lane->rows[lane->count++];
    *added = *row;
    lane->next_seq = row->last_seq + 1;
    lane->chain = row->chain;
    lane->bytes += (int64_t)row->bytes.count;
    return added;
}

static void delete_rows(struct sim_lane *lane, int from, int count) {
    for (int i = from; i < from + count; i++) {
        lane->bytes -= (int64_t)lane->rows[i].bytes.count;
    }
    (void)memmove(lane->rows + from, lane->rows + from + count,
                  (size_t)(lane->count - from - count) * sizeof(*lane->rows));
    lane->count -= count;
}

void sim_lane_cut(struct sim_lane *lane, uint64_t after) {
    while (lane->count > 0 && lane->rows[lane->count - 1].last_seq > after) {
        delete_rows(lane, lane->count - 1, 1);
    }
    lane->next_seq = after + 1;
    lane->durable_seq = after < lane->durable_seq ? after : lane->durable_seq;
    lane->chain = lane->count > 0 ? lane->rows[lane->count - 1].chain : lane->floor_chain;
    lane->acked_seq = after < lane->acked_seq ? after : lane->acked_seq;
    lane->anchored_seq = after < lane->anchored_seq ? after : lane->anchored_seq;
}

/* --- transactions ---------------------------------------------------------------------------- */

void sim_outbox_put(struct sim_outbox *box, enum lane number, const struct sim_draft *draft,
                    uint32_t key) {
    if (box->disk != NULL) {
        sim_disk_put(box->disk, number, draft, key);
        return;
    }
    struct sim_stream *stream = sim_outbox_stream(box);
    struct sim_lane *lane = &stream->lanes[number];
    struct sim_made *made = sim_made(box->world, draft->number);
    struct sim_row row = {.seq = lane->next_seq,
                          .last_seq = lane->next_seq,
                          .bytes = sim_record_make(&box->world->arena, draft),
                          .number = draft->number,
                          .key = key,
                          .wall_ms = draft->time.wall_ms};
    if (made != NULL) {
        made->stream = stream->id;
        made->seq = row.seq;
        made->digest = hash_64(row.bytes, SLICE(""));
    }
    if (box->world->bug == SIM_PAYLOAD_CHANGED && draft->number % 16 == 3) {
        char *last = arena_get(&box->world->arena, row.bytes.count, 1);
        (void)memcpy(last, row.bytes.bytes, row.bytes.count);
        row.bytes.bytes = last;
        last[row.bytes.count - 3] ^= 1;
    }
    row.chain = record_chain(lane->chain, row.bytes);
    (void)sim_lane_add(lane, &row);
}

/* Older unsent rows of the same key become gaps. */
static void supersede(struct sim_outbox *box, struct sim_lane *lane, uint32_t key, uint64_t seq) {
    for (int i = lane->count - 1; i >= 0 && lane->rows[i].last_seq > sim_lane_border(lane); i--) {
        const struct sim_row *row = &lane->rows[i];
        if (row->key == key && row->last_seq < seq) {
            const struct seq_range range = {.from = row->seq, .to = row->last_seq};
            sim_outbox_gap(box, lane, range, GAP_SUPERSEDED);
            box->world->met[SIM_MET_SUPERSEDED]++;
            return;
        }
    }
}

/* The oldest row that is not committed, or NULL. */
static struct sim_row *first_open(const struct sim_lane *lane) {
    int i = lane->count;
    while (i > 0 && !lane->rows[i - 1].is_committed) {
        i--;
    }
    return i < lane->count ? &lane->rows[i] : NULL;
}

static void commit_lane(struct sim_outbox *box, struct sim_stream *stream, enum lane number) {
    struct sim_lane *lane = &stream->lanes[number];
    lane->acked_durable = lane->acked_seq;
    lane->durable_seq = lane->next_seq - 1;
    for (struct sim_row *open = first_open(lane); open != NULL; open = first_open(lane)) {
        const struct sim_row row = *open;
        open->is_committed = true;
        sim_judge_committed(box->world, box->device, stream->id, number, &row);
        if (row.key != 0) {
            supersede(box, lane, row.key, row.seq);
        }
    }
}

void sim_outbox_judge(struct sim_outbox *box, bool is_copy) {
    for (int i = 0; i < box->stream_count; i++) {
        for (int number = 0; number < SYNC_LANES; number++) {
            struct sim_lane *lane = &box->streams[i]->lanes[number];
            for (int row = 0; row < lane->count; row++) {
                if (is_copy) {
                    sim_judge_known(box->world, box->streams[i]->id, (enum lane)number,
                                    &lane->rows[row]);
                } else if (!lane->rows[row].is_committed) {
                    sim_judge_committed(box->world, box->device, box->streams[i]->id,
                                        (enum lane)number, &lane->rows[row]);
                }
                lane->rows[row].is_committed = true;
            }
        }
    }
}

void sim_outbox_commit(struct sim_outbox *box) {
    if (box->disk != NULL) {
        sim_disk_commit(box->disk);
        return;
    }
    for (int i = 0; i < box->stream_count; i++) {
        for (int lane = 0; lane < SYNC_LANES; lane++) {
            commit_lane(box, box->streams[i], (enum lane)lane);
        }
    }
}

static void cut_lane(const struct sim_outbox *box, struct sim_lane *lane) {
    sim_lane_cut(lane, lane->durable_seq);
    lane->acked_seq = lane->acked_durable;
    lane->sent_seq = 0;
    if (box->world->bug == SIM_SEQ_AGAIN && lane->count > 1) {
        lane->next_seq--;
    } else if (box->world->bug == SIM_SEQ_SKIPPED && lane->count > 1) {
        lane->next_seq++;
    }
}

static void cut_lanes(struct sim_outbox *box) {
    for (int i = 0; i < box->stream_count; i++) {
        for (int lane = 0; lane < SYNC_LANES; lane++) {
            cut_lane(box, &box->streams[i]->lanes[lane]);
        }
    }
}

void sim_outbox_power_cut(struct sim_outbox *box) {
    if (box->disk != NULL) {
        sim_disk_power_cut(box->disk);
        return;
    }
    cut_lanes(box);
    const struct sim_stream *stream = sim_outbox_stream(box);
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        sim_judge_next(box->world, box->device, stream->id, (enum lane)lane,
                       stream->lanes[lane].next_seq);
    }
}

/* --- gaps ------------------------------------------------------------------------------------ */

void sim_outbox_write_gap(struct sim_outbox *box, struct sim_row *row) {
    struct error err;
    CLEANUP(buffer_done) struct buffer body;
    CLEANUP(buffer_done) struct buffer out;
    buffer_init(&body, GAP_BODY_BYTES_MAX);
    buffer_init(&out, RECORD_BYTES_MAX);
    gap_write(&body, &row->gap);
    const struct record record = {.kind = RECORD_GAP,
                                  .version = RECORD_VERSION,
                                  .time = {.wall_ms = row->wall_ms},
                                  .body = buffer_slice(&body)};
    if (record_write(&out, &record, &err) != STATUS_OK) {
        abort();
    }
    row->bytes = arena_copy(&box->world->arena, buffer_slice(&out));
}

/* What a row says as a part of a gap. */
static struct gap as_gap(const struct sim_row *row) {
    if (row->number == 0) {
        return row->gap;
    }
    return (struct gap){.from_seq = row->seq,
                        .to_seq = row->seq,
                        .count = 1,
                        .bytes = row->bytes.count,
                        .from_wall_ms = row->wall_ms,
                        .to_wall_ms = row->wall_ms,
                        .chain_end = row->chain};
}

static struct sim_gone *add_gone(struct sim_outbox *box, const struct sim_row *row,
                                 struct sim_gone *gone) {
    if (row->number != 0) {
        struct sim_gone *one = arena_get(&box->world->arena, 1, sizeof(*one));
        *one = (struct sim_gone){.number = row->number, .next = gone};
        return one;
    }
    for (const struct sim_gone *old = row->gone; old != NULL; old = old->next) {
        struct sim_gone *one = arena_get(&box->world->arena, 1, sizeof(*one));
        *one = (struct sim_gone){.number = old->number, .next = gone};
        gone = one;
    }
    return gone;
}

/* A gap and what joins it lie on the same side of the border. */
static bool may_join(const struct sim_lane *lane, const struct sim_row *row, struct seq_range range,
                     enum gap_reason reason) {
    const uint64_t border = sim_lane_border(lane);
    return row->number == 0 && row->gap.reason == reason && row->is_committed &&
           (row->seq > border) == (range.from > border);
}

void sim_outbox_gap(struct sim_outbox *box, struct sim_lane *lane, struct seq_range range,
                    enum gap_reason reason) {
    int from = index_of(lane, range.from);
    int to = index_of(lane, range.to);
    if (from > 0 && may_join(lane, &lane->rows[from - 1], range, reason)) {
        from--;
    }
    if (to + 1 < lane->count && may_join(lane, &lane->rows[to + 1], range, reason)) {
        to++;
    }
    struct sim_row row = {.seq = lane->rows[from].seq,
                          .last_seq = lane->rows[to].last_seq,
                          .chain = lane->rows[to].chain,
                          .first_id = lane->rows[from].first_id,
                          .wall_ms = lane->rows[from].wall_ms,
                          .is_committed = true};
    row.gap = as_gap(&lane->rows[from]);
    row.gone = add_gone(box, &lane->rows[from], NULL);
    for (int i = from + 1; i <= to; i++) {
        const struct gap part = as_gap(&lane->rows[i]);
        gap_join(&row.gap, &part);
        row.gone = add_gone(box, &lane->rows[i], row.gone);
    }
    row.gap.reason = reason;
    (void)sim_lane_chain(lane, row.seq - 1, &row.gap.chain_before);
    sim_outbox_write_gap(box, &row);
    for (int i = from; i <= to; i++) {
        lane->bytes -= (int64_t)lane->rows[i].bytes.count;
    }
    lane->bytes += (int64_t)row.bytes.count;
    lane->rows[from] = row;
    (void)memmove(lane->rows + from + 1, lane->rows + to + 1,
                  (size_t)(lane->count - to - 1) * sizeof(*lane->rows));
    lane->count -= to - from;
    sim_judge_dropped(box->world, row.gone);
}

bool sim_outbox_drop(struct sim_outbox *box, enum gap_reason reason, uint64_t pick) {
    if (box->disk != NULL) {
        return false; /* its records expire by themselves */
    }
    struct sim_lane *lane = &sim_outbox_stream(box)->lanes[pick % SYNC_LANES];
    const uint64_t border = sim_lane_border(lane);
    const uint64_t waiting = lane->durable_seq > border ? lane->durable_seq - border : 0;
    if (waiting == 0) {
        return false;
    }
    const struct sim_row *row = sim_lane_row(lane, border + 1 + pick / SYNC_LANES % waiting);
    if (row == NULL || row->number == 0 || row->seq <= border) {
        return false;
    }
    struct seq_range range = {.from = row->seq, .to = row->last_seq};
    const struct sim_row *last = row + pick / 4096 % 6;
    while (last > row && (last >= lane->rows + lane->count || !last->is_committed)) {
        last--;
    }
    range.to = last->last_seq;
    sim_outbox_gap(box, lane, range, reason);
    return true;
}

/* --- what goes ------------------------------------------------------------------------------- */

/* Raises the floor over the first `count` rows. */
static void drop_bottom(struct sim_outbox *box, enum lane number, struct sim_lane *lane,
                        int count) {
    for (int i = 0; i < count; i++) {
        sim_judge_purged(box->world, box->device, number, &lane->rows[i], lane->acked_seq);
    }
    if (count > 0) {
        lane->floor_seq = lane->rows[count - 1].last_seq;
        lane->floor_chain = lane->rows[count - 1].chain;
        lane->acked_durable = lane->acked_seq;
        delete_rows(lane, 0, count);
    }
}

static bool may_go(const struct sim_outbox *box, const struct sim_lane *lane, int index) {
    return index < lane->count && lane->rows[index].is_committed &&
           (lane->rows[index].last_seq <= lane->acked_seq || box->world->bug == SIM_PURGED_UNSENT);
}

void sim_outbox_purge(struct sim_outbox *box, uint64_t pick) {
    if (box->disk != NULL) {
        sim_disk_purge(box->disk);
        return;
    }
    struct sim_stream *stream = box->streams[pick % (uint64_t)box->stream_count];
    const enum lane number = (enum lane)(pick / 64 % SYNC_LANES);
    struct sim_lane *lane = &stream->lanes[number];
    int count = 0;
    while (count < PURGE_ROWS_MAX && may_go(box, lane, count)) {
        count++;
    }
    if (count > 2 && pick / 1024 % 4 == 0 && lane->rows[count / 2].number != 0 &&
        box->world->bug != SIM_PURGED_UNSENT) {
        const struct sim_row *row = &lane->rows[count / 2];
        const struct seq_range range = {.from = row->seq, .to = row->last_seq};
        sim_outbox_gap(box, lane, range, GAP_PURGED);
        return;
    }
    drop_bottom(box, number, lane, count);
}

/* The oldest that nobody has seen; false: none may go. */
static bool evict_one(struct sim_outbox *box, enum lane number, struct sim_lane *lane) {
    const uint64_t border = sim_lane_border(lane);
    if (number <= LANE_URGENT && box->world->bug != SIM_URGENT_EVICTED) {
        return false;
    }
    for (int i = 0; i < lane->count && lane->rows[i].is_committed; i++) {
        const struct sim_row *row = &lane->rows[i];
        if (row->number != 0 && row->seq > border) {
            const struct seq_range range = {.from = row->seq, .to = row->last_seq};
            sim_outbox_gap(box, lane, range, GAP_EVICTED);
            sim_judge_evicted(box->world, box->device, number);
            box->world->met[SIM_MET_EVICTED]++;
            return true;
        }
    }
    return false;
}

bool sim_outbox_make_room(struct sim_outbox *box, enum lane number, int64_t bytes) {
    const int64_t budget = box->world->shape.lane_bytes;
    if (box->disk != NULL) {
        return true; /* it makes room itself, or refuses */
    }
    struct sim_lane *lane = &sim_outbox_stream(box)->lanes[number];
    while (lane->bytes + bytes > budget) {
        if (may_go(box, lane, 0)) {
            drop_bottom(box, number, lane, 1);
        } else if (!evict_one(box, number, lane)) {
            return false;
        }
    }
    return true;
}

void sim_outbox_damage(struct sim_outbox *box, uint64_t pick) {
    if (box->disk != NULL) {
        sim_disk_damage(box->disk, pick);
        return;
    }
    struct sim_stream *stream = sim_outbox_stream(box);
    struct sim_lane *lane = &stream->lanes[pick % SYNC_LANES];
    if (lane->count == 0) {
        return;
    }
    struct sim_row *row = &lane->rows[pick / SYNC_LANES % (uint64_t)lane->count];
    if (row->number == 0 || !row->is_committed || row->damaged) {
        return;
    }
    char *bytes = arena_get(&box->world->arena, row->bytes.count, 1);
    (void)memcpy(bytes, row->bytes.bytes, row->bytes.count);
    const size_t place = pick / 4096 % (RECORD_HEAD_BYTES + 1); /* in its head, or at its end */
    bytes[place < RECORD_HEAD_BYTES ? place : row->bytes.count - 3] ^= (char)(1 << pick % 7);
    row->bytes.bytes = bytes;
    row->damaged = true;
}

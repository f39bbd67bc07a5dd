// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "sim_disk.h"
#include "sim_outbox.h"
#include "sim_world.h"
#include "wire/gap.h"

/* --- peek ------------------------------------------------------------------------------------ */

static void peek_lane(const struct sim_lane *lane, struct hello_lane *out_lane,
                      int64_t *out_bytes) {
    struct id chain = {0};
    *out_lane = (struct hello_lane){.lowest_kept = lane->count > 0 ? lane->floor_seq + 1 : 0,
                                    .highest_durable = lane->durable_seq,
                                    .acked_seq = lane->acked_seq,
                                    .anchored_seq = lane->anchored_seq};
    if (sim_lane_chain(lane, lane->acked_seq, &chain)) {
        out_lane->acked_chain = chain;
    }
    *out_bytes = 0;
    for (int i = lane->count - 1; i >= 0 && lane->rows[i].last_seq > lane->acked_seq; i--) {
        *out_bytes += (int64_t)lane->rows[i].bytes.count;
    }
}

static bool has_rows(const struct sim_stream *stream) {
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        if (stream->lanes[lane].count > 0) {
            return true;
        }
    }
    return false;
}

static void peek_stream(const struct sim_stream *stream, struct sender_stream *out_stream) {
    out_stream->hello.id = stream->id;
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        peek_lane(&stream->lanes[lane], &out_stream->hello.lanes[lane], &out_stream->bytes[lane]);
    }
}

int sim_outbox_peek(struct sim_outbox *box, const struct sender_action *action,
                    struct sender_stream *out_streams) {
    int count = 0;
    if (box->disk != NULL) {
        return sim_disk_peek(box->disk, action, out_streams);
    }
    for (int i = 0; i < box->stream_count && count < SENDER_STREAMS_MAX; i++) {
        const struct sim_stream *stream = box->streams[i];
        const bool current = i == box->stream_count - 1;
        if (!current && !has_rows(stream)) {
            continue;
        }
        struct sender_stream *out = &out_streams[count++];
        *out = (struct sender_stream){.hello.current = current};
        peek_stream(stream, out);
        for (int p = 0; p < action->position_count && id_equal(stream->id, action->stream); p++) {
            struct position *known = &out->hello.positions[out->hello.position_count++];
            *known = action->positions[p];
            if (!sim_lane_chain(&stream->lanes[known->lane], known->seq, &known->chain)) {
                known->chain = (struct id){0};
            }
        }
    }
    return count;
}

/* --- read ------------------------------------------------------------------------------------ */

/* What is gone from the bottom: a gap from where it was asked for up to the floor. */
static void read_purged(struct sim_outbox *box, const struct sim_lane *lane,
                        const struct sender_action *action, struct sim_batch *out_batch) {
    struct error err;
    const uint64_t to = lane->floor_seq;
    const struct gap gap = {.reason = GAP_PURGED,
                            .from_seq = action->first,
                            .to_seq = to,
                            .count = to - action->first + 1,
                            .chain_end = lane->floor_chain};
    CLEANUP(buffer_done) struct buffer body;
    CLEANUP(buffer_done) struct buffer out;
    buffer_init(&body, GAP_BODY_BYTES_MAX);
    buffer_init(&out, RECORD_BYTES_MAX);
    gap_write(&body, &gap);
    const struct record record = {
        .kind = RECORD_GAP, .version = RECORD_VERSION, .body = buffer_slice(&body)};
    if (record_write(&out, &record, &err) != STATUS_OK) {
        abort();
    }
    out_batch->items[0] =
        (struct frame_item){.seq = action->first,
                            .last_seq = to,
                            .record = arena_copy(&box->world->arena, buffer_slice(&out)),
                            .chain = gap.chain_end,
                            .is_gap = true};
    out_batch->batch.count = 1;
    box->world->met[SIM_MET_PURGED]++;
}

/* Whether the row still is what was chained. */
static bool is_whole(const struct sim_row *row, struct id before) {
    return row->number == 0 || id_equal(record_chain(before, row->bytes), row->chain);
}

/* From `first` on, where a row begins. */
static status read_rows(struct sim_outbox *box, struct sim_lane *lane, uint64_t first,
                        const struct sender_action *action, struct sim_batch *out_batch) {
    const enum sim_bug bug = box->world->bug;
    const uint64_t last = bug == SIM_UNCOMMITTED_READ ? lane->next_seq - 1 : lane->durable_seq;
    const size_t bytes_max =
        bug == SIM_READ_UNBOUNDED ? action->bytes_max + FRAME_BYTES_MAX : action->bytes_max;
    struct id before = out_batch->batch.chain_in;
    size_t bytes = 0;
    for (uint64_t seq = first; seq <= action->last && seq <= last;) {
        struct sim_row *row = sim_lane_row(lane, seq);
        if (row == NULL || row->seq != seq || out_batch->batch.count == SIM_BATCH_MAX) {
            break;
        }
        if (!is_whole(row, before) && bug != SIM_CHAIN_UNCHECKED) {
            return out_batch->batch.count > 0 ? STATUS_OK : STATUS_CORRUPT;
        }
        bytes += row->bytes.count;
        if (bytes > bytes_max && out_batch->batch.count > 0) {
            break;
        }
        out_batch->items[out_batch->batch.count++] =
            (struct frame_item){.seq = row->seq,
                                .last_seq = row->last_seq,
                                .record = row->bytes,
                                .first_id = row->first_id,
                                .chain = row->chain,
                                .is_gap = row->number == 0};
        before = row->chain;
        seq = row->last_seq + 1;
    }
    return out_batch->batch.count > 0 ? STATUS_OK : STATUS_NOT_FOUND;
}

status sim_outbox_read(struct sim_outbox *box, const struct sender_action *action,
                       struct sim_batch *out_batch) {
    struct sim_stream *stream = sim_outbox_find(box, action->stream);
    out_batch->batch = (struct sender_batch){.items = out_batch->items};
    if (box->disk != NULL) {
        return sim_disk_read(box->disk, action, out_batch);
    }
    if (stream == NULL || (int)action->lane >= SYNC_LANES || action->first == 0) {
        return STATUS_NOT_FOUND;
    }
    struct sim_lane *lane = &stream->lanes[action->lane];
    if (box->world->bug == SIM_ROLLBACK_UNHEARD && action->first <= lane->acked_seq) {
        return STATUS_NOT_FOUND;
    }
    const struct sim_row *row = sim_lane_row(lane, action->first);
    const uint64_t first = row != NULL ? row->seq : action->first;
    if (!sim_lane_chain(lane, first - 1, &out_batch->batch.chain_in)) {
        out_batch->batch.chain_in = (struct id){0};
    }
    if (action->first <= lane->floor_seq) {
        read_purged(box, lane, action, out_batch);
        return STATUS_OK;
    }
    const status code = read_rows(box, lane, first, action, out_batch);
    if (code == STATUS_OK) {
        const uint64_t last = out_batch->items[out_batch->batch.count - 1].last_seq;
        lane->sent_seq = last > lane->sent_seq ? last : lane->sent_seq;
        sim_judge_read(box->world, box->device, lane, action, &out_batch->batch);
    }
    return code;
}

/* --- acknowledge, mend, renumber ------------------------------------------------------------- */

status sim_outbox_acknowledge(struct sim_outbox *box, const struct sender_action *action) {
    struct sim_stream *stream = sim_outbox_find(box, action->stream);
    struct id chain;
    if (box->disk != NULL) {
        return sim_disk_acknowledge(box->disk, action);
    }
    if (stream == NULL || (int)action->lane >= SYNC_LANES) {
        return STATUS_NOT_FOUND;
    }
    struct sim_lane *lane = &stream->lanes[action->lane];
    if (box->world->bug == SIM_MARK_NEEDS_ROOM && lane->bytes > box->world->shape.lane_bytes / 2) {
        return STATUS_FULL;
    }
    if (sim_lane_chain(lane, action->last, &chain) && !id_equal(chain, action->chain)) {
        sim_breach(box->world, "I5",
                   "device %d is told that the hub holds lane %d up to %llu, with "
                   "a chain value that it does not have",
                   box->device, (int)action->lane, (unsigned long long)action->last);
        return STATUS_CONFLICT;
    }
    if (action->last >= lane->next_seq) {
        sim_breach(box->world, "I5",
                   "device %d is told that the hub holds lane %d up to %llu, "
                   "which it has not written",
                   box->device, (int)action->lane, (unsigned long long)action->last);
        return STATUS_INVALID;
    }
    lane->acked_seq = action->last > lane->acked_seq ? action->last : lane->acked_seq;
    lane->anchored_seq =
        action->anchored > lane->anchored_seq ? action->anchored : lane->anchored_seq;
    return STATUS_OK;
}

status sim_outbox_mend(struct sim_outbox *box, const struct sender_action *action) {
    struct sim_stream *stream = sim_outbox_find(box, action->stream);
    struct sim_lane *lane = stream != NULL ? &stream->lanes[action->lane] : NULL;
    const struct sim_row *row = lane != NULL ? sim_lane_row(lane, action->first) : NULL;
    if (box->disk != NULL) {
        return sim_disk_mend(box->disk, action);
    }
    if (box->world->bug == SIM_DAMAGE_BLOCKS) {
        return STATUS_BUSY;
    }
    if (row == NULL || row->seq != action->first || row->number == 0) {
        return STATUS_NOT_FOUND;
    }
    const struct seq_range range = {.from = row->seq, .to = row->last_seq};
    sim_outbox_gap(box, lane, range, action->reason);
    return STATUS_OK;
}

/* A row as it goes on at the end of a lane of the new stream. */
static struct sim_row moved_row(struct sim_outbox *box, struct id from, enum lane number,
                                const struct sim_lane *to, const struct sim_row *row) {
    struct sim_row moved = *row;
    moved.is_committed = false;
    moved.seq = to->next_seq;
    moved.last_seq = moved.seq + (row->last_seq - row->seq);
    if (id_is_zero(row->first_id)) {
        moved.first_id = record_public_id(from, number, row->seq);
    }
    if (row->number != 0) {
        moved.chain = record_chain(to->chain, row->bytes);
        moved.damaged = false;
        return moved;
    }
    moved.gap.from_seq = moved.seq;
    moved.gap.to_seq = moved.last_seq;
    moved.gap.chain_before = to->chain;
    moved.chain = record_chain(to->chain, id_slice(&row->chain));
    moved.gap.chain_end = moved.chain;
    sim_outbox_write_gap(box, &moved);
    return moved;
}

/* A damaged record must not get a chain value that says it is whole. */
static void mend_lane(struct sim_outbox *box, struct sim_lane *lane, uint64_t after) {
    for (int i = 0; i < lane->count; i++) {
        const struct sim_row *row = &lane->rows[i];
        const struct seq_range range = {.from = row->seq, .to = row->last_seq};
        if (row->damaged && row->seq > after && box->world->bug != SIM_CHAIN_UNCHECKED) {
            sim_outbox_gap(box, lane, range, GAP_DAMAGED);
            i = -1;
        }
    }
}

static int compare_walls(const void *a, const void *b) {
    const struct sim_row *left = a;
    const struct sim_row *right = b;
    return left->wall_ms < right->wall_ms ? -1 : left->wall_ms > right->wall_ms;
}

/* Where a lane is cut a row must end; a gap may have grown over that place since it was looked for,
 * then it is looked for again. */
static bool may_cut(const struct sim_stream *stream, const uint64_t after[SYNC_LANES]) {
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        const struct sim_lane *in = &stream->lanes[lane];
        struct id chain;
        if (after[lane] > in->floor_seq && after[lane] + 1 < in->next_seq &&
            !sim_lane_chain(in, after[lane], &chain)) {
            return false;
        }
    }
    return true;
}

static void move_lane(struct sim_outbox *box, struct sim_stream *from, enum lane number,
                      uint64_t after) {
    struct sim_lane *lane = &from->lanes[number];
    struct sim_lane *to = &sim_outbox_stream(box)->lanes[number];
    after = after < lane->floor_seq ? lane->floor_seq : after;
    if (after >= lane->next_seq - 1) {
        return;
    }
    mend_lane(box, lane, after);
    int first = 0;
    while (lane->rows[first].last_seq <= after) {
        first++;
    }
    if (box->world->bug == SIM_WALL_ORDERS) {
        qsort(lane->rows + first, (size_t)(lane->count - first), sizeof(*lane->rows),
              compare_walls);
    }
    const int last = lane->count - (box->world->bug == SIM_RENUMBER_LOSES ? 1 : 0);
    for (int i = first; i < last; i++) {
        const struct sim_row row = moved_row(box, from->id, number, to, &lane->rows[i]);
        (void)sim_lane_add(to, &row);
    }
    sim_lane_cut(lane, after);
}

status sim_outbox_renumber(struct sim_outbox *box, const struct sender_action *action) {
    struct sim_stream *from = sim_outbox_find(box, action->stream);
    if (box->disk != NULL) {
        return sim_disk_renumber(box->disk, action);
    }
    if (from == NULL || !may_cut(from, action->after)) {
        return STATUS_NOT_FOUND;
    }
    if (from == sim_outbox_stream(box)) {
        (void)sim_outbox_new_stream(box);
    }
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        move_lane(box, from, (enum lane)lane, action->after[lane]);
    }
    sim_outbox_commit(box);
    return STATUS_OK;
}

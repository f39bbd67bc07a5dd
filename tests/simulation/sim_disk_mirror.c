// SPDX-License-Identifier: Apache-2.0
#include "sim_disk_mirror.h"

#include <stdlib.h>

#include "platform/hash.h"
#include "sim_world.h"
#include "wire/gap.h"

void sim_disk_mirror_init(struct sim_disk_mirror *mirror, struct sim_device *device) {
    *mirror = (struct sim_disk_mirror){.device = device};
    buffer_init(&mirror->batch.room, OUTBOX_BATCH_BYTES_MAX);
}

void sim_disk_mirror_done(struct sim_disk_mirror *mirror) {
    buffer_done(&mirror->batch.room);
}

/* --- reading --------------------------------------------------------------------------------- */

/* A row as it was mirrored before, when it is the same. */
static const struct sim_row *known_row(const struct sim_lane *before,
                                       const struct outbox_item *item) {
    const struct sim_row *row = before != NULL ? sim_lane_row(before, item->seq) : NULL;
    return row != NULL && row->seq == item->seq && row->last_seq == item->last_seq &&
                   id_equal(row->chain, item->chain) && (row->number == 0) == item->is_gap
               ? row
               : NULL;
}

static struct sim_row new_row(struct sim_disk_mirror *mirror, const struct sim_lane *before,
                              const struct outbox_item *item) {
    struct sim_world *world = mirror->device->world;
    struct sim_row row = {.seq = item->seq,
                          .last_seq = item->last_seq,
                          .chain = item->chain,
                          .first_id = item->first_id};
    row.bytes = arena_copy(&world->arena,
                           slice_part(buffer_slice(&mirror->batch.room), item->from, item->to));
    row.number = item->is_gap ? 0 : sim_record_number(row.bytes);
    row.is_committed = before != NULL && item->last_seq <= before->durable_seq;
    struct sim_made *made = sim_made(world, row.number);
    if (made != NULL && made->digest == 0) {
        made->digest = hash_64(row.bytes, SLICE(""));
    }
    return row;
}

static void add_batch(struct sim_disk_mirror *mirror, const struct sim_lane *before,
                      struct sim_lane *lane) {
    for (int i = 0; i < mirror->batch.count; i++) {
        const struct outbox_item *item = &mirror->batch.items[i];
        const struct sim_row *known = known_row(before, item);
        const struct sim_row row = known != NULL ? *known : new_row(mirror, before, item);
        (void)sim_lane_add(lane, &row);
    }
}

/* A record that is not what was chained cannot be read; as it was before, it stands for itself. */
static void add_damaged(const struct sim_lane *before, struct sim_lane *lane, uint64_t seq) {
    const struct sim_row *row = before != NULL ? sim_lane_row(before, seq) : NULL;
    struct sim_row damaged = {.seq = seq, .last_seq = seq};
    if (row != NULL && row->seq == seq && row->number != 0) {
        damaged = *row;
    }
    damaged.damaged = true;
    damaged.is_committed = true;
    (void)sim_lane_add(lane, &damaged);
}

static void read_lane(struct sim_disk_mirror *mirror, struct database *database, struct id stream,
                      enum lane number, const struct sim_lane *before, struct sim_lane *lane) {
    struct error err;
    uint64_t seq = lane->floor_seq + 1;
    while (seq <= lane->durable_seq) {
        const struct seq_range range = {.from = seq, .to = lane->durable_seq};
        const status code =
            outbox_reader_read(database, stream, number, range, &mirror->batch, &err);
        if (code == STATUS_CORRUPT) {
            add_damaged(before, lane, seq);
        } else if (code == STATUS_OK && mirror->batch.count > 0) {
            add_batch(mirror, before, lane);
        } else {
            sim_breach(mirror->device->world, "store",
                       "device %d, lane %d: %llu cannot be read: %s", mirror->device->number,
                       (int)number, (unsigned long long)seq,
                       code == STATUS_OK ? "nothing is there" : err.text);
            return;
        }
        seq = lane->next_seq;
    }
}

static void read_stream(struct sim_disk_mirror *mirror, struct database *database,
                        const struct outbox_stream_facts *facts, const struct sim_outbox *before,
                        struct sim_stream *stream) {
    const struct sim_stream *old = sim_outbox_find(before, facts->id);
    stream->id = facts->id;
    for (int number = 0; number < SYNC_LANES; number++) {
        struct sim_lane *lane = &stream->lanes[number];
        const struct lane_facts *known = &facts->lanes[number];
        const struct sim_lane *old_lane = old != NULL ? &old->lanes[number] : NULL;
        lane->floor_seq = known->lowest_kept > 0 ? known->lowest_kept - 1 : known->highest_durable;
        lane->next_seq = lane->floor_seq + 1;
        lane->durable_seq = known->highest_durable;
        lane->acked_seq = lane->acked_durable = known->acked_seq;
        lane->anchored_seq = known->anchored_seq;
        lane->sent_seq = old_lane != NULL ? old_lane->sent_seq : 0;
        read_lane(mirror, database, facts->id, (enum lane)number, old_lane, lane);
    }
}

/* --- what became of it ----------------------------------------------------------------------- */

static bool has_number(const struct sim_outbox *box, enum lane lane, uint64_t number) {
    for (int i = 0; i < box->stream_count; i++) {
        const struct sim_lane *in = &box->streams[i]->lanes[lane];
        for (int row = 0; row < in->count; row++) {
            if (in->rows[row].number == number) {
                return true;
            }
        }
    }
    return false;
}

static void compare_row(struct sim_disk_mirror *mirror, const struct sim_outbox *box,
                        struct id stream, enum lane number, const struct sim_row *old,
                        uint64_t acked_seq) {
    struct sim_world *world = mirror->device->world;
    const struct sim_stream *now = sim_outbox_find(box, stream);
    const struct sim_lane *lane = now != NULL ? &now->lanes[number] : NULL;
    const struct sim_row *row = lane != NULL ? sim_lane_row(lane, old->seq) : NULL;
    struct sim_made *made = sim_made(world, old->number);
    if (made == NULL || (row != NULL && row->number == old->number) ||
        has_number(box, number, old->number)) {
        return;
    }
    if ((row != NULL && row->number == 0) || old->damaged) {
        made->dropped = true;
    } else if (lane == NULL || old->seq <= lane->floor_seq) {
        sim_judge_purged(world, mirror->device->number, number, old,
                         lane != NULL && lane->acked_seq > acked_seq ? lane->acked_seq : acked_seq);
    } else {
        sim_breach(world, "I1", "device %d lost record %llu of lane %d", mirror->device->number,
                   (unsigned long long)old->seq, (int)number);
    }
}

static void compare(struct sim_disk_mirror *mirror, const struct sim_outbox *before,
                    const struct sim_outbox *box) {
    for (int i = 0; i < before->stream_count; i++) {
        for (int number = 0; number < SYNC_LANES; number++) {
            const struct sim_lane *lane = &before->streams[i]->lanes[number];
            for (int row = 0; row < lane->count; row++) {
                compare_row(mirror, box, before->streams[i]->id, (enum lane)number,
                            &lane->rows[row], lane->acked_seq);
            }
        }
    }
}

/* Of a record that was put and replaced in one commit nothing was ever seen. */
static void note_replaced(struct sim_world *world, const struct sim_outbox *box) {
    for (uint64_t number = 1; number <= world->judge.made_count; number++) {
        struct sim_made *made = sim_made(world, number);
        const struct sim_stream *stream = sim_outbox_find(box, made->stream);
        const struct sim_row *row =
            stream != NULL && made->device == box->device && made->seq > 0 && made->digest == 0
                ? sim_lane_row(&stream->lanes[made->lane], made->seq)
                : NULL;
        made->dropped = made->dropped || (row != NULL && row->number == 0);
    }
}

void sim_disk_mirror_read(struct sim_disk_mirror *mirror, struct database *database,
                          enum sim_look how) {
    struct error err;
    struct sim_outbox *box = &mirror->device->box;
    struct sim_outbox before = *box;
    sim_outbox_init(box, before.world, before.device);
    box->disk = before.disk;
    mirror->facts.position_count = 0;
    if (outbox_reader_peek(database, &mirror->facts, &err) != STATUS_OK) {
        sim_breach(before.world, "store", "peek: %s", err.text);
    }
    for (int i = 0; i < mirror->facts.stream_count; i++) {
        read_stream(mirror, database, &mirror->facts.streams[i], &before,
                    sim_outbox_add_stream(box));
    }
    if (how == SIM_LOOK_PUT_BACK) {
        sim_judge_put_back(before.world, &before, box);
    }
    sim_outbox_judge(box, how == SIM_LOOK_PUT_BACK);
    if (how == SIM_LOOK_COMPARE) {
        note_replaced(before.world, box);
        compare(mirror, &before, box);
    }
    sim_outbox_done(&before);
}

// SPDX-License-Identifier: Apache-2.0
#include "sim_judge.h"
#include "sim_world.h"
#include "wire/gap.h"

/* --- every device ---------------------------------------------------------------------------- */

/* The first seq that the hub does not hold; 0: it has all. */
static uint64_t first_missing(const struct sim_shelf_stream *stream, int number,
                              const struct sim_lane *lane) {
    const uint64_t missing =
        stream == NULL ? 1 : ranges_first_missing(&stream->lanes[number].committed.held, 1);
    return missing <= lane->durable_seq ? missing : 0;
}

static bool is_bad(struct sim_world *world, const struct sim_row *row) {
    const struct sim_made *made = sim_made(world, row->number);
    return row->damaged || (made != NULL && made->kind == SIM_POISON);
}

/* A record behind the hub's top that may be what stops the lane. */
static bool has_bad(struct sim_world *world, const struct sim_lane *lane, uint64_t missing) {
    for (int i = 0; i < lane->count; i++) {
        if (lane->rows[i].last_seq >= missing && is_bad(world, &lane->rows[i])) {
            return true;
        }
    }
    return false;
}

static void judge_missing(struct sim_world *world, int device, struct id stream, int number,
                          const struct sim_lane *lane, uint64_t missing) {
    const struct sim_row *row = sim_lane_row(lane, missing);
    const char *invariant = "I9";
    const bool lost = missing <= lane->acked_seq;
    /* The bad one itself also where the hub has lost it: it is what stops the lane. */
    if ((row != NULL && is_bad(world, row)) || (!lost && has_bad(world, lane, missing))) {
        invariant = "I10";
    } else if (lost) {
        invariant = "I7";
    }
    sim_breach(
        world, invariant,
        "device %d, stream %d, lane %d: the hub lacks %llu; written are %llu, acknowledged %llu, "
        "kept from %llu",
        device, stream.bytes[0], number, (unsigned long long)missing,
        (unsigned long long)lane->durable_seq, (unsigned long long)lane->acked_seq,
        (unsigned long long)lane->floor_seq + 1);
}

/* Of lanes that may be stopped by a bad record, or of the others. */
static void judge_lanes(struct sim_world *world, const struct sim_device *device, bool bad) {
    const struct sim_outbox *box = &device->box;
    for (int i = 0; i < box->stream_count; i++) {
        const struct id id = box->streams[i]->id;
        const struct sim_shelf_stream *stream = sim_shelf_find(&world->hub.shelf, id);
        for (int number = 0; number < SYNC_LANES && !sim_device_is_foreign(device, id); number++) {
            const struct sim_lane *lane = &box->streams[i]->lanes[number];
            const uint64_t missing = first_missing(stream, number, lane);
            if (missing != 0 && lane->count > 0 && has_bad(world, lane, missing) == bad) {
                judge_missing(world, device->number, id, number, lane, missing);
            }
        }
    }
}

static void judge_device(struct sim_world *world, const struct sim_device *device) {
    judge_lanes(world, device, true);
    judge_lanes(world, device, false);
}

void sim_judge_stuck(struct sim_world *world, struct sim_device *device) {
    judge_device(world, device);
    for (int i = 0; i < device->box.stream_count; i++) {
        const bool foreign = sim_device_is_foreign(device, device->box.streams[i]->id);
        for (int number = 0; number < SYNC_LANES && !foreign; number++) {
            const struct sim_lane *lane = &device->box.streams[i]->lanes[number];
            if (lane->acked_seq < lane->durable_seq) {
                sim_breach(world, "I12", "device %d, lane %d: the hub holds %llu, marked are %llu",
                           device->number, number, (unsigned long long)lane->durable_seq,
                           (unsigned long long)lane->acked_seq);
            }
        }
    }
    sim_breach(world, "I9", "device %d does not come to rest", device->number);
}

/* --- every lane of the hub ------------------------------------------------------------------- */

/* A gap of reason `purged` stands for nothing that its only device still has. */
static void judge_purged_gap(struct sim_world *world, struct id id, int number,
                             const struct sim_kept *kept) {
    struct gap gap;
    struct record record;
    struct error err;
    if (record_read(kept->bytes, &record, &err) != STATUS_OK ||
        gap_read(record.body, &gap, &err) != STATUS_OK || gap.reason != GAP_PURGED) {
        return;
    }
    for (int i = 0; i < world->device_count; i++) {
        const struct sim_device *device = world->devices[i];
        struct sim_stream *stream = sim_outbox_find(&world->devices[i]->box, id);
        if (stream == NULL || device->has_kin) {
            continue;
        }
        for (uint64_t seq = kept->seq; seq <= kept->last_seq; seq++) {
            const struct sim_row *row = sim_lane_row(&stream->lanes[number], seq);
            if (row != NULL && row->number != 0) {
                sim_breach(world, "I8",
                           "device %d keeps record %llu of lane %d, and the hub has a "
                           "gap for it",
                           i, (unsigned long long)seq, number);
            }
        }
    }
}

static void judge_found(struct sim_world *world, const struct sim_shelf_stream *stream, int number,
                        const struct sim_kept *kept) {
    struct sim_made *made = sim_made(world, kept->number);
    const struct id own = record_public_id(stream->id, (enum lane)number, kept->seq);
    const struct id id = id_is_zero(kept->first_id) ? own : kept->first_id;
    if (made == NULL) {
        return;
    }
    made->found++;
    if (!id_equal(id, record_public_id(made->stream, made->lane, made->seq))) {
        sim_breach(world, "I9",
                   "record number %llu is on the hub under another id: lane %d, %llu of "
                   "stream %d, first was %llu of stream %d",
                   (unsigned long long)kept->number, number, (unsigned long long)kept->seq,
                   stream->id.bytes[0], (unsigned long long)made->seq, made->stream.bytes[0]);
    }
    if (made->found > 1 && !world->devices[made->device]->has_kin) {
        sim_breach(world, "I9", "record number %llu is on the hub %d times",
                   (unsigned long long)kept->number, made->found);
    }
}

/* Within a lane the records of one first stream stand in the order in which they were made; but
 * what a hub lost after a fork is renumbered behind what was renumbered at first. */
static void judge_order(struct sim_world *world, struct id id, struct sim_shelf_lane *lane,
                        int number) {
    const uint64_t highest = ranges_highest(&lane->committed.held);
    struct id stream = {0};
    uint64_t last = 0;
    for (uint64_t seq = 1; seq <= highest; seq++) {
        const struct sim_kept *kept = sim_shelf_kept(lane, seq);
        const struct sim_made *made = kept != NULL ? sim_made(world, kept->number) : NULL;
        if (made == NULL) {
            continue;
        }
        if (id_equal(stream, made->stream) && made->seq <= last &&
            (world->hub.shelf.losses == 0 || !world->devices[made->device]->has_kin)) {
            sim_breach(world, "I13",
                       "record %llu of stream %d, lane %d on the hub was %llu of stream "
                       "%d and comes after %llu",
                       (unsigned long long)seq, id.bytes[0], number, (unsigned long long)made->seq,
                       stream.bytes[0], (unsigned long long)last);
        }
        stream = made->stream;
        last = made->seq;
    }
}

static void judge_hub(struct sim_world *world) {
    for (int i = 0; i < world->hub.shelf.stream_count; i++) {
        struct sim_shelf_stream *stream = world->hub.shelf.streams[i];
        for (int number = 0; number < SYNC_LANES; number++) {
            struct sim_shelf_lane *lane = &stream->lanes[number];
            for (int k = 0; k < lane->committed_count; k++) {
                if (lane->kept[k].kind == RECEIVED_GAP) {
                    judge_purged_gap(world, stream->id, number, &lane->kept[k]);
                } else {
                    judge_found(world, stream, number, &lane->kept[k]);
                }
            }
            judge_order(world, stream->id, lane, number);
            sim_judge_lane(world, stream->id, (enum lane)number, lane);
        }
    }
}

/* --- every record ---------------------------------------------------------------------------- */

/* It stands in a stream that the hub says is another's. */
static bool waits(struct sim_world *world, uint64_t number) {
    const struct sim_made *made = sim_made(world, number);
    for (int i = 0; i < world->device_count; i++) {
        const struct sim_outbox *box = &world->devices[i]->box;
        for (int s = 0; s < box->stream_count; s++) {
            const struct sim_lane *lane = &box->streams[s]->lanes[made->lane];
            for (int row = 0; row < lane->count; row++) {
                if (lane->rows[row].number == number &&
                    sim_device_is_foreign(world->devices[i], box->streams[s]->id)) {
                    return true;
                }
            }
        }
    }
    return false;
}

static void judge_promises(struct sim_world *world) {
    for (uint64_t number = 1; number <= world->judge.made_count; number++) {
        const struct sim_made *made = sim_made(world, number);
        const bool accounted = made->found > 0 || made->dropped || (made->purged && made->held) ||
                               waits(world, number);
        world->judge.questions++;
        if (made->promised && !made->excused && !accounted) {
            sim_breach(world, "I9",
                       "record number %llu of device %d, lane %d, was promised and is "
                       "nowhere",
                       (unsigned long long)number, made->device, (int)made->lane);
        }
        if (made->found > 0 && !made->committed) {
            sim_breach(world, "I9", "record number %llu is on the hub and was never committed",
                       (unsigned long long)number);
        }
    }
}

void sim_judge_drained(struct sim_world *world) {
    for (int i = 0; i < world->device_count; i++) {
        judge_device(world, world->devices[i]);
    }
    for (uint64_t number = 1; number <= world->judge.made_count; number++) {
        sim_made(world, number)->found = 0;
    }
    judge_hub(world);
    judge_promises(world);
}

// SPDX-License-Identifier: Apache-2.0
#include "sim_shelf.h"

#include <stdlib.h>
#include <string.h>

#include "sim_world.h"

/* --- streams --------------------------------------------------------------------------------- */

void sim_shelf_init(struct sim_shelf *shelf, struct sim_world *world) {
    *shelf = (struct sim_shelf){.world = world, .store_id = sim_id(&world->dice)};
}

static void forget_stream(struct sim_shelf_stream *stream) {
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        free(stream->lanes[lane].kept);
        free(stream->lanes[lane].places);
    }
    free(stream);
}

static void forget_streams(struct sim_shelf *shelf) {
    for (int i = 0; i < shelf->stream_count; i++) {
        forget_stream(shelf->streams[i]);
    }
    shelf->stream_count = 0;
}

/* Streams that nobody has claimed for good. */
static void forget_unclaimed(struct sim_shelf *shelf) {
    int count = 0;
    for (int i = 0; i < shelf->stream_count; i++) {
        if (shelf->streams[i]->claimed_committed) {
            shelf->streams[count++] = shelf->streams[i];
        } else {
            forget_stream(shelf->streams[i]);
        }
    }
    shelf->stream_count = count;
}

void sim_shelf_done(struct sim_shelf *shelf) {
    forget_streams(shelf);
}

struct sim_shelf_stream *sim_shelf_find(const struct sim_shelf *shelf, struct id id) {
    for (int i = 0; i < shelf->stream_count; i++) {
        if (id_equal(shelf->streams[i]->id, id)) {
            return shelf->streams[i];
        }
    }
    return NULL;
}

struct sim_shelf_stream *sim_shelf_claim(struct sim_shelf *shelf, struct id id, int owner) {
    struct sim_shelf_stream *stream = sim_shelf_find(shelf, id);
    if (stream == NULL) {
        stream = calloc(1, sizeof(*stream));
        if (stream == NULL || shelf->stream_count == SIM_SHELF_STREAMS_MAX) {
            abort();
        }
        stream->id = id;
        stream->owner = owner;
        shelf->streams[shelf->stream_count++] = stream;
    }
    return stream;
}

/* --- what is kept ---------------------------------------------------------------------------- */

const struct sim_kept *sim_shelf_kept(const struct sim_shelf_lane *lane, uint64_t seq) {
    return seq < lane->place_room && lane->places[seq] > 0 ? &lane->kept[lane->places[seq] - 1]
                                                           : NULL;
}

static void make_room(struct sim_shelf_lane *lane, uint64_t seq) {
    if (lane->count == lane->room) {
        lane->room = lane->room > 0 ? 2 * lane->room : 32;
        lane->kept = realloc(lane->kept, (size_t)lane->room * sizeof(*lane->kept));
    }
    if (seq >= lane->place_room) {
        const uint64_t room = 2 * seq + 32;
        lane->places = realloc(lane->places, room * sizeof(*lane->places));
        if (lane->places != NULL) {
            (void)memset(lane->places + lane->place_room, 0,
                         (room - lane->place_room) * sizeof(*lane->places));
        }
        lane->place_room = room;
    }
    if (lane->kept == NULL || lane->places == NULL) {
        abort();
    }
}

static status chain_at(void *owner, uint64_t seq, struct id *out_chain, struct error *err) {
    const struct sim_desk *desk = owner;
    const struct sim_kept *kept = sim_shelf_kept(desk->lane, seq);
    if (kept == NULL || kept->last_seq != seq) {
        return fail(err, STATUS_NOT_FOUND, "nothing ends at %llu", (unsigned long long)seq);
    }
    *out_chain = kept->chain;
    return STATUS_OK;
}

static void keep(struct sim_desk *desk, const struct received *received) {
    struct sim_shelf_lane *lane = desk->lane;
    struct arena *arena = &desk->world->arena;
    make_room(lane, received->item.last_seq);
    struct sim_kept *kept = &lane->kept[lane->count++];
    *kept = (struct sim_kept){.seq = received->item.seq,
                              .last_seq = received->item.last_seq,
                              .bytes = arena_copy(arena, received->item.record),
                              .chain = received->item.chain,
                              .first_id = received->item.first_id,
                              .kind = received->kind};
    if (received->kind != RECEIVED_GAP) {
        kept->number = sim_record_number(kept->bytes);
    }
    if (desk->world->bug == SIM_OTHER_BYTES && kept->number % 16 == 3) {
        char *bytes = arena_get(arena, kept->bytes.count, 1);
        (void)memcpy(bytes, kept->bytes.bytes, kept->bytes.count);
        bytes[RECORD_HEAD_BYTES - 1] ^= 1;
        kept->bytes.bytes = bytes;
    }
    lane->changed = true;
    desk->world->met[SIM_MET_GAP] += kept->kind == RECEIVED_GAP ? 1 : 0;
    desk->world->met[SIM_MET_PART] += id_is_zero(kept->chain) ? 1 : 0;
    for (uint64_t seq = kept->seq; seq <= kept->last_seq; seq++) {
        if (lane->places[seq] > 0) {
            sim_breach(desk->world, "I6", "the hub stores record %llu of lane %d once more",
                       (unsigned long long)seq, (int)desk->number);
        }
        lane->places[seq] = lane->count;
    }
}

static status put(void *owner, const struct received *received, struct error *err) {
    if (received->item.seq == 0 || received->item.last_seq < received->item.seq ||
        received->item.last_seq - received->item.seq > 1 << 20) {
        return fail(err, STATUS_INVALID, "a range that cannot be");
    }
    keep(owner, received);
    return STATUS_OK;
}

struct receiver_store sim_shelf_store(struct sim_desk *desk) {
    return (struct receiver_store){.owner = desk, .chain_at = chain_at, .put = put};
}

/* --- transactions ---------------------------------------------------------------------------- */

static void drop_kept(struct sim_shelf_lane *lane, int count) {
    for (int i = count; i < lane->count; i++) {
        for (uint64_t seq = lane->kept[i].seq; seq <= lane->kept[i].last_seq; seq++) {
            lane->places[seq] = lane->places[seq] == i + 1 ? 0 : lane->places[seq];
        }
    }
    lane->count = count;
}

void sim_shelf_take_back(struct sim_shelf_lane *lane, const struct lane_cursor *cursor, int count) {
    drop_kept(lane, count);
    lane->cursor = *cursor;
}

static void commit_lane(struct sim_shelf *shelf, struct sim_shelf_stream *stream,
                        enum lane number) {
    struct sim_shelf_lane *lane = &stream->lanes[number];
    if (!lane->changed) {
        return;
    }
    if (ranges_total(&lane->cursor.held) < ranges_total(&lane->committed.held)) {
        sim_breach(shelf->world, "I11", "the hub gives up what it held of lane %d", (int)number);
    }
    for (int i = lane->committed_count; i < lane->count; i++) {
        const struct sim_kept *kept = &lane->kept[i];
        sim_judge_stored(shelf->world, stream->id, number, kept,
                         sim_shelf_kept(lane, kept->seq - 1));
    }
    lane->committed = lane->cursor;
    lane->committed_count = lane->count;
    lane->changed = false;
    sim_judge_lane(shelf->world, stream->id, number, lane);
}

void sim_shelf_commit(struct sim_shelf *shelf) {
    for (int i = 0; i < shelf->stream_count; i++) {
        shelf->streams[i]->claimed_committed = true;
        for (int lane = 0; lane < SYNC_LANES; lane++) {
            commit_lane(shelf, shelf->streams[i], (enum lane)lane);
        }
    }
}

void sim_shelf_roll_back(struct sim_shelf *shelf) {
    for (int i = 0; i < shelf->stream_count; i++) {
        for (int number = 0; number < SYNC_LANES; number++) {
            struct sim_shelf_lane *lane = &shelf->streams[i]->lanes[number];
            const bool was_changed = lane->changed;
            drop_kept(lane, lane->committed_count);
            if (shelf->world->bug == SIM_CURSOR_ALONE) {
                lane->committed = lane->cursor;
            }
            lane->cursor = lane->committed;
            lane->changed = false;
            if (was_changed) {
                shelf->world->met[SIM_MET_TAKEN_BACK]++;
                sim_judge_lane(shelf->world, shelf->streams[i]->id, (enum lane)number, lane);
            }
        }
    }
    forget_unclaimed(shelf);
}

/* --- backups --------------------------------------------------------------------------------- */

void sim_shelf_back_up(struct sim_shelf *shelf) {
    for (int i = 0; i < shelf->stream_count; i++) {
        shelf->streams[i]->claimed_saved = shelf->streams[i]->claimed_committed;
        for (int number = 0; number < SYNC_LANES; number++) {
            struct sim_shelf_lane *lane = &shelf->streams[i]->lanes[number];
            lane->saved = lane->committed;
            lane->saved_count = lane->committed_count;
        }
    }
}

void sim_shelf_put_back(struct sim_shelf *shelf, bool with_tools) {
    for (int i = 0; i < shelf->stream_count; i++) {
        shelf->streams[i]->claimed_committed = shelf->streams[i]->claimed_saved;
        for (int number = 0; number < SYNC_LANES; number++) {
            struct sim_shelf_lane *lane = &shelf->streams[i]->lanes[number];
            lane->before = lane->committed;
            drop_kept(lane, lane->saved_count);
            lane->cursor = lane->saved;
            lane->committed = lane->saved;
            lane->committed_count = lane->saved_count;
            lane->changed = false;
            lane->put_back = true;
        }
    }
    forget_unclaimed(shelf);
    shelf->losses++;
    if (with_tools) {
        shelf->store_id = sim_id(&shelf->world->dice);
    }
}

void sim_shelf_lose(struct sim_shelf *shelf) {
    forget_streams(shelf);
    shelf->losses++;
    shelf->store_id = sim_id(&shelf->world->dice);
}

void sim_shelf_cut(struct sim_shelf_lane *lane, uint64_t seq) {
    struct lane_cursor *cursor = &lane->cursor;
    const struct sim_kept *last = sim_shelf_kept(lane, seq);
    if (last == NULL || last->last_seq != seq || cursor->held.count != 1) {
        return;
    }
    cursor->held.items[0].to = seq;
    cursor->chain_end[0] = last->chain;
    lane->changed = true;
}

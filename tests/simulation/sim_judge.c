// SPDX-License-Identifier: Apache-2.0
#include "sim_judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/hash.h"
#include "sim_world.h"

void sim_judge_done(struct sim_judge *judge) {
    free(judge->made);
    free(judge->chains);
    *judge = (struct sim_judge){0};
}

void sim_breach(struct sim_world *world, const char *invariant, const char *format, ...) {
    struct sim_judge *judge = &world->judge;
    va_list args;
    if (judge->invariant != NULL) {
        return;
    }
    judge->invariant = invariant;
    va_start(args, format);
    (void)vsnprintf(judge->breach, sizeof(judge->breach), format, args);
    va_end(args);
}

/* --- the book: records ----------------------------------------------------------------------- */

struct sim_made *sim_made(struct sim_world *world, uint64_t number) {
    return number > 0 && number <= world->judge.made_count ? &world->judge.made[number - 1] : NULL;
}

uint64_t sim_judge_made(struct sim_world *world, const struct sim_made *made) {
    struct sim_judge *judge = &world->judge;
    if (judge->made_count == judge->made_room) {
        judge->made_room = judge->made_room > 0 ? 2 * judge->made_room : 512;
        judge->made = realloc(judge->made, judge->made_room * sizeof(*judge->made));
        if (judge->made == NULL) {
            abort();
        }
    }
    judge->made[judge->made_count] = *made;
    return ++judge->made_count;
}

/* --- the book: chain values ------------------------------------------------------------------ */

static uint64_t mix(uint64_t number) {
    number = (number ^ number >> 31) * UINT64_C(0xbf58476d1ce4e5b9);
    return number ^ number >> 29;
}

static uint64_t half(struct id id) {
    uint64_t number;
    (void)memcpy(&number, id.bytes, sizeof(number));
    return number;
}

/* One number for a place and its chain value; never 0. */
static uint64_t mark_of(struct id stream, enum lane lane, uint64_t seq, struct id chain) {
    return mix(mix(mix(half(stream)) + seq * 8 + (uint64_t)lane) + half(chain)) | 1;
}

static size_t place_of(const struct sim_judge *judge, uint64_t mark) {
    size_t place = mark >> 1 & (judge->chain_room - 1);
    while (judge->chains[place] != 0 && judge->chains[place] != mark) {
        place = (place + 1) & (judge->chain_room - 1);
    }
    return place;
}

static void add_mark(struct sim_judge *judge, uint64_t mark);

static void grow_marks(struct sim_judge *judge) {
    uint64_t *old = judge->chains;
    const size_t room = judge->chain_room;
    judge->chain_room = room > 0 ? 2 * room : 4096;
    judge->chain_count = 0;
    judge->chains = calloc(judge->chain_room, sizeof(*judge->chains));
    if (judge->chains == NULL) {
        abort();
    }
    for (size_t i = 0; i < room; i++) {
        if (old[i] != 0) {
            add_mark(judge, old[i]);
        }
    }
    free(old);
}

static void add_mark(struct sim_judge *judge, uint64_t mark) {
    if (2 * judge->chain_count >= judge->chain_room) {
        grow_marks(judge);
    }
    const size_t place = place_of(judge, mark);
    judge->chain_count += judge->chains[place] == 0 ? 1 : 0;
    judge->chains[place] = mark;
}

static bool is_committed(const struct sim_judge *judge, struct id stream, enum lane lane,
                         uint64_t seq, struct id chain) {
    const uint64_t mark = mark_of(stream, lane, seq, chain);
    return judge->chain_room > 0 && judge->chains[place_of(judge, mark)] == mark;
}

/* --- the book: how far each lane has come ---------------------------------------------------- */

static struct sim_height *height_of(struct sim_world *world, int device, struct id stream) {
    struct sim_judge *judge = &world->judge;
    int place = 0;
    while (place < judge->height_count && (judge->height_devices[place] != device ||
                                           !id_equal(judge->heights[place].stream, stream))) {
        place++;
    }
    if (place == judge->height_count) {
        if (place == SIM_HEIGHTS_MAX) {
            abort();
        }
        judge->heights[place] = (struct sim_height){.stream = stream};
        judge->height_devices[place] = device;
        judge->height_count++;
    }
    return &judge->heights[place];
}

void sim_judge_committed(struct sim_world *world, int device, struct id stream, enum lane lane,
                         const struct sim_row *row) {
    struct sim_judge *judge = &world->judge;
    struct sim_height *height = height_of(world, device, stream);
    const uint64_t next = height->seq[lane] + 1;
    judge->questions++;
    /* A gap may begin in what was committed before: gaps that touch are one. */
    if (row->number != 0 ? row->seq != next : row->seq > next || row->last_seq < next) {
        sim_breach(world, "I2", "device %d commits record %llu of lane %d after %llu", device,
                   (unsigned long long)row->seq, (int)lane, (unsigned long long)height->seq[lane]);
    }
    height->seq[lane] = row->last_seq;
    sim_judge_known(world, stream, lane, row);
}

void sim_judge_next(struct sim_world *world, int device, struct id stream, enum lane lane,
                    uint64_t seq) {
    const struct sim_height *height = height_of(world, device, stream);
    world->judge.questions++;
    if (seq != height->seq[lane] + 1) {
        sim_breach(world, "I2", "device %d gives %llu in lane %d, committed are %llu", device,
                   (unsigned long long)seq, (int)lane, (unsigned long long)height->seq[lane]);
    }
}

void sim_judge_known(struct sim_world *world, struct id stream, enum lane lane,
                     const struct sim_row *row) {
    struct sim_made *made = sim_made(world, row->number);
    add_mark(&world->judge, mark_of(stream, lane, row->last_seq, row->chain));
    if (made != NULL) {
        made->committed = true;
    }
}

static void note_heights(struct sim_world *world, const struct sim_outbox *box) {
    for (int i = 0; i < box->stream_count; i++) {
        struct sim_height *height = height_of(world, box->device, box->streams[i]->id);
        for (int lane = 0; lane < SYNC_LANES; lane++) {
            height->seq[lane] = box->streams[i]->lanes[lane].durable_seq;
        }
    }
}

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

void sim_judge_put_back(struct sim_world *world, const struct sim_outbox *before,
                        const struct sim_outbox *box) {
    for (int i = 0; i < before->stream_count; i++) {
        for (int lane = 0; lane < SYNC_LANES; lane++) {
            const struct sim_lane *in = &before->streams[i]->lanes[lane];
            for (int row = 0; row < in->count; row++) {
                struct sim_made *made = sim_made(world, in->rows[row].number);
                if (made != NULL && !has_number(box, (enum lane)lane, in->rows[row].number)) {
                    made->excused = true;
                }
            }
        }
    }
    note_heights(world, box);
}

void sim_judge_cloned(struct sim_world *world, const struct sim_outbox *box) {
    note_heights(world, box);
}

/* --- on a device ----------------------------------------------------------------------------- */

void sim_judge_read(struct sim_world *world, int device, const struct sim_lane *lane,
                    const struct sender_action *action, const struct sender_batch *batch) {
    size_t bytes = 0;
    world->judge.questions++;
    for (int i = 0; i < batch->count; i++) {
        bytes += batch->items[i].record.count;
        if (batch->items[i].last_seq > lane->durable_seq) {
            sim_breach(world, "I3",
                       "device %d hands out record %llu of lane %d, committed are %llu", device,
                       (unsigned long long)batch->items[i].seq, (int)action->lane,
                       (unsigned long long)lane->durable_seq);
        }
    }
    if (action->bytes_max > SENDER_READ_BYTES_MAX ||
        (bytes > action->bytes_max && batch->count > 1)) {
        sim_breach(world, "I16", "device %d reads %zu bytes at once where %zu were asked for",
                   device, bytes, action->bytes_max);
    }
}

void sim_judge_memory(struct sim_world *world, int device, int64_t bytes) {
    struct sim_judge *judge = &world->judge;
    judge->memory_bytes = bytes > judge->memory_bytes ? bytes : judge->memory_bytes;
    if (bytes > SIM_SENDER_BYTES_MAX) {
        sim_breach(world, "I16", "the sender of device %d has %lld bytes", device,
                   (long long)bytes);
    }
}

void sim_judge_dropped(struct sim_world *world, const struct sim_gone *gone) {
    world->judge.questions++;
    for (; gone != NULL; gone = gone->next) {
        struct sim_made *made = sim_made(world, gone->number);
        if (made != NULL) {
            made->dropped = true;
        }
    }
}

void sim_judge_purged(struct sim_world *world, int device, enum lane lane,
                      const struct sim_row *row, uint64_t acked_seq) {
    struct sim_made *made = sim_made(world, row->number);
    world->judge.questions++;
    if (row->last_seq > acked_seq || (made != NULL && !made->held && !made->dropped)) {
        sim_breach(world, "I8",
                   "device %d lets go of record %llu of lane %d, which the hub never "
                   "had, without a gap",
                   device, (unsigned long long)row->seq, (int)lane);
    }
    if (made != NULL) {
        made->purged = true;
    }
}

void sim_judge_evicted(struct sim_world *world, int device, enum lane lane) {
    world->judge.questions++;
    if (lane <= LANE_URGENT) {
        sim_breach(world, "I12", "a full device %d takes from lane %d", device, (int)lane);
    }
}

/* --- on the hub ------------------------------------------------------------------------------ */

static void judge_way(struct sim_world *world, const struct sim_made *made) {
    const int64_t took_us = world->events.now_us - made->durable_us;
    if (made->durable_us == 0 || made->held) {
        return;
    }
    world->met[SIM_MET_TIMED]++;
    if (took_us > made->bound_us) {
        sim_breach(world, "I15", "a record of lane %d took %lld us, which may be %lld",
                   (int)made->lane, (long long)took_us, (long long)made->bound_us);
    }
}

static void judge_record(struct sim_world *world, const struct sim_kept *kept) {
    struct sim_made *made = sim_made(world, kept->number);
    if (made == NULL && world->on_disk && kept->bytes.bytes[0] == RECORD_ALARM) {
        return; /* a real store has things to say, too */
    }
    if (made == NULL) {
        sim_breach(world, "I9", "the hub holds a record that nobody made");
        return;
    }
    if (hash_64(kept->bytes, SLICE("")) != made->digest ||
        !sim_record_is_whole(kept->bytes, kept->number, made->fill_bytes)) {
        sim_breach(world, "I5", "the hub holds record number %llu, and not as it was made",
                   (unsigned long long)kept->number);
    }
    if ((made->kind == SIM_POISON) != (kept->kind == RECEIVED_POISON)) {
        sim_breach(world, "I10", "record number %llu %s quarantine",
                   (unsigned long long)kept->number,
                   made->kind == SIM_POISON ? "should be in" : "is no poison and in");
    }
    judge_way(world, made);
    made->held = true;
}

void sim_judge_stored(struct sim_world *world, struct id stream, enum lane lane,
                      const struct sim_kept *kept, const struct sim_kept *before) {
    const struct id nothing = {0};
    const bool joins =
        before != NULL && before->last_seq == kept->seq - 1 && !id_is_zero(before->chain);
    world->judge.questions++;
    if (kept->kind != RECEIVED_GAP) {
        judge_record(world, kept);
    }
    if (kept->kind != RECEIVED_GAP && (joins || kept->seq == 1) &&
        !id_equal(record_chain(joins ? before->chain : nothing, kept->bytes), kept->chain)) {
        sim_breach(world, "I5", "record %llu of lane %d on the hub does not match its chain value",
                   (unsigned long long)kept->seq, (int)lane);
    }
    if (!(kept->kind == RECEIVED_GAP && id_is_zero(kept->chain)) &&
        !is_committed(&world->judge, stream, lane, kept->last_seq, kept->chain)) {
        sim_breach(world, "I11",
                   "record %llu of lane %d on the hub has a chain value that no "
                   "device ever had",
                   (unsigned long long)kept->seq, (int)lane);
    }
}

void sim_judge_lane(struct sim_world *world, struct id stream, enum lane number,
                    const struct sim_shelf_lane *lane) {
    const struct lane_cursor *cursor = &lane->committed;
    uint64_t seqs[3] = {0};
    (void)stream;
    world->judge.questions++;
    for (int i = 0; i < lane->committed_count; i++) {
        seqs[lane->kept[i].kind] += lane->kept[i].last_seq - lane->kept[i].seq + 1;
    }
    const uint64_t held = ranges_total(&cursor->held);
    const uint64_t stored = seqs[0] + seqs[1] + seqs[2];
    if (stored != held) {
        sim_breach(world, "I4", "lane %d of the hub says that it holds %llu and has %llu",
                   (int)number, (unsigned long long)held, (unsigned long long)stored);
    } else if (cursor->stored != seqs[RECEIVED_RECORD] || cursor->gapped != seqs[RECEIVED_GAP] ||
               cursor->quarantined != seqs[RECEIVED_POISON]) {
        sim_breach(world, "I9", "lane %d of the hub counts %llu + %llu + %llu and holds %llu",
                   (int)number, (unsigned long long)cursor->stored,
                   (unsigned long long)cursor->gapped, (unsigned long long)cursor->quarantined,
                   (unsigned long long)held);
    }
}

void sim_judge_answer(struct sim_world *world, struct id stream, enum lane number,
                      const struct sim_shelf_lane *lane, const struct answer_lane *answer) {
    const uint64_t top = ranges_top(&answer->held);
    world->judge.questions++;
    for (int i = 0; i < answer->held.count; i++) {
        if (!ranges_hold(&lane->committed.held, answer->held.items[i])) {
            sim_breach(world, lane->put_back ? "I7" : "I4",
                       "the hub says that it holds lane %d up to %llu, and it has %llu",
                       (int)number, (unsigned long long)answer->held.items[i].to,
                       (unsigned long long)ranges_highest(&lane->committed.held));
        }
    }
    if (top > 0 && !id_is_zero(answer->chain) &&
        !is_committed(&world->judge, stream, number, top, answer->chain)) {
        sim_breach(world, "I5",
                   "the hub answers with a chain value for record %llu of lane %d "
                   "that no device ever had",
                   (unsigned long long)top, (int)number);
    }
}

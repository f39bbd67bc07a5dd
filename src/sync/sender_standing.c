// SPDX-License-Identifier: Apache-2.0
#include "sync/sender_standing.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

void sender_standings_done(struct sender_standings *standings) {
    memory_free(standings->streams);
    memory_free(standings->standings);
    memory_free(standings->bytes);
    *standings = (struct sender_standings){0};
}

int sender_standings_find(const struct sender_standings *standings, struct id stream) {
    for (int i = 0; i < standings->count; i++) {
        if (id_equal(standings->streams[i].id, stream)) {
            return i;
        }
    }
    return -1;
}

/* --- the store's side ------------------------------------------------------------------------ */

/* When there are too many, the stream that is written to takes the place of the last. */
static const struct sender_stream *stream_at(const struct sender_stream *streams, int count,
                                             int index) {
    for (int i = count - 1; i >= SENDER_STREAMS_MAX && index == SENDER_STREAMS_MAX - 1; i--) {
        if (streams[i].hello.current) {
            return &streams[i];
        }
    }
    return &streams[index];
}

/* All up to `seq` is durable. */
static void raise(struct hello_lane *facts, uint64_t seq) {
    if (seq > facts->highest_durable) {
        facts->lowest_kept =
            facts->lowest_kept == 0 ? facts->highest_durable + 1 : facts->lowest_kept;
        facts->highest_durable = seq;
    }
}

static bool is_noted(const struct sender_standings *standings) {
    bool noted = false;
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        noted = noted || standings->noted[lane] > 0;
    }
    return noted;
}

static struct id current_of(const struct sender_standings *standings) {
    for (int i = 0; i < standings->count; i++) {
        if (standings->streams[i].current) {
            return standings->streams[i].id;
        }
    }
    return (struct id){0};
}

static void fill(struct sender_standings *made, const struct sender_standings *before,
                 const struct sender_stream *streams, int count) {
    const struct id current = current_of(before);
    for (int i = 0; i < made->count; i++) {
        const struct sender_stream *from = stream_at(streams, count, i);
        const int known = sender_standings_find(before, from->hello.id);
        made->streams[i] = from->hello;
        made->streams[i].position_count = 0;
        memcpy(made->bytes[i], from->bytes, sizeof from->bytes);
        if (known >= 0) {
            made->standings[i] = before->standings[known];
        }
        /* A record may have become durable between the look at the store and its answer. */
        const bool same = from->hello.current && id_equal(from->hello.id, current);
        for (int lane = 0; same && lane < SYNC_LANES; lane++) {
            raise(&made->streams[i].lanes[lane], before->noted[lane]);
        }
    }
    made->stale = is_noted(before) && !id_equal(current_of(made), current);
}

status sender_standings_take(struct sender_standings *standings,
                             const struct sender_stream *streams, int count, struct error *err) {
    struct sender_standings made = {.count =
                                        count < SENDER_STREAMS_MAX ? count : SENDER_STREAMS_MAX};
    const size_t wanted = (size_t)made.count;
    made.streams = memory_new(wanted, sizeof *made.streams);
    made.standings = memory_new(wanted, sizeof *made.standings);
    made.bytes = memory_new(wanted, sizeof *made.bytes);
    if (made.streams == NULL || made.standings == NULL || made.bytes == NULL) {
        sender_standings_done(&made);
        return fail(err, STATUS_NO_MEMORY, "no memory for %d streams", count);
    }
    fill(&made, standings, streams, count);
    made.telemetry_each = standings->telemetry_each;
    sender_standings_done(standings);
    *standings = made;
    return STATUS_OK;
}

void sender_standings_note(struct sender_standings *standings, enum lane lane, uint64_t seq,
                           int64_t bytes) {
    standings->noted[lane] = seq > standings->noted[lane] ? seq : standings->noted[lane];
    bool found = false;
    for (int i = 0; i < standings->count; i++) {
        if (standings->streams[i].current) {
            raise(&standings->streams[i].lanes[lane], seq);
            standings->bytes[i][lane] += bytes;
            found = true;
        }
    }
    standings->stale = standings->stale || !found;
}

/* --- the hub's side -------------------------------------------------------------------------- */

void sender_standings_forget(struct sender_standings *standings) {
    for (int i = 0; i < standings->count; i++) {
        struct standing *standing = &standings->standings[i];
        standing->greeted = false;
        standing->accused = standing->accused && !standing->closed;
        standing->closed = false;
        for (int lane = 0; lane < SYNC_LANES; lane++) {
            standings->standings[i].lanes[lane].unsure = false;
        }
    }
}

void sender_standing_compare(struct sender_standings *standings, int index, enum lane lane,
                             struct id chain) {
    const struct hello_lane *facts = &standings->streams[index].lanes[lane];
    struct standing_lane *held = &standings->standings[index].lanes[lane];
    held->unsure = false;
    held->acknowledge = false;
    if (held->top == 0 || id_is_zero(chain) || id_is_zero(held->chain)) {
        return;
    }
    if (!id_equal(chain, held->chain)) {
        standings->standings[index].accused = true;
        return;
    }
    held->acknowledge = held->top > facts->acked_seq ||
                        (held->top == facts->acked_seq && held->anchored > facts->anchored_seq);
}

bool sender_standing_hear(struct sender_standings *standings, int index, enum lane lane,
                          const struct answer_lane *answer, const struct position *ours) {
    const struct hello_lane *facts = &standings->streams[index].lanes[lane];
    struct standing *standing = &standings->standings[index];
    struct standing_lane *held = &standing->lanes[lane];
    const uint64_t top = ranges_top(&answer->held);
    bool more = top > held->top;
    if (lane == LANE_TELEMETRY) {
        more = ranges_total(&answer->held) > ranges_total(&standing->telemetry);
        standing->telemetry = answer->held;
    }
    held->top = top;
    held->highest = ranges_highest(&answer->held);
    held->chain = answer->chain;
    held->anchored = answer->anchored < top ? answer->anchored : top;
    if (held->highest > facts->highest_durable) {
        standing->accused = true;
    } else if (ours->seq == top && ours->seq > 0) {
        sender_standing_compare(standings, index, lane, ours->chain);
    } else if (facts->acked_seq == top) {
        sender_standing_compare(standings, index, lane, facts->acked_chain);
    } else {
        held->unsure = top > facts->acked_seq;
    }
    return more;
}

/* --- what is next ---------------------------------------------------------------------------- */

bool sender_standing_is_open(const struct sender_standings *standings, int index) {
    const struct standing *standing = &standings->standings[index];
    return standing->greeted && !standing->accused &&
           (standing->verdict == VERDICT_OK || standing->verdict == VERDICT_ROLLBACK);
}

/* The newest seqs that are lacking: all of the hole that ends highest. */
static bool newest_hole(const struct ranges *held, uint64_t highest, struct lane_run *out_hole) {
    struct lane_run hole = {.first = 0, .last = highest};
    for (int i = held->count - 1; i >= 0 && held->items[i].to >= hole.last; i--) {
        const uint64_t before = held->items[i].from - 1;
        hole.last = before < hole.last ? before : hole.last;
    }
    for (int i = 0; i < held->count && held->items[i].to < hole.last; i++) {
        hole.first = held->items[i].to;
    }
    hole.first++;
    *out_hole = hole;
    return hole.last > 0;
}

/* When all intervals are used up, one that goes on from another: what begins at 1 would be one
 * more. */
static struct lane_run oldest_hole(const struct ranges *held, uint64_t highest) {
    const uint64_t from = held->count == RANGES_MAX ? held->items[0].from : 1;
    struct lane_run hole = {.first = ranges_first_missing(held, from), .last = highest};
    for (int i = held->count - 1; i >= 0; i--) {
        hole.last = held->items[i].from > hole.first ? held->items[i].from - 1 : hole.last;
    }
    return hole;
}

/* The newest part of the newest hole of so many records; what is gone is one gap, whatever it
 * spans. A body may end anywhere in it, which makes one interval more: when only one is left,
 * the oldest hole is filled first, from its beginning. */
static bool next_telemetry(const struct ranges *held, const struct hello_lane *facts,
                           uint64_t records, struct lane_run *out_run) {
    const uint64_t highest = facts->highest_durable;
    const uint64_t kept = facts->lowest_kept > 0 ? facts->lowest_kept : highest + 1;
    struct lane_run run;
    if (!newest_hole(held, highest, &run)) {
        return false;
    }
    if (run.last >= kept) {
        run.first = run.first > kept ? run.first : kept;
        run.first = run.last - run.first >= records ? run.last - records + 1 : run.first;
    }
    *out_run = held->count < RANGES_MAX - 1 ? run : oldest_hole(held, highest);
    return true;
}

/* About how many records of telemetry have so many bytes; rather too few, so that the newest of
 * them is not left for the next body. */
static uint64_t records_of(const struct sender_standings *standings, int index, int64_t bytes) {
    const struct hello_lane *facts = &standings->streams[index].lanes[LANE_TELEMETRY];
    int64_t each = standings->telemetry_each;
    if (each == 0 && facts->highest_durable > facts->acked_seq) {
        each = standings->bytes[index][LANE_TELEMETRY] /
               (int64_t)(facts->highest_durable - facts->acked_seq);
    }
    const int64_t records = bytes * 3 / 4 / (each + FRAME_ITEM_BYTES_MAX);
    return records > 0 ? (uint64_t)records : 1;
}

bool sender_standing_next(const struct sender_standings *standings, int index, enum lane lane,
                          int64_t bytes_wanted, struct lane_run *out_run) {
    const struct hello_lane *facts = &standings->streams[index].lanes[lane];
    const struct standing *standing = &standings->standings[index];
    if (lane == LANE_TELEMETRY) {
        const uint64_t wanted = records_of(standings, index, bytes_wanted);
        return next_telemetry(&standing->telemetry, facts, wanted, out_run);
    }
    *out_run =
        (struct lane_run){.first = standing->lanes[lane].top + 1, .last = facts->highest_durable};
    return out_run->first <= out_run->last;
}

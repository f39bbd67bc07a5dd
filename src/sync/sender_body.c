// SPDX-License-Identifier: Apache-2.0
#include <assert.h>

#include "platform/compress.h"
#include "sync/sender_parts.h"

/* What is sent: a lane and a run of it are chosen, read in batches, and cut into frames, which go
 * out one after another until the body is as large as it may be, nothing is left, or something more
 * urgent waits.
 *
 *     choose --> READ --> (BEGIN) frame --taken--> frame ... --> END --> answer --> choose
 *                 |  ^                    |
 *                 |  +---batch is empty---+
 *                 +--CORRUPT--> MEND --> choose
 *
 * A body begins when its first frame is made, so there is none without a frame. */

enum { READ_SHRINKS = 4, FRAME_MARGIN_BYTES = 128, RATIO_MOST = 8 };

/* Where bytes are dear a level is taken that makes frames a fourteenth smaller. */
enum { LEVEL_DEAR = 9, BYTES_PER_S_DEAR = 64 << 10 };

/* --- choosing -------------------------------------------------------------------------------- */

/* The oldest stream that has something for the lane; -1: none. *wake_ms becomes the time at which a
 * lane that is held has its turn again, when that is sooner. */
static int find_stream(const struct sender *sender, enum lane lane, int64_t now_ms,
                       int64_t *wake_ms, struct lane_run *out_run) {
    const int64_t wanted = sender->flow.body_bytes * sender->ratio_16 / 16;
    for (int i = 0; i < sender->standings.count; i++) {
        const struct standing_lane *held = &sender->standings.standings[i].lanes[lane];
        if (!sender_standing_is_open(&sender->standings, i) ||
            !sender_standing_next(&sender->standings, i, lane, wanted, out_run)) {
            continue;
        }
        if (held->begin_ms <= now_ms) {
            return i;
        }
        *wake_ms = *wake_ms == 0 || held->begin_ms < *wake_ms ? held->begin_ms : *wake_ms;
    }
    return -1;
}

/* When the lanes behind 0 and 1 may go; INT64_MAX: not before something changes. */
static int64_t rest_begin_ms(const struct sender *sender, int64_t now_ms) {
    if (sender->paused) {
        return INT64_MAX;
    }
    const int64_t flow_ms = sender_flow_begin_ms(&sender->flow);
    const int64_t room_ms = scheduler_room_ms(&sender->scheduler, now_ms);
    return flow_ms > room_ms ? flow_ms : room_ms;
}

/* The lanes that have something to send and may, as bits. */
static unsigned find_ready(const struct sender *sender, int64_t now_ms, int64_t *wake_ms) {
    struct lane_run run;
    unsigned ready = 0;
    const int64_t rest_ms = rest_begin_ms(sender, now_ms);
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        if (find_stream(sender, (enum lane)lane, now_ms, wake_ms, &run) < 0) {
            continue;
        }
        if (lane <= LANE_URGENT || rest_ms <= now_ms) {
            ready |= 1U << lane;
        } else if (rest_ms < INT64_MAX) {
            *wake_ms = *wake_ms == 0 || rest_ms < *wake_ms ? rest_ms : *wake_ms;
        }
    }
    return ready;
}

/* What was offered may go as far as budget, pause and, of what is bulk, the hub's disk are
 * concerned. *wake_ms becomes when it may, if that is known and sooner. */
static bool may_report(const struct sender *sender, int64_t now_ms, int64_t *wake_ms) {
    const struct sender_offer *offer = &sender->offer;
    if (offer->bytes <= 0 || sender->paused) {
        return false;
    }
    const int64_t room_ms = scheduler_room_ms(&sender->scheduler, now_ms);
    int64_t begin_ms = offer->bulk ? rest_begin_ms(sender, now_ms) : room_ms;
    begin_ms = begin_ms > offer->due_ms ? begin_ms : offer->due_ms;
    if (begin_ms > now_ms) {
        *wake_ms = *wake_ms == 0 || begin_ms < *wake_ms ? begin_ms : *wake_ms;
    }
    return begin_ms <= now_ms;
}

/* It is paid for as lane 6 is. */
static void report(struct sender *sender, int64_t now_ms, struct sender_action *out_action) {
    scheduler_charge(&sender->scheduler, LANE_BULK, sender->offer.bytes, now_ms);
    sender->offer = (struct sender_offer){0};
    sender->link = LINK_REPORT;
    sender->progress_ms = now_ms;
    *out_action = (struct sender_action){.act = SENDER_REPORT};
}

/* Whether the body should make way: for lane 0 or 1, or since nothing else may be sent now. */
static bool must_yield(const struct sender *sender, int64_t now_ms) {
    const enum lane lane = sender->body.lane;
    int64_t wake_ms = 0;
    struct lane_run run;
    for (int other = LANE_CONTROL; other <= LANE_URGENT && other < (int)lane; other++) {
        if (find_stream(sender, (enum lane)other, now_ms, &wake_ms, &run) >= 0) {
            return true;
        }
    }
    return lane > LANE_URGENT && sender->paused;
}

static void read_more(struct sender *sender, struct sender_action *out_action) {
    struct sender_body *body = &sender->body;
    const int64_t wanted = (body->allowance - body->bytes) * READ_SHRINKS;
    const int64_t least = wanted > FRAME_BYTES_MAX ? wanted : FRAME_BYTES_MAX;
    const size_t bytes_max = least < SENDER_READ_BYTES_MAX ? (size_t)least : SENDER_READ_BYTES_MAX;
    body->items = NULL;
    body->item_count = 0;
    body->item_next = 0;
    sender->store = STORE_READS;
    *out_action = (struct sender_action){.act = SENDER_READ,
                                         .stream = body->stream,
                                         .lane = body->lane,
                                         .first = body->next,
                                         .last = body->run.last,
                                         .bytes_max = bytes_max};
}

/* Which lane is next, or what was offered (*out_report); LANE_COUNT: nothing may be sent now. */
static enum lane pick(struct sender *sender, int64_t now_ms, int64_t *wake_ms, bool *out_report) {
    const unsigned urgent = 1U << LANE_CONTROL | 1U << LANE_URGENT;
    const unsigned bulk = 1U << LANE_BULK;
    const unsigned ready = find_ready(sender, now_ms, wake_ms);
    const bool offers = (ready & urgent) == 0 && may_report(sender, now_ms, wake_ms);
    *out_report = offers && !sender->offer.bulk;
    if (*out_report) {
        return LANE_BULK;
    }
    const enum lane lane = scheduler_pick(&sender->scheduler, ready | (offers ? bulk : 0));
    *out_report = lane == LANE_BULK && (ready & bulk) == 0;
    return lane;
}

/* false: nothing may be sent now. */
static bool choose(struct sender *sender, int64_t now_ms, int64_t *wake_ms,
                   struct sender_action *out_action) {
    bool reports = false;
    const enum lane lane = pick(sender, now_ms, wake_ms, &reports);
    if (lane == LANE_COUNT) {
        return false;
    }
    if (reports) {
        report(sender, now_ms, out_action);
        return true;
    }
    struct sender_body body = {.chosen = true, .lane = lane};
    body.index = find_stream(sender, lane, now_ms, wake_ms, &body.run);
    body.stream = sender->standings.streams[body.index].id;
    body.next = body.run.first;
    const int64_t room = scheduler_room(&sender->scheduler, lane, now_ms);
    const int64_t allowance = sender_flow_allowance(&sender->flow, now_ms);
    body.allowance = room < allowance ? room : allowance;
    sender->body = body;
    read_more(sender, out_action);
    return true;
}

/* --- reading --------------------------------------------------------------------------------- */

static bool is_whole_batch(const struct sender_batch *batch, uint64_t next) {
    if (batch->count <= 0 || batch->items[0].seq > next || batch->items[0].last_seq < next) {
        return false;
    }
    uint64_t expected = batch->items[0].seq;
    for (int i = 0; i < batch->count; i++) {
        const struct frame_item *item = &batch->items[i];
        if (item->seq != expected || item->last_seq < item->seq || id_is_zero(item->chain) ||
            (!item->is_gap && item->last_seq != item->seq) ||
            item->record.count > RECORD_BYTES_MAX) {
            return false;
        }
        expected = item->last_seq + 1;
    }
    return true;
}

/* The chain value before the batch: a body goes on from its last frame, and where the store does
 * not know it any more the hub does. false: it is not what the hub has, or nobody knows it. */
static bool find_chain_in(struct sender *sender, const struct sender_batch *batch) {
    struct sender_body *body = &sender->body;
    struct standing *standing = &sender->standings.standings[body->index];
    const struct standing_lane *held = &standing->lanes[body->lane];
    const uint64_t first = batch->items[0].seq;
    body->chain_in = batch->chain_in;
    if (body->begun) {
        body->chain_in = body->chain;
    } else if (first == held->top + 1 && !id_is_zero(held->chain)) {
        standing->accused = !id_is_zero(batch->chain_in) && !id_equal(batch->chain_in, held->chain);
        body->chain_in = held->chain;
    }
    return !standing->accused &&
           (!id_is_zero(body->chain_in) || first == 1 || batch->items[0].is_gap);
}

/* A body that has begun goes on only with what follows its last frame: what stands there otherwise
 * begins the next one. */
static bool follows(const struct sender_body *body, const struct sender_batch *batch) {
    return !body->begun ||
           (batch->items[0].seq == body->next &&
            (id_is_zero(batch->chain_in) || id_equal(batch->chain_in, body->chain)));
}

static void take_batch(struct sender *sender, const struct sender_batch *batch, int64_t now_ms) {
    struct sender_body *body = &sender->body;
    if (!is_whole_batch(batch, body->next)) {
        sender_hold_lane(sender, body->index, body->lane, now_ms);
        sender->look = true;
        body->done = true;
        return;
    }
    if (!follows(body, batch)) {
        body->done = true;
        return;
    }
    if (!find_chain_in(sender, batch)) {
        sender_hold_lane(sender, body->index, body->lane, now_ms);
        body->done = true;
        return;
    }
    body->items = batch->items;
    body->item_count = batch->count;
}

void sender_read(struct sender *sender, const struct sender_batch *batch, status code,
                 int64_t now_ms) {
    if (!sender_store_answered(sender, STORE_READS) || !sender->body.chosen) {
        return;
    }
    struct sender_body *body = &sender->body;
    if (code == STATUS_OK || code == STATUS_NOT_FOUND) {
        sender->store_wait_ms = 0;
        take_batch(sender, code == STATUS_OK ? batch : &(struct sender_batch){0}, now_ms);
        return;
    }
    body->done = true;
    if (code != STATUS_CORRUPT) {
        sender_store_failed(sender, code, now_ms);
    } else if (!body->begun) { /* else the next body begins with it */
        body->mend = true;
        body->reason = GAP_DAMAGED;
        body->run.first = body->next;
    }
}

/* --- mending --------------------------------------------------------------------------------- */

static void mend(struct sender *sender, struct sender_action *out_action) {
    const struct sender_body *body = &sender->body;
    sender->store = STORE_MENDS;
    *out_action = (struct sender_action){.act = SENDER_MEND,
                                         .stream = body->stream,
                                         .lane = body->lane,
                                         .first = body->run.first,
                                         .reason = body->reason};
}

void sender_mended(struct sender *sender, status code, int64_t now_ms) {
    if (!sender_store_answered(sender, STORE_MENDS)) {
        return;
    }
    if (code != STATUS_OK) {
        sender_store_failed(sender, code, now_ms);
        sender_hold_lane(sender, sender->body.index, sender->body.lane, now_ms);
    }
    sender->body = (struct sender_body){0};
}

void sender_body_end(struct sender *sender) {
    const struct sender_body was = sender->body;
    sender->body = (struct sender_body){0};
    buffer_clear(&sender->frame);
    sender->link = LINK_NONE;
    if (was.mend) {
        sender->body = (struct sender_body){.chosen = true,
                                            .mend = true,
                                            .reason = was.reason,
                                            .index = was.index,
                                            .stream = was.stream,
                                            .lane = was.lane,
                                            .run = was.run};
    }
}

/* --- frames ---------------------------------------------------------------------------------- */

/* How many bytes of records the next frame may have; one record goes in any case. */
static int64_t plain_bytes_max(const struct sender *sender) {
    const struct sender_body *body = &sender->body;
    int64_t bytes = (body->allowance - body->bytes) * sender->ratio_16 / 16;
    bytes = bytes > FLOW_BODY_BYTES_LEAST ? bytes : FLOW_BODY_BYTES_LEAST;
    const int64_t refused = sender->flow.frame_bytes;
    if (refused > 0 && bytes > refused - FRAME_MARGIN_BYTES) {
        bytes = refused - FRAME_MARGIN_BYTES;
    }
    return bytes;
}

static int level_of(const struct sender *sender) {
    const bool slow = sender->flow.bytes_per_s > 0 && sender->flow.bytes_per_s < BYTES_PER_S_DEAR;
    const int level = slow || sender->options.link.metered ? LEVEL_DEAR : COMPRESS_LEVEL;
    return sender->options.level > 0 ? sender->options.level : level;
}

/* Makes the next frame of the batch; *out_items is how many items it has. */
static status make_frame(struct sender *sender, int *out_items, int64_t *out_plain,
                         struct error *err) {
    const struct sender_body *body = &sender->body;
    const struct frame_item *items = body->items + body->item_next;
    const struct id chain_in = body->item_next > 0 ? body->chain : body->chain_in;
    const int64_t plain_max = plain_bytes_max(sender);
    const int left = body->item_count - body->item_next;
    int64_t plain = 0;
    int count = 0;
    frame_begin(sender->writer, items[0].seq, chain_in, level_of(sender));
    while (count < left) {
        const int64_t bytes = (int64_t)items[count].record.count + FRAME_ITEM_BYTES_MAX;
        if ((count > 0 && plain + bytes > plain_max) || !frame_add(sender->writer, &items[count])) {
            break;
        }
        plain += bytes;
        count++;
    }
    buffer_clear(&sender->frame);
    TRY(frame_end(sender->writer, &sender->frame, err));
    *out_items = count;
    *out_plain = plain;
    return STATUS_OK;
}

/* What is in the frame that was made counts as sent. */
static void count_frame(struct sender *sender, int items, int64_t plain, int64_t now_ms) {
    assert(items > 0 && sender->frame.count > 0);
    struct sender_body *body = &sender->body;
    const struct frame_item *last = &body->items[body->item_next + items - 1];
    const int64_t bytes = (int64_t)sender->frame.count;
    body->run.first = body->frames == 0 ? body->items[0].seq : body->run.first;
    body->item_next += items;
    body->records = items;
    body->next = last->last_seq + 1;
    body->chain = last->chain;
    body->bytes += bytes;
    body->frames++;
    sender->sent_records += (uint64_t)items;
    sender->sent_bytes += (uint64_t)bytes;
    if (body->lane == LANE_TELEMETRY) {
        sender->standings.telemetry_each = plain / items;
    }
    const int64_t ratio = plain * 16 / bytes;
    sender->ratio_16 = ratio < 16 ? 16 : ratio > RATIO_MOST * 16 ? RATIO_MOST * 16 : ratio;
    scheduler_charge(&sender->scheduler, body->lane, bytes, now_ms);
}

/* Nothing is left of what may be sent, or less than half a frame's worth. */
static bool is_full(const struct sender_body *body) {
    const int64_t each = body->frames > 0 ? body->bytes / body->frames : 0;
    return body->frames > 0 && body->allowance - body->bytes < each / 2 + 1;
}

static void hand_frame(struct sender *sender, const struct sender_now *now,
                       struct sender_action *out_action) {
    sender->body.untaken += sender->frame.count;
    sender->body.framed = false;
    sender->link = LINK_TAKE;
    sender->progress_ms = now->now_ms;
    out_action->act = SENDER_PUT_BODY;
    out_action->bytes = buffer_slice(&sender->frame);
}

/* A frame that turned out larger than what is left waits for the next body, unless it is the
 * first. */
static status next_frame(struct sender *sender, const struct sender_now *now,
                         struct sender_action *out_action, struct error *err) {
    struct sender_body *body = &sender->body;
    int items = 0;
    int64_t plain = 0;
    TRY(make_frame(sender, &items, &plain, err));
    if (body->begun && body->bytes + (int64_t)sender->frame.count > body->allowance) {
        buffer_clear(&sender->frame);
        body->whole = true;
        return sender_body_next(sender, now, out_action, err);
    }
    const bool begins = !body->begun;
    count_frame(sender, items, plain, now->now_ms);
    if (begins) {
        body->begun = true;
        body->framed = true;
        body->begun_ms = now->now_ms;
        sender->bodies++;
        out_action->act = SENDER_PUT_BEGIN;
        out_action->stream = body->stream;
        out_action->lane = body->lane;
        out_action->first = body->run.first;
        return STATUS_OK;
    }
    hand_frame(sender, now, out_action);
    return STATUS_OK;
}

/* --- next ------------------------------------------------------------------------------------ */

static void end_body(struct sender *sender, const struct sender_now *now,
                     struct sender_action *out_action) {
    sender->body.ended = true;
    sender->link = LINK_ANSWER;
    sender->progress_ms = now->now_ms;
    sender->asked = (struct sender_asked){.ms = now->now_ms, .boot_ns = now->time.boot_ns};
    out_action->act = SENDER_PUT_END;
}

/* What is known of the streams must become better before anything is sent: true, then it does. */
static bool next_look(struct sender *sender, struct sender_action *out_action) {
    bool look = sender->look || sender->standings.stale;
    sender->standings.stale = false;
    for (int i = 0; i < sender->standings.count; i++) {
        for (int lane = 0; lane < SYNC_LANES; lane++) {
            if (sender_standing_is_open(&sender->standings, i) &&
                sender->standings.standings[i].lanes[lane].unsure) {
                sender->confirming = i;
                look = true;
            }
        }
    }
    if (look) {
        sender_look(sender, out_action);
    }
    return look;
}

/* Something in it is not acknowledged. */
static bool waits(const struct hello_stream *stream) {
    bool any = false;
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        any = any || stream->lanes[lane].highest_durable > stream->lanes[lane].acked_seq;
    }
    return any;
}

/* A stream that the hub was not told of, that may have forked, or that it has put aside:
 * somebody may have mended that since. *wake_ms: when that is asked again, if it is to be. */
static bool must_greet(const struct sender *sender, int64_t now_ms, int64_t *wake_ms) {
    const int64_t again_ms = sender->greeted_ms + SENDER_RETRY_MS_MOST;
    bool must = false;
    for (int i = 0; i < sender->standings.count; i++) {
        const struct standing *standing = &sender->standings.standings[i];
        const bool aside =
            standing->verdict == VERDICT_QUARANTINED && waits(&sender->standings.streams[i]);
        must = must || !standing->greeted || (standing->accused && !standing->closed) ||
               (aside && now_ms >= again_ms);
        *wake_ms = aside ? again_ms : *wake_ms;
    }
    return must;
}

static status next_body(struct sender *sender, const struct sender_now *now,
                        struct sender_action *out_action, struct error *err) {
    sender->body = (struct sender_body){0};
    int64_t aside_ms = 0;
    if (must_greet(sender, now->now_ms, &aside_ms)) {
        sender_greet(sender);
        return sender_greeting_next(sender, now, out_action, err);
    }
    int64_t wake_ms = sender->store_begin_ms;
    if (now->now_ms >= sender->store_begin_ms) {
        if (next_look(sender, out_action)) {
            return STATUS_OK;
        }
        wake_ms = aside_ms;
        if (choose(sender, now->now_ms, &wake_ms, out_action)) {
            return STATUS_OK;
        }
    }
    sender_wait(sender, out_action, wake_ms);
    return STATUS_OK;
}

static bool is_done(struct sender *sender, int64_t now_ms) {
    struct sender_body *body = &sender->body;
    body->whole = body->whole || is_full(body);
    return body->whole || body->done || body->next > body->run.last || must_yield(sender, now_ms);
}

status sender_body_next(struct sender *sender, const struct sender_now *now,
                        struct sender_action *out_action, struct error *err) {
    struct sender_body *body = &sender->body;
    if (sender->link != LINK_NONE || sender->store != STORE_IDLE) {
        sender_wait(sender, out_action, 0);
        return STATUS_OK;
    }
    if (!body->chosen) {
        return next_body(sender, now, out_action, err);
    }
    if (body->mend) {
        mend(sender, out_action);
        return STATUS_OK;
    }
    if (body->framed) {
        hand_frame(sender, now, out_action);
        return STATUS_OK;
    }
    if (is_done(sender, now->now_ms)) {
        if (!body->begun) {
            return next_body(sender, now, out_action, err);
        }
        end_body(sender, now, out_action);
        return STATUS_OK;
    }
    if (body->item_next < body->item_count) {
        return next_frame(sender, now, out_action, err);
    }
    read_more(sender, out_action);
    return STATUS_OK;
}

// SPDX-License-Identifier: Apache-2.0
#include "sync/receiver.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "platform/json.h"
#include "wire/gap.h"

/* Any body of a record fits, so that what meets this bound is the heap. */
enum { SCRATCH_BYTES_MAX = 16 * RECORD_BYTES_MAX };

/* --- chain values ---------------------------------------------------------------------------- */

/* The points of a frame are in front of its first item and behind each: `count` + 1. */
static uint64_t seq_of_point(const struct frame *frame, int point) {
    return point == 0 ? frame->first - 1 : frame->items[point - 1].last_seq;
}

static struct id chain_of_point(const struct frame *frame, int point) {
    return point == 0 ? frame->chain_in : frame->items[point - 1].chain;
}

static status compute_chain(const struct frame *frame, struct error *err) {
    struct id before = frame->chain_in;
    for (int i = 0; i < frame->count; i++) {
        struct frame_item *item = &frame->items[i];
        if (!item->is_gap) {
            item->chain = record_chain(before, item->record);
        }
        before = item->chain;
    }
    return id_equal(before, frame->chain_out)
               ? STATUS_OK
               : fail(err, STATUS_CORRUPT, "frame: its chain value is not that of its records");
}

/* What the hub knows of the chain at `seq`, which lies in interval `index` or right before it; zero
 * where it knows none. */
static status known_chain(const struct lane_cursor *cursor, int index, uint64_t seq,
                          const struct receiver_store *store, struct id *out_chain,
                          struct error *err) {
    const struct range *range = &cursor->held.items[index];
    *out_chain = (struct id){0};
    if (seq == range->to) {
        *out_chain = cursor->chain_end[index];
        return STATUS_OK;
    }
    if (seq == range->from - 1) {
        *out_chain = cursor->chain_before[index];
        return STATUS_OK;
    }
    const status found = store->chain_at(store->owner, seq, out_chain, err);
    if (found == STATUS_NOT_FOUND) {
        *out_chain = (struct id){0};
        return STATUS_OK;
    }
    return found;
}

/* The last point of the frame that is not behind `seq`; -1: all are. */
static int last_point(const struct frame *frame, uint64_t seq) {
    int low = 0;
    int high = frame->count + 1;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (seq_of_point(frame, middle) <= seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low - 1;
}

/* Compares at the latest point that both know; a point that either does not know says nothing. */
static status compare_interval(const struct frame *frame, const struct lane_cursor *cursor,
                               int index, const struct receiver_store *store, bool *out_equal,
                               struct error *err) {
    const struct range *range = &cursor->held.items[index];
    *out_equal = true;
    for (int point = last_point(frame, range->to);
         point >= 0 && seq_of_point(frame, point) + 1 >= range->from; point--) {
        const struct id theirs = chain_of_point(frame, point);
        struct id ours = {0};
        if (!id_is_zero(theirs)) {
            TRY(known_chain(cursor, index, seq_of_point(frame, point), store, &ours, err));
        }
        if (!id_is_zero(ours)) {
            *out_equal = id_equal(ours, theirs);
            return STATUS_OK;
        }
    }
    return STATUS_OK;
}

/* A gap may hide that what lies before an interval is not what the interval was chained to. */
static bool begins_alike(const struct frame *frame, const struct lane_cursor *cursor, int index) {
    const uint64_t seq = cursor->held.items[index].from - 1;
    const int point = last_point(frame, seq);
    if (seq == 0 || point < 0 || seq_of_point(frame, point) != seq) {
        return true;
    }
    const struct id theirs = chain_of_point(frame, point);
    const struct id ours = cursor->chain_before[index];
    return id_is_zero(theirs) || id_is_zero(ours) || id_equal(theirs, ours);
}

static status compare_chains(const struct frame *frame, const struct lane_cursor *cursor,
                             const struct receiver_store *store, bool *out_equal,
                             struct error *err) {
    int first = 0;
    int end = 0;
    *out_equal = frame->first > 1 || id_is_zero(frame->chain_in);
    ranges_around(&cursor->held, (struct range){frame->first, frame->last}, &first, &end);
    for (int i = first; *out_equal && i < end; i++) {
        *out_equal = begins_alike(frame, cursor, i);
        if (*out_equal) {
            TRY(compare_interval(frame, cursor, i, store, out_equal, err));
        }
    }
    return STATUS_OK;
}

/* --- poison ---------------------------------------------------------------------------------- */

static const char UNREADABLE[] = "it cannot be read";
static const char OUT_OF_BOUNDS[] = "a member is out of bounds";
static const char NO_JSON[] = "its body is not JSON";
static const char MISPLACED[] = "it is a gap of another place";

static bool is_label(struct slice text) {
    return text.count <= RECEIVER_NAME_BYTES_MAX && text_is_utf8(text);
}

/* Telemetry may come as something else than JSON. */
static status judge_body(struct arena *scratch, const struct record *record,
                         const char **out_poison, struct error *why) {
    struct value value;
    if (record->kind == RECORD_TELEMETRY) {
        return STATUS_OK;
    }
    const status read = json_read_wrapped(scratch, record->body, &value, why);
    if (read == STATUS_INVALID) {
        *out_poison = NO_JSON;
        return STATUS_OK;
    }
    return read;
}

static status judge_record(struct arena *scratch, const struct record *record,
                           const char **out_poison, struct error *why) {
    if (record->kind == RECORD_GAP) {
        (void)fail(why, STATUS_CORRUPT, "a gap that does not say how far it reaches");
        *out_poison = MISPLACED;
        return STATUS_OK;
    }
    if (!record_is_known(record->kind, record->version)) {
        return STATUS_OK;
    }
    if (record->priority > PRIORITY_MAX || !is_label(record->workflow) || !is_label(record->name)) {
        (void)fail(why, STATUS_CORRUPT, "priority %d, workflow of %zu bytes, name of %zu bytes",
                   record->priority, record->workflow.count, record->name.count);
        *out_poison = OUT_OF_BOUNDS;
        return STATUS_OK;
    }
    return judge_body(scratch, record, out_poison, why);
}

/* A part of what its body says is enough: a gap is passed on for what was not held. */
static bool fits(const struct gap *gap, const struct frame_item *item, struct id before) {
    return gap->from_seq <= item->seq && gap->to_seq >= item->last_seq &&
           (gap->to_seq > item->last_seq || id_equal(gap->chain_end, item->chain)) &&
           (gap->from_seq < item->seq || id_is_zero(gap->chain_before) || id_is_zero(before) ||
            id_equal(gap->chain_before, before));
}

static status judge_gap(const struct record *record, const struct frame_item *item,
                        struct id before, const char **out_poison, struct error *why) {
    struct gap gap;
    if (record->kind != RECORD_GAP) {
        (void)fail(why, STATUS_CORRUPT, "a %s cannot stand for others",
                   record_kind_name(record->kind));
        *out_poison = MISPLACED;
        return STATUS_OK;
    }
    const status read = gap_read(record->body, &gap, why);
    if (read != STATUS_OK) {
        *out_poison = UNREADABLE;
        return read == STATUS_INVALID ? STATUS_OK : read;
    }
    if (!fits(&gap, item, before)) {
        (void)fail(why, STATUS_CORRUPT, "a gap from %llu to %llu, or its chain values, do not fit",
                   (unsigned long long)gap.from_seq, (unsigned long long)gap.to_seq);
        *out_poison = MISPLACED;
    }
    return STATUS_OK;
}

/* *out_poison is NULL when it is none; else a word for the device, and in `why` is a sentence for
 * whoever looks into quarantine. Fails only for want of memory. */
static status judge(struct arena *scratch, const struct frame_item *item, struct id before,
                    struct record *record, const char **out_poison, struct error *why) {
    *out_poison = NULL;
    if (record_read(item->record, record, why) != STATUS_OK) {
        *out_poison = UNREADABLE;
        return STATUS_OK;
    }
    if (item->is_gap && record_is_known(record->kind, record->version)) {
        return judge_gap(record, item, before, out_poison, why);
    }
    return item->is_gap ? STATUS_OK : judge_record(scratch, record, out_poison, why);
}

static void tell_poison(struct answer *answer, uint64_t seq, const char *reason) {
    answer->code = SYNC_POISON;
    if (answer->poison_count < MESSAGE_POISON_MAX) {
        answer->poison[answer->poison_count++] =
            (struct poison){.seq = seq, .reason = slice_of(reason)};
    }
}

/* --- taking ---------------------------------------------------------------------------------- */

/* How many seqs it was is added up where the cursor says. */
static uint64_t *tally_of(struct lane_cursor *cursor, enum receiver_kind kind) {
    switch (kind) {
    case RECEIVED_RECORD:
        return &cursor->stored;
    case RECEIVED_GAP:
        return &cursor->gapped;
    default:
        return &cursor->quarantined;
    }
}

struct taking {
    struct lane_cursor next; /* being made; its ranges are those of before the frame */
    struct arena scratch;    /* for JSON */
    const struct receiver_store *store;
    struct answer *answer;
};

/* What it is. Poison has a reason, whose text is in `why`. */
static status open_item(struct taking *taking, const struct frame_item *item, struct id before,
                        struct received *received, struct error *why) {
    const char *poison = NULL;
    *received =
        (struct received){.kind = item->is_gap ? RECEIVED_GAP : RECEIVED_RECORD, .item = *item};
    TRY(judge(&taking->scratch, item, before, &received->record, &poison, why));
    if (poison != NULL) {
        received->kind = RECEIVED_POISON;
        received->record = (struct record){.version = 0};
        received->reason = slice_of(why->text);
        tell_poison(taking->answer, item->seq, poison);
    }
    return STATUS_OK;
}

/* What of the item is not held. */
static status put_item(struct taking *taking, const struct frame_item *item, struct id before,
                       struct error *err) {
    const struct ranges *held = &taking->next.held;
    const struct range span = {.from = item->seq, .to = item->last_seq};
    struct range piece;
    uint64_t seq = span.from;
    if (!ranges_next_missing(held, span, &seq, &piece)) {
        return STATUS_OK;
    }
    struct error why;
    struct received received;
    if (open_item(taking, item, before, &received, &why) != STATUS_OK) {
        return fail(err, STATUS_NO_MEMORY, "%s", why.text);
    }
    do {
        received.item.seq = piece.from;
        received.item.last_seq = piece.to;
        received.item.chain = piece.to == span.to ? item->chain : (struct id){0};
        TRY(taking->store->put(taking->store->owner, &received, err));
        *tally_of(&taking->next, received.kind) += piece.to - piece.from + 1;
    } while (ranges_next_missing(held, span, &seq, &piece));
    return STATUS_OK;
}

/* Makes the frame and the intervals that it overlaps or touches one. FULL: one too many. */
static status join(struct lane_cursor *cursor, const struct frame *frame, struct error *err) {
    const struct range range = {.from = frame->first, .to = frame->last};
    const int count = cursor->held.count;
    struct id before = frame->chain_in;
    struct id chain_end = frame->chain_out;
    int first = 0;
    int end = 0;
    ranges_around(&cursor->held, range, &first, &end);
    const uint64_t begin = first < end ? cursor->held.items[first].from : range.from;
    if (first < end && (begin < range.from || (begin == range.from && id_is_zero(before)))) {
        before = cursor->chain_before[first];
    }
    if (first < end && cursor->held.items[end - 1].to >= range.to) {
        chain_end = cursor->chain_end[end - 1];
    }
    TRY(ranges_add(&cursor->held, range, err));
    const size_t moved = (size_t)(count - end) * sizeof(struct id);
    (void)memmove(&cursor->chain_before[first + 1], &cursor->chain_before[end], moved);
    (void)memmove(&cursor->chain_end[first + 1], &cursor->chain_end[end], moved);
    cursor->chain_before[first] = before;
    cursor->chain_end[first] = chain_end;
    return STATUS_OK;
}

static void taking_done(struct taking *taking) {
    arena_done(&taking->scratch);
}

static status store_frame(const struct frame *frame, struct lane_cursor *cursor,
                          const struct receiver_store *store, struct answer *answer,
                          struct error *err) {
    CLEANUP(taking_done)
    struct taking taking = {.next = *cursor, .store = store, .answer = answer};
    arena_init(&taking.scratch, SCRATCH_BYTES_MAX);
    for (int i = 0; i < frame->count; i++) {
        TRY(put_item(&taking, &frame->items[i], chain_of_point(frame, i), err));
    }
    TRY(join(&taking.next, frame, err));
    *cursor = taking.next;
    return STATUS_OK;
}

/* Telemetry may come in any order, as long as there is room for another interval. */
static bool is_out_of_turn(const struct lane_cursor *cursor, enum lane lane,
                           const struct frame *frame) {
    int first = 0;
    int end = 0;
    if (lane != LANE_TELEMETRY) {
        return frame->first > ranges_top(&cursor->held) + 1;
    }
    ranges_around(&cursor->held, (struct range){frame->first, frame->last}, &first, &end);
    return first == end && cursor->held.count == RANGES_MAX;
}

status receiver_take(struct frame_reader *reader, struct lane_cursor *cursor, enum lane lane,
                     struct slice frame_bytes, const struct receiver_store *store,
                     struct answer *answer, struct error *err) {
    assert(lane < LANE_LOCAL);
    struct frame frame;
    bool equal = false;
    TRY(frame_open(reader, frame_bytes, &frame, err));
    TRY(compute_chain(&frame, err));
    if (is_out_of_turn(cursor, lane, &frame)) {
        answer->code = SYNC_MISSING;
        return STATUS_OK;
    }
    TRY(compare_chains(&frame, cursor, store, &equal, err));
    if (!equal) {
        answer->code = SYNC_FORK;
        answer->verdict = VERDICT_NEW_STREAM;
        return STATUS_OK;
    }
    return store_frame(&frame, cursor, store, answer, err);
}

/* --- telling --------------------------------------------------------------------------------- */

void receiver_answer_lane(const struct lane_cursor *cursor, struct answer_lane *out_lane) {
    const bool has_top = ranges_top(&cursor->held) > 0;
    out_lane->held = cursor->held;
    out_lane->chain = has_top ? cursor->chain_end[0] : (struct id){0};
    out_lane->anchored = cursor->anchored;
}

bool receiver_adds_up(const struct lane_cursor *cursor) {
    const struct ranges *held = &cursor->held;
    for (int i = 0; i < held->count; i++) {
        const uint64_t least = i > 0 ? held->items[i - 1].to + 2 : 1;
        if (held->items[i].from < least || held->items[i].to < held->items[i].from ||
            id_is_zero(cursor->chain_end[i])) {
            return false;
        }
    }
    return held->count <= RANGES_MAX &&
           ranges_total(held) == cursor->stored + cursor->gapped + cursor->quarantined;
}

/* Zero: not held, or not known. */
static status chain_at(const struct lane_cursor *cursor, const struct receiver_store *store,
                       uint64_t seq, struct id *out_chain, struct error *err) {
    int first = 0;
    int end = 0;
    *out_chain = (struct id){0};
    if (seq == 0 || !ranges_hold(&cursor->held, (struct range){seq, seq})) {
        return STATUS_OK;
    }
    ranges_around(&cursor->held, (struct range){seq, seq}, &first, &end);
    return known_chain(cursor, first, seq, store, out_chain, err);
}

static status judge_lane(const struct hello_lane *theirs, bool current,
                         const struct lane_cursor *cursor, const struct receiver_store *store,
                         enum verdict *verdict, struct error *err) {
    struct id ours = {0};
    if (current && ranges_highest(&cursor->held) > theirs->highest_durable) {
        *verdict = VERDICT_NEW_STREAM;
        return STATUS_OK;
    }
    if (theirs->acked_seq > ranges_top(&cursor->held)) {
        *verdict = *verdict == VERDICT_OK ? VERDICT_ROLLBACK : *verdict;
        return STATUS_OK;
    }
    TRY(chain_at(cursor, store, theirs->acked_seq, &ours, err));
    if (!id_is_zero(ours) && !id_is_zero(theirs->acked_chain) &&
        !id_equal(ours, theirs->acked_chain)) {
        *verdict = VERDICT_NEW_STREAM;
    }
    return STATUS_OK;
}

status receiver_hello(const struct hello_stream *hello, const struct lane_cursor *cursors,
                      const struct receiver_store *stores, struct answer_stream *out_answer,
                      struct error *err) {
    *out_answer = (struct answer_stream){.id = hello->id, .verdict = VERDICT_OK};
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        receiver_answer_lane(&cursors[lane], &out_answer->lanes[lane]);
        TRY(judge_lane(&hello->lanes[lane], hello->current, &cursors[lane], &stores[lane],
                       &out_answer->verdict, err));
    }
    for (int i = 0; i < hello->position_count; i++) {
        struct position *position = &out_answer->positions[i];
        *position =
            (struct position){.lane = hello->positions[i].lane, .seq = hello->positions[i].seq};
        TRY(chain_at(&cursors[position->lane], &stores[position->lane], position->seq,
                     &position->chain, err));
    }
    out_answer->position_count = hello->position_count;
    return STATUS_OK;
}

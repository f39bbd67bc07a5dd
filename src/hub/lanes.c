// SPDX-License-Identifier: Apache-2.0
#include "hub/lanes.h"

#include <string.h>

#include "base/memory.h"
#include "hub/device_alarm.h"

enum { KEPT_MAX = 8192 }; /* of 3 KiB each, where one is used */

struct kept {
    struct hub_cursor cursor;
    uint64_t survey; /* of another one than the lanes': nothing is kept here */
    bool changed;
    bool listed; /* in `changed` below */
};

struct lanes {
    struct hub_session *session; /* not owned */
    struct frame_reader *reader;
    struct kept *kept;              /* KEPT_MAX of them */
    struct kept *changed[KEPT_MAX]; /* since the last commit */
    size_t changed_count;
    uint64_t survey; /* counts what was forgotten */
};

/* What the receiver's functions are called with. */
struct taking {
    struct lanes *lanes;
    struct lane_place place;
    bool store_failed;
};

status lanes_create(struct hub_session *session, struct lanes **out_lanes, struct error *err) {
    struct lanes *lanes = memory_new(1, sizeof(*lanes));
    if (lanes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the lanes");
    }
    lanes->session = session;
    lanes->survey = 1;
    lanes->kept = memory_new(KEPT_MAX, sizeof(*lanes->kept));
    const status made = lanes->kept != NULL ? frame_reader_create(&lanes->reader, err)
                                            : fail(err, STATUS_NO_MEMORY, "out of memory");
    if (made != STATUS_OK) {
        lanes_destroy(lanes);
        return made;
    }
    *out_lanes = lanes;
    return STATUS_OK;
}

void lanes_destroy(struct lanes *lanes) {
    if (lanes != NULL) {
        frame_reader_destroy(lanes->reader);
        memory_free(lanes->kept);
        memory_free(lanes);
    }
}

struct hub_session *lanes_session(const struct lanes *lanes) {
    return lanes->session;
}

/* --- cursors --- */

static status save(struct lanes *lanes, struct kept *kept, struct error *err) {
    if (kept->changed) {
        TRY(lanes->session->kind->save_cursor(lanes->session, &kept->cursor, err));
        kept->changed = false;
    }
    return STATUS_OK;
}

/* Stream ids are random: a few of their bits spread well. */
static size_t place_of(struct id stream, enum lane lane) {
    uint32_t bits = 0;
    (void)memcpy(&bits, stream.bytes, sizeof(bits));
    return (bits * LANE_COUNT + lane) % KEPT_MAX;
}

static status find(struct lanes *lanes, struct id stream, enum lane lane, struct kept **out_kept,
                   struct error *err) {
    struct kept *kept = &lanes->kept[place_of(stream, lane)];
    if (kept->survey != lanes->survey || kept->cursor.lane != lane ||
        !id_equal(kept->cursor.stream, stream)) {
        TRY(save(lanes, kept, err));
        kept->survey = 0;
        TRY(lanes->session->kind->load_cursor(lanes->session, stream, lane, &kept->cursor, err));
        kept->survey = lanes->survey;
    }
    *out_kept = kept;
    return STATUS_OK;
}

static void changes(struct lanes *lanes, struct kept *kept, uint64_t connection) {
    kept->cursor.connection = connection;
    kept->changed = true;
    if (!kept->listed) {
        kept->listed = true;
        lanes->changed[lanes->changed_count++] = kept;
    }
}

status lanes_save(struct lanes *lanes, struct error *err) {
    for (size_t i = 0; i < lanes->changed_count; i++) {
        TRY(save(lanes, lanes->changed[i], err));
        lanes->changed[i]->listed = false;
    }
    lanes->changed_count = 0;
    return STATUS_OK;
}

void lanes_forget(struct lanes *lanes) {
    for (size_t i = 0; i < lanes->changed_count; i++) {
        lanes->changed[i]->changed = lanes->changed[i]->listed = false;
    }
    lanes->changed_count = 0;
    lanes->survey++;
}

/* --- what the receiver asks for --- */

static status chain_at(void *owner, uint64_t seq, struct id *out_chain, struct error *err) {
    struct taking *taking = owner;
    struct hub_session *session = taking->lanes->session;
    const status found = session->kind->chain_at(session, taking->place.stream, taking->place.lane,
                                                 seq, out_chain, err);
    taking->store_failed =
        taking->store_failed || (found != STATUS_OK && found != STATUS_NOT_FOUND);
    return found;
}

static bool is_alarm(const struct received *received) {
    const struct record *record = &received->record;
    return received->kind == RECEIVED_RECORD && record->kind == RECORD_ALARM &&
           record_is_known(record->kind, record->version);
}

static status put(void *owner, const struct received *received, struct error *err) {
    struct taking *taking = owner;
    struct hub_session *session = taking->lanes->session;
    const struct hub_record record = {.stream = taking->place.stream,
                                      .lane = taking->place.lane,
                                      .received = received,
                                      .arrived = taking->place.arrived};
    status kept = session->kind->append(session, &record, err);
    if (kept == STATUS_OK && is_alarm(received)) {
        kept = device_alarm_raise(session, taking->place.device, &received->record,
                                  taking->place.arrived.wall_ms, err);
    }
    taking->store_failed = taking->store_failed || kept != STATUS_OK;
    return kept;
}

/* --- taking and telling --- */

/* The same sentence, of another class. */
static status fail_as(struct error *err, status code) {
    err->code = code;
    return code;
}

status lanes_take(struct lanes *lanes, const struct lane_place *place, struct slice frame,
                  struct answer *answer, struct error *err) {
    struct taking taking = {.lanes = lanes, .place = *place};
    const struct receiver_store store = {.owner = &taking, .chain_at = chain_at, .put = put};
    struct kept *kept = NULL;
    TRY(find(lanes, place->stream, place->lane, &kept, err));
    const status taken = receiver_take(lanes->reader, &kept->cursor.lane_cursor, place->lane, frame,
                                       &store, answer, err);
    if (taken == STATUS_CORRUPT && !taking.store_failed) {
        return fail_as(err, STATUS_INVALID);
    }
    if (taken != STATUS_OK) {
        return taken != STATUS_INVALID ? taken : fail_as(err, STATUS_SYSTEM);
    }
    if (answer->code == SYNC_STORED || answer->code == SYNC_POISON) {
        if (lanes->session->kind->backed_up_ms(lanes->session) == 0) {
            /* Until a backup says what it covers, what is acknowledged is as safe as anything. */
            kept->cursor.lane_cursor.anchored = ranges_top(&kept->cursor.lane_cursor.held);
        }
        changes(lanes, kept, place->connection);
    }
    return STATUS_OK;
}

status lanes_anchor(struct lanes *lanes, struct id stream, enum lane lane, uint64_t seq,
                    struct error *err) {
    struct kept *kept = NULL;
    TRY(find(lanes, stream, lane, &kept, err));
    kept->cursor.lane_cursor.anchored = seq;
    changes(lanes, kept, kept->cursor.connection);
    return STATUS_OK;
}

status lanes_answer(struct lanes *lanes, const struct lane_place *place,
                    struct answer_lane *out_lane, struct error *err) {
    struct kept *kept = NULL;
    TRY(find(lanes, place->stream, place->lane, &kept, err));
    receiver_answer_lane(&kept->cursor.lane_cursor, out_lane);
    return STATUS_OK;
}

status lanes_greet(struct lanes *lanes, const struct hello_stream *hello, uint64_t connection,
                   struct answer_stream *out_answer, struct error *err) {
    struct lane_cursor cursors[SYNC_LANES];
    struct receiver_store stores[SYNC_LANES];
    struct taking takings[SYNC_LANES];
    for (int i = 0; i < SYNC_LANES; i++) {
        struct kept *kept = NULL;
        takings[i] =
            (struct taking){.lanes = lanes, .place = {.stream = hello->id, .lane = (enum lane)i}};
        stores[i] = (struct receiver_store){.owner = &takings[i], .chain_at = chain_at, .put = put};
        TRY(find(lanes, hello->id, (enum lane)i, &kept, err));
        cursors[i] = kept->cursor.lane_cursor;
        if (kept->cursor.lane_cursor.held.count > 0) {
            changes(lanes, kept, connection);
        }
    }
    return receiver_hello(hello, cursors, stores, out_answer, err);
}

// SPDX-License-Identifier: Apache-2.0
#include "runtime/sync_store.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "platform/json.h"
#include "runtime/alarm_record.h"
#include "storage/outbox_reader.h"

enum {
    MEND_MS = 1000, /* what the store's mending of a record takes, about */
    NS_PER_MS = 1000000,
    ALARM_PAUSE_MS = 60 * 1000,
    ALARM_BODY_BYTES_MAX = 4096,
    BATCH_KEPT_BYTES = 64 << 10 /* of room, between two reads */
};

struct acknowledging {
    struct store_job job; /* first */
    struct sync_store *owner;
    struct store_job next;
    bool busy, again;
};

struct sync_store {
    struct sync_store_options options;
    struct sender *sender; /* not owned; NULL: nobody asks */
    bool reading, writing;
    struct store_read read;
    struct outbox_facts facts;
    struct outbox_batch batch;
    struct frame_item items[OUTBOX_BATCH_MAX];
    struct sender_stream streams[OUTBOX_STREAMS_MAX];
    struct store_job change; /* a gap, a renumbering */
    uint64_t after[SYNC_LANES];
    struct acknowledging acknowledging[SYNC_LANES];
    struct id stream; /* that is written to, as last seen */
    uint64_t noted_seq[SYNC_LANES];
    int64_t noted_bytes[SYNC_LANES];
    int64_t alarm_ms;  /* when the last alarm was kept; 0: never */
    int64_t mended_ms; /* when the store will have mended a record; 0: it is not asked to */
};

static int64_t now_ms(void) {
    return clock_boot_ns() / NS_PER_MS;
}

/* --- reading --------------------------------------------------------------------------------- */

static void fill_positions(const struct outbox_facts *facts, struct hello_stream *hello) {
    hello->position_count = facts->position_count;
    for (int i = 0; i < facts->position_count; i++) {
        hello->positions[i] = (struct position){.lane = facts->positions[i].lane,
                                                .seq = facts->positions[i].seq,
                                                .chain = facts->positions[i].chain};
    }
}

static void tell_facts(struct sync_store *store) {
    const struct outbox_facts *facts = &store->facts;
    for (int i = 0; i < facts->stream_count; i++) {
        const struct outbox_stream_facts *from = &facts->streams[i];
        struct sender_stream *to = &store->streams[i];
        *to = (struct sender_stream){.hello = {.id = from->id, .current = from->current}};
        for (int lane = 0; lane < SYNC_LANES; lane++) {
            const struct lane_facts *lane_facts = &from->lanes[lane];
            to->hello.lanes[lane] =
                (struct hello_lane){.lowest_kept = lane_facts->lowest_kept,
                                    .highest_durable = lane_facts->highest_durable,
                                    .acked_seq = lane_facts->acked_seq,
                                    .anchored_seq = lane_facts->anchored_seq,
                                    .acked_chain = lane_facts->acked_chain};
            to->bytes[lane] = lane_facts->bytes;
        }
        if (id_equal(from->id, facts->positions_of)) {
            fill_positions(facts, &to->hello);
        }
    }
    sender_peeked(store->sender, store->streams, facts->stream_count, STATUS_OK, now_ms());
}

static void tell_batch(struct sync_store *store, status code) {
    const struct outbox_batch *batch = &store->batch;
    const struct slice room = buffer_slice(&batch->room);
    for (int i = 0; i < batch->count; i++) {
        const struct outbox_item *item = &batch->items[i];
        store->items[i] = (struct frame_item){.seq = item->seq,
                                              .last_seq = item->last_seq,
                                              .record = slice_part(room, item->from, item->to),
                                              .first_id = item->first_id,
                                              .chain = item->chain,
                                              .is_gap = item->is_gap};
    }
    const struct sender_batch told = {
        .items = store->items, .count = batch->count, .chain_in = batch->chain_in};
    const status said = code == STATUS_OK && batch->count == 0 ? STATUS_NOT_FOUND : code;
    sender_read(store->sender, &told, said, now_ms());
}

static void ask(struct sync_store *store) {
    store->reading = true;
    store_read(store->options.store, &store->read);
}

static void was_read(struct store_read *read) {
    struct sync_store *store = read->owner;
    struct buffer *room = &store->batch.room;
    store->reading = false;
    if (store->sender == NULL) {
        store->options.answered(store->options.owner);
        return;
    }
    if (read->kind == READ_FACTS && read->error.code == STATUS_OK) {
        tell_facts(store);
    } else if (read->kind == READ_FACTS) {
        log_line(LOG_ERROR, "runtime", "sync: read the lanes: %s", read->error.text);
        sender_peeked(store->sender, NULL, 0, read->error.code, now_ms());
    } else if (read->error.code == STATUS_FULL && room->count_max < OUTBOX_BATCH_BYTES_MAX) {
        room->count_max = OUTBOX_BATCH_BYTES_MAX; /* a record that is larger than a batch */
        ask(store);
        return;
    } else {
        tell_batch(store, read->error.code);
    }
    store->options.answered(store->options.owner);
}

static void read_facts(struct sync_store *store, const struct sender_action *action) {
    struct outbox_facts *facts = &store->facts;
    facts->positions_of = action->stream;
    facts->position_count = action->position_count;
    for (int i = 0; i < action->position_count; i++) {
        facts->positions[i] = (struct outbox_position){.lane = action->positions[i].lane,
                                                       .seq = action->positions[i].seq};
    }
    store->read =
        (struct store_read){.kind = READ_FACTS, .done = was_read, .owner = store, .facts = facts};
    ask(store);
}

static void read_batch(struct sync_store *store, const struct sender_action *action) {
    struct buffer *room = &store->batch.room;
    if (room->room > BATCH_KEPT_BYTES && action->bytes_max <= BATCH_KEPT_BYTES) {
        buffer_done(room);
        buffer_init(room, action->bytes_max);
    }
    room->count_max = action->bytes_max;
    store->read = (struct store_read){.kind = READ_BATCH,
                                      .done = was_read,
                                      .owner = store,
                                      .id = action->stream,
                                      .lane = action->lane,
                                      .from_seq = action->first,
                                      .to_seq = action->last,
                                      .batch = &store->batch};
    ask(store);
}

/* --- writing --------------------------------------------------------------------------------- */

static void submit_acknowledgement(struct acknowledging *one);

static void was_acknowledged(struct store_job *job) {
    struct acknowledging *one = (struct acknowledging *)job;
    one->busy = false;
    if (job->error.code == STATUS_CONFLICT) {
        log_line(LOG_ERROR, "runtime", "sync: %s", job->error.text);
    }
    if (one->again && one->owner->sender != NULL) {
        submit_acknowledgement(one);
    }
}

static void submit_acknowledgement(struct acknowledging *one) {
    one->busy = true;
    one->again = false;
    one->job = one->next;
    store_submit(one->owner->options.store, &one->job);
}

static void acknowledge(struct sync_store *store, const struct sender_action *action) {
    struct acknowledging *one = &store->acknowledging[action->lane];
    one->owner = store;
    one->next = (struct store_job){.kind = STORE_ACKNOWLEDGE,
                                   .done = was_acknowledged,
                                   .stream = action->stream,
                                   .lane = action->lane,
                                   .seq = action->last,
                                   .chain = action->chain,
                                   .anchored_seq = action->anchored};
    if (one->busy) {
        one->again = true;
    } else {
        submit_acknowledgement(one);
    }
}

static void was_changed(struct store_job *job) {
    struct sync_store *store = job->owner;
    store->writing = false;
    if (job->error.code != STATUS_OK) {
        log_line(LOG_ERROR, "runtime", "sync: %s", job->error.text);
    }
    if (store->sender != NULL && job->kind == STORE_GAP) {
        sender_mended(store->sender, job->error.code, now_ms());
    } else if (store->sender != NULL) {
        sender_renumbered(store->sender, job->error.code, now_ms());
    }
    store->options.answered(store->options.owner);
}

/* A damaged record the store has seen itself when it was read; it is mended in a moment. */
static void mend(struct sync_store *store, const struct sender_action *action) {
    if (action->reason == GAP_DAMAGED) {
        store->mended_ms = now_ms() + MEND_MS;
        return;
    }
    store->writing = true;
    store->change = (struct store_job){.kind = STORE_GAP,
                                       .done = was_changed,
                                       .owner = store,
                                       .stream = action->stream,
                                       .lane = action->lane,
                                       .seq = action->first,
                                       .gap_reason = action->reason};
    store_submit(store->options.store, &store->change);
}

static void renumber(struct sync_store *store, const struct sender_action *action) {
    (void)memcpy(store->after, action->after, sizeof(store->after));
    store->writing = true;
    store->change = (struct store_job){.kind = STORE_RENUMBER,
                                       .done = was_changed,
                                       .owner = store,
                                       .stream = action->stream,
                                       .after = store->after};
    store_submit(store->options.store, &store->change);
}

/* Once a minute at most: were the alarm itself what the hub does not like, it would never end. */
static void keep_alarm(struct sync_store *store, struct slice text) {
    log_line(LOG_ERROR, "runtime", "sync: %.*s", SLICE_ARGS(text));
    if (store->alarm_ms != 0 && now_ms() < store->alarm_ms + ALARM_PAUSE_MS) {
        return;
    }
    store->alarm_ms = now_ms();
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, ALARM_BODY_BYTES_MAX);
    buffer_add_text(&body, "{\"text\":");
    json_write_text(&body, text);
    buffer_add_byte(&body, '}');
    alarm_record_put(store->options.store,
                     &(struct alarm_record){.name = "sync", .body = buffer_slice(&body)});
}

/* --- the face -------------------------------------------------------------------------------- */

void sync_store_do(struct sync_store *store, const struct sender_action *action) {
    switch (action->act) {
    case SENDER_PEEK:
        read_facts(store, action);
        break;
    case SENDER_READ:
        read_batch(store, action);
        break;
    case SENDER_ACKNOWLEDGE:
        acknowledge(store, action);
        break;
    case SENDER_MEND:
        mend(store, action);
        break;
    case SENDER_RENUMBER:
        renumber(store, action);
        break;
    case SENDER_ALARM:
        keep_alarm(store, action->bytes);
        break;
    default:
        break; /* not the store's */
    }
}

bool sync_store_look(struct sync_store *store) {
    struct store_counters counters;
    bool noted = false;
    if (store->sender == NULL) {
        return false;
    }
    store_counters(store->options.store, &counters);
    const struct id stream = store_stream(store->options.store);
    if (!id_equal(stream, store->stream)) {
        store->stream = stream;
        (void)memset(store->noted_seq, 0, sizeof(store->noted_seq));
    }
    for (int lane = 0; lane < SYNC_LANES; lane++) {
        const uint64_t seq = counters.lane_next_seq[lane] - 1;
        if (seq > store->noted_seq[lane]) {
            const int64_t bytes = counters.lane_bytes[lane] - store->noted_bytes[lane];
            sender_note(store->sender, (enum lane)lane, seq, bytes > 0 ? bytes : 0);
            store->noted_seq[lane] = seq;
            noted = true;
        }
        store->noted_bytes[lane] = counters.lane_bytes[lane];
    }
    return noted;
}

int64_t sync_store_rings_ms(const struct sync_store *store) {
    return store->mended_ms;
}

void sync_store_ring(struct sync_store *store) {
    if (store->mended_ms != 0 && store->mended_ms <= now_ms()) {
        store->mended_ms = 0;
        if (store->sender != NULL) {
            sender_mended(store->sender, STATUS_OK, now_ms());
        }
    }
}

void sync_store_use(struct sync_store *store, struct sender *sender) {
    store->sender = sender;
    store->mended_ms = 0;
    (void)memset(store->noted_seq, 0, sizeof(store->noted_seq));
}

bool sync_store_is_busy(const struct sync_store *store) {
    return store->reading || store->writing;
}

status sync_store_create(const struct sync_store_options *options, struct sync_store **out_store,
                         struct error *err) {
    struct sync_store *store = memory_new(1, sizeof(*store));
    if (store == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory to sync");
    }
    store->options = *options;
    buffer_init(&store->batch.room, SENDER_READ_BYTES_MAX);
    *out_store = store;
    return STATUS_OK;
}

void sync_store_destroy(struct sync_store *store) {
    if (store != NULL) {
        buffer_done(&store->batch.room);
        memory_free(store);
    }
}

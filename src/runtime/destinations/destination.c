// SPDX-License-Identifier: Apache-2.0
#include "runtime/destinations/destination.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "platform/clock.h"
#include "platform/json.h"
#include "platform/random.h"
#include "storage/reading_due.h"

enum { BATCH_BYTES_MAX = 32 << 20, LINES_BYTES_MAX = 8 << 20, DOUBLINGS_MAX = 10 };
enum { NS_PER_MS = 1000000, ALL_LANES = (1 << LANE_COUNT) - 1 };

enum phase { PHASE_IDLE, PHASE_READING, PHASE_SENDING, PHASE_MOVING, PHASE_WAITING };

/* What is due of one lane, as it was read. */
struct batch {
    enum lane lane;
    struct id stream;
    struct arena arena;  /* what was read */
    struct buffer lines; /* of all, which the parcels point into */
    struct parcel parcels[DUE_ROWS_MAX];
    uint32_t count;
    uint32_t arrived; /* so many from the first on */
    uint32_t moved;   /* up to there the cursor is */
    int64_t read_ns;  /* CLOCK_BOOTTIME */
};

struct destination {
    struct destination_options options;
    const struct carrier_kind *kind;
    struct carrier *carrier; /* owned */
    struct timer *timer;     /* owned */
    enum phase phase;
    uint32_t due;      /* lanes in which something for it may stand, a bit each */
    uint32_t to_sweep; /* those in which what is too old has yet to be given up */
    struct batch batch;
    struct store_read read;
    struct store_job job;
    int failures; /* one after the other */
    int64_t asked_ms;
    bool stopping;
    struct destination_facts facts;
    struct error failure;
};

static void go_on(struct destination *destination);

static enum lane first_lane(uint32_t lanes) {
    int lane = 0;
    while ((lanes & 1U << lane) == 0) {
        lane++;
    }
    return (enum lane)lane;
}

/* --- after a failure --- */

static void wait_some(struct destination *destination) {
    const int before = destination->failures > 0 ? destination->failures - 1 : 0;
    const int doublings = before < DOUBLINGS_MAX ? before : DOUBLINGS_MAX;
    int64_t wait_ms = (int64_t)DESTINATION_RETRY_MS_LEAST << doublings;
    wait_ms = wait_ms < DESTINATION_RETRY_MS_MOST ? wait_ms : DESTINATION_RETRY_MS_MOST;
    wait_ms = wait_ms / 2 + (int64_t)random_below((uint32_t)wait_ms / 2 + 1);
    wait_ms = destination->asked_ms > wait_ms ? destination->asked_ms : wait_ms;
    destination->phase = PHASE_WAITING;
    destination->facts.retry_ms = clock_wall_ms() + wait_ms;
    timer_set(destination->timer, wait_ms);
}

static void note_failure(struct destination *destination, const struct error *err,
                         int64_t asked_ms) {
    const struct device_destination *settings = destination->options.settings;
    destination->failures++;
    destination->asked_ms =
        asked_ms < DESTINATION_ASKED_MS_MOST ? asked_ms : DESTINATION_ASKED_MS_MOST;
    destination->facts.failure_ms = clock_wall_ms();
    if (destination->failures == 1 || strcmp(destination->failure.text, err->text) != 0) {
        log_line(LOG_WARN, "runtime", "destination=%.*s %s", SLICE_ARGS(settings->name), err->text);
    }
    destination->failure = *err;
}

/* Without the store there is nothing to be sent, and nothing to be given up. */
static void wait_for_store(struct destination *destination, const struct error *err) {
    destination->to_sweep = 0;
    note_failure(destination, err, 0);
    wait_some(destination);
}

static void rang(void *owner) {
    struct destination *destination = owner;
    destination->facts.retry_ms = 0;
    destination->phase = PHASE_IDLE;
    go_on(destination);
}

/* --- moving the cursor --- */

static void settle(struct destination *destination);

static void moved(struct store_job *job) {
    struct destination *destination = job->owner;
    if (destination->stopping) {
        return;
    }
    if (job->error.code != STATUS_OK) {
        wait_for_store(destination, &job->error);
        return;
    }
    settle(destination);
}

static void move_to(struct destination *destination, uint32_t to, bool gave_up) {
    struct batch *batch = &destination->batch;
    destination->phase = PHASE_MOVING;
    destination->job = (struct store_job){.kind = STORE_DELIVERED,
                                          .done = moved,
                                          .owner = destination,
                                          .stream = batch->stream,
                                          .lane = batch->lane,
                                          .seq = batch->parcels[to - 1].seq,
                                          .destination = destination->options.settings->name,
                                          .gave_up = gave_up};
    batch->moved = to;
    store_submit(destination->options.store, &destination->job);
}

/* How many of those that have not arrived are too old, from the first on. */
static uint32_t count_old(const struct destination *destination) {
    const struct batch *batch = &destination->batch;
    const int64_t give_up_ms = destination->options.settings->give_up_ms;
    const int64_t since_ms = (clock_boot_ns() - batch->read_ns) / NS_PER_MS;
    uint32_t at = batch->arrived;
    while (give_up_ms > 0 && at < batch->count &&
           batch->parcels[at].age_ms + since_ms > give_up_ms) {
        at++;
    }
    return at - batch->arrived;
}

static void give_up(struct destination *destination, uint32_t count) {
    const struct device_destination *settings = destination->options.settings;
    struct batch *batch = &destination->batch;
    log_line(LOG_ERROR, "runtime", "destination=%.*s gives up %u results of lane %s: %s",
             SLICE_ARGS(settings->name), count, lane_name(batch->lane), destination->failure.text);
    batch->arrived += count;
    move_to(destination, batch->arrived, true);
}

/* The cursor goes up to what has arrived; then what is too old is given up, or the rest is sent. */
static void settle(struct destination *destination) {
    struct batch *batch = &destination->batch;
    if (batch->moved < batch->arrived) {
        move_to(destination, batch->arrived, false);
        return;
    }
    if (destination->to_sweep != 0) {
        const uint32_t old = count_old(destination);
        if (old > 0) {
            give_up(destination, old);
            return;
        }
        if (batch->count == 0 || batch->arrived < batch->count) {
            destination->to_sweep &= ~(1U << batch->lane);
        }
        if (destination->to_sweep == 0) {
            wait_some(destination);
            return;
        }
    }
    go_on(destination);
}

/* --- sending --- */

static void send_rest(struct destination *destination) {
    struct batch *batch = &destination->batch;
    destination->phase = PHASE_SENDING;
    destination->kind->send(destination->carrier, &batch->parcels[batch->arrived],
                            batch->count - batch->arrived);
}

static void reported(void *owner, const struct carrier_report *report) {
    struct destination *destination = owner;
    struct batch *batch = &destination->batch;
    if (destination->stopping) {
        return;
    }
    batch->arrived += report->arrived;
    destination->facts.arrived += report->arrived;
    if (report->arrived > 0) {
        destination->failures = 0;
        destination->facts.success_ms = clock_wall_ms();
    }
    if (report->error.code != STATUS_OK) {
        note_failure(destination, &report->error, report->retry_after_ms);
        destination->to_sweep =
            destination->options.settings->give_up_ms > 0 ? destination->due : 1U << batch->lane;
        settle(destination);
    } else if (batch->arrived < batch->count) {
        send_rest(destination);
    } else {
        settle(destination);
    }
}

/* --- reading --- */

static int64_t number_in(struct value object, struct slice name) {
    const struct value *member = value_get(object, name);
    return member != NULL && member->kind == VALUE_INTEGER ? member->integer : 0;
}

static struct slice text_in(struct value object, struct slice name) {
    const struct value *member = value_get(object, name);
    return member != NULL ? value_text(*member) : (struct slice){0};
}

/* Where each line ends in `lines` is known when all are written. */
static status add_parcels(struct batch *batch, struct value items, struct error *err) {
    size_t ends[DUE_ROWS_MAX] = {0};
    for (uint32_t i = 0; i < items.count && i < DUE_ROWS_MAX; i++) {
        const struct value item = items.items[i];
        const struct value *line = value_get(item, SLICE("line"));
        if (line == NULL || (i == 0 && !id_read(text_in(item, SLICE("stream")), &batch->stream))) {
            return fail(err, STATUS_CORRUPT, "what is due cannot be read");
        }
        json_write(&batch->lines, *line);
        ends[i] = batch->lines.count;
        batch->parcels[i] = (struct parcel){.id = text_in(item, SLICE("id")),
                                            .seq = (uint64_t)number_in(item, SLICE("seq")),
                                            .age_ms = number_in(item, SLICE("age_ms"))};
        batch->count++;
    }
    TRY(buffer_status(&batch->lines, err));
    for (uint32_t i = 0; i < batch->count; i++) {
        batch->parcels[i].line =
            slice_part(buffer_slice(&batch->lines), i > 0 ? ends[i - 1] : 0, ends[i]);
    }
    return STATUS_OK;
}

static status take_batch(struct destination *destination, struct error *err) {
    struct batch *batch = &destination->batch;
    struct value items = {0};
    if (destination->read.error.code != STATUS_OK) {
        *err = destination->read.error;
        return err->code;
    }
    TRY(json_read_wrapped(&batch->arena, buffer_slice(&destination->read.out), &items, err));
    return add_parcels(batch, items, err);
}

static void batch_read(struct store_read *read) {
    struct destination *destination = read->owner;
    struct batch *batch = &destination->batch;
    struct error err;
    const status code = take_batch(destination, &err);
    buffer_done(&read->out);
    if (destination->stopping) {
        return;
    }
    if (code != STATUS_OK) {
        wait_for_store(destination, &err);
        return;
    }
    destination->due |= batch->count > 0 ? 1U << batch->lane : 0;
    if (destination->to_sweep == 0 && batch->count > 0) {
        send_rest(destination);
    } else {
        settle(destination);
    }
}

static void read_lane(struct destination *destination, enum lane lane) {
    struct batch *batch = &destination->batch;
    arena_reset(&batch->arena);
    buffer_clear(&batch->lines);
    batch->count = 0;
    batch->arrived = 0;
    batch->moved = 0;
    batch->lane = lane;
    batch->read_ns = clock_boot_ns();
    destination->due &= ~(1U << lane); /* until it is seen that there is more, or told */
    destination->phase = PHASE_READING;
    destination->read = (struct store_read){.kind = READ_DUE,
                                            .done = batch_read,
                                            .owner = destination,
                                            .destination = destination->options.settings->name,
                                            .destination_bit = destination->options.bit,
                                            .lane = lane};
    store_read(destination->options.store, &destination->read);
}

static void go_on(struct destination *destination) {
    const uint32_t lanes = destination->to_sweep != 0 ? destination->to_sweep : destination->due;
    destination->phase = PHASE_IDLE;
    if (lanes != 0 && !destination->stopping) {
        read_lane(destination, first_lane(lanes));
    }
}

/* --- from outside --- */

void destination_note(struct destination *destination, enum lane lane) {
    destination->due |= 1U << lane;
    if (destination->phase == PHASE_IDLE) {
        go_on(destination);
    }
}

const struct carrier_kind *destination_kind(const struct device_destination *settings) {
    return settings->kind == DESTINATION_FILE ? &FILE_CARRIER : &WEBHOOK_CARRIER;
}

status destination_create(const struct destination_options *options,
                          struct destination **out_destination, struct error *err) {
    struct destination *destination = memory_new(1, sizeof *destination);
    if (destination == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a destination");
    }
    destination->options = *options;
    destination->kind = destination_kind(options->settings);
    destination->due = ALL_LANES;
    arena_init(&destination->batch.arena, BATCH_BYTES_MAX);
    buffer_init(&destination->batch.lines, LINES_BYTES_MAX);
    const struct carrier_options carrier = {.loop = options->loop,
                                            .pool = options->pool,
                                            .path = options->settings->path.bytes,
                                            .hook = &options->settings->hook,
                                            .reported = reported,
                                            .owner = destination};
    status code = timer_open(options->loop, rang, destination, &destination->timer, err);
    if (code == STATUS_OK) {
        code = destination->kind->open(&carrier, &destination->carrier, err);
    }
    if (code != STATUS_OK) {
        destination_destroy(destination);
        return code;
    }
    go_on(destination);
    *out_destination = destination;
    return STATUS_OK;
}

void destination_stop(struct destination *destination) {
    destination->stopping = true;
    timer_clear(destination->timer);
}

void destination_destroy(struct destination *destination) {
    if (destination == NULL) {
        return;
    }
    destination->kind->close(destination->carrier);
    timer_close(destination->timer);
    arena_done(&destination->batch.arena);
    buffer_done(&destination->batch.lines);
    memory_free(destination);
}

void destination_facts(const struct destination *destination, struct destination_facts *out_facts) {
    *out_facts = destination->facts;
    out_facts->settings = destination->options.settings;
    out_facts->kind = destination->kind->name;
    out_facts->failing = destination->failures > 0;
    out_facts->failure = destination->failure.text;
}

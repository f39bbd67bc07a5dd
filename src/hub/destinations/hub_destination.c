// SPDX-License-Identifier: Apache-2.0
#include "hub/destinations/hub_destination.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "hub/store/hub_store_sqlite.h"
#include "platform/clock.h"
#include "platform/random.h"

enum { DOUBLINGS_MAX = 10, PASSED_OVER_MAX = 10000, LOGGED_REFUSALS_MAX = 10 };

enum phase {
    PHASE_IDLE,
    PHASE_BEGINNING,
    PHASE_READING,
    PHASE_SENDING,
    PHASE_MOVING,
    PHASE_WAITING
};

/* Of the batch under way: those before `settled` are settled; from there up to `next` were refused,
 * and perhaps it is their own fault. */
struct progress {
    uint32_t settled, next;
    struct hub_outgoing_move move; /* what is to be written of it */
    struct error refusal;          /* of the first that was refused */
};

struct hub_destination {
    struct ingest_job job;       /* first */
    struct reader_errand errand; /* its owner is found by its place */
    struct hub_destination_options options;
    const struct carrier_kind *kind;
    struct carrier *carrier; /* owned */
    struct timer *timer;     /* owned */
    enum phase phase;
    bool begun;    /* its row is there */
    bool sweeping; /* an attempt has failed, and what is too old behind it goes too */
    bool stopping;
    int64_t at;         /* looked at up to there, in memory */
    uint64_t batches;   /* of the ingest, when it was last looked */
    struct arena arena; /* while it reads, this and the batch are the reading thread's */
    struct hub_outgoing_batch batch;
    struct hub_outgoing_row row;
    bool move_failed;
    struct progress progress;
    int failures; /* one after the other */
    int64_t asked_ms;
    struct error failure;
    struct hub_destination_facts facts;
};

static void read_next(struct hub_destination *destination);

static struct slice name_of(const struct hub_destination *destination) {
    return destination->options.outgoing->name;
}

static uint64_t count_batches(const struct hub_destination *destination) {
    struct ingest_counters counters;
    ingest_counters(destination->options.ingest, &counters);
    return counters.batches;
}

/* --- after a failure --- */

static void wait_some(struct hub_destination *destination) {
    const int before = destination->failures > 0 ? destination->failures - 1 : 0;
    const int doublings = before < DOUBLINGS_MAX ? before : DOUBLINGS_MAX;
    int64_t wait_ms = (int64_t)HUB_DESTINATION_RETRY_MS_LEAST << doublings;
    wait_ms = wait_ms < HUB_DESTINATION_RETRY_MS_MOST ? wait_ms : HUB_DESTINATION_RETRY_MS_MOST;
    wait_ms = wait_ms / 2 + (int64_t)random_below((uint32_t)wait_ms / 2 + 1);
    wait_ms = destination->asked_ms > wait_ms ? destination->asked_ms : wait_ms;
    destination->phase = PHASE_WAITING;
    destination->sweeping = false;
    destination->batch.count = 0;
    arena_reset(&destination->arena);
    destination->facts.retry_ms = clock_wall_ms() + wait_ms;
    timer_set(destination->timer, wait_ms);
}

static void note_failure(struct hub_destination *destination, const struct error *err,
                         int64_t asked_ms) {
    destination->failures++;
    destination->asked_ms =
        asked_ms < HUB_DESTINATION_ASKED_MS_MOST ? asked_ms : HUB_DESTINATION_ASKED_MS_MOST;
    destination->facts.failure_ms = clock_wall_ms();
    if (destination->failures == 1 || strcmp(destination->failure.text, err->text) != 0) {
        log_line(LOG_WARN, "hub", "destination=%.*s %s", SLICE_ARGS(name_of(destination)),
                 err->text);
    }
    destination->failure = *err;
}

static void note_success(struct hub_destination *destination) {
    if (destination->failures > 0) {
        log_line(LOG_INFO, "hub", "destination=%.*s takes results again",
                 SLICE_ARGS(name_of(destination)));
    }
    destination->failures = 0;
    destination->facts.success_ms = clock_wall_ms();
}

static void fail_and_wait(struct hub_destination *destination, const struct error *err) {
    note_failure(destination, err, 0);
    wait_some(destination);
}

/* --- moving the cursor --- */

static status move(struct ingest_job *job, struct lanes *lanes, struct error *err) {
    const struct hub_destination *destination = (const struct hub_destination *)job;
    return hub_outgoing_move(hub_store_sqlite_database(lanes_session(lanes)), name_of(destination),
                             &destination->progress.move, err);
}

static void go_on(struct hub_destination *destination);

static void take_move(struct hub_destination *destination) {
    const struct hub_outgoing_move *done = &destination->progress.move;
    struct hub_outgoing_row *row = &destination->row;
    row->number = done->number > row->number ? done->number : row->number;
    row->mended = done->mended > row->mended ? done->mended : row->mended;
    row->sent += done->sent;
    row->refused += done->refused;
    row->given_up += done->given_up;
    destination->progress.move = (struct hub_outgoing_move){.number = 0};
}

/* Without room for it, it is tried again: what was sent is not sent again. */
static void moved(struct ingest_job *job) {
    struct hub_destination *destination = (struct hub_destination *)job;
    if (destination->stopping) {
        return;
    }
    if (job->error.code != STATUS_OK) {
        (void)fail_while(&job->error, "note how far it has got");
        note_failure(destination, &job->error, 0);
        destination->move_failed = true;
        destination->phase = PHASE_WAITING;
        destination->facts.retry_ms = clock_wall_ms() + HUB_DESTINATION_RETRY_MS_LEAST;
        timer_set(destination->timer, HUB_DESTINATION_RETRY_MS_LEAST);
        return;
    }
    if (destination->move_failed) {
        destination->move_failed = false;
        note_success(destination);
    }
    take_move(destination);
    go_on(destination);
}

static void submit_move(struct hub_destination *destination) {
    destination->phase = PHASE_MOVING;
    destination->job = (struct ingest_job){.work = move, .done = moved};
    ingest_run(destination->options.ingest, &destination->job);
}

static bool has_move(const struct hub_destination *destination) {
    const struct hub_outgoing_move *what = &destination->progress.move;
    return what->number > destination->row.number || what->mended > destination->row.mended;
}

/* Up to where the batch is settled, or to what was looked at where all of it is. */
static void move_to_settled(struct hub_destination *destination) {
    const struct hub_outgoing_batch *batch = &destination->batch;
    const uint32_t settled = destination->progress.settled;
    struct hub_outgoing_move *what = &destination->progress.move;
    int64_t number = settled > 0 ? batch->numbers[settled - 1] : 0;
    number = settled == batch->count ? batch->last : number;
    if (batch->is_mended) {
        what->mended = number;
    } else {
        what->number = number;
        destination->at = number > destination->at ? number : destination->at;
    }
    if (has_move(destination)) {
        submit_move(destination);
    } else {
        go_on(destination);
    }
}

/* --- sending --- */

static void send_rest(struct hub_destination *destination) {
    const uint32_t next = destination->progress.next;
    destination->phase = PHASE_SENDING;
    destination->kind->send(destination->carrier, &destination->batch.parcels[next],
                            destination->batch.count - next);
}

/* What was refused, when one behind it was taken. */
static void pass_over(struct hub_destination *destination) {
    struct progress *progress = &destination->progress;
    for (uint32_t i = progress->settled; i < progress->next; i++) {
        if (i - progress->settled < LOGGED_REFUSALS_MAX) {
            log_line(LOG_ERROR, "hub",
                     "destination=%.*s result=%.*s is refused and passed over, the next one is "
                     "taken: %s",
                     SLICE_ARGS(name_of(destination)), SLICE_ARGS(destination->batch.parcels[i].id),
                     progress->refusal.text);
        }
    }
    progress->move.refused += progress->next - progress->settled;
}

static uint32_t count_old(const struct hub_destination *destination) {
    const struct hub_outgoing_batch *batch = &destination->batch;
    const int64_t give_up_ms = destination->options.settings->give_up_ms;
    uint32_t at = destination->progress.settled;
    while (give_up_ms > 0 && at < batch->count &&
           clock_wall_ms() - batch->parcels[at].parts->arrived_ms > give_up_ms) {
        at++;
    }
    return at - destination->progress.settled;
}

static void give_up_old(struct hub_destination *destination) {
    const uint32_t old = count_old(destination);
    if (old > 0) {
        log_line(LOG_ERROR, "hub", "destination=%.*s gives up %u results: %s",
                 SLICE_ARGS(name_of(destination)), old, destination->failure.text);
    }
    destination->progress.settled += old;
    destination->progress.next = destination->progress.settled;
    destination->progress.move.given_up += old;
}

static void take_failure(struct hub_destination *destination, const struct error *err,
                         int64_t asked_ms) {
    note_failure(destination, err, asked_ms);
    destination->sweeping = true;
    give_up_old(destination);
    move_to_settled(destination);
}

static void take_arrivals(struct hub_destination *destination, uint32_t arrived) {
    struct progress *progress = &destination->progress;
    if (arrived > 0) {
        pass_over(destination);
        progress->next += arrived;
        progress->settled = progress->next;
        progress->move.sent += arrived;
        note_success(destination);
    }
}

static void reported(void *owner, const struct carrier_report *report) {
    struct hub_destination *destination = owner;
    struct progress *progress = &destination->progress;
    if (destination->stopping) {
        return;
    }
    take_arrivals(destination, report->arrived);
    if (report->refused) {
        progress->refusal = progress->next == progress->settled ? report->error : progress->refusal;
        progress->next++;
        if (progress->next == destination->batch.count) {
            take_failure(destination, &progress->refusal, report->retry_after_ms);
            return;
        }
    } else if (report->error.code != STATUS_OK) {
        take_failure(destination, &report->error, report->retry_after_ms);
        return;
    }
    if (progress->next < destination->batch.count) {
        send_rest(destination);
    } else {
        move_to_settled(destination);
    }
}

/* --- reading --- */

static struct hub_destination *of_errand(struct reader_errand *errand) {
    return (struct hub_destination *)(void *)((char *)errand -
                                              offsetof(struct hub_destination, errand));
}

/* On the reading thread. */
static status look(struct reader_errand *errand, struct database *database, struct error *err) {
    struct hub_destination *destination = of_errand(errand);
    const bool wants_mended = destination->options.settings->kind == HUB_DESTINATION_POSTGRES;
    return hub_outgoing_read(database, destination->options.outgoing, destination->at, wants_mended,
                             &destination->arena, &destination->batch, err);
}

static void tell_of_removed(struct hub_destination *destination, int64_t was) {
    const int64_t removed = destination->row.removed - was;
    if (removed > 0) {
        log_line(LOG_ERROR, "hub",
                 "destination=%.*s %lld results were removed before it had them: see `retention`",
                 SLICE_ARGS(name_of(destination)), (long long)removed);
    }
}

static void rest(struct hub_destination *destination) {
    destination->phase = PHASE_IDLE;
    destination->sweeping = false;
    timer_set(destination->timer, HUB_DESTINATION_LOOK_MS);
}

/* Nothing is due so far: on with what has not been looked at. What was passed over is written now
 * and then, so that it is not looked at again after a restart. */
static void take_nothing(struct hub_destination *destination) {
    const struct hub_outgoing_batch *batch = &destination->batch;
    if (batch->is_mended) {
        move_to_settled(destination);
        return;
    }
    destination->at = batch->last;
    if (batch->last - destination->row.number >= PASSED_OVER_MAX) {
        move_to_settled(destination);
    } else if (batch->last < destination->row.newest) {
        read_next(destination);
    } else {
        rest(destination);
    }
}

static void batch_read(struct reader_errand *errand) {
    struct hub_destination *destination = of_errand(errand);
    if (destination->stopping) {
        return;
    }
    if (errand->error.code != STATUS_OK) {
        fail_and_wait(destination, &errand->error);
        return;
    }
    const int64_t removed = destination->row.removed;
    destination->row = destination->batch.row;
    tell_of_removed(destination, removed);
    destination->progress = (struct progress){.settled = 0};
    if (destination->batch.count == 0) {
        take_nothing(destination);
    } else if (destination->sweeping) {
        give_up_old(destination);
        move_to_settled(destination);
    } else {
        send_rest(destination);
    }
}

static void read_next(struct hub_destination *destination) {
    destination->phase = PHASE_READING;
    destination->facts.retry_ms = 0;
    destination->batches = count_batches(destination);
    arena_reset(&destination->arena);
    destination->errand.look = look;
    destination->errand.done = batch_read;
    reader_run(destination->options.reader, &destination->errand);
}

/* After a move: the sweep of what is too old goes on as long as whole batches of it go. */
static void go_on(struct hub_destination *destination) {
    const bool all = destination->progress.settled == destination->batch.count;
    if (destination->row.number > destination->at) {
        destination->at = destination->row.number;
    }
    if (destination->sweeping && (!all || destination->batch.count == 0)) {
        wait_some(destination);
    } else {
        read_next(destination);
    }
}

/* --- beginning --- */

static status begin(struct ingest_job *job, struct lanes *lanes, struct error *err) {
    const struct hub_destination *destination = (const struct hub_destination *)job;
    const struct hub_destination_settings *settings = destination->options.settings;
    return hub_outgoing_begin(hub_store_sqlite_database(lanes_session(lanes)), name_of(destination),
                              settings->since, settings->since_ms, clock_wall_ms(), err);
}

static void has_begun(struct ingest_job *job) {
    struct hub_destination *destination = (struct hub_destination *)job;
    if (destination->stopping) {
        return;
    }
    destination->begun = job->error.code == STATUS_OK;
    if (destination->begun) {
        read_next(destination);
    } else {
        fail_and_wait(destination, &job->error);
    }
}

static void submit_begin(struct hub_destination *destination) {
    destination->phase = PHASE_BEGINNING;
    destination->job = (struct ingest_job){.work = begin, .done = has_begun};
    ingest_run(destination->options.ingest, &destination->job);
}

/* --- the timer --- */

static void rang(void *owner) {
    struct hub_destination *destination = owner;
    if (destination->stopping) {
        return;
    }
    if (!destination->begun) {
        submit_begin(destination);
    } else if (has_move(destination)) {
        submit_move(destination);
    } else if (destination->phase == PHASE_IDLE &&
               count_batches(destination) == destination->batches) {
        rest(destination);
    } else {
        read_next(destination);
    }
}

/* --- from outside --- */

static status open_carrier(struct hub_destination *destination, struct error *err) {
    const struct hub_destination_settings *settings = destination->options.settings;
    const struct carrier_options carrier = {.loop = destination->options.loop,
                                            .hook = &settings->hook,
                                            .batch = settings->batch,
                                            .postgres = &settings->postgres,
                                            .reported = reported,
                                            .owner = destination};
    destination->kind =
        settings->kind == HUB_DESTINATION_WEBHOOK ? &WEBHOOK_CARRIER : &POSTGRES_CARRIER;
    return destination->kind->open(&carrier, &destination->carrier, err);
}

status hub_destination_create(const struct hub_destination_options *options,
                              struct hub_destination **out_destination, struct error *err) {
    struct hub_destination *destination = memory_new(1, sizeof(*destination));
    if (destination == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a destination");
    }
    destination->options = *options;
    arena_init(&destination->arena, HUB_OUTGOING_ARENA_MAX);
    status code = timer_open(options->loop, rang, destination, &destination->timer, err);
    if (code == STATUS_OK) {
        code = open_carrier(destination, err);
    }
    if (code != STATUS_OK) {
        hub_destination_destroy(destination);
        return code;
    }
    submit_begin(destination);
    *out_destination = destination;
    return STATUS_OK;
}

void hub_destination_stop(struct hub_destination *destination) {
    if (destination != NULL) {
        destination->stopping = true;
        timer_clear(destination->timer);
    }
}

void hub_destination_destroy(struct hub_destination *destination) {
    if (destination != NULL) {
        if (destination->carrier != NULL) {
            destination->kind->close(destination->carrier);
        }
        timer_close(destination->timer);
        arena_done(&destination->arena);
        memory_free(destination);
    }
}

static bool is_under_way(const struct hub_destination *destination) {
    return destination->phase == PHASE_SENDING || destination->phase == PHASE_MOVING;
}

void hub_destination_facts(const struct hub_destination *destination,
                           struct hub_destination_facts *out_facts) {
    const struct hub_outgoing_row *row = &destination->row;
    const int64_t at =
        is_under_way(destination) || destination->at < row->number ? row->number : destination->at;
    struct ingest_counters counters;
    ingest_counters(destination->options.ingest, &counters);
    const int64_t newest = counters.tally.newest;
    *out_facts = destination->facts;
    out_facts->name = name_of(destination);
    out_facts->place = destination->options.settings->place;
    out_facts->kind = destination->kind->name;
    out_facts->waiting = destination->begun && newest > at ? newest - at : 0;
    out_facts->sent = row->sent;
    out_facts->refused = row->refused;
    out_facts->given_up = row->given_up;
    out_facts->removed = row->removed;
    out_facts->failing = destination->failures > 0;
    (void)snprintf(out_facts->failure, sizeof(out_facts->failure), "%s", destination->failure.text);
}

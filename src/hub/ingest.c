// SPDX-License-Identifier: Apache-2.0
#include "hub/ingest.h"

#include <assert.h>
#include <pthread.h>

#include "base/log.h"
#include "base/memory.h"
#include "platform/clock.h"
#include "platform/worker.h"

enum {
    GRANT_BYTES_MOST = 4 << 20,
    GRANT_BYTES_LEAST = 64 << 10, /* a frame */
    GRANT_BUSY_MS = 1000,
    GRANT_FULL_MS = 30 * 1000,
    HAND_OVER_AT = 8,
    NS_PER_US = 1000
};

static const int64_t NS_PER_S = 1000000000;

/* Jobs in the order in which they came. */
struct job_line {
    struct ingest_job *first;
    struct ingest_job **last; /* where the next one goes */
};

/*
 * A job goes from `fresh`, by hand_over, to `waiting`; the writing thread takes all of those there
 * that fit into a batch, and puts them into `answered`.
 */
struct ingest {
    struct job job;              /* the pool's: runs batches until nothing waits; first */
    struct hub_session *session; /* not owned */
    struct lanes *lanes;
    struct pool *writer;
    struct turn *turn;
    struct waker *waker;
    struct job_line fresh; /* submitted and not handed over */
    size_t fresh_count;
    bool at_work, stopped;
    struct ingest_counters counters;

    struct ingest_job *batch[INGEST_BATCH_JOBS_MAX]; /* the writing thread's */
    int batch_count;

    pthread_mutex_t lock; /* of what follows */
    struct job_line waiting, answered;
    uint64_t batches;
    int64_t commit_ns; /* that they took */
    struct hub_tally tally;
    struct ingest_speed speed;
    bool stopping;
    void (*brought)(void *owner); /* told when records were; NULL: nobody */
    void *brought_owner;
};

static void line_init(struct job_line *line) {
    line->first = NULL;
    line->last = &line->first;
}

static void line_put(struct job_line *line, struct ingest_job *job) {
    job->next = NULL;
    *line->last = job;
    line->last = &job->next;
}

static struct ingest_job *line_take(struct job_line *line) {
    struct ingest_job *job = line->first;
    if (job != NULL) {
        line->first = job->next;
        if (line->first == NULL) {
            line->last = &line->first;
        }
    }
    return job;
}

static void line_append(struct job_line *line, struct job_line *more) {
    if (more->first != NULL) {
        *line->last = more->first;
        line->last = more->last;
        line_init(more);
    }
}

/* --- the writing thread --- */

static status run_in_transaction(struct ingest *ingest, struct ingest_job **jobs, int count,
                                 struct error *err) {
    struct hub_session *session = ingest->session;
    status done = session->kind->begin(session, err);
    for (int i = 0; i < count && done == STATUS_OK; i++) {
        done = jobs[i]->work(jobs[i], ingest->lanes, err);
    }
    if (done == STATUS_OK) {
        done = lanes_save(ingest->lanes, err);
    }
    if (done == STATUS_OK) {
        done = session->kind->commit(session, err);
    }
    if (done != STATUS_OK) {
        session->kind->rollback(session);
        lanes_forget(ingest->lanes);
    }
    return done;
}

static void run_batch(struct ingest *ingest) {
    struct error err = {.code = STATUS_OK};
    const bool together =
        run_in_transaction(ingest, ingest->batch, ingest->batch_count, &err) == STATUS_OK;
    for (int i = 0; i < ingest->batch_count; i++) {
        struct ingest_job *one = ingest->batch[i];
        one->error = (struct error){.code = STATUS_OK};
        if (together || run_in_transaction(ingest, &one, 1, &err) == STATUS_OK) {
            continue;
        }
        one->error = err;
        if (one->failed != NULL) {
            one->failed(one);
        }
    }
}

/* False: nothing waits. */
static bool take_batch(struct ingest *ingest) {
    size_t bytes = 0;
    ingest->batch_count = 0;
    (void)pthread_mutex_lock(&ingest->lock);
    while (!ingest->stopping && ingest->waiting.first != NULL &&
           ingest->batch_count < INGEST_BATCH_JOBS_MAX &&
           (bytes == 0 || bytes + ingest->waiting.first->bytes <= INGEST_BATCH_BYTES_MAX)) {
        struct ingest_job *job = line_take(&ingest->waiting);
        bytes += job->bytes;
        ingest->batch[ingest->batch_count++] = job;
    }
    (void)pthread_mutex_unlock(&ingest->lock);
    return ingest->batch_count > 0;
}

static void give_back(struct ingest *ingest, int64_t commit_ns) {
    struct hub_tally tally;
    ingest->session->kind->tally(ingest->session, &tally);
    (void)pthread_mutex_lock(&ingest->lock);
    for (int i = 0; i < ingest->batch_count; i++) {
        line_put(&ingest->answered, ingest->batch[i]);
    }
    ingest->batches++;
    ingest->commit_ns += commit_ns;
    ingest_speed_add(&ingest->speed, clock_monotonic_ns() / NS_PER_S, commit_ns / NS_PER_US,
                     tally.newest - ingest->tally.newest);
    ingest->tally = tally;
    (void)pthread_mutex_unlock(&ingest->lock);
    waker_wake(ingest->waker);
}

static bool something_waits(struct ingest *ingest) {
    (void)pthread_mutex_lock(&ingest->lock);
    const bool waits = ingest->waiting.first != NULL && !ingest->stopping;
    (void)pthread_mutex_unlock(&ingest->lock);
    return waits;
}

/* Batch after batch; the loop need not take its turn between them. */
static void run_batches(struct job *job, int worker) {
    struct ingest *ingest = (struct ingest *)job;
    (void)worker;
    do {
        while (take_batch(ingest)) {
            const int64_t began_ns = clock_monotonic_ns();
            run_batch(ingest);
            give_back(ingest, clock_monotonic_ns() - began_ns);
            ingest->session->kind->tidy(ingest->session, true);
        }
        ingest->session->kind->tidy(ingest->session, false);
    } while (something_waits(ingest));
}

/* --- the loop's side --- */

static void tell_of_disk(const struct ingest_counters *was, const struct ingest_counters *is,
                         const char *trouble) {
    if (is->disk_full && !was->disk_full) {
        log_line(LOG_ERROR, "hub", "its disk is full: devices keep what they have and come again");
    } else if (was->disk_full && !is->disk_full) {
        log_line(LOG_INFO, "hub", "its disk has room again");
    }
    if (is->disk_fails && !was->disk_fails) {
        log_line(LOG_ERROR, "hub",
                 "its disk fails, nothing is acknowledged, devices keep what they have and come "
                 "again: %s",
                 trouble);
    } else if (was->disk_fails && !is->disk_fails) {
        log_line(LOG_INFO, "hub", "its disk works again");
    }
}

/* What somebody asked for and cannot have is no failure of the hub. */
static bool is_our_fault(status code) {
    return code == STATUS_SYSTEM || code == STATUS_CORRUPT || code == STATUS_FULL ||
           code == STATUS_NO_MEMORY;
}

/* The disk counts as full, or as failing, until something of a device's was committed again: what
 * is small may fit where that does not. */
static void count_answered(struct ingest *ingest, const struct ingest_job *jobs) {
    struct ingest_counters *counters = &ingest->counters;
    const struct ingest_counters was = *counters;
    const char *trouble = NULL;
    bool found_full = false;
    bool brought = false;
    for (const struct ingest_job *job = jobs; job != NULL; job = job->next) {
        counters->jobs++;
        counters->waiting_jobs--;
        counters->failed_jobs += is_our_fault(job->error.code) ? 1 : 0;
        found_full = found_full || job->error.code == STATUS_FULL;
        trouble = job->error.code == STATUS_SYSTEM ? job->error.text : trouble;
        brought = brought || (job->error.code == STATUS_OK && job->bytes > 0);
    }
    counters->disk_full = found_full || (was.disk_full && !brought);
    counters->disk_fails = trouble != NULL || (was.disk_fails && !brought);
    tell_of_disk(&was, counters, trouble);
    if (brought && ingest->brought != NULL) {
        ingest->brought(ingest->brought_owner);
    }
}

void ingest_watch(struct ingest *ingest, void (*brought)(void *owner), void *owner) {
    ingest->brought = brought;
    ingest->brought_owner = owner;
}

static void deliver(void *owner) {
    struct ingest *ingest = owner;
    (void)pthread_mutex_lock(&ingest->lock);
    struct ingest_job *job = ingest->answered.first;
    line_init(&ingest->answered);
    ingest->counters.batches = ingest->batches;
    ingest->counters.commit_ns_total = (uint64_t)ingest->commit_ns;
    ingest->counters.tally = ingest->tally;
    (void)pthread_mutex_unlock(&ingest->lock);
    count_answered(ingest, job);
    while (job != NULL) {
        struct ingest_job *next = job->next; /* `done` may free the job */
        job->done(job);
        job = next;
    }
}

static void hand_over(struct ingest *ingest) {
    (void)pthread_mutex_lock(&ingest->lock);
    line_append(&ingest->waiting, &ingest->fresh);
    const bool waits = ingest->waiting.first != NULL;
    (void)pthread_mutex_unlock(&ingest->lock);
    ingest->fresh_count = 0;
    if (waits && !ingest->at_work) {
        ingest->at_work = true;
        pool_submit(ingest->writer, &ingest->job);
    }
}

/* Something may have come after the writing thread looked for the last time. */
static void batches_done(struct job *job) {
    struct ingest *ingest = (struct ingest *)job;
    ingest->at_work = false;
    hand_over(ingest);
}

static void turn_ended(void *owner) {
    hand_over(owner);
}

void ingest_run(struct ingest *ingest, struct ingest_job *job) {
    assert(job->work != NULL && job->done != NULL);
    assert(!ingest->stopped);
    line_put(&ingest->fresh, job);
    ingest->counters.waiting_jobs++;
    ingest->fresh_count++;
    if (ingest->fresh_count == 1) {
        turn_want(ingest->turn);
    } else if (ingest->fresh_count >= HAND_OVER_AT) {
        hand_over(ingest); /* a long turn keeps nobody waiting */
    }
}

bool ingest_is_idle(const struct ingest *ingest) {
    return !ingest->at_work && ingest->counters.waiting_jobs == 0;
}

/* --- memory of bodies --- */

void ingest_hold(struct ingest *ingest, int64_t bytes) {
    ingest->counters.held_bytes += bytes;
    assert(ingest->counters.held_bytes >= 0);
}

bool ingest_is_full(const struct ingest *ingest) {
    return ingest->counters.held_bytes > INGEST_HELD_BYTES_MAX;
}

struct grant ingest_grant(const struct ingest *ingest) {
    const int64_t held = ingest->counters.held_bytes;
    struct grant grant = {.bytes = GRANT_BYTES_MOST};
    /* What is half full is half as generous, and so on, down to a frame. */
    for (int64_t level = INGEST_HELD_BYTES_MAX / 16; level < held; level += level) {
        grant.bytes /= 4;
    }
    if (grant.bytes < GRANT_BYTES_LEAST) {
        grant.bytes = GRANT_BYTES_LEAST;
        grant.after_ms = GRANT_BUSY_MS;
    }
    if (ingest->counters.disk_full) {
        grant = (struct grant){.bytes = GRANT_BYTES_LEAST, .after_ms = GRANT_FULL_MS};
    }
    return grant;
}

void ingest_counters(const struct ingest *ingest, struct ingest_counters *out_counters) {
    *out_counters = ingest->counters;
}

void ingest_figures(struct ingest *ingest, struct ingest_speed_figures *out_figures) {
    (void)pthread_mutex_lock(&ingest->lock);
    ingest_speed_figures(&ingest->speed, clock_monotonic_ns() / NS_PER_S, out_figures);
    (void)pthread_mutex_unlock(&ingest->lock);
}

/* --- birth and end --- */

status ingest_create(const struct ingest_options *options, struct ingest **out_ingest,
                     struct error *err) {
    struct ingest *ingest = memory_new(1, sizeof(*ingest));
    if (ingest == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the ingest");
    }
    ingest->session = options->session;
    options->session->kind->tally(options->session, &ingest->tally);
    ingest->counters.tally = ingest->tally;
    ingest->job = (struct job){.work = run_batches, .done = batches_done};
    line_init(&ingest->fresh);
    line_init(&ingest->waiting);
    line_init(&ingest->answered);
    (void)pthread_mutex_init(&ingest->lock, NULL); /* cannot fail without attributes */
    status made = lanes_create(options->session, &ingest->lanes, err);
    if (made == STATUS_OK) {
        made = pool_create(options->loop, 1, &ingest->writer, err);
    }
    if (made == STATUS_OK) {
        made = waker_create(options->loop, deliver, ingest, &ingest->waker, err);
    }
    if (made == STATUS_OK) {
        made = turn_create(options->loop, turn_ended, ingest, &ingest->turn, err);
    }
    if (made != STATUS_OK) {
        ingest_destroy(ingest);
        return made;
    }
    *out_ingest = ingest;
    return STATUS_OK;
}

/* What the writing thread was at has been committed, or not; what it never began was not. */
static void answer_the_rest(struct ingest *ingest) {
    deliver(ingest);
    line_append(&ingest->waiting, &ingest->fresh);
    for (struct ingest_job *job = line_take(&ingest->waiting); job != NULL;
         job = line_take(&ingest->waiting)) {
        (void)fail(&job->error, STATUS_OFFLINE, "the hub is ending");
        ingest->counters.waiting_jobs--;
        job->done(job);
    }
}

void ingest_stop(struct ingest *ingest) {
    if (ingest == NULL || ingest->stopped) {
        return;
    }
    ingest->stopped = true;
    (void)pthread_mutex_lock(&ingest->lock);
    ingest->stopping = true;
    (void)pthread_mutex_unlock(&ingest->lock);
    turn_destroy(ingest->turn);
    pool_destroy(ingest->writer);
    answer_the_rest(ingest);
    waker_destroy(ingest->waker);
}

void ingest_destroy(struct ingest *ingest) {
    if (ingest != NULL) {
        ingest_stop(ingest);
        lanes_destroy(ingest->lanes);
        (void)pthread_mutex_destroy(&ingest->lock);
        memory_free(ingest);
    }
}

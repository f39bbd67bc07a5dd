// SPDX-License-Identifier: Apache-2.0
#include "hub/ingest.h"

#include <assert.h>

#include "base/log.h"
#include "base/memory.h"
#include "platform/clock.h"
#include "platform/worker.h"

enum {
    GRANT_BYTES_MOST = 4 << 20,
    GRANT_BYTES_LEAST = 64 << 10, /* a frame */
    GRANT_BUSY_MS = 1000,
    GRANT_FULL_MS = 30 * 1000
};

struct job_line {
    struct ingest_job *first;
    struct ingest_job **last; /* where the next one goes */
};

/*
 * There is one batch at a time. While it is the writing thread's, nobody else looks at it.
 *
 *   idle       the loop may fill it from what waits
 *   at work    the writing thread's
 */
struct ingest {
    struct job job;              /* the pool's, of the batch that is at work; first */
    struct hub_session *session; /* not owned */
    struct lanes *lanes;
    struct pool *writer;
    struct turn *turn;
    struct job_line waiting;
    struct ingest_job *batch[INGEST_BATCH_JOBS_MAX];
    int batch_count;
    bool at_work, stopped;
    bool batch_ran;    /* set by the writing thread */
    bool must_tidy;    /* something was written since the store was tidied */
    int64_t commit_ns; /* that the batch took */
    struct ingest_counters counters;
};

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

static void run_batch(struct job *job, int worker) {
    struct ingest *ingest = (struct ingest *)job;
    struct error err = {.code = STATUS_OK};
    (void)worker;
    const int64_t began_ns = clock_monotonic_ns();
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
    ingest->batch_ran = true;
    ingest->commit_ns = clock_monotonic_ns() - began_ns;
    ingest->session->kind->tidy(ingest->session, true);
}

static void run_tidy(struct job *job, int worker) {
    struct ingest *ingest = (struct ingest *)job;
    (void)worker;
    ingest->session->kind->tidy(ingest->session, false);
}

/* --- the loop's side --- */

static void next(struct ingest *ingest);

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

/* The disk counts as full, or as failing, until something of a device's was committed again: what
 * is small may fit where that does not. */
static void count_batch(struct ingest *ingest) {
    struct ingest_counters *counters = &ingest->counters;
    const struct ingest_counters was = *counters;
    const char *trouble = NULL;
    bool found_full = false;
    bool brought = false;
    counters->batches++;
    counters->jobs += (uint64_t)ingest->batch_count;
    counters->commit_ns_total += (uint64_t)ingest->commit_ns;
    for (int i = 0; i < ingest->batch_count; i++) {
        const struct ingest_job *job = ingest->batch[i];
        counters->failed_jobs += job->error.code != STATUS_OK ? 1 : 0;
        found_full = found_full || job->error.code == STATUS_FULL;
        trouble = job->error.code == STATUS_SYSTEM ? job->error.text : trouble;
        brought = brought || (job->error.code == STATUS_OK && job->bytes > 0);
    }
    counters->disk_full = found_full || (was.disk_full && !brought);
    counters->disk_fails = trouble != NULL || (was.disk_fails && !brought);
    tell_of_disk(&was, counters, trouble);
}

static void batch_done(struct job *job) {
    struct ingest *ingest = (struct ingest *)job;
    const int count = ingest->batch_count;
    count_batch(ingest);
    ingest->at_work = false;
    ingest->must_tidy = true;
    ingest->batch_count = 0;
    for (int i = 0; i < count; i++) {
        ingest->batch[i]->done(ingest->batch[i]);
    }
    next(ingest);
}

static void tidy_done(struct job *job) {
    struct ingest *ingest = (struct ingest *)job;
    ingest->at_work = false;
    next(ingest);
}

static void take_batch(struct ingest *ingest) {
    size_t bytes = 0;
    while (ingest->waiting.first != NULL && ingest->batch_count < INGEST_BATCH_JOBS_MAX &&
           (bytes == 0 || bytes + ingest->waiting.first->bytes <= INGEST_BATCH_BYTES_MAX)) {
        struct ingest_job *job = ingest->waiting.first;
        bytes += job->bytes;
        ingest->waiting.first = job->next;
        ingest->batch[ingest->batch_count++] = job;
    }
    if (ingest->waiting.first == NULL) {
        ingest->waiting.last = &ingest->waiting.first;
    }
    ingest->batch_ran = false;
    ingest->counters.waiting_jobs -= (size_t)ingest->batch_count;
}

static void hand_over(struct ingest *ingest, void (*work)(struct job *job, int worker),
                      void (*done)(struct job *job)) {
    ingest->at_work = true;
    ingest->job = (struct job){.work = work, .done = done};
    pool_submit(ingest->writer, &ingest->job);
}

static void next(struct ingest *ingest) {
    if (ingest->at_work) {
        return;
    }
    if (ingest->waiting.first != NULL) {
        take_batch(ingest);
        hand_over(ingest, run_batch, batch_done);
    } else if (ingest->must_tidy) {
        ingest->must_tidy = false;
        hand_over(ingest, run_tidy, tidy_done);
    }
}

static void turn_ended(void *owner) {
    next(owner);
}

void ingest_run(struct ingest *ingest, struct ingest_job *job) {
    assert(job->work != NULL && job->done != NULL);
    assert(!ingest->stopped);
    job->next = NULL;
    *ingest->waiting.last = job;
    ingest->waiting.last = &job->next;
    ingest->counters.waiting_jobs++;
    turn_want(ingest->turn);
}

bool ingest_is_idle(const struct ingest *ingest) {
    return !ingest->at_work && ingest->waiting.first == NULL;
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

/* --- birth and end --- */

status ingest_create(const struct ingest_options *options, struct ingest **out_ingest,
                     struct error *err) {
    struct ingest *ingest = memory_new(1, sizeof(*ingest));
    if (ingest == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the ingest");
    }
    ingest->session = options->session;
    ingest->waiting.last = &ingest->waiting.first;
    status made = lanes_create(options->session, &ingest->lanes, err);
    if (made == STATUS_OK) {
        made = pool_create(options->loop, 1, &ingest->writer, err);
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
    struct error ending;
    (void)fail(&ending, STATUS_OFFLINE, "the hub is ending");
    for (int i = 0; i < ingest->batch_count; i++) {
        if (!ingest->batch_ran) {
            ingest->batch[i]->error = ending;
        }
        ingest->batch[i]->done(ingest->batch[i]);
    }
    while (ingest->waiting.first != NULL) {
        struct ingest_job *job = ingest->waiting.first;
        ingest->waiting.first = job->next;
        job->error = ending;
        job->done(job);
    }
}

void ingest_stop(struct ingest *ingest) {
    if (ingest == NULL || ingest->stopped) {
        return;
    }
    ingest->stopped = true;
    turn_destroy(ingest->turn);
    pool_destroy(ingest->writer);
    answer_the_rest(ingest);
}

void ingest_destroy(struct ingest *ingest) {
    if (ingest != NULL) {
        ingest_stop(ingest);
        lanes_destroy(ingest->lanes);
        memory_free(ingest);
    }
}

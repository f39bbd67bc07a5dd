// SPDX-License-Identifier: Apache-2.0
#include "storage/store.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "platform/clock.h"
#include "platform/database.h"
#include "platform/file.h"
#include "platform/hash.h"
#include "storage/core.h"
#include "storage/local_db.h"
#include "storage/number_map.h"
#include "storage/reading.h"
#include "storage/seen.h"

enum { READ_BOUND_MS = 1000 };

static const int64_t NEVER_NS = INT64_MAX;

struct job_list {
    struct store_job *first, **end;
};

struct read_list {
    struct store_read *first, **end;
};

/*
 * A job is in one list at a time: submitted (loop), queue (waits for its batch), the batch that the
 * database thread runs, answered (waits for the loop). `mutex` guards queue, answered, reads and
 * counters; everything above it in the struct belongs to the loop, or never changes.
 */
struct store {
    struct store_options options;
    char folder[LOCAL_DB_PATH_BYTES];
    char path[LOCAL_DB_PATH_BYTES];
    struct file_lock *lock;
    struct id stream;
    struct job_list submitted;
    struct number_map seen; /* the loop's, once seen_loaded */
    struct core *core;      /* the database thread's, once it runs */
    pthread_t database_thread, reader_thread;
    bool database_runs, reader_runs;

    pthread_mutex_t mutex;
    pthread_cond_t work, reader_work, seen_ready;
    struct job_list queue, answered;
    int queue_count;
    size_t queue_bytes;
    int64_t due_ns; /* when what waits in the queue must be committed */
    struct read_list reads, reads_answered;
    struct store_counters counters;
    bool seen_loaded, stopping;
};

/* --- lists ----------------------------------------------------------------------------------- */

static void append_job(struct job_list *list, struct store_job *job) {
    job->next = NULL;
    *list->end = job;
    list->end = &job->next;
}

static struct store_job *take_job(struct job_list *list) {
    struct store_job *job = list->first;
    if (job != NULL) {
        list->first = job->next;
        if (list->first == NULL) {
            list->end = &list->first;
        }
        job->next = NULL;
    }
    return job;
}

static void append_read(struct read_list *list, struct store_read *read) {
    read->next = NULL;
    *list->end = read;
    list->end = &read->next;
}

static struct store_read *take_read(struct read_list *list) {
    struct store_read *read = list->first;
    if (read != NULL) {
        list->first = read->next;
        if (list->first == NULL) {
            list->end = &list->first;
        }
        read->next = NULL;
    }
    return read;
}

/* --- the database thread -----------------------------------------------------------------------
 */

/* True when what waits must not wait any longer; it then goes whole, in as many batches as needed.
 */
static bool is_due(const struct store *store) {
    return store->queue.first != NULL &&
           (store->stopping || store->queue_count >= STORE_BATCH_JOBS_MAX ||
            store->queue_bytes >= STORE_BATCH_BYTES_MAX || store->due_ns <= clock_monotonic_ns());
}

static void wait_for_work(struct store *store) {
    if (store->queue.first == NULL) {
        (void)pthread_cond_wait(&store->work, &store->mutex);
        return;
    }
    const struct timespec due = {.tv_sec = store->due_ns / 1000000000,
                                 .tv_nsec = store->due_ns % 1000000000};
    (void)pthread_cond_timedwait(&store->work, &store->mutex, &due);
}

static int take_batch(struct store *store, struct store_job **jobs) {
    int count = 0;
    size_t bytes = 0;
    while (store->queue.first != NULL && count < STORE_BATCH_JOBS_MAX &&
           (count == 0 || bytes + core_job_bytes(store->queue.first) <= STORE_BATCH_BYTES_MAX)) {
        bytes += core_job_bytes(store->queue.first);
        jobs[count++] = take_job(&store->queue);
    }
    store->queue_count -= count;
    store->queue_bytes -= bytes;
    store->due_ns = store->queue.first != NULL ? 0 : NEVER_NS;
    return count;
}

static void run_batch(struct store *store) {
    struct store_job *jobs[STORE_BATCH_JOBS_MAX];
    const int count = take_batch(store, jobs);
    (void)pthread_mutex_unlock(&store->mutex);
    core_run(store->core, jobs, count);
    (void)pthread_mutex_lock(&store->mutex);
    for (int i = 0; i < count; i++) {
        append_job(&store->answered, jobs[i]);
    }
    core_counters(store->core, &store->counters);
    (void)pthread_mutex_unlock(&store->mutex);
    store->options.wake(store->options.owner);
    core_idle(store->core);
    (void)pthread_mutex_lock(&store->mutex);
}

static void *run_database(void *owner) {
    struct store *store = owner;
    (void)pthread_setname_np(pthread_self(), "ebb-database");
    (void)pthread_mutex_lock(&store->mutex);
    while (!store->stopping || store->queue.first != NULL) {
        if (is_due(store)) {
            run_batch(store);
        } else {
            wait_for_work(store);
        }
    }
    (void)pthread_mutex_unlock(&store->mutex);
    return NULL;
}

/* --- the reader thread -------------------------------------------------------------------------
 */

static status open_reader(const struct store *store, struct database **database,
                          struct error *err) {
    if (*database != NULL) {
        return STATUS_OK;
    }
    const struct database_options options = {.path = store->path,
                                             .vfs = store->options.vfs,
                                             .read_only = true,
                                             .application = LOCAL_DB_APPLICATION};
    return database_open(&options, database, err);
}

static uint64_t mark_of(struct slice source, uint64_t hash) {
    return hash ^ hash_64(source, (struct slice){0});
}

static bool add_mark(void *owner, struct slice source, uint64_t hash) {
    struct store *store = owner;
    return number_map_set(&store->seen, mark_of(source, hash), 1);
}

static void load_seen(struct store *store, struct database **database) {
    struct error err;
    /* A mark that is not known costs a repetition of a run that is safe to repeat. */
    if (open_reader(store, database, &err) == STATUS_OK) {
        (void)seen_each(*database, add_mark, store, &err);
    }
    (void)pthread_mutex_lock(&store->mutex);
    store->seen_loaded = true;
    (void)pthread_cond_broadcast(&store->seen_ready);
    (void)pthread_mutex_unlock(&store->mutex);
}

static void run_read(const struct store *store, struct database **database,
                     struct store_read *read) {
    read->error = (struct error){.code = STATUS_OK};
    if (open_reader(store, database, &read->error) == STATUS_OK) {
        database_set_deadline(*database, READ_BOUND_MS);
        reading_run(*database, read);
    }
}

static void *run_reader(void *owner) {
    struct store *store = owner;
    struct database *database = NULL;
    (void)pthread_setname_np(pthread_self(), "ebb-reader");
    load_seen(store, &database);
    (void)pthread_mutex_lock(&store->mutex);
    while (!store->stopping || store->reads.first != NULL) {
        struct store_read *read = take_read(&store->reads);
        if (read == NULL) {
            (void)pthread_cond_wait(&store->reader_work, &store->mutex);
            continue;
        }
        (void)pthread_mutex_unlock(&store->mutex);
        run_read(store, &database, read);
        (void)pthread_mutex_lock(&store->mutex);
        append_read(&store->reads_answered, read);
        (void)pthread_mutex_unlock(&store->mutex);
        store->options.wake(store->options.owner);
        (void)pthread_mutex_lock(&store->mutex);
    }
    (void)pthread_mutex_unlock(&store->mutex);
    database_close(database);
    return NULL;
}

/* --- opening and closing ------------------------------------------------------------------------
 */

static void init_sync(struct store *store) {
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&store->mutex, NULL);
    (void)pthread_cond_init(&store->work, &monotonic);
    (void)pthread_cond_init(&store->reader_work, &monotonic);
    (void)pthread_cond_init(&store->seen_ready, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    store->submitted.end = &store->submitted.first;
    store->queue.end = &store->queue.first;
    store->answered.end = &store->answered.first;
    store->reads.end = &store->reads.first;
    store->reads_answered.end = &store->reads_answered.first;
    store->due_ns = NEVER_NS;
}

/* Signals stay the loop's. */
static status start_threads(struct store *store, struct error *err) {
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    store->database_runs = pthread_create(&store->database_thread, NULL, run_database, store) == 0;
    store->reader_runs = pthread_create(&store->reader_thread, NULL, run_reader, store) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!store->database_runs || !store->reader_runs) {
        return fail(err, STATUS_SYSTEM, "start the store's threads: there can be no more");
    }
    return STATUS_OK;
}

static status open_core(struct store *store, struct store_opened *opened, struct error *err) {
    const struct core_options core = {.folder = store->folder,
                                      .vfs = store->options.vfs,
                                      .budget_bytes = store->options.budget_bytes};
    int64_t newest_ms = 0;
    TRY(file_make_folder(store->folder, err));
    TRY(file_lock_take(store->folder, &store->lock, err));
    TRY(core_open(&core, &store->core, opened, err));
    store->stream = core_stream(store->core);
    core_counters(store->core, &store->counters);
    TRY(core_newest_wall_ms(store->core, &newest_ms, err));
    clock_set_floor(newest_ms);
    return start_threads(store, err);
}

status store_open(const struct store_options *options, struct store **out_store,
                  struct store_opened *out_opened, struct error *err) {
    assert(options->wake != NULL);
    struct store *store = memory_new(1, sizeof(*store));
    if (store == NULL) {
        return fail(err, STATUS_NO_MEMORY, "open the store: out of memory");
    }
    init_sync(store);
    store->options = *options;
    const int count = snprintf(store->folder, sizeof(store->folder), "%s", options->folder);
    const int path = snprintf(store->path, sizeof(store->path), "%s/ebb.db", options->folder);
    status opened = STATUS_OK;
    if (count < 0 || path < 0 || (size_t)path >= sizeof(store->path)) {
        opened = fail(err, STATUS_INVALID, "the path of the store has at most %d bytes",
                      LOCAL_DB_PATH_BYTES - 8);
    } else {
        opened = open_core(store, out_opened, err);
    }
    if (opened != STATUS_OK) {
        store_close(store);
        return fail_while(err, "open the store in '%.*s'", 200, options->folder);
    }
    *out_store = store;
    return STATUS_OK;
}

static void stop_threads(struct store *store) {
    (void)pthread_mutex_lock(&store->mutex);
    store->stopping = true;
    (void)pthread_cond_broadcast(&store->work);
    (void)pthread_cond_broadcast(&store->reader_work);
    (void)pthread_mutex_unlock(&store->mutex);
    if (store->database_runs) {
        (void)pthread_join(store->database_thread, NULL);
    }
    if (store->reader_runs) {
        (void)pthread_join(store->reader_thread, NULL);
    }
}

void store_close(struct store *store) {
    if (store == NULL) {
        return;
    }
    store_flush(store);
    stop_threads(store);
    store_collect(store);
    core_close(store->core);
    file_lock_drop(store->lock);
    number_map_done(&store->seen);
    (void)pthread_cond_destroy(&store->work);
    (void)pthread_cond_destroy(&store->reader_work);
    (void)pthread_cond_destroy(&store->seen_ready);
    (void)pthread_mutex_destroy(&store->mutex);
    memory_free(store);
}

struct id store_stream(const struct store *store) {
    return store->stream;
}

/* --- the loop's side ----------------------------------------------------------------------------
 */

void store_submit(struct store *store, struct store_job *job) {
    append_job(&store->submitted, job);
}

static int64_t interval_of(const struct store *store, const struct store_job *job) {
    return job->interval_ms < 0 ? store->options.commit_ms : job->interval_ms;
}

void store_flush(struct store *store) {
    if (store->submitted.first == NULL) {
        return;
    }
    const int64_t now_ns = clock_monotonic_ns();
    (void)pthread_mutex_lock(&store->mutex);
    struct store_job *job = take_job(&store->submitted);
    for (; job != NULL; job = take_job(&store->submitted)) {
        const int64_t due_ns = now_ns + interval_of(store, job) * 1000000;
        store->due_ns = due_ns < store->due_ns ? due_ns : store->due_ns;
        store->queue_count++;
        store->queue_bytes += core_job_bytes(job);
        append_job(&store->queue, job);
    }
    (void)pthread_cond_signal(&store->work);
    (void)pthread_mutex_unlock(&store->mutex);
}

static void wait_for_seen(const struct store *store) {
    /* The marks are the one thing that a const asker may have to wait for. */
    struct store *waiting = (struct store *)(uintptr_t)store;
    (void)pthread_mutex_lock(&waiting->mutex);
    while (!waiting->seen_loaded && waiting->reader_runs) {
        (void)pthread_cond_wait(&waiting->seen_ready, &waiting->mutex);
    }
    (void)pthread_mutex_unlock(&waiting->mutex);
}

static void note_seen(struct store *store, const struct store_job *job) {
    if (job->seen_source.count == 0 || job->error.code != STATUS_OK) {
        return;
    }
    wait_for_seen(store);
    const uint64_t mark = mark_of(job->seen_source, job->seen_hash);
    if (job->kind == STORE_SEEN_FORGET) {
        number_map_remove(&store->seen, mark);
    } else if (job->kind == STORE_RUN_END) {
        /* Without memory for it the mark is known again after the next start. */
        (void)number_map_set(&store->seen, mark, 1);
    }
}

void store_collect(struct store *store) {
    (void)pthread_mutex_lock(&store->mutex);
    struct job_list jobs = store->answered;
    struct read_list reads = store->reads_answered;
    store->answered = (struct job_list){.end = &store->answered.first};
    store->reads_answered = (struct read_list){.end = &store->reads_answered.first};
    (void)pthread_mutex_unlock(&store->mutex);
    while (jobs.first != NULL) {
        struct store_job *job = jobs.first;
        jobs.first = job->next;
        job->next = NULL;
        note_seen(store, job);
        job->done(job);
    }
    while (reads.first != NULL) {
        struct store_read *read = reads.first;
        reads.first = read->next;
        read->next = NULL;
        read->done(read);
    }
}

bool store_seen(const struct store *store, struct slice source, uint64_t hash) {
    wait_for_seen(store);
    return number_map_get(&store->seen, mark_of(source, hash), NULL);
}

void store_read(struct store *store, struct store_read *read) {
    (void)pthread_mutex_lock(&store->mutex);
    append_read(&store->reads, read);
    (void)pthread_cond_signal(&store->reader_work);
    (void)pthread_mutex_unlock(&store->mutex);
}

status store_each_run(struct store *store, void (*each)(void *owner, const struct kept_run *run),
                      void *owner, struct error *err) {
    return core_each_run(store->core, each, owner, err);
}

void store_counters(const struct store *store, struct store_counters *out_counters) {
    struct store *locked = (struct store *)(uintptr_t)store;
    (void)pthread_mutex_lock(&locked->mutex);
    *out_counters = store->counters;
    (void)pthread_mutex_unlock(&locked->mutex);
}

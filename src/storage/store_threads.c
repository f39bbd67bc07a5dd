// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <time.h>

#include "platform/clock.h"
#include "storage/full_check.h"
#include "storage/outbox_reader.h"
#include "storage/reading.h"
#include "storage/seen.h"
#include "storage/store_parts.h"

enum {
    READ_BOUND_MS = 1000,
    CHECK_FIRST_S = 3600,
    CHECK_AGAIN_S = 24 * 3600,
    CHECK_SOON_S = 60,
    SLICE_PAUSE_MS = 50
};

static const int64_t NS_PER_S = 1000000000;
static const int64_t NEVER_NS = INT64_MAX;

static void wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t due_ns) {
    const struct timespec due = {.tv_sec = due_ns / NS_PER_S, .tv_nsec = due_ns % NS_PER_S};
    (void)pthread_cond_timedwait(condition, mutex, &due);
}

/* --- the database thread --- */

/* True when what waits must not wait any longer; it then goes whole, in as many batches as needed.
 */
static bool is_due(const struct store *store) {
    return store->queue.first != NULL &&
           (store->stopping || store->queue_count >= STORE_BATCH_JOBS_MAX ||
            store->queue_bytes >= STORE_BATCH_BYTES_MAX || store->due_ns <= clock_monotonic_ns());
}

static int take_batch(struct store *store, struct store_job **jobs) {
    int count = 0;
    size_t bytes = 0;
    while (store->queue.first != NULL && count < STORE_BATCH_JOBS_MAX &&
           (count == 0 || bytes + core_job_bytes(store->queue.first) <= STORE_BATCH_BYTES_MAX)) {
        bytes += core_job_bytes(store->queue.first);
        jobs[count++] = job_list_take(&store->queue);
    }
    store->queue_count -= count;
    store->queue_bytes -= bytes;
    store->due_ns = store->queue.first != NULL ? 0 : NEVER_NS;
    return count;
}

/* With `mutex` held: what the core has to say to the loop. */
static void take_news(struct store *store) {
    core_counters(store->core, &store->counters);
    store->stream = core_stream(store->core);
    while (store->alarm_count < STORE_ALARMS_MAX &&
           core_take_alarm(store->core, &store->alarms[store->alarm_count])) {
        store->alarm_count++;
    }
}

static void run_batch(struct store *store) {
    struct store_job *jobs[STORE_BATCH_JOBS_MAX];
    const int count = take_batch(store, jobs);
    (void)pthread_mutex_unlock(&store->mutex);
    core_run(store->core, jobs, count);
    (void)pthread_mutex_lock(&store->mutex);
    for (int i = 0; i < count; i++) {
        job_list_append(&store->answered, jobs[i]);
    }
    take_news(store);
    (void)pthread_mutex_unlock(&store->mutex);
    store->options.wake(store->options.owner);
    core_idle(store->core);
    (void)pthread_mutex_lock(&store->mutex);
}

static void mend_found(struct store *store) {
    const bool whole_file = store->file_damaged;
    store->damage_found = false;
    store->file_damaged = false;
    (void)pthread_mutex_unlock(&store->mutex);
    core_mend_found(store->core, whole_file);
    (void)pthread_mutex_lock(&store->mutex);
    take_news(store);
    (void)pthread_mutex_unlock(&store->mutex);
    store->options.wake(store->options.owner);
    (void)pthread_mutex_lock(&store->mutex);
}

static void *run_database(void *owner) {
    struct store *store = owner;
    (void)pthread_setname_np(pthread_self(), "ebb-database");
    (void)pthread_mutex_lock(&store->mutex);
    while (!store->stopping || store->queue.first != NULL) {
        if (store->damage_found) {
            mend_found(store);
        } else if (is_due(store)) {
            run_batch(store);
        } else if (store->queue.first != NULL) {
            wait_until(&store->work, &store->mutex, store->due_ns);
        } else {
            (void)pthread_cond_wait(&store->work, &store->mutex);
        }
    }
    (void)pthread_mutex_unlock(&store->mutex);
    return NULL;
}

void store_threads_reopening(void *owner, bool done) {
    struct store *store = owner;
    if (done) {
        (void)pthread_mutex_unlock(&store->reading);
        return;
    }
    (void)pthread_mutex_lock(&store->reading);
    database_close(store->reader);
    store->reader = NULL;
}

/* --- the reader thread --- */

/* With `reading` held. */
static status open_reader(struct store *store, struct error *err) {
    if (store->reader != NULL) {
        return STATUS_OK;
    }
    const struct database_options options = {.path = store->path,
                                             .vfs = store->options.vfs,
                                             .read_only = true,
                                             .application = LOCAL_DB_APPLICATION};
    return database_open(&options, &store->reader, err);
}

static bool add_mark(void *owner, struct slice source, uint64_t hash) {
    struct store *store = owner;
    return number_map_set(&store->seen, seen_key(source, hash), 1);
}

static void load_seen(struct store *store) {
    struct error err;
    (void)pthread_mutex_lock(&store->reading);
    /* A mark that is not known costs a repetition of a run that is safe to repeat. */
    if (open_reader(store, &err) == STATUS_OK) {
        (void)seen_each(store->reader, add_mark, store, &err);
    }
    (void)pthread_mutex_unlock(&store->reading);
    (void)pthread_mutex_lock(&store->mutex);
    store->seen_loaded = true;
    (void)pthread_cond_broadcast(&store->seen_ready);
    (void)pthread_mutex_unlock(&store->mutex);
}

static void run_read(struct store *store, struct store_read *read) {
    read->error = (struct error){.code = STATUS_OK};
    (void)pthread_mutex_lock(&store->reading);
    if (open_reader(store, &read->error) == STATUS_OK) {
        database_set_deadline(store->reader, READ_BOUND_MS);
        reading_run(store->reader, read);
        database_set_deadline(store->reader, 0);
    }
    (void)pthread_mutex_unlock(&store->reading);
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

/* What is handed out may be on its way: it is not replaced any more. A record that is not what was
 * chained is mended by the database thread. With `mutex` held. */
static void note_batch(struct store *store, const struct store_read *read) {
    const struct outbox_batch *batch = read->batch;
    if (read->error.code == STATUS_CORRUPT) {
        store->damage_found = true;
        (void)pthread_cond_signal(&store->work);
    } else if (batch->count > 0 && id_equal(read->id, store->stream)) {
        core_note_sent(store->core, read->lane, batch->items[batch->count - 1].last_seq);
    }
}

/* With `mutex` held at its start and end. */
static void answer_read(struct store *store, struct store_read *read) {
    (void)pthread_mutex_unlock(&store->mutex);
    run_read(store, read);
    (void)pthread_mutex_lock(&store->mutex);
    if (read->kind == READ_BATCH) {
        note_batch(store, read);
    }
    *store->reads_answered.end = read;
    store->reads_answered.end = &read->next;
    (void)pthread_mutex_unlock(&store->mutex);
    store->options.wake(store->options.owner);
    (void)pthread_mutex_lock(&store->mutex);
}

/* A slice of the full check; returns when the next one is due. */
static int64_t check_slice(struct store *store, struct full_check *check) {
    struct error err;
    bool damaged = false;
    bool more = false;
    (void)pthread_mutex_unlock(&store->mutex);
    (void)pthread_mutex_lock(&store->reading);
    status checked = open_reader(store, &err);
    if (checked == STATUS_OK) {
        checked = full_check_step(check, store->reader, &damaged, &more, &err);
    }
    (void)pthread_mutex_unlock(&store->reading);
    (void)pthread_mutex_lock(&store->mutex);
    if (damaged || checked == STATUS_CORRUPT) {
        store->damage_found = true;
        store->file_damaged = checked == STATUS_CORRUPT;
        (void)pthread_cond_signal(&store->work);
    }
    if (!more || damaged || checked != STATUS_OK) {
        const int64_t pause_s = damaged || checked == STATUS_CORRUPT ? CHECK_SOON_S : CHECK_AGAIN_S;
        *check = (struct full_check){0};
        return clock_monotonic_ns() + pause_s * NS_PER_S;
    }
    return clock_monotonic_ns() + SLICE_PAUSE_MS * (NS_PER_S / 1000);
}

static void *run_reader(void *owner) {
    struct store *store = owner;
    struct full_check check = {0};
    int64_t check_ns = clock_monotonic_ns() + CHECK_FIRST_S * NS_PER_S;
    (void)pthread_setname_np(pthread_self(), "ebb-reader");
    load_seen(store);
    (void)pthread_mutex_lock(&store->mutex);
    while (!store->stopping || store->reads.first != NULL) {
        struct store_read *read = take_read(&store->reads);
        if (read != NULL) {
            answer_read(store, read);
        } else if (clock_monotonic_ns() >= check_ns) {
            check_ns = check_slice(store, &check);
        } else {
            wait_until(&store->reader_work, &store->mutex, check_ns);
        }
    }
    (void)pthread_mutex_unlock(&store->mutex);
    database_close(store->reader);
    store->reader = NULL;
    return NULL;
}

/* --- starting and stopping --- */

status store_threads_start(struct store *store, struct error *err) {
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

void store_threads_stop(struct store *store) {
    (void)pthread_mutex_lock(&store->mutex);
    store->stopping = true;
    (void)pthread_cond_broadcast(&store->work);
    (void)pthread_cond_broadcast(&store->reader_work);
    (void)pthread_mutex_unlock(&store->mutex);
    if (store->database_runs) {
        (void)pthread_join(store->database_thread, NULL);
        store->database_runs = false;
    }
    if (store->reader_runs) {
        (void)pthread_join(store->reader_thread, NULL);
        store->reader_runs = false;
    }
}

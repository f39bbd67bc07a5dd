// SPDX-License-Identifier: Apache-2.0
#include "storage/store.h"

#include <assert.h>
#include <stdio.h>
#include <time.h>

#include "base/memory.h"
#include "platform/clock.h"
#include "storage/blobs.h"
#include "storage/seen.h"
#include "storage/store_parts.h"

/* --- lists ----------------------------------------------------------------------------------- */

void job_list_append(struct job_list *list, struct store_job *job) {
    job->next = NULL;
    *list->end = job;
    list->end = &job->next;
}

struct store_job *job_list_take(struct job_list *list) {
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

/* --- opening and closing --- */

static void init_sync(struct store *store) {
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&store->mutex, NULL);
    (void)pthread_mutex_init(&store->reading, NULL);
    (void)pthread_cond_init(&store->work, &monotonic);
    (void)pthread_cond_init(&store->reader_work, &monotonic);
    (void)pthread_cond_init(&store->seen_ready, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    store->submitted.end = &store->submitted.first;
    store->queue.end = &store->queue.first;
    store->answered.end = &store->answered.first;
    store->reads.end = &store->reads.first;
    store->reads_answered.end = &store->reads_answered.first;
    store->due_ns = INT64_MAX;
}

static bool set_paths(struct store *store, const char *folder) {
    const int count = snprintf(store->folder, sizeof(store->folder), "%s", folder);
    const int path = snprintf(store->path, sizeof(store->path), "%s/ebb.db", folder);
    return count >= 0 && path > 0 && (size_t)path < sizeof(store->path);
}

/* Half of what records may take. */
static int64_t blobs_share(const struct store_options *options) {
    return (options->budget_bytes > 0 ? options->budget_bytes : INT64_C(1) << 30) / 2;
}

static status open_parts(struct store *store, struct store_opened *opened, struct error *err) {
    if (!set_paths(store, store->options.folder)) {
        return fail(err, STATUS_INVALID, "its path has more than %d bytes",
                    LOCAL_DB_PATH_BYTES - 8);
    }
    struct core_options core = {.folder = store->folder,
                                .vfs = store->options.vfs,
                                .budget_bytes = store->options.budget_bytes,
                                .reopening = store_threads_reopening,
                                .owner = store};
    int64_t newest_ms = 0;
    TRY(file_make_folder(store->folder, err));
    TRY(file_lock_take(store->folder, &store->lock, err));
    TRY(blobs_open(store->folder, blobs_share(&store->options), &store->blobs, err));
    core.blobs = store->blobs;
    TRY(core_open(&core, &store->core, opened, err));
    store->stream = core_stream(store->core);
    core_counters(store->core, &store->counters);
    while (store->alarm_count < STORE_ALARMS_MAX &&
           core_take_alarm(store->core, &store->alarms[store->alarm_count])) {
        store->alarm_count++;
    }
    TRY(core_newest_wall_ms(store->core, &newest_ms, err));
    clock_set_floor(newest_ms);
    return store_threads_start(store, err);
}

static status fail_open(status opened, const char *folder, struct error *err) {
    if (err == NULL) {
        return opened;
    }
    if (opened == STATUS_FULL) {
        return fail_while(
            err, "open the store in '%.200s' (its disk is full: free %d MB and a few files there)",
            folder, STORE_NEW_MB);
    }
    return fail_while(err, "open the store in '%.200s'", folder);
}

status store_open(const struct store_options *options, struct store **out_store,
                  struct store_opened *out_opened, struct error *err) {
    assert(options->wake != NULL);
    database_save_memory();
    struct store *store = memory_new(1, sizeof(*store));
    if (store == NULL) {
        return fail(err, STATUS_NO_MEMORY, "open the store: out of memory");
    }
    init_sync(store);
    store->options = *options;
    const status opened = open_parts(store, out_opened, err);
    if (opened != STATUS_OK) {
        store_close(store);
        return fail_open(opened, options->folder, err);
    }
    *out_store = store;
    return STATUS_OK;
}

void store_close(struct store *store) {
    if (store == NULL) {
        return;
    }
    store_flush(store);
    store_threads_stop(store);
    store_collect(store);
    core_close(store->core);
    blobs_close(store->blobs);
    file_lock_drop(store->lock);
    number_map_done(&store->seen);
    (void)pthread_cond_destroy(&store->work);
    (void)pthread_cond_destroy(&store->reader_work);
    (void)pthread_cond_destroy(&store->seen_ready);
    (void)pthread_mutex_destroy(&store->mutex);
    (void)pthread_mutex_destroy(&store->reading);
    memory_free(store);
}

/* --- the loop's side --- */

/* Asking is const for the asker; the mutex is not. */
static struct store *locked(const struct store *store) {
    struct store *guarded = (struct store *)(uintptr_t)store;
    (void)pthread_mutex_lock(&guarded->mutex);
    return guarded;
}

struct blobs *store_blobs(const struct store *store) {
    return store->blobs;
}

struct id store_stream(const struct store *store) {
    struct store *guarded = locked(store);
    const struct id stream = guarded->stream;
    (void)pthread_mutex_unlock(&guarded->mutex);
    return stream;
}

void store_counters(const struct store *store, struct store_counters *out_counters) {
    struct store *guarded = locked(store);
    *out_counters = guarded->counters;
    (void)pthread_mutex_unlock(&guarded->mutex);
}

void store_submit(struct store *store, struct store_job *job) {
    job_list_append(&store->submitted, job);
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
    struct store_job *job = job_list_take(&store->submitted);
    for (; job != NULL; job = job_list_take(&store->submitted)) {
        const int64_t due_ns = now_ns + interval_of(store, job) * 1000000;
        store->due_ns = due_ns < store->due_ns ? due_ns : store->due_ns;
        store->queue_count++;
        store->queue_bytes += core_job_bytes(job);
        job_list_append(&store->queue, job);
    }
    (void)pthread_cond_signal(&store->work);
    (void)pthread_mutex_unlock(&store->mutex);
}

static void wait_for_seen(const struct store *store) {
    struct store *guarded = locked(store);
    while (!guarded->seen_loaded && guarded->reader_runs) {
        (void)pthread_cond_wait(&guarded->seen_ready, &guarded->mutex);
    }
    (void)pthread_mutex_unlock(&guarded->mutex);
}

static void note_seen(struct store *store, const struct store_job *job) {
    if (job->seen_source.count == 0 || job->error.code != STATUS_OK) {
        return;
    }
    wait_for_seen(store);
    for (uint32_t i = 0; i < job->out_gone_count; i++) {
        number_map_remove(&store->seen, job->out_gone[i]);
    }
    if (job->kind == STORE_RUN_END || job->kind == STORE_QUARANTINE) {
        /* Without memory for it the mark is known again after the next start. */
        (void)number_map_set(&store->seen, seen_key(job->seen_source, job->seen_hash), 1);
    }
}

static void tell_alarms(struct store *store, const struct error *alarms, int count) {
    for (int i = 0; i < count && store->options.alarm != NULL; i++) {
        store->options.alarm(store->options.owner, slice_of(alarms[i].text));
    }
}

void store_collect(struct store *store) {
    struct error alarms[STORE_ALARMS_MAX];
    (void)pthread_mutex_lock(&store->mutex);
    struct store_job *job = store->answered.first;
    struct store_read *read = store->reads_answered.first;
    const int alarm_count = store->alarm_count;
    for (int i = 0; i < alarm_count; i++) {
        alarms[i] = store->alarms[i];
    }
    store->alarm_count = 0;
    store->answered = (struct job_list){.end = &store->answered.first};
    store->reads_answered = (struct read_list){.end = &store->reads_answered.first};
    (void)pthread_mutex_unlock(&store->mutex);
    tell_alarms(store, alarms, alarm_count);
    while (job != NULL) {
        struct store_job *next = job->next;
        job->next = NULL;
        note_seen(store, job);
        job->done(job);
        job = next;
    }
    while (read != NULL) {
        struct store_read *next = read->next;
        read->next = NULL;
        read->done(read);
        read = next;
    }
}

bool store_seen(const struct store *store, struct slice source, uint64_t hash) {
    wait_for_seen(store);
    return number_map_get(&store->seen, seen_key(source, hash), NULL);
}

void store_read(struct store *store, struct store_read *read) {
    (void)pthread_mutex_lock(&store->mutex);
    read->next = NULL;
    *store->reads.end = read;
    store->reads.end = &read->next;
    (void)pthread_cond_signal(&store->reader_work);
    (void)pthread_mutex_unlock(&store->mutex);
}

status store_use_destinations(struct store *store, const struct slice *names, uint32_t count,
                              uint64_t *out_bits, struct error *err) {
    return core_use_destinations(store->core, names, count, out_bits, err);
}

status store_each_run(struct store *store, void (*each)(void *owner, const struct kept_run *run),
                      void *owner, struct error *err) {
    return core_each_run(store->core, each, owner, err);
}

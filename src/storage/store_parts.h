/*
 * store_parts: what the store is made of, for the files of the store alone.
 *
 * store.c is the loop's side; store_threads.c the database thread and the reader thread.
 *
 * A job is in one list at a time: submitted (loop), queue (waits for its batch), the batch that the
 * database thread runs, answered (waits for the loop). `mutex` guards what stands below it,
 * `reading` the reader's connection; what stands above belongs to the loop, or never changes.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <pthread.h>

#include "platform/database.h"
#include "platform/file.h"
#include "storage/core.h"
#include "storage/local_db.h"
#include "storage/number_map.h"
#include "storage/store.h"

enum { STORE_ALARMS_MAX = 8 };

struct job_list {
    struct store_job *first, **end;
};

struct read_list {
    struct store_read *first, **end;
};

struct store {
    struct store_options options;
    char folder[LOCAL_DB_PATH_BYTES];
    char path[LOCAL_DB_PATH_BYTES];
    struct file_lock *lock;
    struct blobs *blobs; /* owned */
    struct job_list submitted;
    struct number_map seen; /* the loop's, once seen_loaded */
    struct core *core;      /* the database thread's, once it runs */
    pthread_t database_thread, reader_thread;
    bool database_runs, reader_runs;

    pthread_mutex_t mutex;
    pthread_cond_t work, reader_work, seen_ready;
    struct id stream;
    struct job_list queue, answered;
    int queue_count;
    size_t queue_bytes;
    int64_t due_ns; /* when what waits in the queue must be committed */
    struct read_list reads, reads_answered;
    struct store_counters counters;
    struct error alarms[STORE_ALARMS_MAX];
    int alarm_count;
    bool seen_loaded, stopping;
    bool damage_found, file_damaged; /* by the reader's check, for the database thread */

    pthread_mutex_t reading;
    struct database *reader; /* NULL: to be opened */
};

void job_list_append(struct job_list *list, struct store_job *job);
struct store_job *job_list_take(struct job_list *list);

/* Starts both threads; signals stay the caller's. */
status store_threads_start(struct store *store, struct error *err);

/* Lets them finish what waits, and joins them. */
void store_threads_stop(struct store *store);

/* The core is about to close its file, or has it open again: the reader keeps away meanwhile. */
void store_threads_reopening(void *owner, bool done);

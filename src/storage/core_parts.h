/*
 * core_parts: what the core is made of, for the files of the core alone.
 *
 * core.c opens, closes and runs batches; core_jobs.c runs one job; core_trouble.c answers a full
 * disk, a failing one and a damaged file.
 *
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "storage/core.h"
#include "storage/cursors.h"
#include "storage/local_db.h"
#include "storage/outbox.h"
#include "storage/outbox_purge.h"
#include "storage/runs.h"

enum { CORE_ALARMS_MAX = 8, CORE_TREATMENTS_MAX = 16 };

struct core {
    struct core_options options;
    char folder[LOCAL_DB_PATH_BYTES];
    char path[LOCAL_DB_PATH_BYTES];
    struct database *database; /* owned; NULL while it could not be opened again */
    struct boots boots;
    struct workflows workflows;
    struct runs runs;
    struct outbox outbox;
    struct cursors cursors;
    struct purge_place purge;
    struct store_counters counters;
    struct error alarms[CORE_ALARMS_MAX]; /* for people, in their order */
    int alarm_count;
    struct stream proven; /* as acknowledged when the disk began to fail */
    int busy_rounds;      /* of this batch that another process held up */
    bool full_said;       /* in this episode of a full store */
    int unreadable;       /* checks after an I/O error that ended in another one */
    int64_t salvaged_ms;  /* monotonic; 0: never */
    int64_t retry_ms;     /* before this a failing disk is not tried again; monotonic */
};

/* Opens or makes the file and reads heads and maps from it. CORRUPT: it needs a salvage. A file
 * that was made where one had been is told of. After a failure no file is open. */
status core_open_file(struct core *core, struct local_db_found *out_found, struct error *err);

/* Reads heads and maps from the open file. */
status core_load(struct core *core, struct error *err);

/* Runs one job in the open transaction. */
status core_run_job(struct core *core, struct store_job *job, struct error *err);

/* Commits what stands, or takes everything back. */
status core_commit(struct core *core, struct error *err);
void core_take_back(struct core *core);

/* What may be done about a failure so that the batch can be run once more. True: it was done. */
bool core_treat(struct core *core, const struct error *failed, struct store_job *const *jobs,
                int count);

/* Remembers that a job found the store full, and says so once in an episode. */
void core_note_full(struct core *core, const struct store_job *job);

/* OK when the store may write: a failing disk was mended, or none failed. */
status core_ready(struct core *core, struct error *err);

/* Moves the damaged file aside and puts what is readable into a new one. */
status core_salvage(struct core *core, struct store_opened *opened, struct error *err);

/* Looks at the ends of all lanes, or at everything, and mends single records. CORRUPT: the file
 * needs a salvage. */
status core_check_chains(struct core *core, bool all, struct error *err);

/* The same for all of one stream: what is copied gets new chain values, which would hide damage. */
status core_check_stream(struct core *core, struct id id, struct error *err);

/* Says something to people: the loop's alarm, and a record in lane control. */
void core_alarm(struct core *core, const char *name, const char *text);

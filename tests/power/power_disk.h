/*
 * power_disk: a store on a disk that loses power, and the record of what it promised.
 *
 * A trace is one life of a store: it is opened, runs batches, and after each answer notes the place
 * in the disk's log and what it then holds. A cut anywhere must leave what was answered before it,
 * or that and the batch that was being committed; never less, never a part.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "platform/database_faults.h"
#include "power_work.h"

enum {
    POWER_BATCHES_MAX = 64,
    POWER_SIGHTINGS_MAX = 4096,
    POWER_STATES_MAX = 2048,
    POWER_WAL_BYTES = 64 << 10,
    POWER_CHECKPOINT_PAGES = 24
};

/* The store's folder on every disk. */
#define POWER_FOLDER "store"

/* Bugs that the harness must find. */
enum power_bug {
    POWER_NO_BUG,
    POWER_SYNCS_DROPPED,   /* the disk says that it synced, and does not */
    POWER_SYNCHRONOUS_OFF, /* the store never asks for a sync */
    POWER_ANSWER_BEFORE_COMMIT,
    POWER_STATE_APART,  /* what steps remember has a transaction of its own */
    POWER_STATE_LOST,   /* it is answered with OK and not written */
    POWER_MARK_LOST,    /* so is what a sender delivered */
    POWER_ASIDE_LOST,   /* so is an event that is kept aside */
    POWER_CURSOR_BACK,  /* a cursor goes back */
    POWER_LOSS_UNSAID,  /* what a destination missed is not counted */
    POWER_HOLDER_LEFT,  /* a run that ended goes on holding its blobs */
    POWER_FILE_TOO_SOON /* a blob's file goes before its row */
};

struct power_mark {
    size_t begun, answered; /* places in the log */
    struct id digest;
    struct power_facts facts[POWER_JOBS_MAX + 1]; /* after each job; the last: promised */
    int fact_count;
};

/* Which files of blobs were there when a sync began. */
struct power_files {
    size_t place;
    uint32_t files;
};

/* A record that another connection could see: somebody may have sent it (I3). */
struct power_sighting {
    size_t place;
    uint64_t key;
    struct id chain;
};

/* What was committed when a sync began. Jobs that are run one by one have states between those of
 * their batch. */
struct power_state {
    size_t place;
    struct id digest;
};

struct power_trace {
    struct power_mark marks[POWER_BATCHES_MAX];
    int mark_count;
    struct power_state states[POWER_STATES_MAX];
    int state_count;
    bool fresh; /* the life began with an empty disk */
    struct power_sighting sightings[POWER_SIGHTINGS_MAX];
    int sighting_count;
    struct power_files files[POWER_STATES_MAX];
    int files_count;
    struct power_blobs *blobs; /* not owned */
};

/* What a life is: where, of what, for how long. */
struct power_life {
    struct fault_disk *disk;
    const char *name; /* the disk's */
    struct power_work *work;
    int batches;
    enum power_bug bug;
};

/* Opens the store of a disk. */
status power_open(const char *disk, struct power_blobs *blobs, struct core **out_core,
                  struct error *err);

/* Lives it and notes what it promised, up to a failure. */
status power_live(const struct power_life *life, struct power_trace *out_trace, struct error *err);

/* Whether what a cut after `place` calls left on `disk` is what was promised, and the store goes on
 * from there. */
status power_verify(const struct power_trace *trace, const char *disk, size_t place,
                    struct error *err);

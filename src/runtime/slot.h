/*
 * slot: the place of one workflow on this device: its version, its feeds, its queue and its counts.
 *
 * A slot keeps its name as long as it is there; versions come and go in it. Events wait in its
 * queue by the policy of the version that is current; runs that began keep theirs.
 *
 * Thread: loop. Survives: whether it is stopped (a file in the data folder); the rest is the
 * journal's. SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/run.h"
#include "runtime/tally.h"
#include "runtime/triggers/feed.h"
#include "runtime/version.h"
#include "storage/number_map.h"

enum { SLOT_FAULT_BYTES_MAX = 1023, SLOT_ENDING_MAX = 256, SLOT_NAME_BYTES = 64 };

enum slot_state {
    SLOT_LOADING, /* its version's number is on its way to the store */
    SLOT_RUNNING,
    SLOT_STOPPED, /* by a person, until started again */
    SLOT_FAULTY,  /* its file has faults and there is no older version */
    SLOT_LEFT     /* its file is gone: only what was kept runs to its end */
};

const char *slot_state_name(enum slot_state state);

struct slot_counts {
    uint64_t events, runs, results, failures, skipped, dropped, refused, quarantined;
    uint64_t forgotten; /* states that went for want of room */
    uint64_t held;      /* results beyond their limit */
};

struct slot {
    char name[SLOT_NAME_BYTES];
    char *file;  /* owned; where it was read from; NULL: nowhere yet. See slot_file */
    char *fault; /* owned; what is wrong with its file; NULL: nothing. See slot_fault */
    enum slot_state state;
    struct orchestrator *orchestrator;         /* not owned */
    struct version *version;                   /* shared; NULL while it is faulty */
    uint32_t version_count;                    /* that it has had, this one included */
    struct feed *feeds[WORKFLOW_TRIGGERS_MAX]; /* owned */
    uint32_t feed_count;
    uint32_t feeds_ended;
    struct event *first, **last; /* the queue */
    uint32_t queued;
    struct run *line, **line_end; /* runs that an earlier process left: they begin before events */
    uint32_t lined;
    uint32_t running;     /* between their start and their last step */
    uint32_t ending;      /* their end is being written */
    uint32_t waiting;     /* for a link */
    uint32_t asides;      /* events that do not fit and are being kept aside */
    uint32_t registering; /* versions of it that the store is asked to number */
    uint64_t *open;       /* hashes of events that are queued, running, ending or parked; owned */
    size_t open_count, open_room;
    struct number_map held;     /* hashes of keys whose turn it is: how many hold each */
    struct slot_states *states; /* owned; NULL: none of its steps has kept any */
    struct late_results *late;  /* owned; NULL: none has waited */
    struct run *runs; /* owned: all that were made and are not destroyed, parked ones too */
    struct slot_counts counts;
    struct tally *tally; /* owned; of its steps and results, while it has had a version */
    bool pumping;
    bool listed; /* its file was there at the last reload */
    struct slot *next;
};

struct slot *slot_create(struct orchestrator *orchestrator, struct slice name);
void slot_destroy(struct slot *slot);

/* Where it was read from, and what is wrong with that file; "" when there is nothing to say. */
const char *slot_file(const struct slot *slot);
const char *slot_fault(const struct slot *slot);

/* Both keep a copy, of a fault its beginning. NO_MEMORY: what was there stays. */
status slot_set_file(struct slot *slot, struct slice path, struct error *err);
void slot_set_fault(struct slot *slot, struct slice text);

/* The run is the slot's until run_destroy, and knows the mark of its event. NO_MEMORY: it is the
 * slot's all the same, and must not begin. */
status slot_take_run(struct slot *slot, struct run *run, struct error *err);

/* An event's hash is under way from slot_open to slot_close. false: no memory. */
bool slot_open(struct slot *slot, uint64_t hash);
void slot_close(struct slot *slot, uint64_t hash);
bool slot_is_open(const struct slot *slot, uint64_t hash);

/* One of its runs is on disk whose event has this hash. */
bool slot_keeps(const struct slot *slot, uint64_t hash);

/* How many more events its feeds may offer. */
uint32_t slot_room(const struct slot *slot);

/* Puts the event into the queue by the version's policy; *out_dropped is what had to go (to be
 * settled), or NULL. */
void slot_queue(struct slot *slot, struct event *event, struct event **out_dropped);
struct event *slot_next_event(struct slot *slot);

/* The event that *place points at, taken out of the queue; NULL when there is none. */
struct event *slot_take_event(struct slot *slot, struct event **place);

/* Puts a run that was kept behind the others that wait for their turn; and takes one out. */
void slot_line_up(struct slot *slot, struct run *run);
void slot_leave_line(struct slot *slot, struct run *run);

/* Nothing is queued, running, or being written. */
bool slot_is_idle(const struct slot *slot);

/* The mark under which its seen events of a source stand: "workflow/source". */
struct slice slot_mark(const struct slot *slot, struct slice source, char *room, size_t room_bytes);

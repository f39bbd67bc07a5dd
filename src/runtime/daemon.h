/*
 * daemon: the parts of a device at work, made and ended in order: loop, store, workers,
 * orchestrator, API; where the device is joined, the hub.
 *
 * `ebb serve` runs it until a signal; `ebb run` runs it over one file, without the API, until its
 * input has ended.
 *
 * Thread: loop (the program's first). Survives: what the store keeps.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/value.h"
#include "runtime/orchestrator.h"
#include "runtime/reload.h"

struct api;

struct daemon_options {
    const char *data;   /* folder of ebb.db */
    const char *socket; /* of the API; NULL: none */
    struct reload_places places;
    struct value device;           /* $device */
    const struct device *settings; /* whose destinations are sent to; NULL: nobody's */
    bool syncs;                    /* with its hub, once it is joined */
    int64_t budget_bytes, commit_ms;
    bool stdin_allowed, traced;
    bool feeds_closed; /* events come from elsewhere (`ebb run --event`) */
    void (*on_result)(void *owner, const struct workflow *workflow,
                      const struct record_draft *record);
    void (*on_ended)(void *owner, const struct run *run);
    void (*on_refused)(void *owner, const struct slot *slot, const struct error *err);
    void (*on_idle)(void *owner);
    void (*on_faults)(void *owner, const char *file, struct slice faults);
    void (*on_loaded)(void *owner); /* once: workflows and kept runs are there */
    void *owner;
};

struct daemon {
    struct daemon_options options;
    struct loop *loop;
    struct waker *waker;
    struct turn *turn;
    struct pool *pool;
    struct store *store;
    struct destinations *destinations;
    struct sync_manager *sync;      /* NULL: nobody asks (`ebb run`) */
    struct endpoint_sync *endpoint; /* NULL: there is none, or a hub */
    struct orchestrator *orchestrator;
    struct api *api;
    struct log_ring *logs;
    struct timer *first_turn, *upkeep, *ending;
    struct signal_watch *signals[3];
    struct store_job purge;
    bool purging, loaded, stopping;
    bool signalled; /* a signal ends it */
    int64_t began_ns;
    int64_t stop_deadline_ns;
    struct error error; /* of the first load; code OK: none */
};

/* Opens everything; the API answers from here on. Workflows are loaded in the first turn of the
 * loop. */
status daemon_create(const struct daemon_options *options, struct daemon **out_daemon,
                     struct error *err);

/* Until a signal or daemon_stop, or until workflows and kept runs could not be loaded: then `error`
 * says why. */
void daemon_run(struct daemon *daemon);

/* Begins to end: feeds close, workers finish what they are at, agents answer within 3 s, the store
 * answers. Asked again, it waits for no agent. */
void daemon_stop(struct daemon *daemon);
void daemon_destroy(struct daemon *daemon);

/* Reads workflows and agents again. */
status daemon_reload(struct daemon *daemon, struct error *err);

// SPDX-License-Identifier: Apache-2.0
#include "runtime/daemon.h"

#include <signal.h>

#include "base/log.h"
#include "base/memory.h"
#include "runtime/api/api.h"
#include "runtime/endpoint_sync.h"
#include "runtime/log_ring.h"
#include "runtime/sync_manager.h"
#include "wire/device.h"

enum { UPKEEP_MS = 10 * 1000, STOP_POLL_MS = 5 };
static const int64_t STOP_NS_MAX = (int64_t)3 * 1000000000;

/* --- the store's threads and the loop --- */
static void wake(void *owner) {
    struct daemon *daemon = owner;
    waker_wake(daemon->waker);
}

static void woken(void *owner) {
    struct daemon *daemon = owner;
    if (daemon->store != NULL) {
        store_collect(daemon->store);
    }
    if (daemon->sync != NULL) {
        sync_manager_look(daemon->sync);
    }
    if (daemon->endpoint != NULL) {
        endpoint_sync_look(daemon->endpoint);
    }
}

static void turn_ended(void *owner) {
    struct daemon *daemon = owner;
    if (daemon->store != NULL) {
        store_flush(daemon->store);
    }
}

static void alarmed(void *owner, struct slice text) {
    (void)owner;
    log_line(LOG_ERROR, "storage", "%.*s", SLICE_ARGS(text));
}

/* --- upkeep --- */

static void purged(struct store_job *job) {
    struct daemon *daemon = job->owner;
    daemon->purging = false;
    /* A step that found something is followed by the next one at once. */
    timer_set(daemon->upkeep, job->error.code == STATUS_OK && job->out_number > 0 ? 1 : UPKEEP_MS);
}

static void upkeep(void *owner) {
    struct daemon *daemon = owner;
    if (daemon->purging || daemon->stopping) {
        return;
    }
    daemon->purging = true;
    daemon->purge = (struct store_job){.kind = STORE_PURGE, .done = purged, .owner = daemon};
    store_submit(daemon->store, &daemon->purge);
}

/* --- loading --- */

static void told_faults(void *owner, const char *file, struct slice faults) {
    struct daemon *daemon = owner;
    if (daemon->options.on_faults != NULL) {
        daemon->options.on_faults(daemon->options.owner, file, faults);
        return;
    }
    log_line(LOG_ERROR, "runtime", "%s has faults:\n%.*s", file, SLICE_ARGS(slice_trim(faults)));
}

static status load(struct daemon *daemon, bool first, struct error *err) {
    const status loaded = reload_workflows(daemon->orchestrator, &daemon->options.places, first,
                                           told_faults, daemon, err);
    memory_give_back(); /* reading files takes several times what is kept of them */
    return loaded;
}

status daemon_reload(struct daemon *daemon, struct error *err) {
    return load(daemon, false, err);
}

/* With a hub, if the device is joined to one; else with the endpoint that its files name. */
static void begin_sync(struct daemon *daemon) {
    const struct device *settings = daemon->options.settings;
    struct sync_manager_facts facts;
    struct error err;
    sync_manager_reload(daemon->sync);
    sync_manager_facts(daemon->sync, &facts);
    if (facts.joined || facts.offline || settings == NULL || settings->sync_endpoint.count == 0) {
        return;
    }
    const struct endpoint_sync_options options = {.loop = daemon->loop,
                                                  .store = daemon->store,
                                                  .url = settings->sync_endpoint,
                                                  .device_id = settings->name,
                                                  .interval_ms = settings->sync_interval_ms};
    if (endpoint_sync_create(&options, &daemon->endpoint, &err) != STATUS_OK) {
        log_line(LOG_ERROR, "runtime", "sync_endpoint: %s", err.text);
    }
}

static void first_turn(void *owner) {
    struct daemon *daemon = owner;
    struct error err;
    if (load(daemon, true, &err) != STATUS_OK) {
        (void)fail_while(&err, "load workflows");
        daemon->error = err;
        daemon_stop(daemon);
        return;
    }
    destinations_start(daemon->destinations);
    if (daemon->sync != NULL) {
        begin_sync(daemon);
    }
    daemon->loaded = true;
    timer_set(daemon->upkeep, UPKEEP_MS);
    if (daemon->options.on_loaded != NULL) {
        daemon->options.on_loaded(daemon->options.owner);
    }
}

static void signalled(void *owner, int number) {
    struct daemon *daemon = owner;
    struct error err;
    /* At a desk SIGHUP says that the terminal is gone. */
    if (number != SIGHUP || daemon->options.stdin_allowed) {
        daemon->signalled = true;
        daemon_stop(daemon);
        return;
    }
    if (daemon_reload(daemon, &err) != STATUS_OK) {
        log_line(LOG_ERROR, "runtime", "reload: %s", err.text);
    }
    if (daemon->sync != NULL) {
        sync_manager_reload(daemon->sync);
    }
}

/* Workers give back what they are at, and agents answer, then the loop ends. When that takes too
 * long, only steps that have begun are waited for; agents that still wait are closed with their
 * catalogue. */
static void poll_stop(void *owner) {
    struct daemon *daemon = owner;
    struct agent_runner *runner = &daemon->orchestrator->runner;
    if (clock_boot_ns() > daemon->stop_deadline_ns) {
        orchestrator_hurry(daemon->orchestrator);
    }
    if (pool_is_idle(daemon->pool) && (runner->acting == 0 || runner->hurried)) {
        loop_stop(daemon->loop);
        return;
    }
    timer_set(daemon->ending, STOP_POLL_MS);
}

/* --- birth --- */

static status open_store(struct daemon *daemon, struct error *err) {
    const struct daemon_options *options = &daemon->options;
    const struct store_options store = {
        .folder = options->data,
        .budget_bytes = options->budget_bytes,
        .commit_ms = options->commit_ms,
        .wake = wake,
        .alarm = alarmed,
        .owner = daemon,
    };
    struct store_opened opened = {0};
    TRY(store_open(&store, &daemon->store, &opened, err));
    if (opened.salvaged) {
        log_line(LOG_ERROR, "storage",
                 "the database was damaged: %llu records were saved, %llu are lost, the old file "
                 "is kept as %s",
                 (unsigned long long)opened.salvaged_records,
                 (unsigned long long)opened.damaged_records, opened.aside);
    }
    if (opened.migrated_from >= 0) {
        log_line(LOG_INFO, "storage", "the database was migrated from version %d",
                 opened.migrated_from);
    }
    return STATUS_OK;
}

static status open_loop(struct daemon *daemon, struct error *err) {
    TRY(loop_create(&daemon->loop, err));
    TRY(waker_create(daemon->loop, woken, daemon, &daemon->waker, err));
    TRY(turn_create(daemon->loop, turn_ended, daemon, &daemon->turn, err));
    TRY(timer_open(daemon->loop, first_turn, daemon, &daemon->first_turn, err));
    TRY(timer_open(daemon->loop, upkeep, daemon, &daemon->upkeep, err));
    TRY(timer_open(daemon->loop, poll_stop, daemon, &daemon->ending, err));
    const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (int i = 0; i < 3; i++) {
        TRY(signal_watch_create(daemon->loop, numbers[i], signalled, daemon, &daemon->signals[i],
                                err));
    }
    return pool_create(daemon->loop, 0, &daemon->pool, err);
}

static status open_parts(struct daemon *daemon, struct error *err) {
    const struct daemon_options *options = &daemon->options;
    TRY(log_ring_create(&daemon->logs, err));
    TRY(open_loop(daemon, err));
    TRY(open_store(daemon, err));
    const struct destinations_options destinations = {.loop = daemon->loop,
                                                      .pool = daemon->pool,
                                                      .store = daemon->store,
                                                      .device = options->settings};
    TRY(destinations_create(&destinations, &daemon->destinations, err));
    const struct orchestrator_options orchestrator = {
        .destinations = daemon->destinations,
        .loop = daemon->loop,
        .pool = daemon->pool,
        .store = daemon->store,
        .folder = options->data,
        .device = options->device,
        .stdin_allowed = options->stdin_allowed,
        .http_allowed = options->socket != NULL,
        .traced = options->traced,
        .feeds_closed = options->feeds_closed,
        .on_result = options->on_result,
        .on_ended = options->on_ended,
        .on_refused = options->on_refused,
        .on_idle = options->on_idle,
        .owner = options->owner,
    };
    TRY(orchestrator_create(&orchestrator, &daemon->orchestrator, err));
    if (options->syncs) {
        const struct sync_manager_options sync = {.loop = daemon->loop,
                                                  .pool = daemon->pool,
                                                  .store = daemon->store,
                                                  .folder = options->data,
                                                  .settings = options->settings,
                                                  .orchestrator = daemon->orchestrator,
                                                  .budget_bytes = options->budget_bytes};
        TRY(sync_manager_create(&sync, &daemon->sync, err));
    }
    if (options->socket != NULL) {
        TRY(api_create(daemon, options->socket, &daemon->api, err));
    }
    return STATUS_OK;
}

status daemon_create(const struct daemon_options *options, struct daemon **out_daemon,
                     struct error *err) {
    struct daemon *daemon = memory_new(1, sizeof(*daemon));
    if (daemon == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the daemon");
    }
    daemon->options = *options;
    daemon->began_ns = clock_boot_ns();
    const status code = open_parts(daemon, err);
    if (code != STATUS_OK) {
        daemon_destroy(daemon);
        return code;
    }
    *out_daemon = daemon;
    return STATUS_OK;
}

void daemon_run(struct daemon *daemon) {
    timer_set(daemon->first_turn, 0);
    loop_run(daemon->loop);
}

/* --- end --- */

void daemon_stop(struct daemon *daemon) {
    timer_set(daemon->ending, 0);
    if (daemon->stopping) {
        daemon->stop_deadline_ns = 0; /* asked twice: at once */
        return;
    }
    daemon->stopping = true;
    daemon->stop_deadline_ns = clock_boot_ns() + STOP_NS_MAX;
    orchestrator_stop(daemon->orchestrator);
    destinations_stop(daemon->destinations);
    sync_manager_stop(daemon->sync);
    endpoint_sync_stop(daemon->endpoint);
}

void daemon_destroy(struct daemon *daemon) {
    if (daemon == NULL) {
        return;
    }
    if (daemon->orchestrator != NULL) {
        orchestrator_stop(daemon->orchestrator);
        orchestrator_hurry(daemon->orchestrator); /* the workers go */
    }
    destinations_stop(daemon->destinations);
    sync_manager_stop(daemon->sync);
    endpoint_sync_stop(daemon->endpoint);
    pool_destroy(daemon->pool);
    store_close(daemon->store); /* gives its last answers, to the API's requests too */
    daemon->store = NULL;
    api_destroy(daemon->api);
    orchestrator_destroy(daemon->orchestrator);
    destinations_destroy(daemon->destinations);
    sync_manager_destroy(daemon->sync);
    endpoint_sync_destroy(daemon->endpoint);
    for (int i = 0; i < 3; i++) {
        signal_watch_destroy(daemon->signals[i]);
    }
    timer_close(daemon->first_turn);
    timer_close(daemon->upkeep);
    timer_close(daemon->ending);
    turn_destroy(daemon->turn);
    waker_destroy(daemon->waker);
    if (daemon->loop != NULL) {
        loop_run(daemon->loop); /* until agents that were told to end have ended */
        loop_destroy(daemon->loop);
    }
    log_ring_destroy(daemon->logs);
    memory_free(daemon);
}

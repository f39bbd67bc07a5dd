// SPDX-License-Identifier: Apache-2.0
#include "runtime/sync_manager.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "platform/link.h"
#include "platform/loop.h"
#include "platform/random.h"
#include "runtime/link_ledger.h"
#include "runtime/renewal.h"
#include "runtime/reports.h"
#include "runtime/sync_store.h"

enum {
    NS_PER_MS = 1000000,
    RENEWALS_APART_MS = 10 * 60 * 1000,
    UNAUTHORIZED = 401,
    FORBIDDEN = 403
};

struct sync_manager {
    struct sync_manager_options options;
    struct sender *sender; /* NULL: this device is not joined */
    struct link *link;
    struct timer *timer;
    struct turn *turn;
    struct renewal *renewal;
    struct link_ledger *ledger;
    struct reports *reports;              /* NULL: nobody has said what to report */
    struct sender_link kind;              /* that the last connection goes by */
    char interface[LINK_INTERFACE_BYTES]; /* of the last connection */
    struct arena arena;                   /* of the identity */
    struct identity identity;
    struct sync_store *store; /* made when the device is joined for the first time */
    bool stopping;
    bool reload;          /* once the store has answered */
    bool refused;         /* the hub did not take the certificate; it may be that its time is up */
    struct error refusal; /* why the hub does not take this device; OK: it does, or never said */
    int64_t renewed_ms;   /* when it was renewed last; 0: not by this process */
    int64_t hub_offset_ms, hub_uncertainty_ms, hub_ms, hub_boot_ns;
};

static int64_t now_ms(void) {
    return clock_boot_ns() / NS_PER_MS;
}

/* The engine is asked what is next at the end of the turn, whatever has happened in it. */
static void go_on(struct sync_manager *manager) {
    turn_want(manager->turn);
}

/* --- what the link says ---------------------------------------------------------------------- */

/* By the hub's clock, where it has said what time it is: ours may be ten years ahead, which no
 * renewal mends. It may also be behind, and only the hub knows that the certificate has ended. */
static bool must_renew(const struct sync_manager *manager) {
    struct moment now = clock_now();
    if (manager->hub_ms != 0) {
        now.wall_ms = manager->hub_ms + (now.boot_ns - manager->hub_boot_ns) / NS_PER_MS;
        now.quality = CLOCK_UNSURE;
    }
    if (manager->renewed_ms != 0 && now_ms() - manager->renewed_ms < RENEWALS_APART_MS) {
        return false;
    }
    return manager->refused || identity_is_due(&manager->identity, now);
}

/* What this kind of link costs and may carry. */
static void note_link(struct sync_manager *manager) {
    static const struct device NOTHING = {0};
    const struct device *settings =
        manager->options.settings != NULL ? manager->options.settings : &NOTHING;
    struct link_facts facts;
    link_facts(manager->link, &facts);
    const enum link_kind kind = link_kind_of("/sys", facts.interface);
    const struct device_link *said = &settings->links[kind];
    struct sender_link link = {
        .metered = device_link_is_metered(settings, kind),
        .budget = {.bytes_hour = said->bytes_hour, .bytes_day = said->bytes_day}};
    (void)snprintf(link.kind, sizeof(link.kind), "%s", link_kind_name(kind));
    (void)memcpy(manager->interface, facts.interface, sizeof(manager->interface));
    manager->kind = link;
    sender_use_link(manager->sender, &link);
}

static void greet(struct sync_manager *manager) {
    sender_connected(manager->sender, now_ms());
    if (manager->reports != NULL) {
        reports_connected(manager->reports);
    }
}

static void connected(void *owner) {
    struct sync_manager *manager = owner;
    struct error err;
    note_link(manager);
    if (must_renew(manager)) {
        manager->refused = false;
        if (renewal_begin(manager->renewal, manager->link, &manager->identity, &err) == STATUS_OK) {
            return;
        }
        log_line(LOG_WARN, "runtime", "sync: renew the certificate: %s", err.text);
    }
    greet(manager);
    go_on(manager);
}

/* With the old one the connection goes on; the new one counts from the next on. */
static void renewal_ended(void *owner, const struct error *outcome) {
    struct sync_manager *manager = owner;
    if (manager->stopping || manager->sender == NULL) {
        return;
    }
    if (outcome->code == STATUS_OK) {
        log_line(LOG_INFO, "runtime", "sync: the hub has renewed this device's certificate");
        manager->renewed_ms = now_ms();
        sync_manager_reload(manager);
        return;
    }
    log_line(LOG_WARN, "runtime", "sync: renew the certificate: %s", outcome->text);
    if (renewal_was_refused(manager->renewal)) {
        manager->refusal = *outcome;
    }
    struct link_facts facts;
    link_facts(manager->link, &facts);
    if (facts.state == LINK_IDLE) {
        greet(manager);
    } else {
        sender_lost(manager->sender, now_ms());
        sender_blame(manager->sender, outcome->text);
    }
    go_on(manager);
}

static void taken(void *owner, size_t bytes) {
    struct sync_manager *manager = owner;
    sender_taken(manager->sender, bytes, now_ms());
    go_on(manager);
}

/* What a renewal may mend is no refusal yet; one that stands does until the hub takes something. */
static void note_refusal(struct sync_manager *manager, int code) {
    struct sender_facts facts;
    if (code == SYNC_STORED) {
        manager->refusal = (struct error){.code = STATUS_OK};
    } else if ((code == UNAUTHORIZED || code == FORBIDDEN) && !must_renew(manager)) {
        sender_facts(manager->sender, &facts);
        (void)fail(&manager->refusal, STATUS_DENIED, "%s", facts.last_error);
    }
}

static void answered(void *owner, const struct link_answer *answer) {
    struct sync_manager *manager = owner;
    if (renewal_is_asking(manager->renewal)) {
        renewal_answered(manager->renewal, answer);
        return;
    }
    manager->refused = answer->code == UNAUTHORIZED;
    if (manager->reports != NULL && reports_are_asking(manager->reports)) {
        reports_answered(manager->reports, answer->code, answer->body);
    }
    sender_answered(manager->sender, answer->code, answer->retry_after_ms, answer->body, now_ms());
    note_refusal(manager, answer->code);
    go_on(manager);
}

static void stop_reports(struct sync_manager *manager) {
    if (manager->reports != NULL) {
        reports_lost(manager->reports);
    }
}

static void lose(struct sync_manager *manager, const struct error *error) {
    stop_reports(manager);
    log_line(error->code == STATUS_OFFLINE || error->code == STATUS_TIMEOUT ? LOG_INFO : LOG_WARN,
             "runtime", "sync: %s", error->text);
    sender_lost(manager->sender, now_ms());
    sender_blame(manager->sender, error->text);
    go_on(manager);
}

static void lost(void *owner, const struct error *error) {
    struct sync_manager *manager = owner;
    if (renewal_is_asking(manager->renewal)) {
        renewal_lost(manager->renewal, error);
        return;
    }
    lose(manager, error);
}

static const struct link_events EVENTS = {
    .connected = connected, .taken = taken, .answered = answered, .lost = lost};

/* It is at least so late: when the hub gave our certificate, and what it said since. */
static int64_t clock_floor_ms(const struct sync_manager *manager) {
    const int64_t given_ms = manager->identity.not_before_ms;
    return manager->hub_ms > given_ms ? manager->hub_ms : given_ms;
}

/* The identity's, which may have a password; else that of the device's files. */
static const char *proxy_of(const struct sync_manager *manager) {
    const struct device *settings = manager->options.settings;
    if (manager->identity.proxy != NULL || settings == NULL || settings->proxy.count == 0) {
        return manager->identity.proxy;
    }
    return settings->proxy.bytes;
}

static void connect_link(struct sync_manager *manager) {
    const struct identity *identity = &manager->identity;
    const struct slice pin = {.bytes = (const char *)identity->pin.bytes,
                              .count = sizeof(identity->pin.bytes)};
    const struct link_options options = {.hubs = identity->hubs,
                                         .pin = pin,
                                         .certificate = identity->certificate,
                                         .key = identity->key,
                                         .proxy = proxy_of(manager),
                                         .clock_floor_ms = clock_floor_ms(manager)};
    struct error err;
    if (link_connect(manager->link, &options, &err) != STATUS_OK) {
        lose(manager, &err);
    }
}

/* A request that could not even begin is a connection that is lost. */
static void need(struct sync_manager *manager, status code, const struct error *err) {
    if (code != STATUS_OK) {
        link_close(manager->link);
        lose(manager, err);
    }
}

static void begin_put(struct sync_manager *manager, const struct sender_action *action) {
    CLEANUP(buffer_done) struct buffer path;
    struct error err;
    buffer_init(&path, LINK_PATH_BYTES_MAX);
    stream_path_write(&path, action->stream, action->lane, action->first);
    const struct link_request request = {
        .method = "PUT", .path = buffer_slice(&path), .type = "application/octet-stream"};
    need(manager, link_begin(manager->link, &request, &err), &err);
}

/* --- doing what the engine says -------------------------------------------------------------- */

static void note_time(struct sync_manager *manager, const struct sender_action *action) {
    const struct moment now = clock_now();
    const int64_t wall_then_ms = now.wall_ms - (now.boot_ns - action->boot_ns) / NS_PER_MS;
    manager->hub_ms = action->hub_ms;
    manager->hub_boot_ns = action->boot_ns;
    manager->hub_offset_ms = action->hub_ms - wall_then_ms;
    manager->hub_uncertainty_ms = action->uncertainty_ms;
}

/* Only what reports have offered is asked for. */
static void report(struct sync_manager *manager) {
    struct error err;
    need(manager, reports_send(manager->reports, manager->link, &manager->kind, now_ms(), &err),
         &err);
}

static void act(struct sync_manager *manager, const struct sender_action *action) {
    static const struct link_request HELLO = {
        .method = "POST", .path = SLICE("/v1/hello"), .type = "application/json"};
    struct error err;
    switch (action->act) {
    case SENDER_NOTHING:
        break;
    case SENDER_CONNECT:
        connect_link(manager);
        break;
    case SENDER_CLOSE:
        stop_reports(manager);
        link_close(manager->link);
        break;
    case SENDER_HELLO:
        need(manager, link_ask(manager->link, &HELLO, action->bytes, &err), &err);
        break;
    case SENDER_PUT_BEGIN:
        begin_put(manager, action);
        break;
    case SENDER_PUT_BODY: {
        /* Without a body the hub has answered: that is told in a moment. */
        const status written = link_write(manager->link, action->bytes, &err);
        need(manager, written == STATUS_CONFLICT ? STATUS_OK : written, &err);
        break;
    }
    case SENDER_PUT_END:
        link_end(manager->link);
        break;
    case SENDER_REPORT:
        report(manager);
        break;
    case SENDER_TIME:
        note_time(manager, action);
        break;
    case SENDER_PEEK:
    case SENDER_READ:
    case SENDER_ACKNOWLEDGE:
    case SENDER_MEND:
    case SENDER_RENUMBER:
    case SENDER_ALARM:
        sync_store_do(manager->store, action);
        break;
    }
}

/* The earlier of two moments, of which 0 is none. */
static int64_t sooner_ms(int64_t a_ms, int64_t b_ms) {
    return a_ms == 0 || (b_ms != 0 && b_ms < a_ms) ? b_ms : a_ms;
}

static void sleep_until(struct sync_manager *manager, int64_t wake_ms, int64_t look_ms) {
    wake_ms = sooner_ms(wake_ms, look_ms);
    wake_ms = sooner_ms(wake_ms, sync_store_rings_ms(manager->store));
    wake_ms = sooner_ms(wake_ms, link_ledger_look(manager->ledger, manager->sender));
    if (wake_ms == 0) {
        timer_clear(manager->timer);
    } else {
        timer_set(manager->timer, wake_ms - now_ms());
    }
}

static void turn_ended(void *owner) {
    struct sync_manager *manager = owner;
    if (manager->reload && !sync_store_is_busy(manager->store)) {
        sync_manager_reload(manager);
    }
    if (manager->sender == NULL || manager->stopping) {
        return;
    }
    struct sender_action action = {.act = SENDER_CLOSE};
    struct error err;
    const int64_t look_ms =
        manager->reports != NULL
            ? reports_look(manager->reports, manager->sender, &manager->kind, now_ms())
            : 0;
    while (action.act != SENDER_NOTHING) {
        const struct sender_now now = {
            .now_ms = now_ms(), .time = clock_now(), .boot = clock_boot_id()};
        if (sender_next(manager->sender, &now, &action, &err) != STATUS_OK) {
            need(manager, err.code, &err);
            return;
        }
        act(manager, &action);
    }
    sleep_until(manager, action.wake_ms, look_ms);
}

static void ring(void *owner) {
    struct sync_manager *manager = owner;
    if (manager->store != NULL) {
        sync_store_ring(manager->store);
    }
    go_on(manager);
}

static void store_answered(void *owner) {
    go_on(owner);
}

void sync_manager_look(struct sync_manager *manager) {
    if (manager->store != NULL && !manager->stopping && sync_store_look(manager->store)) {
        go_on(manager);
    }
}

/* --- joined or not --------------------------------------------------------------------------- */

static void part(struct sync_manager *manager) {
    stop_reports(manager);
    link_close(manager->link);
    if (manager->store != NULL) {
        sync_store_use(manager->store, NULL);
    }
    if (manager->sender != NULL) {
        link_ledger_take(manager->ledger, manager->sender);
    }
    sender_destroy(manager->sender);
    manager->sender = NULL;
    identity_forget(&manager->identity);
    arena_reset(&manager->arena);
    manager->refused = false;
    manager->refusal = (struct error){.code = STATUS_OK};
    timer_clear(manager->timer);
}

static uint64_t random_seed(void) {
    const struct id id = random_id();
    uint64_t seed;
    (void)memcpy(&seed, id.bytes, sizeof(seed));
    return seed;
}

static status join(struct sync_manager *manager, struct error *err) {
    const struct sender_options options = {.seed = random_seed()};
    TRY(identity_load(manager->options.folder, &manager->arena, &manager->identity, err));
    if (manager->store == NULL) {
        const struct sync_store_options store = {
            .store = manager->options.store, .answered = store_answered, .owner = manager};
        TRY(sync_store_create(&store, &manager->store, err));
    }
    TRY(sender_create(&options, &manager->sender, err));
    link_ledger_give(manager->ledger, manager->sender);
    sync_store_use(manager->store, manager->sender);
    if (manager->reports != NULL) {
        reports_hurry(manager->reports); /* it may be another hub, which knows nothing yet */
    }
    sync_manager_look(manager);
    go_on(manager);
    return STATUS_OK;
}

static bool is_offline(const struct sync_manager *manager) {
    return manager->options.settings != NULL && manager->options.settings->offline;
}

void sync_manager_reload(struct sync_manager *manager) {
    struct error err;
    if (is_offline(manager) || manager->stopping) {
        return;
    }
    manager->reload = manager->store != NULL && sync_store_is_busy(manager->store);
    part(manager);
    if (manager->reload) {
        return; /* what the store answers is the old sender's */
    }
    const status code = join(manager, &err);
    if (code != STATUS_OK && code != STATUS_NOT_FOUND) {
        log_line(LOG_ERROR, "runtime", "sync: %s", err.text);
    }
}

/* --- life ------------------------------------------------------------------------------------ */

static status create_reports(struct sync_manager *manager, struct error *err) {
    const struct reports_options options = {.store = manager->options.store,
                                            .pool = manager->options.pool,
                                            .orchestrator = manager->options.orchestrator,
                                            .budget_bytes = manager->options.budget_bytes,
                                            .changed = store_answered,
                                            .owner = manager};
    return reports_create(&options, &manager->reports, err);
}

status sync_manager_create(const struct sync_manager_options *options,
                           struct sync_manager **out_manager, struct error *err) {
    struct sync_manager *manager = memory_new(1, sizeof(*manager));
    if (manager == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory to sync");
    }
    manager->options = *options;
    arena_init(&manager->arena, 4 * IDENTITY_FILE_BYTES_MAX);
    status code = renewal_create(options->pool, options->folder, renewal_ended, manager,
                                 &manager->renewal, err);
    if (code == STATUS_OK) {
        code = link_ledger_create(options->pool, options->folder, &manager->ledger, err);
    }
    if (code == STATUS_OK && options->orchestrator != NULL) {
        code = create_reports(manager, err);
    }
    if (code == STATUS_OK) {
        code = link_create(options->loop, &EVENTS, manager, &manager->link, err);
    }
    if (code == STATUS_OK) {
        code = timer_open(options->loop, ring, manager, &manager->timer, err);
    }
    if (code == STATUS_OK) {
        code = turn_create(options->loop, turn_ended, manager, &manager->turn, err);
    }
    if (code != STATUS_OK) {
        sync_manager_destroy(manager);
        return code;
    }
    *out_manager = manager;
    return STATUS_OK;
}

void sync_manager_stop(struct sync_manager *manager) {
    if (manager != NULL) {
        manager->stopping = true;
        if (manager->store != NULL) {
            sync_store_use(manager->store, NULL);
        }
        if (manager->sender != NULL) {
            link_ledger_take(manager->ledger, manager->sender);
        }
        link_close(manager->link);
        timer_clear(manager->timer);
    }
}

void sync_manager_destroy(struct sync_manager *manager) {
    if (manager == NULL) {
        return;
    }
    sender_destroy(manager->sender);
    identity_forget(&manager->identity);
    arena_done(&manager->arena);
    link_destroy(manager->link);
    renewal_destroy(manager->renewal);
    reports_destroy(manager->reports);
    link_ledger_destroy(manager->ledger);
    timer_close(manager->timer);
    turn_destroy(manager->turn);
    sync_store_destroy(manager->store);
    memory_free(manager);
}

void sync_manager_hurry(struct sync_manager *manager) {
    if (manager->sender != NULL) {
        sender_hurry(manager->sender);
        if (manager->reports != NULL) {
            reports_hurry(manager->reports);
        }
        go_on(manager);
    }
}

void sync_manager_pause(struct sync_manager *manager, bool paused) {
    if (manager->sender != NULL) {
        sender_pause(manager->sender, paused);
        go_on(manager);
    }
}

void sync_manager_facts(const struct sync_manager *manager, struct sync_manager_facts *out_facts) {
    *out_facts = (struct sync_manager_facts){
        .joined = manager->sender != NULL,
        .offline = is_offline(manager),
        .refusal = manager->refusal.code != STATUS_OK ? manager->refusal.text : "",
        .now_ms = now_ms(),
        .hub_offset_ms = manager->hub_offset_ms,
        .hub_uncertainty_ms = manager->hub_uncertainty_ms,
        .hub_time_known = manager->hub_ms != 0};
    if (manager->sender != NULL) {
        struct link_facts link;
        link_facts(manager->link, &link);
        (void)memcpy(out_facts->address, link.address, sizeof(out_facts->address));
        out_facts->device = manager->identity.name;
        out_facts->ends_ms = manager->identity.not_after_ms;
        out_facts->hub = slice_of(manager->identity.hubs[0]);
        (void)memcpy(out_facts->interface, manager->interface, sizeof(out_facts->interface));
        sender_facts(manager->sender, &out_facts->sender);
        sender_budget(manager->sender, out_facts->now_ms, &out_facts->budget);
    }
}

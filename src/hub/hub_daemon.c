// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_daemon.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "hub/api/hub_api.h"
#include "hub/api/hub_desk.h"
#include "hub/backups.h"
#include "hub/destinations/hub_destinations.h"
#include "hub/people_port.h"
#include "hub/query/questions.h"
#include "hub/retention.h"
#include "hub/store/hub_store_sqlite.h"
#include "hub/tails.h"
#include "platform/clock.h"

enum {
    PATH_BYTES_MAX = 4096,
    UPKEEP_MS = 5000,
    SOON_MS = 20,
    STOP_POLL_MS = 5,
    AUDIT_FIRST_MS = 60 * 1000
};

static const int64_t NS_PER_S = 1000000000;
static const int64_t STOP_S = 3;

/* --- what the registry noted --- */

struct notes_job {
    struct ingest_job job; /* first */
    struct hub_daemon *hub;
    struct device_notes notes;
};

static status write_notes(struct ingest_job *job, struct lanes *lanes, struct error *err) {
    const struct notes_job *own = (const struct notes_job *)job;
    return device_rows_write_notes(hub_store_sqlite_database(lanes_session(lanes)), &own->notes,
                                   err);
}

static void notes_written(struct ingest_job *job) {
    struct notes_job *own = (struct notes_job *)job;
    if (job->error.code != STATUS_OK && job->error.code != STATUS_FULL) { /* which is said once */
        log_line(LOG_WARN, "hub", "note when devices were heard of: %s", job->error.text);
    }
    own->hub->notes = NULL;
    memory_free(own);
}

static void take_notes(struct hub_daemon *hub) {
    if (hub->notes != NULL) {
        return;
    }
    struct notes_job *own = memory_new(1, sizeof(*own));
    if (own == NULL || !registry_take_notes(hub->registry, &own->notes)) {
        memory_free(own);
        return;
    }
    own->hub = hub;
    own->job = (struct ingest_job){.work = write_notes, .done = notes_written};
    hub->notes = own;
    ingest_run(hub->ingest, &own->job);
}

/* --- the server's certificate --- */

/* Again at the same port, also where the system chose it. */
static status open_port(struct hub_daemon *hub, struct error *err) {
    const bool again = hub->listen[0] != '\0';
    const struct device_port_options port = {.loop = hub->loop,
                                             .address = again ? hub->listen : hub->options.listen,
                                             .connections_max = hub->options.connections_max,
                                             .authority = hub->authority,
                                             .registry = hub->registry,
                                             .ingest = hub->ingest,
                                             .desk = hub->desk,
                                             .reports = hub->reports,
                                             .faces = hub->faces,
                                             .attachments = hub->attachments};
    TRY(device_port_open(&port, &hub->port, err));
    (void)snprintf(hub->listen, sizeof(hub->listen), "%s", device_port_address(hub->port));
    return STATUS_OK;
}

static status open_people(struct hub_daemon *hub, struct error *err) {
    const bool again = hub->people_listen[0] != '\0';
    if (hub->options.people == NULL) {
        return STATUS_OK;
    }
    TRY(people_port_open(hub, again ? hub->people_listen : hub->options.people, &hub->people, err));
    (void)snprintf(hub->people_listen, sizeof(hub->people_listen), "%s",
                   people_port_address(hub->people));
    return STATUS_OK;
}

/* Nobody waits for an answer, and nothing is being written. */
static bool is_quiet(const struct hub_daemon *hub) {
    return ingest_is_idle(hub->ingest) && !device_port_owes(hub->port) &&
           (hub->people == NULL || !people_port_owes(hub->people));
}

/* The library takes a certificate at its start only: ports are opened anew when nothing is under
 * way, and whoever was connected comes back. */
static void reopen_ports(struct hub_daemon *hub) {
    struct error err;
    questions_end(hub->questions);
    device_port_close(hub->port);
    people_port_close(hub->people);
    hub->port = NULL;
    hub->people = NULL;
    if (open_port(hub, &err) != STATUS_OK || open_people(hub, &err) != STATUS_OK) {
        log_line(LOG_ERROR, "hub", "open its ports with a new certificate: %s", err.text);
        loop_stop(hub->loop);
        return;
    }
    hub->renewed = false;
    log_line(LOG_INFO, "hub", "listen=%s the server has a new certificate", hub->listen);
}

/* At each upkeep, since clocks jump. */
static void look_at_certificate(struct hub_daemon *hub) {
    struct error err;
    if (authority_renew_server(hub->authority, clock_wall_ms(), &hub->renewed, &err) != STATUS_OK) {
        log_line(LOG_ERROR, "hub", "renew the server's certificate: %s", err.text);
    }
}

static void upkeep(void *owner) {
    struct hub_daemon *hub = owner;
    if (hub->stopping) {
        return;
    }
    if (!hub->renewed) {
        look_at_certificate(hub);
        take_notes(hub);
        device_reports_write(hub->reports);
        retention_begin(hub->retention);
    } else if (is_quiet(hub)) {
        reopen_ports(hub);
    }
    timer_set(hub->upkeep, hub->renewed ? SOON_MS : UPKEEP_MS);
}

/* --- the end --- */

static void poll_stop(void *owner) {
    struct hub_daemon *hub = owner;
    if (ingest_is_idle(hub->ingest) || clock_boot_ns() > hub->stop_deadline_ns) {
        loop_stop(hub->loop);
        return;
    }
    timer_set(hub->ending, STOP_POLL_MS);
}

static void signalled(void *owner, int number) {
    struct hub_daemon *hub = owner;
    (void)number;
    if (!hub->stopping) {
        hub->stopping = true;
        hub->stop_deadline_ns = clock_boot_ns() + STOP_S * NS_PER_S;
        retention_stop(hub->retention);
        hub_destinations_stop(hub->destinations);
        take_notes(hub);
        device_reports_write(hub->reports);
    } else {
        hub->stop_deadline_ns = 0; /* asked twice: at once */
    }
    timer_set(hub->ending, 0);
}

/* --- birth --- */

/* The one address that it listens on, without brackets; empty: it listens on all. */
static struct slice own_address(const char *listen) {
    const char *colon = strrchr(listen, ':');
    struct slice host = {.bytes = listen, .count = colon != NULL ? (size_t)(colon - listen) : 0};
    if (slice_starts(host, "[") && slice_ends(host, "]")) {
        host = slice_part(host, 1, host.count - 1);
    }
    return slice_is(host, "0.0.0.0") || slice_is(host, "::") ? SLICE("") : host;
}

/* Names and addresses that devices may know it by: those that were said, else the one address that
 * it listens on, else its host's name. */
static void list_names(struct hub_daemon *hub) {
    char host[256] = "";
    const struct slice address = own_address(hub->options.listen);
    if (hub->options.names != NULL || address.count > 0) {
        const struct slice said = slice_of(hub->options.names);
        (void)snprintf(hub->names, sizeof(hub->names), "%.*s",
                       SLICE_ARGS(said.count > 0 ? said : address));
        return;
    }
    if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0') {
        (void)snprintf(host, sizeof(host), "localhost");
    }
    (void)snprintf(hub->names, sizeof(hub->names), "%s", host);
}

/* The port of "hub.example:443" or "[2001:db8::7]:443", and a name without one. */
static struct slice take_port(struct slice *name) {
    const size_t bracket = slice_find(*name, ']');
    const size_t from = bracket < name->count ? bracket : 0;
    const size_t colon = from + slice_find(slice_part(*name, from, name->count), ':');
    const struct slice port = slice_part(*name, colon + 1, name->count);
    if (colon >= name->count || slice_find(port, ':') < port.count) {
        return SLICE(""); /* none, or a bare IPv6 address */
    }
    *name =
        slice_part(*name, bracket < name->count ? 1 : 0, bracket < name->count ? bracket : colon);
    return port;
}

static uint32_t split_names(const struct hub_daemon *hub, struct slice names[AUTHORITY_NAMES_MAX],
                            struct slice ports[AUTHORITY_NAMES_MAX]) {
    struct slice rest = slice_of(hub->names);
    uint32_t count = 0;
    while (rest.count > 0 && count < AUTHORITY_NAMES_MAX - 3) {
        const size_t end = slice_find(rest, ',');
        names[count] = slice_trim(slice_part(rest, 0, end));
        ports[count] = take_port(&names[count]);
        count += names[count].count > 0 ? 1 : 0;
        rest = slice_part(rest, end + 1, rest.count);
    }
    names[count++] = SLICE("localhost");
    names[count++] = SLICE("127.0.0.1");
    names[count++] = SLICE("::1");
    return count;
}

/* "hub.example:8443 192.0.2.7:8443", for tokens. */
static void list_addresses(struct hub_daemon *hub) {
    struct slice names[AUTHORITY_NAMES_MAX];
    struct slice ports[AUTHORITY_NAMES_MAX];
    const uint32_t count = split_names(hub, names, ports) - 3; /* but those of this machine alone */
    const char *own_port = strrchr(device_port_address(hub->port), ':');
    const struct slice own = slice_of(own_port != NULL ? own_port + 1 : "");
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, sizeof(hub->addresses) - 1);
    for (uint32_t i = 0; i < count; i++) {
        const bool has_colons = slice_find(names[i], ':') < names[i].count;
        const struct slice port = ports[i].count > 0 ? ports[i] : own;
        buffer_print(&text, "%s%s%.*s%s:%.*s", i > 0 ? " " : "", has_colons ? "[" : "",
                     SLICE_ARGS(names[i]), has_colons ? "]" : "", SLICE_ARGS(port));
    }
    (void)snprintf(hub->addresses, sizeof(hub->addresses), "%.*s", SLICE_ARGS(buffer_slice(&text)));
}

static status open_authority(struct hub_daemon *hub, struct error *err) {
    struct slice names[AUTHORITY_NAMES_MAX];
    struct slice ports[AUTHORITY_NAMES_MAX];
    list_names(hub);
    const struct authority_options options = {.folder = hub->options.data,
                                              .certificate_file = hub->options.authority,
                                              .key_file = hub->options.authority_key,
                                              .site = hub->options.site,
                                              .device_life_days = hub->options.device_life_days,
                                              .names = names,
                                              .name_count = split_names(hub, names, ports),
                                              .now_ms = clock_wall_ms()};
    TRY(authority_open(&options, &hub->authority, err));
    return STATUS_OK;
}

static status open_loop(struct hub_daemon *hub, struct error *err) {
    static const int NUMBERS[] = {SIGINT, SIGTERM};
    TRY(loop_create(&hub->loop, err));
    TRY(timer_open(hub->loop, upkeep, hub, &hub->upkeep, err));
    TRY(timer_open(hub->loop, poll_stop, hub, &hub->ending, err));
    for (int i = 0; i < 2; i++) {
        TRY(signal_watch_create(hub->loop, NUMBERS[i], signalled, hub, &hub->signals[i], err));
    }
    return STATUS_OK;
}

static status open_desk(struct hub_daemon *hub, struct error *err) {
    const struct hub_desk_options options = {.ingest = hub->ingest,
                                             .reader = hub->reader,
                                             .registry = hub->registry,
                                             .authority = hub->authority,
                                             .settings = hub->options.settings,
                                             .reports = hub->reports,
                                             .addresses = hub->addresses};
    return hub_desk_create(&options, &hub->desk, err);
}

static status open_backups(struct hub_daemon *hub, struct error *err) {
    const struct backups_options options = {
        .loop = hub->loop, .ingest = hub->ingest, .data = hub->options.data};
    return backups_create(&options, &hub->backups, err);
}

static status open_reports(struct hub_daemon *hub, struct error *err) {
    struct database *database = hub_store_sqlite_database(hub->session);
    const struct attachments_options attachments = {.loop = hub->loop,
                                                    .ingest = hub->ingest,
                                                    .reader = hub->reader,
                                                    .data = hub->options.data,
                                                    .bytes_max =
                                                        hub->options.settings->attachment_bytes};
    TRY(faces_load(hub->ingest, database, &hub->faces, err));
    TRY(attachments_open(&attachments, database, &hub->attachments, err));
    const struct device_reports_options reports = {
        .ingest = hub->ingest, .faces = hub->faces, .attachments = hub->attachments};
    return device_reports_create(&reports, &hub->reports, err);
}

static status open_destinations(struct hub_daemon *hub, struct error *err) {
    const struct hub_destinations_options options = {.loop = hub->loop,
                                                     .ingest = hub->ingest,
                                                     .reader = hub->reader,
                                                     .list = &hub->options.settings->destinations};
    return hub_destinations_create(&options, &hub->destinations, err);
}

static status open_parts(struct hub_daemon *hub, struct error *err) {
    char path[PATH_BYTES_MAX];
    (void)snprintf(path, sizeof(path), "%.4000s/hub.db", hub->options.data);
    TRY(file_lock_take(hub->options.data, &hub->lock, err));
    TRY(open_loop(hub, err));
    TRY(hub_store_sqlite_open(path, &hub->session, err));
    TRY(open_authority(hub, err));
    TRY(registry_load(hub_store_sqlite_database(hub->session), &hub->registry, err));
    const struct ingest_options ingest = {.loop = hub->loop, .session = hub->session};
    TRY(ingest_create(&ingest, &hub->ingest, err));
    TRY(reader_create(hub->loop, path, &hub->reader, err));
    TRY(tails_create(hub->loop, hub->reader, hub->ingest, &hub->tails, err));
    TRY(audit_create(hub->loop, hub->reader, AUDIT_FIRST_MS, &hub->audit, err));
    TRY(questions_create(hub->loop, path, &hub->questions, err));
    TRY(open_backups(hub, err));
    TRY(retention_create(hub->ingest, &hub->options.settings->retention, &hub->retention, err));
    TRY(open_reports(hub, err));
    TRY(open_destinations(hub, err));
    TRY(open_desk(hub, err));
    TRY(open_port(hub, err));
    list_addresses(hub);
    TRY(open_people(hub, err));
    return hub_api_open(hub, hub->options.socket, &hub->api, err);
}

status hub_daemon_create(const struct hub_daemon_options *options, struct hub_daemon **out_hub,
                         struct error *err) {
    struct hub_daemon *hub = memory_new(1, sizeof(*hub));
    if (hub == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the hub");
    }
    hub->options = *options;
    hub->began_ns = clock_boot_ns();
    const status code = open_parts(hub, err);
    if (code != STATUS_OK) {
        hub_daemon_destroy(hub);
        return code;
    }
    *out_hub = hub;
    return STATUS_OK;
}

void hub_daemon_run(struct hub_daemon *hub) {
    timer_set(hub->upkeep, UPKEEP_MS);
    loop_run(hub->loop);
}

void hub_daemon_destroy(struct hub_daemon *hub) {
    if (hub == NULL) {
        return;
    }
    hub_destinations_stop(hub->destinations);
    ingest_stop(hub->ingest); /* gives its last answers */
    backups_destroy(hub->backups);
    retention_destroy(hub->retention);
    reader_destroy(hub->reader);
    audit_destroy(hub->audit);
    hub_destinations_destroy(hub->destinations);
    questions_destroy(hub->questions);
    hub_api_close(hub->api);
    device_port_close(hub->port);
    people_port_close(hub->people);
    tails_destroy(hub->tails);
    device_reports_destroy(hub->reports);
    attachments_close(hub->attachments);
    faces_destroy(hub->faces);
    ingest_destroy(hub->ingest);
    hub_desk_destroy(hub->desk);
    registry_destroy(hub->registry);
    authority_close(hub->authority);
    if (hub->session != NULL) {
        hub->session->kind->close(hub->session);
    }
    for (int i = 0; i < 2; i++) {
        signal_watch_destroy(hub->signals[i]);
    }
    timer_close(hub->upkeep);
    timer_close(hub->ending);
    if (hub->loop != NULL) {
        loop_run(hub->loop); /* until what was closed is gone */
        loop_destroy(hub->loop);
    }
    file_lock_drop(hub->lock);
    memory_free(hub);
}

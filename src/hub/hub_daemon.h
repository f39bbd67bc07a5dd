/*
 * hub_daemon: the parts of a hub at work, made and ended in order: loop, store, authority,
 * registry, ingest, reader, the devices' port, the local API.
 *
 * Thread: loop (the program's first). Survives: what the store keeps.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "hub/audit.h"
#include "hub/authority.h"
#include "hub/device_port.h"
#include "hub/device_reports.h"
#include "hub/hub_file.h"
#include "hub/ingest.h"
#include "hub/reader.h"
#include "hub/registry.h"
#include "platform/file.h"
#include "platform/loop.h"

enum { HUB_NAMES_BYTES = 1024, HUB_LISTEN_BYTES = 128 };

struct backups;
struct hub_api;
struct hub_desk;
struct hub_destinations;
struct people_port;
struct questions;
struct retention;
struct tails;

struct hub_daemon_options {
    const char *data;   /* folder of hub.db and authority/; it is there */
    const char *socket; /* of the local API */
    const char *listen; /* "ADDRESS:PORT" of the devices' port */
    const char *people; /* of the people's port; NULL: there is none */
    const char *names; /* under which devices reach it: "hub.example,192.0.2.7"; NULL: its host's */
    unsigned connections_max;
    /* The operator's own authority, in PEM files; NULL: the hub's own. */
    const char *authority, *authority_key;
    const struct hub_settings *settings; /* outlives the hub */
    const char *site;                    /* NULL: as its authority's key has it */
    int device_life_days;                /* of certificates; 0: AUTHORITY_LIFE_DAYS */
};

struct hub_daemon {
    struct hub_daemon_options options;
    struct file_lock *lock;
    struct loop *loop;
    struct hub_session *session;
    struct authority *authority;
    struct registry *registry;
    struct ingest *ingest;
    struct reader *reader;
    struct tails *tails;
    struct audit *audit;
    struct backups *backups;
    struct retention *retention;
    struct faces *faces;
    struct attachments *attachments;
    struct device_reports *reports;
    struct hub_destinations *destinations;
    struct questions *questions;
    struct hub_desk *desk;
    struct device_port *port;
    struct people_port *people; /* NULL: there is none */
    struct hub_api *api;
    struct timer *upkeep, *ending;
    struct signal_watch *signals[2];
    struct notes_job *notes; /* under way */
    char names[HUB_NAMES_BYTES];
    char addresses[HUB_NAMES_BYTES];
    char listen[HUB_LISTEN_BYTES], people_listen[HUB_LISTEN_BYTES]; /* as the system has them */
    bool stopping, renewed;
    int64_t began_ns, stop_deadline_ns;
};

/* Opens everything; devices and the local API are answered from here on. */
status hub_daemon_create(const struct hub_daemon_options *options, struct hub_daemon **out_hub,
                         struct error *err);

/* Until a signal, or until the devices' port could not be opened anew with a new certificate. */
void hub_daemon_run(struct hub_daemon *hub);
void hub_daemon_destroy(struct hub_daemon *hub);

/*
 * people_port: the hub's port for people and programs, who have no certificate.
 *
 *   GET  /healthz
 *   POST /api/sync     results in the guide's shape (hub/guide_sync), with a token for access:
 *                      ?token=, Authorization: Bearer, or X-Api-Token
 *
 * On an address of this machine alone it speaks plain HTTP; on any other TLS, with the hub's own
 * certificate. Who shows wrong tokens too often waits (hub/attempts).
 *
 * Thread: loop. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/authority.h"
#include "hub/ingest.h"
#include "platform/loop.h"

enum { PEOPLE_CONNECTIONS_MAX = 128 };

struct people_port;

struct people_port_options {
    struct loop *loop;
    const char *address;               /* "127.0.0.1:8080" */
    const struct authority *authority; /* not owned, as is the next */
    struct ingest *ingest;
};

status people_port_open(const struct people_port_options *options, struct people_port **out_port,
                        struct error *err);

/* Ingest has answered its last job. NULL is fine. */
void people_port_close(struct people_port *port);

/* The address as the system has it. */
const char *people_port_address(const struct people_port *port);

/*
 * people_port: the hub's port for people and programs, who have no certificate.
 *
 *   GET  /                                     the page (page/page), for whoever asks
 *   GET  /healthz
 *   POST /api/sync                             results in the guide's shape (hub/guide_sync), with
 *                                              a token: ?token=, Authorization: Bearer, or
 *                                              X-Api-Token
 *   POST /v1/login, /v1/logout, /v1/password   hub/people/login
 *   /v1/..., /metrics                          hub/api/hub_api, for whom hub/people/guard admits
 *
 * On an address of this machine alone it speaks plain HTTP; on any other TLS, with the hub's own
 * certificate. Who shows wrong passwords or tokens too often waits (hub/attempts).
 *
 * Thread: loop. Survives: sessions.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/hub_daemon.h"

enum { PEOPLE_CONNECTIONS_MAX = 256 };

struct people_port;

/* Of that hub, whose parts it uses, at "127.0.0.1:8080". */
status people_port_open(struct hub_daemon *hub, const char *address, struct people_port **out_port,
                        struct error *err);

/* Ingest and the reader have answered their last. NULL is fine. */
void people_port_close(struct people_port *port);

/* The address as the system has it. */
const char *people_port_address(const struct people_port *port);

/* Whether somebody waits for an answer, which must come before the port is closed. */
bool people_port_owes(const struct people_port *port);

/* "http://127.0.0.1:8080/" */
enum { PEOPLE_URL_BYTES = 160 };
void people_port_url(const struct people_port *port, char out_url[PEOPLE_URL_BYTES]);

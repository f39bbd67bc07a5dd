/*
 * hub_api: the hub's API: HTTP and JSON, on a Unix socket for `ebb hub ...`, and for people and
 * programs whom hub/people/guard has admitted.
 *
 *   GET /healthz, /metrics, /v1/status, /v1/results, /v1/results/ID
 *   GET /v1/tail                          hub/tails
 *   GET, POST /v1/query                   hub/query/questions
 *   POST /v1/queue                        hub/queue_import
 *   GET, POST /v1/backup                  hub/backups
 *   /v1/devices, /v1/people and others    hub/api/resources
 *
 * On the socket reading is for whoever may open it (its group); changing is for root and the hub's
 * own user. Devices do not come here: hub/device_port.
 *
 * Thread: loop. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "hub/hub_daemon.h"
#include "hub/people/rights.h"

struct hub_api;

status hub_api_open(struct hub_daemon *hub, const char *socket_path, struct hub_api **out_api,
                    struct error *err);
/* Answers a request by somebody who is known; what they may not do is refused. */
void hub_api_take(struct hub_api *api, struct http_request *request, const struct caller *caller);

void hub_api_close(struct hub_api *api); /* NULL is fine */

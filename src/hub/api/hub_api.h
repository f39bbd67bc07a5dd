/*
 * hub_api: the hub's local API: HTTP and JSON on a Unix socket, for `ebb hub ...`.
 *
 *   GET /healthz, /metrics, /v1/status, /v1/results, /v1/results/ID
 *   POST /v1/queue                        hub/queue_import
 *   GET, POST /v1/backup                  hub/backups
 *   /v1/devices, /v1/tokens, /v1/alarms   hub/api/hub_desk
 *
 * Reading is for whoever may open the socket (its group); changing is for root and the hub's own
 * user. Devices do not come here: hub/device_port.
 *
 * Thread: loop. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "hub/hub_daemon.h"

struct hub_api;

status hub_api_open(struct hub_daemon *hub, const char *socket_path, struct hub_api **out_api,
                    struct error *err);
void hub_api_close(struct hub_api *api); /* NULL is fine */

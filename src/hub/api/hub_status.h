/*
 * hub_status: /v1/status and /v1/destinations: what the hub has and how it is, as JSON.
 *
 * Thread: loop. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/hub_daemon.h"
#include "platform/http_server.h"

void hub_status_take(struct hub_daemon *hub, struct http_request *request);
void hub_status_take_destinations(struct hub_daemon *hub, struct http_request *request);

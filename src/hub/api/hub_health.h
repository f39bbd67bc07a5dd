/*
 * hub_health: GET /v1/health: what `ebb hub doctor` asks beside the status: how fast the disk
 * fills, when certificates end, how many files may be open.
 *
 *   {"addresses":[...],"authority_ends_at","server_ends_at","files","connections_max",
 *    "growth_day_bytes","reusable_bytes"}
 *
 * growth_day_bytes is by how much hub.db grows a day at the rate of the last one; what comes for
 * workflows of which retention has begun to remove something is not in it, since that takes the
 * place of what goes. null: the hub has had too little to say.
 *
 * Thread: loop; the disk is looked at by the reading thread. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/hub_daemon.h"
#include "platform/http_server.h"

void hub_health_take(struct hub_daemon *hub, struct http_request *request);

/*
 * hub_desk: takes requests about devices, tokens and alarms to the writing thread and back
 * (hub_call). Who tries to join with what is wrong too often must wait (hub/attempts).
 *
 * Thread: loop. Survives: what a handler changed, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/attempts.h"
#include "hub/hub_call.h"
#include "hub/ingest.h"
#include "hub/registry.h"
#include "platform/http_server.h"

struct hub_desk;

struct hub_desk_options {
    struct ingest *ingest; /* not owned, as are the next two */
    struct registry *registry;
    const struct authority *authority;
    const char *addresses; /* of hub_call; read at each call */
};

status hub_desk_create(const struct hub_desk_options *options, struct hub_desk **out_desk,
                       struct error *err);
void hub_desk_destroy(struct hub_desk *desk); /* ingest is gone already; NULL is fine */

/* Takes the request when one of `routes` is its path (a wrong method is answered 405), and
 * answers it after the commit; false: none is. */
bool hub_desk_take(struct hub_desk *desk, const struct hub_route *routes,
                   struct http_request *request);

/*
 * hub_desk: takes requests about devices, tokens, people and so on to the thread that can answer
 * them and back (hub_call): those that only look to the reading one, all others to the writing one.
 *
 * What a person or a program changes leaves a deed (hub/people/deed_rows) in the same transaction,
 * and what it was told under an Idempotency-Key is kept there (hub/people/kept_answer). Whether
 * they may is for whoever calls to ask before, and for the handler where it depends. Who tries to
 * join with what is wrong too often must wait (hub/attempts).
 *
 * Thread: loop. Survives: what a handler changed, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/attempts.h"
#include "hub/hub_call.h"
#include "hub/ingest.h"
#include "hub/reader.h"
#include "hub/registry.h"
#include "platform/http_server.h"

struct hub_desk;

struct hub_desk_options {
    struct ingest *ingest; /* not owned, as are the next five */
    struct reader *reader;
    struct registry *registry;
    const struct authority *authority;
    const struct hub_settings *settings;
    struct device_reports *reports;
    const char *addresses; /* of hub_call; read at each call */
};

status hub_desk_create(const struct hub_desk_options *options, struct hub_desk **out_desk,
                       struct error *err);
void hub_desk_destroy(struct hub_desk *desk); /* ingest is gone already; NULL is fine */

/* Takes the request when one of `routes` is its path (a wrong method is answered 405), and
 * answers it after the commit; false: none is. `caller` is copied; NULL: a device, which has no
 * rights. */
bool hub_desk_take(struct hub_desk *desk, const struct hub_route *routes,
                   const struct caller *caller, struct http_request *request);

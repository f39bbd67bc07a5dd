/*
 * guard: who is it that asks at the people's port, and may they?
 *
 * A browser shows a cookie, a program a token (Authorization: Bearer, X-Api-Token); where the hub's
 * file says so, a proxy before the hub says who it is in a header, which is believed from its
 * address alone. They are looked up at every request, so that what was withdrawn counts at once.
 *
 * A request that changes something and comes with a cookie must come from our own page: its Origin
 * says so, or it is refused. Who shows wrong tokens or cookies too often waits (hub/attempts).
 *
 * Thread: loop. Survives: sessions.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/attempts.h"
#include "hub/hub_file.h"
#include "hub/ingest.h"
#include "hub/people/rights.h"
#include "hub/reader.h"
#include "platform/http_server.h"

struct guard;

struct guard_options {
    struct reader *reader; /* not owned, as all here */
    struct ingest *ingest;
    struct attempts *attempts;
    const struct hub_proxy *proxy;
    bool is_secure; /* the port has TLS */

    /* The request, and who asks; on the loop. */
    void (*admitted)(void *owner, struct http_request *request, const struct caller *caller);
    void *owner;
};

status guard_create(const struct guard_options *options, struct guard **out_guard,
                    struct error *err);

/* The reader has ended. NULL is fine. */
void guard_destroy(struct guard *guard);

/* Has it admitted, or answers: 401 with what to show, 403, or 429. Who asks who they are (GET
 * /v1/me) is admitted as nobody instead of 401. */
void guard_ask(struct guard *guard, struct http_request *request);

/* The address that a request comes from: the proxy's word where that is believed. */
void guard_source(const struct guard *guard, const struct http_request *request,
                  char out_source[CALLER_SOURCE_BYTES]);

/* Whether a request that changes something comes from our own page. */
status guard_check_origin(const struct guard *guard, const struct http_request *request,
                          struct error *err);

/* Sets the cookie of a new session, or (NULL) takes it away. */
void guard_set_cookie(const struct guard *guard, struct http_request *request, const char *secret);

// SPDX-License-Identifier: Apache-2.0
#include "hub/people_port.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "hub/api/hub_api.h"
#include "hub/attempts.h"
#include "hub/guide_sync.h"
#include "hub/hub_answer.h"
#include "hub/people/guard.h"
#include "hub/people/login.h"
#include "page/page.h"
#include "platform/clock.h"
#include "platform/http_server.h"

enum { NS_PER_MS = 1000000, UNAUTHORIZED = 401, TOO_MANY = 429, METHOD_NOT_ALLOWED = 405 };

struct people_port {
    struct hub_daemon *hub; /* not owned */
    struct http_server *server;
    struct guide_sync *guide;
    struct attempts *attempts;
    struct guard *guard;
    struct login *login;
    bool is_secure;
};

static int64_t now_ms(void) {
    return clock_monotonic_ns() / NS_PER_MS;
}

static void note_wrong(void *owner, struct slice source) {
    struct people_port *port = owner;
    if (attempts_count(port->attempts, source, now_ms())) {
        log_line(LOG_WARN, "hub", "too many wrong tokens for access: it must wait source=%.*s",
                 SLICE_ARGS(source));
    }
}

/* The token that was shown, wherever; empty: none. */
static struct slice token_of(const struct http_request *request) {
    static const char BEARER[] = "Bearer ";
    const struct slice bearer = slice_of(http_header(request, "Authorization"));
    const struct slice header = slice_of(http_header(request, "X-Api-Token"));
    if (slice_starts(bearer, BEARER)) {
        return slice_trim(slice_part(bearer, sizeof(BEARER) - 1, bearer.count));
    }
    return header.count > 0 ? slice_trim(header) : slice_of(http_query(request, "token"));
}

static void take_results(struct people_port *port, struct http_request *request) {
    char source[HTTP_SOURCE_BYTES];
    struct error err;
    const struct slice token = token_of(request);
    http_source(request, source);
    const int64_t wait_ms = attempts_wait_ms(port->attempts, slice_of(source), now_ms());
    if (wait_ms > 0) {
        http_retry_after(request, (int)(wait_ms / 1000) + 1);
        (void)fail(&err, STATUS_BUSY, "too many wrong tokens came from %s: wait", source);
        hub_answer_error_as(request, TOO_MANY, &err);
    } else if (token.count == 0) {
        (void)fail(&err, STATUS_DENIED,
                   "this needs a token for access (`ebb hub access new NAME`): ?token=..., "
                   "Authorization: Bearer ... or X-Api-Token: ...");
        hub_answer_error_as(request, UNAUTHORIZED, &err);
    } else {
        guide_sync_take(port->guide, token, request);
    }
}

/* Somebody who is known; who has to change the password may do nothing before. */
static void admitted(void *owner, struct http_request *request, const struct caller *caller) {
    struct people_port *port = owner;
    struct error err;
    const bool posts = slice_is(request->method, "POST");
    if (posts && slice_is(request->path, "/v1/password")) {
        login_change_password(port->login, request, caller);
    } else if (posts && slice_is(request->path, "/v1/logout")) {
        login_end(port->login, request, caller);
    } else if (caller->must_change && !slice_is(request->path, "/v1/me")) {
        (void)fail(&err, STATUS_DENIED, "change the first password first (POST /v1/password)");
        hub_answer_error(request, &err);
    } else {
        hub_api_take(port->hub->api, request, caller);
    }
}

static void take_login(struct people_port *port, struct http_request *request) {
    struct error err;
    if (guard_check_origin(port->guard, request, &err) == STATUS_OK) {
        login_take(port->login, request);
    } else {
        hub_answer_error(request, &err);
    }
}

static void handle(void *owner, struct http_request *request) {
    struct people_port *port = owner;
    struct error err;
    const bool posts = slice_is(request->method, "POST");
    if (page_take(request)) {
        return;
    }
    page_add_headers(request);
    if (slice_is(request->path, "/healthz")) {
        http_answer(request, 200, "application/json", SLICE("{\"status\":\"ok\"}\n"));
    } else if (slice_is(request->path, "/api/sync") && posts) {
        take_results(port, request);
    } else if (slice_is(request->path, "/v1/login") && posts) {
        take_login(port, request);
    } else if (slice_starts(request->path, "/v1/") || slice_is(request->path, "/metrics")) {
        guard_ask(port->guard, request);
    } else {
        const bool is_sync = slice_is(request->path, "/api/sync");
        (void)fail(&err, STATUS_NOT_FOUND, is_sync ? "%.*s takes POST" : "no resource at %.*s",
                   SLICE_ARGS(slice_part(request->path, 0, 80)));
        hub_answer_error_as(request, is_sync ? METHOD_NOT_ALLOWED : 404, &err);
    }
}

/* --- birth and end --- */

static bool is_of_this_machine(const char *address) {
    return strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]", 5) == 0 ||
           strncmp(address, "localhost:", 10) == 0;
}

static status open_server(struct people_port *port, const char *address, struct error *err) {
    const struct authority *authority = port->hub->authority;
    const struct http_tls tls = {
        .certificate_pem = authority_server_chain(authority).bytes,
        .key_pem = authority_server_key(authority).bytes,
        .trust_pem = authority_certificate(authority).bytes,
    };
    const struct http_options http = {.address = address,
                                      .tls = port->is_secure ? &tls : NULL,
                                      .connections_max = PEOPLE_CONNECTIONS_MAX,
                                      .body_bytes_max = GUIDE_BODY_BYTES_MAX,
                                      .handler = handle,
                                      .owner = port};
    return http_server_open(port->hub->loop, &http, &port->server, err);
}

static status open_people(struct people_port *port, struct error *err) {
    const struct hub_daemon *hub = port->hub;
    const struct guard_options guard = {.reader = hub->reader,
                                        .ingest = hub->ingest,
                                        .attempts = port->attempts,
                                        .proxy = &hub->options.settings->proxy,
                                        .is_secure = port->is_secure,
                                        .admitted = admitted,
                                        .owner = port};
    TRY(guard_create(&guard, &port->guard, err));
    const struct login_options login = {.loop = hub->loop,
                                        .reader = hub->reader,
                                        .ingest = hub->ingest,
                                        .attempts = port->attempts,
                                        .guard = port->guard};
    return login_create(&login, &port->login, err);
}

static status open_parts(struct people_port *port, const char *address, struct error *err) {
    const struct guide_sync_options guide = {
        .ingest = port->hub->ingest, .wrong = note_wrong, .owner = port};
    TRY(attempts_create(&port->attempts, err));
    TRY(guide_sync_create(&guide, &port->guide, err));
    TRY(open_people(port, err));
    return open_server(port, address, err);
}

status people_port_open(struct hub_daemon *hub, const char *address, struct people_port **out_port,
                        struct error *err) {
    struct people_port *port = memory_new(1, sizeof(*port));
    if (port == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the people's port");
    }
    port->hub = hub;
    port->is_secure = !is_of_this_machine(address);
    const status opened = open_parts(port, address, err);
    if (opened != STATUS_OK) {
        people_port_close(port);
        return opened;
    }
    *out_port = port;
    return STATUS_OK;
}

void people_port_close(struct people_port *port) {
    if (port != NULL) {
        http_server_destroy(port->server);
        login_destroy(port->login);
        guard_destroy(port->guard);
        guide_sync_destroy(port->guide);
        attempts_destroy(port->attempts);
        memory_free(port);
    }
}

const char *people_port_address(const struct people_port *port) {
    return http_server_address(port->server);
}

bool people_port_owes(const struct people_port *port) {
    return http_server_owes(port->server);
}

void people_port_url(const struct people_port *port, char out_url[PEOPLE_URL_BYTES]) {
    (void)snprintf(out_url, PEOPLE_URL_BYTES, "%s://%s/", port->is_secure ? "https" : "http",
                   people_port_address(port));
}

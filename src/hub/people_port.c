// SPDX-License-Identifier: Apache-2.0
#include "hub/people_port.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "hub/attempts.h"
#include "hub/guide_sync.h"
#include "hub/hub_answer.h"
#include "platform/clock.h"
#include "platform/http_server.h"

enum { NS_PER_MS = 1000000, UNAUTHORIZED = 401, TOO_MANY = 429 };

struct people_port {
    struct people_port_options options;
    struct http_server *server;
    struct guide_sync *guide;
    struct attempts *attempts;
};

static int64_t now_ms(void) {
    return clock_boot_ns() / NS_PER_MS;
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

static void handle(void *owner, struct http_request *request) {
    struct people_port *port = owner;
    struct error err;
    const bool is_sync = slice_is(request->path, "/api/sync");
    if (slice_is(request->path, "/healthz")) {
        http_answer(request, 200, "application/json", SLICE("{\"status\":\"ok\"}\n"));
    } else if (is_sync && slice_is(request->method, "POST")) {
        take_results(port, request);
    } else {
        (void)fail(&err, STATUS_NOT_FOUND, is_sync ? "%.*s takes POST" : "no resource at %.*s",
                   SLICE_ARGS(slice_part(request->path, 0, 80)));
        hub_answer_error_as(request, is_sync ? 405 : 404, &err);
    }
}

/* --- birth and end --- */

static bool is_of_this_machine(const char *address) {
    return strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]", 5) == 0 ||
           strncmp(address, "localhost:", 10) == 0;
}

static status open_server(struct people_port *port, struct error *err) {
    const struct people_port_options *options = &port->options;
    const struct http_tls tls = {
        .certificate_pem = authority_server_chain(options->authority).bytes,
        .key_pem = authority_server_key(options->authority).bytes,
        .trust_pem = authority_certificate(options->authority).bytes,
    };
    const struct http_options http = {.address = options->address,
                                      .tls = is_of_this_machine(options->address) ? NULL : &tls,
                                      .connections_max = PEOPLE_CONNECTIONS_MAX,
                                      .body_bytes_max = GUIDE_BODY_BYTES_MAX,
                                      .handler = handle,
                                      .owner = port};
    return http_server_open(options->loop, &http, &port->server, err);
}

status people_port_open(const struct people_port_options *options, struct people_port **out_port,
                        struct error *err) {
    struct people_port *port = memory_new(1, sizeof(*port));
    if (port == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for the people's port");
    }
    port->options = *options;
    const struct guide_sync_options guide = {
        .ingest = options->ingest, .wrong = note_wrong, .owner = port};
    status opened = attempts_create(&port->attempts, err);
    if (opened == STATUS_OK) {
        opened = guide_sync_create(&guide, &port->guide, err);
    }
    if (opened == STATUS_OK) {
        opened = open_server(port, err);
    }
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
        guide_sync_destroy(port->guide);
        attempts_destroy(port->attempts);
        memory_free(port);
    }
}

const char *people_port_address(const struct people_port *port) {
    return http_server_address(port->server);
}

// SPDX-License-Identifier: Apache-2.0
#include "platform/http_exchange.h"

#include <assert.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>

#include "platform/clock.h"
#include "platform/tls_peer.h"

enum { FLOW_BLOCK_BYTES = 16 << 10 };

/* A certificate that was looked at is looked at again after this. */
static const int64_t VERIFIED_NS = INT64_C(600) * 1000000000;

void exchange_suspend(struct exchange *exchange) {
    struct http_server *server = exchange->server;
    exchange->suspended = true;
    exchange->before = NULL;
    exchange->next = server->suspended;
    if (exchange->next != NULL) {
        exchange->next->before = exchange;
    }
    server->suspended = exchange;
    MHD_suspend_connection(exchange->raw);
}

void exchange_resume(struct exchange *exchange) {
    struct http_server *server = exchange->server;
    exchange->suspended = false;
    *(exchange->before != NULL ? &exchange->before->next : &server->suspended) = exchange->next;
    if (exchange->next != NULL) {
        exchange->next->before = exchange->before;
    }
    MHD_resume_connection(exchange->raw);
    server->resumed = true;
    turn_want(server->turn);
}

/* --- the answer --- */

/* False: out of memory. */
static bool add_headers(struct exchange *exchange, const char *content_type) {
    char seconds[16];
    struct MHD_Response *response = exchange->response;
    (void)snprintf(seconds, sizeof seconds, "%d", exchange->retry_after_s);
    bool added = (content_type == NULL ||
                  MHD_add_response_header(response, "Content-Type", content_type) == MHD_YES) &&
                 (exchange->retry_after_s <= 0 ||
                  MHD_add_response_header(response, "Retry-After", seconds) == MHD_YES);
    const char *at = exchange->headers.bytes;
    const char *end = at + exchange->headers.count;
    while (added && at < end) {
        const char *value = at + strlen(at) + 1;
        added = MHD_add_response_header(response, at, value) == MHD_YES;
        at = value + strlen(value) + 1;
    }
    return added && exchange->headers.failed == STATUS_OK;
}

static void end_answer(struct exchange *exchange, int code, const char *content_type) {
    exchange->answered = true;
    exchange->code = (unsigned)code;
    http_peer_enter(exchange->peer, PEER_TAKES);
    if (exchange->response != NULL && !add_headers(exchange, content_type)) {
        MHD_destroy_response(exchange->response);
        exchange->response = NULL;
    }
}

void exchange_answer(struct exchange *exchange, int code, const char *content_type,
                     struct slice body) {
    assert(!exchange->answered);
    union {
        const char *given;
        void *wanted; /* copied, not written to */
    } bytes = {.given = body.count > 0 ? body.bytes : ""};
    exchange->response =
        MHD_create_response_from_buffer(body.count, bytes.wanted, MHD_RESPMEM_MUST_COPY);
    end_answer(exchange, code, content_type);
}

/* The library wants more of an answer in pieces. */
static ssize_t take_flow(void *owner, uint64_t position, char *out_bytes, size_t room) {
    struct exchange *exchange = owner;
    size_t count = 0;
    (void)position;
    if (exchange->peer->state == PEER_CUT_OFF) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    switch (http_outflow_take(&exchange->flow, out_bytes, room, &count)) {
    case FLOW_BYTES:
        http_peer_enter(exchange->peer, PEER_TAKES);
        return (ssize_t)count;
    case FLOW_EMPTY:
        http_peer_enter(exchange->peer, PEER_WAITS);
        exchange_suspend(exchange);
        return 0;
    case FLOW_END:
        return MHD_CONTENT_READER_END_OF_STREAM;
    default:
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
}

/* --- what a handler asks and says --- */

const char *http_query(const struct http_request *request, const char *name) {
    const struct exchange *exchange = request->connection;
    return MHD_lookup_connection_value(exchange->raw, MHD_GET_ARGUMENT_KIND, name);
}

struct slice http_query_bytes(const struct http_request *request, const char *name) {
    const struct exchange *exchange = request->connection;
    struct slice value = {.count = 0};
    (void)MHD_lookup_connection_value_n(exchange->raw, MHD_GET_ARGUMENT_KIND, name, strlen(name),
                                        &value.bytes, &value.count); /* none: it stays empty */
    return value;
}

bool http_has_left(const struct http_request *request) {
    const struct exchange *exchange = request->connection;
    return http_peer_has_left(exchange->peer);
}

const char *http_header(const struct http_request *request, const char *name) {
    const struct exchange *exchange = request->connection;
    return MHD_lookup_connection_value(exchange->raw, MHD_HEADER_KIND, name);
}

const char *http_cookie(const struct http_request *request, const char *name) {
    const struct exchange *exchange = request->connection;
    return MHD_lookup_connection_value(exchange->raw, MHD_COOKIE_KIND, name);
}

void http_answer_header(struct http_request *request, const char *name, const char *value) {
    struct exchange *exchange = request->connection;
    buffer_add(&exchange->headers, (struct slice){.bytes = name, .count = strlen(name) + 1});
    buffer_add(&exchange->headers, (struct slice){.bytes = value, .count = strlen(value) + 1});
}

void http_retry_after(struct http_request *request, int seconds) {
    struct exchange *exchange = request->connection;
    exchange->retry_after_s = seconds;
}

void http_answer(struct http_request *request, int code, const char *content_type,
                 struct slice body) {
    struct exchange *exchange = request->connection;
    exchange_answer(exchange, code, content_type, body);
    if (exchange->suspended) {
        exchange_resume(exchange);
    }
}

void http_answer_begin(struct http_request *request, int code, const char *content_type,
                       const struct http_flow *flow, void *owner) {
    struct exchange *exchange = request->connection;
    assert(!exchange->answered);
    http_outflow_begin(&exchange->flow, flow, owner);
    exchange->peer->flows = true;
    exchange->response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, FLOW_BLOCK_BYTES,
                                                           take_flow, exchange, NULL);
    end_answer(exchange, code, content_type);
    if (exchange->suspended) {
        exchange_resume(exchange);
    }
}

static void flow_on(struct exchange *exchange) {
    if (exchange->suspended) {
        http_peer_enter(exchange->peer, PEER_TAKES);
        exchange_resume(exchange);
    }
}

void http_answer_add(struct http_request *request, struct slice bytes) {
    struct exchange *exchange = request->connection;
    http_outflow_add(&exchange->flow, bytes);
    flow_on(exchange);
}

size_t http_answer_waiting(const struct http_request *request) {
    const struct exchange *exchange = request->connection;
    return http_outflow_waiting(&exchange->flow);
}

void http_answer_end(struct http_request *request) {
    struct exchange *exchange = request->connection;
    exchange->flow.ended = true;
    flow_on(exchange);
}

void http_answer_cut(struct http_request *request) {
    struct exchange *exchange = request->connection;
    exchange->flow.broken = exchange->flow.ended = true;
    flow_on(exchange);
}

void http_pause(struct http_request *request) {
    struct exchange *exchange = request->connection;
    exchange->paused = true;
}

void http_resume(struct http_request *request) {
    struct exchange *exchange = request->connection;
    if (exchange->paused && exchange->suspended) {
        http_peer_enter(exchange->peer, PEER_STREAMS);
        exchange_resume(exchange);
    }
    exchange->paused = false;
}

void http_cut_off(struct http_request *request) {
    struct exchange *exchange = request->connection;
    exchange->answered = true;
    http_peer_cut_off(exchange->peer);
    if (exchange->suspended) {
        exchange_resume(exchange);
    }
}

void http_rest(struct http_request *request, int64_t rest_ms) {
    const struct exchange *exchange = request->connection;
    exchange->peer->rest_ms = rest_ms;
}

void http_keep(struct http_request *request, void *thing) {
    const struct exchange *exchange = request->connection;
    assert(exchange->server->streamer != NULL);
    exchange->peer->keep = thing;
}

void *http_kept(const struct http_request *request) {
    const struct exchange *exchange = request->connection;
    return exchange->peer->keep;
}

void http_source(const struct http_request *request, char out_source[HTTP_SOURCE_BYTES]) {
    const struct exchange *exchange = request->connection;
    http_peer_source(exchange->peer, out_source);
}

void http_peer_certificate(struct http_request *request, struct http_certificate *out_certificate) {
    const struct exchange *exchange = request->connection;
    struct http_peer *peer = exchange->peer;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->raw, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    *out_certificate = (struct http_certificate){0};
    if (info == NULL || info->tls_session == NULL) {
        return;
    }
    out_certificate->der = tls_peer_certificate(info->tls_session);
    const int64_t now_ns = clock_monotonic_ns();
    if (out_certificate->der.count > 0 &&
        (peer->verified_ns == 0 || now_ns - peer->verified_ns > VERIFIED_NS)) {
        peer->trusted = tls_peer_verify(info->tls_session, &peer->expired);
        peer->fingerprint = hash_sha256(out_certificate->der);
        peer->verified_ns = now_ns;
    }
    out_certificate->fingerprint = peer->fingerprint;
    out_certificate->trusted = peer->trusted;
    out_certificate->expired = peer->expired;
}

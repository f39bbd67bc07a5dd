// SPDX-License-Identifier: Apache-2.0
#include "platform/http_server.h"

#include <assert.h>
#include <microhttpd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "platform/clock.h"
#include "platform/http_exchange.h"
#include "platform/http_peers.h"
#include "platform/listener.h"
#include "platform/tls_peer.h"

enum {
    ROUNDS_A_TURN = 8,    /* of the server before the loop's other work has its turn */
    TURNS_AT_ONCE = 1000, /* one after another, before it sleeps for a millisecond */
    OPTIONS_MAX = 16,
    TOO_LARGE = 413,
    SENTENCE_BYTES = 160
};

/* Whose answer is being made and who has left: the library does not look at the suspended. */
static void let_go_of_those_who_left(struct http_server *server) {
    struct exchange *next = NULL;
    for (struct exchange *exchange = server->suspended; exchange != NULL; exchange = next) {
        next = exchange->next;
        if (exchange->flow.began && exchange->peer->state == PEER_CUT_OFF) {
            exchange_resume(exchange);
        }
    }
}

/* What lies ready (of a TLS record that was read as a whole, say) wakes no descriptor. A library
 * that never has enough is left alone for a moment now and then. */
static void go_on(struct http_server *server) {
    if (++server->turns_at_once < TURNS_AT_ONCE) {
        waker_wake(server->again);
    } else {
        server->turns_at_once = 0;
        timer_set(server->timer, 1);
    }
}

static void set_timer(struct http_server *server) {
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    const bool wanted = MHD_get_timeout(server->daemon, &wait_ms) == MHD_YES;
    if (server->resumed || (wanted && wait_ms == 0)) {
        go_on(server); /* the rounds of this turn were not enough */
        return;
    }
    server->turns_at_once = 0;
    if (wanted && wait_ms < (MHD_UNSIGNED_LONG_LONG)http_peers_look_ms(&server->peers)) {
        timer_set(server->timer, (int64_t)wait_ms);
    } else if (wanted || server->peers.first != NULL) {
        timer_set(server->timer, http_peers_look_ms(&server->peers));
    } else {
        timer_clear(server->timer);
    }
}

static void run(void *owner) {
    struct http_server *server = owner;
    http_peers_cut_off_the_slow(&server->peers);
    let_go_of_those_who_left(server);
    for (int round = 0; round < ROUNDS_A_TURN; round++) {
        server->somebody_left = server->resumed = false;
        server->running = true;
        (void)MHD_run(server->daemon); /* fails for threaded servers only */
        server->running = false;
        MHD_UNSIGNED_LONG_LONG wait_ms = 1;
        const bool more = MHD_get_timeout(server->daemon, &wait_ms) == MHD_YES && wait_ms == 0;
        /* When the last free place was taken, only another round listens again. */
        if (!more && !server->somebody_left && !server->resumed) {
            break;
        }
    }
    set_timer(server);
}

/* All that was answered in a turn goes out at once. */
static void turn_ended(void *owner) {
    struct http_server *server = owner;
    if (server->resumed) {
        run(server);
    }
}

static void connection_changed(void *owner, struct MHD_Connection *raw, void **place,
                               enum MHD_ConnectionNotificationCode what) {
    struct http_server *server = owner;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(raw, MHD_CONNECTION_INFO_CONNECTION_FD);
        /* Who finds no memory here has their first request cut off. */
        *place = info != NULL ? http_peers_add(&server->peers, info->connect_fd) : NULL;
    } else if (*place != NULL) {
        struct http_peer *peer = *place;
        if (peer->keep != NULL) {
            server->streamer->closed(server->owner, peer->keep);
        }
        http_peers_remove(peer);
        server->somebody_left = true;
        *place = NULL;
    }
}

static void refuse_large(struct exchange *exchange) {
    char said[SENTENCE_BYTES];
    (void)snprintf(said, sizeof(said),
                   "{\"error\":{\"class\":\"full\","
                   "\"text\":\"the body of a request has at most %zu bytes\"}}\n",
                   exchange->body.count_max);
    exchange_answer(exchange, TOO_LARGE, "application/json", slice_of(said));
    if (exchange->response != NULL) {
        /* The rest of the body may still be on its way: nothing can follow it. */
        (void)MHD_add_response_header(exchange->response, "Connection", "close");
    }
}

static enum MHD_Result send_answer(struct exchange *exchange) {
    if (exchange->response == NULL) {
        return MHD_NO;
    }
    return MHD_queue_response(exchange->raw, exchange->code, exchange->response);
}

static struct http_peer *peer_of(struct MHD_Connection *raw) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(raw, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

static struct exchange *make_exchange(struct http_server *server, struct MHD_Connection *raw,
                                      const char *method, const char *path) {
    struct http_peer *peer = peer_of(raw);
    struct exchange *exchange = peer != NULL ? memory_new(1, sizeof *exchange) : NULL;
    if (exchange == NULL) {
        return NULL;
    }
    const bool is_head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    *exchange = (struct exchange){.server = server, .raw = raw, .peer = peer};
    exchange->request = (struct http_request){
        .method = is_head ? SLICE("GET") : slice_of(method),
        .path = slice_of(path),
        .peer_user = peer->user,
        .peer_group = peer->group,
        .peer_process = peer->process,
        .connection = exchange,
    };
    buffer_init(&exchange->body, server->body_bytes_max);
    buffer_init(&exchange->headers, EXCHANGE_HEADERS_BYTES_MAX);
    return exchange;
}

static bool begins_to_stream(struct exchange *exchange) {
    const struct http_server *server = exchange->server;
    exchange->streams =
        server->streamer != NULL && server->streamer->begun(server->owner, &exchange->request);
    return exchange->streams;
}

static enum MHD_Result begin(struct http_server *server, struct MHD_Connection *raw,
                             const char *method, const char *path, void **place) {
    struct exchange *exchange = make_exchange(server, raw, method, path);
    if (exchange == NULL) {
        return MHD_NO;
    }
    *place = exchange;
    if (exchange->peer->state == PEER_RESTS) {
        http_peer_enter(exchange->peer, PEER_SENDS);
    }
    if (begins_to_stream(exchange)) {
        http_peer_enter(exchange->peer, PEER_STREAMS);
        return exchange->answered ? send_answer(exchange) : MHD_YES;
    }
    const char *announced = http_header(&exchange->request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    const unsigned long long count = announced != NULL ? strtoull(announced, NULL, 10) : 0;
    const bool asks_first = http_header(&exchange->request, MHD_HTTP_HEADER_EXPECT) != NULL;
    exchange->too_large = count > exchange->body.count_max;
    if (exchange->too_large && (asks_first || count > HTTP_BODY_DROPPED_BYTES_MAX)) {
        refuse_large(exchange);
        return send_answer(exchange);
    }
    return MHD_YES;
}

/* A body that is too large is read to its end all the same: who is still sending when we close may
 * never see the answer. */
static enum MHD_Result gather(struct exchange *exchange, struct slice bytes) {
    if (!exchange->too_large) {
        buffer_add(&exchange->body, bytes);
    }
    if (exchange->body.failed == STATUS_NO_MEMORY) {
        return MHD_NO;
    }
    exchange->received += bytes.count;
    if (exchange->body.failed != STATUS_OK && !exchange->too_large) {
        exchange->too_large = true;
        buffer_done(&exchange->body);
    }
    return exchange->received <= HTTP_BODY_DROPPED_BYTES_MAX ? MHD_YES : MHD_NO;
}

/* What was answered before its end is read to its end, for the same reason. */
static enum MHD_Result pass_on(struct exchange *exchange, struct slice bytes) {
    const struct http_server *server = exchange->server;
    http_peer_progress(exchange->peer, bytes.count);
    if (!exchange->answered) {
        server->streamer->came(server->owner, &exchange->request, bytes);
    } else {
        exchange->received += bytes.count;
    }
    if (exchange->answered) {
        const bool goes_on =
            exchange->response != NULL && exchange->received <= HTTP_BODY_DROPPED_BYTES_MAX;
        return goes_on ? MHD_YES : MHD_NO;
    }
    if (exchange->paused) {
        http_peer_enter(exchange->peer, PEER_WAITS);
        exchange_suspend(exchange);
    }
    return MHD_YES;
}

static void give(struct exchange *exchange) {
    const struct http_server *server = exchange->server;
    if (exchange->streams) {
        server->streamer->ended(server->owner, &exchange->request);
    } else if (exchange->too_large) {
        refuse_large(exchange);
    } else {
        exchange->request.body = buffer_slice(&exchange->body);
        server->handler(server->owner, &exchange->request);
    }
}

static enum MHD_Result handle(struct exchange *exchange) {
    exchange->handled = true;
    if (!exchange->answered) {
        http_peer_enter(exchange->peer, PEER_WAITS);
        give(exchange);
    }
    if (exchange->answered) {
        return send_answer(exchange);
    }
    exchange_suspend(exchange);
    return MHD_YES;
}

// NOLINTNEXTLINE(readability-function-size): the parameters are libmicrohttpd's
static enum MHD_Result request_came(void *owner, struct MHD_Connection *raw, const char *path,
                                    const char *method, const char *version, const char *bytes,
                                    size_t *count, void **place) {
    (void)version;
    struct exchange *exchange = *place;
    if (exchange == NULL) {
        return begin(owner, raw, method, path, place);
    }
    if (*count > 0) {
        const struct slice some = {.bytes = bytes, .count = *count};
        *count = 0;
        return exchange->streams ? pass_on(exchange, some) : gather(exchange, some);
    }
    if (!exchange->handled) {
        return handle(exchange);
    }
    return exchange->answered ? send_answer(exchange) : MHD_NO; /* NO: the server is closing */
}

static void request_done(void *owner, struct MHD_Connection *raw, void **place,
                         enum MHD_RequestTerminationCode how) {
    (void)owner;
    (void)raw;
    (void)how;
    struct exchange *exchange = *place;
    if (exchange == NULL) {
        return;
    }
    if (exchange->streams && !exchange->answered) {
        const struct http_server *server = exchange->server;
        server->streamer->gone(server->owner, &exchange->request);
    }
    if (exchange->flow.began && !exchange->flow.ended) {
        exchange->flow.told->gone(exchange->flow.owner);
    }
    if (exchange->response != NULL) {
        MHD_destroy_response(exchange->response);
    }
    exchange->peer->flows = false;
    http_peer_rest(exchange->peer);
    http_outflow_done(&exchange->flow);
    buffer_done(&exchange->headers);
    buffer_done(&exchange->body);
    memory_free(exchange);
    *place = NULL;
}

/* --- birth and end --- */

static unsigned list_options(struct http_server *server, const struct http_options *options,
                             struct MHD_OptionItem *out) {
    const struct http_tls *tls = options->tls;
    const bool is_port = options->address != NULL;
    unsigned count = 0;
    out[count++] =
        (struct MHD_OptionItem){MHD_OPTION_LISTEN_SOCKET, server->listener.descriptor, NULL};
    out[count++] = (struct MHD_OptionItem){MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                           (intptr_t)HTTP_HEAD_BYTES_MAX, NULL};
    out[count++] = (struct MHD_OptionItem){MHD_OPTION_CONNECTION_LIMIT,
                                           (intptr_t)server->peers.count_max, NULL};
    /* On a port some rest for hours, and our own patience is all there is. */
    out[count++] =
        (struct MHD_OptionItem){MHD_OPTION_CONNECTION_TIMEOUT, is_port ? 0 : HTTP_TIMEOUT_S, NULL};
    if (tls != NULL) {
        union {
            const char *given;
            void *wanted; /* read, not written to */
        } key = {.given = tls->key_pem}, certificate = {.given = tls->certificate_pem},
          trust = {.given = tls->trust_pem}, priorities = {.given = TLS_SERVER_PRIORITIES};
        out[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, key.wanted};
        out[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, certificate.wanted};
        out[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0, trust.wanted};
        out[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, priorities.wanted};
    }
    out[count++] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    return count;
}

static status start(struct http_server *server, struct loop *loop,
                    const struct http_options *options, struct error *err) {
    struct MHD_OptionItem list[OPTIONS_MAX];
    const unsigned count = list_options(server, options, list);
    assert(count <= OPTIONS_MAX);
    (void)count;
    const unsigned flags =
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (options->tls != NULL ? MHD_USE_TLS : 0u);
    server->daemon =
        MHD_start_daemon(flags, 0, NULL, NULL, request_came, server, MHD_OPTION_ARRAY, list, /**/
                         MHD_OPTION_NOTIFY_COMPLETED, request_done, server,                  /**/
                         MHD_OPTION_NOTIFY_CONNECTION, connection_changed, server,
                         MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, /* by the loop */
                         MHD_OPTION_END);
    if (server->daemon == NULL) {
        return fail(err, STATUS_SYSTEM, "start the HTTP server: out of memory or descriptors%s",
                    options->tls != NULL ? ", or no key that TLS takes" : "");
    }
    server->listener.descriptor = -1; /* the library's from here on */
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL) {
        return fail(err, STATUS_SYSTEM, "start the HTTP server: the library has no epoll");
    }
    TRY(turn_create(loop, turn_ended, server, &server->turn, err));
    TRY(timer_open(loop, run, server, &server->timer, err));
    TRY(waker_create(loop, run, server, &server->again, err));
    return poll_open(loop, info->epoll_fd, false, run, server, &server->poll, err);
}

status http_server_open(struct loop *loop, const struct http_options *options,
                        struct http_server **out_server, struct error *err) {
    const char *where = options->address != NULL ? options->address : options->socket_path;
    struct http_server *server = memory_new(1, sizeof *server);
    if (server == NULL) {
        return fail(err, STATUS_NO_MEMORY, "listen on '%.200s': out of memory", where);
    }
    server->handler = options->handler;
    server->streamer = options->streamer;
    server->body_bytes_max =
        options->body_bytes_max > 0 ? options->body_bytes_max : HTTP_BODY_BYTES_MAX;
    server->owner = options->owner;
    server->peers.patience_ms = INT64_C(1000) * HTTP_TIMEOUT_S;
    server->peers.count_max =
        options->connections_max > 0 ? options->connections_max : HTTP_CONNECTIONS_MAX;
    status code =
        options->address != NULL
            ? listener_open_port(&server->listener, options->address, err)
            : listener_open_file(&server->listener, options->socket_path, options->mode, err);
    if (code == STATUS_OK) {
        code = start(server, loop, options, err);
    }
    if (code != STATUS_OK) {
        http_server_destroy(server);
        return fail_while(err, "listen on '%.200s'", where);
    }
    *out_server = server;
    return STATUS_OK;
}

status http_server_create(struct loop *loop, const char *socket_path, mode_t mode,
                          http_handler *handler, void *owner, struct http_server **out_server,
                          struct error *err) {
    const struct http_options options = {
        .socket_path = socket_path, .mode = mode, .handler = handler, .owner = owner};
    return http_server_open(loop, &options, out_server, err);
}

const char *http_server_address(const struct http_server *server) {
    return server->listener.name;
}

bool http_server_owes(const struct http_server *server) {
    const struct exchange *exchange = server->suspended;
    while (exchange != NULL && (!exchange->handled || exchange->answered)) {
        exchange = exchange->next;
    }
    return exchange != NULL;
}

void http_server_set_patience(struct http_server *server, int64_t patience_ms) {
    server->peers.patience_ms = patience_ms;
}

void http_server_destroy(struct http_server *server) {
    if (server == NULL) {
        return;
    }
    assert(!server->running);
    poll_close(server->poll);
    timer_close(server->timer);
    waker_destroy(server->again);
    while (server->suspended != NULL) {
        exchange_resume(server->suspended); /* the library stops no server that has some */
    }
    turn_destroy(server->turn);
    if (server->daemon != NULL) {
        MHD_stop_daemon(server->daemon); /* closes the descriptor too */
    }
    listener_close(&server->listener);
    memory_free(server);
}

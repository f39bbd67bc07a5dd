/*
 * http_exchange: a request and its answer, as the files of the HTTP server know it. For them alone.
 *
 * Thread: loop.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "platform/http_flow.h"
#include "platform/http_peers.h"
#include "platform/http_server.h"
#include "platform/listener.h"

enum { EXCHANGE_HEADERS_BYTES_MAX = 8 << 10 }; /* of an answer, those of one's own */

struct MHD_Connection;
struct MHD_Daemon;
struct MHD_Response;

/*
 * A request from its head until the library lets go of it.
 *
 *   receiving   body grows, or is dropped when beyond its bound, or goes on to the streamer;
 *               suspended while that has paused it
 *   handled     given to the handler, or its end to the streamer; suspended unless it answered
 *   answered    response and code are there (no response: out of memory, cut off); one in pieces
 *               is suspended while it has none
 */
struct exchange {
    struct http_request request; /* what the handler sees */
    struct http_server *server;  /* not owned */
    struct MHD_Connection *raw;  /* not owned */
    struct http_peer *peer;      /* not owned */
    struct exchange *next;       /* of those suspended */
    struct exchange *before;
    struct MHD_Response *response;
    unsigned code;
    int retry_after_s;        /* 0: nothing is said of it */
    struct buffer headers;    /* of the answer: name, 0, value, 0, and so on */
    struct http_outflow flow; /* of an answer in pieces */
    struct buffer body;
    size_t received; /* of the body since it is dropped */
    bool too_large;
    bool streams;
    bool paused;
    bool handled;
    bool suspended;
    bool answered;
};

struct http_server {
    http_handler *handler;
    const struct http_streamer *streamer; /* NULL: every body is gathered */
    void *owner;
    struct MHD_Daemon *daemon;
    struct poll *poll;
    struct timer *timer;
    struct turn *turn;
    struct waker *again; /* in the next turn, without the millisecond that a timer takes */
    int turns_at_once;
    struct http_peers peers;
    struct listener listener;
    struct exchange *suspended;
    bool running; /* the library is at work: it may not be entered again */
    bool somebody_left;
    bool resumed; /* somebody was, and the library has not been run since */
    size_t body_bytes_max;
};

/* Until exchange_resume the library leaves the request alone. */
void exchange_suspend(struct exchange *exchange);
void exchange_resume(struct exchange *exchange);

/* Makes the answer; a request that is suspended has still to be resumed. */
void exchange_answer(struct exchange *exchange, int code, const char *content_type,
                     struct slice body);

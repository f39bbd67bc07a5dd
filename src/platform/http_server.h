/*
 * http_server: HTTP/1.1 requests on a socket of ours, answered on the loop (libmicrohttpd, its
 * epoll descriptor inside our loop, no thread).
 *
 * A handler gets the whole request (body bounded) and answers at once with http_answer, or keeps
 * the request and answers later; until then the connection is suspended. HEAD is handed on as GET;
 * the server leaves the body out. A body beyond its bound is answered with 413, and no handler sees
 * it. Who has connected and neither sends a whole request nor takes an answer in HTTP_TIMEOUT_S is
 * cut off, however busily it trickles; when the last place is taken, the one who has been longest
 * without a whole request is, others than root and our own user first. Not a client.
 *
 * Thread: loop.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/slice.h"
#include "platform/loop.h"

enum {
    HTTP_BODY_BYTES_MAX = 1 << 20,
    HTTP_BODY_DROPPED_BYTES_MAX = 16 << 20, /* read and dropped, so that a 413 can be heard */
    HTTP_HEAD_BYTES_MAX = 16 << 10,         /* request line and headers, about */
    HTTP_CONNECTIONS_MAX = 64,              /* more wait until one closes */
    HTTP_TIMEOUT_S = 30
};

struct http_server;

struct http_request {
    struct slice method; /* "GET" */
    struct slice path;   /* decoded, without the query */
    struct slice body;
    uid_t peer_user; /* of the Unix socket's other end, when it connected */
    gid_t peer_group;
    int peer_process;
    void *connection; /* the server's */
};

/* The request, and all that it points to, is there until it is answered. */
typedef void http_handler(void *owner, struct http_request *request);

/* Listens on a Unix socket with mode `mode`; a socket file that nobody listens on is replaced, one
 * that somebody answers on is CONFLICT, and so is anything else under that name. */
status http_server_create(struct loop *loop, const char *socket_path, mode_t mode,
                          http_handler *handler, void *owner, struct http_server **out_server,
                          struct error *err);

/* The value of ?name=, decoded, or NULL; valid until the answer. */
const char *http_query(const struct http_request *request, const char *name);

/* The value of a header, or NULL; valid until the answer. */
const char *http_header(const struct http_request *request, const char *name);

/* The answer, which is still to come, says that asking again is of use after so many seconds. */
void http_retry_after(struct http_request *request, int seconds);

/* Answers (bytes are copied) and lets go of the request. Once for each request. */
void http_answer(struct http_request *request, int code, const char *content_type,
                 struct slice body);

/* For tests: another patience than HTTP_TIMEOUT_S with those who connect from now on. */
void http_server_set_patience(struct http_server *server, int64_t patience_ms);

/* Closes connections (those suspended as well: nobody may answer them any more) and removes the
 * socket file, if it is still ours. Not from within a handler. NULL is fine. */
void http_server_destroy(struct http_server *server);

/*
 * http_server: HTTP/1.1 requests on a socket of ours, answered on the loop (libmicrohttpd, its epoll descriptor
 * inside our loop, no thread).
 *
 * A handler gets the whole request (body bounded) and answers at once with http_answer, or keeps the request and
 * answers later; until then the connection is suspended. Not a client.
 *
 * Thread: loop.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/slice.h"
#include "platform/loop.h"

enum {
    HTTP_BODY_BYTES_MAX = 1 << 20,
    HTTP_CONNECTIONS_MAX = 64,
    HTTP_TIMEOUT_S = 30
};

struct http_server;

struct http_request {
    struct slice method; /* "GET" */
    struct slice path;   /* decoded, without the query */
    struct slice body;
    uid_t peer_user;     /* of the Unix socket's other end */
    gid_t peer_group;
    int peer_process;
    void *connection;    /* the server's */
};

typedef void http_handler(void *owner, struct http_request *request);

/* Listens on a Unix socket with mode `mode`; a socket file that nobody listens on is replaced, one that somebody
 * answers on is CONFLICT. */
status http_server_create(struct loop *loop, const char *socket_path, mode_t mode,
                          http_handler *handler, void *owner, struct http_server **out_server,
                          struct error *err);

/* The value of ?name=, decoded, or NULL; valid until the answer. */
const char *http_query(const struct http_request *request, const char *name);
const char *http_header(const struct http_request *request, const char *name);

/* Answers (bytes are copied) and lets go of the request. */
void http_answer(struct http_request *request, int code, const char *content_type, struct slice body);

/* Closes connections (those suspended as well) and removes the socket file. */
void http_server_destroy(struct http_server *server);

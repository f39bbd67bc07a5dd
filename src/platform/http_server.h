/*
 * http_server: HTTP/1.1 requests on a socket of ours, answered on the loop (libmicrohttpd, its
 * epoll descriptor inside our loop, no thread): on a Unix socket, or on a port, there with TLS.
 *
 * A handler gets the whole request (body bounded) and answers at once with http_answer, or keeps
 * the request and answers later; until then the connection is suspended. HEAD is handed on as GET;
 * the server leaves the body out. A body beyond its bound is answered with 413, and no handler sees
 * it. A streamer, where there is one, gets bodies in pieces instead, as they come, and pauses the
 * connection when it has enough.
 *
 * Who has connected and neither sends a whole request (of a body that streams: HTTP_PROGRESS_BYTES
 * of it) nor takes an answer in HTTP_TIMEOUT_S is cut off, however busily it trickles; when the
 * last place is taken, the one who has been longest without a whole request is, others than root,
 * our own user and those who may rest first. Not a client.
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
#include "platform/hash.h"
#include "platform/loop.h"

enum {
    HTTP_BODY_BYTES_MAX = 1 << 20,          /* where no other number is given */
    HTTP_BODY_DROPPED_BYTES_MAX = 16 << 20, /* read and dropped, so that a 413 can be heard */
    HTTP_HEAD_BYTES_MAX = 16 << 10,         /* request line and headers, about */
    HTTP_CONNECTIONS_MAX = 64,              /* where no other number is given: more wait */
    HTTP_TIMEOUT_S = 30,
    HTTP_PROGRESS_BYTES = 4096, /* of a body that streams */
    HTTP_SOURCE_BYTES = 64,
    HTTP_FLOW_BYTES_MAX = 4 << 20 /* of an answer in pieces that wait to be taken */
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
    void *keep;       /* the handler's own, NULL at first */
};

/* The request, and all that it points to, is there until it is answered. */
typedef void http_handler(void *owner, struct http_request *request);

/* Who takes bodies as they come. */
struct http_streamer {
    /* The head is here. True: the body is wanted in pieces; the request may be answered already,
     * which closes the connection. False: the handler gets it, whole. */
    bool (*begun)(void *owner, struct http_request *request);

    /* Some of the body, during the call. It may pause the request, answer it (the rest is read and
     * dropped first) or cut it off. */
    void (*came)(void *owner, struct http_request *request, struct slice bytes);

    /* All has come: it is to be answered, now or later. */
    void (*ended)(void *owner, struct http_request *request);

    /* The connection is gone before there was an answer: so is the request, after this. */
    void (*gone)(void *owner, struct http_request *request);

    /* A connection that http_keep was called for is gone. */
    void (*closed)(void *owner, void *kept);
};

struct http_tls {
    const char *certificate_pem, *key_pem; /* of the server, with its chain */
    const char *trust_pem;                 /* whose clients are believed; all are asked */
};

struct http_options {
    const char *socket_path; /* of a Unix socket ... */
    mode_t mode;
    const char *address;        /* ... or "192.0.2.1:8443", "[::1]:0", ":8443" */
    const struct http_tls *tls; /* NULL: none; read during the call */
    unsigned connections_max;   /* 0: HTTP_CONNECTIONS_MAX */
    size_t body_bytes_max;      /* of a whole one; 0: HTTP_BODY_BYTES_MAX */
    http_handler *handler;
    const struct http_streamer *streamer; /* NULL: every body is gathered; not copied */
    void *owner;
};

/* A socket file that nobody listens on is replaced, one that somebody answers on is CONFLICT, and
 * so is anything else under that name, or a port that is taken. */
status http_server_open(struct loop *loop, const struct http_options *options,
                        struct http_server **out_server, struct error *err);

/* The same for a Unix socket and whole bodies. */
status http_server_create(struct loop *loop, const char *socket_path, mode_t mode,
                          http_handler *handler, void *owner, struct http_server **out_server,
                          struct error *err);

/* The address of its port as the system has it, "127.0.0.1:8443"; empty for a Unix socket. */
const char *http_server_address(const struct http_server *server);

/* The value of ?name=, decoded, or NULL; valid until the answer. */
const char *http_query(const struct http_request *request, const char *name);

/* The same with its bytes counted, among which a zero may be; without bytes when there is none. */
struct slice http_query_bytes(const struct http_request *request, const char *name);

/* The other end has closed its side before there was an answer: nobody is left to be told. */
bool http_has_left(const struct http_request *request);

/* The value of a header, or NULL; valid until the answer. */
const char *http_header(const struct http_request *request, const char *name);

/* The value of a cookie, or NULL; valid until the answer. */
const char *http_cookie(const struct http_request *request, const char *name);

/* A header of the answer, which is still to come. Both texts are copied, and hold no line end. */
void http_answer_header(struct http_request *request, const char *name, const char *value);

/* The answer, which is still to come, says that asking again is of use after so many seconds. */
void http_retry_after(struct http_request *request, int seconds);

/* Answers (bytes are copied) and lets go of the request. Once for each request. A content type of
 * NULL: nothing is said of it. */
void http_answer(struct http_request *request, int code, const char *content_type,
                 struct slice body);

/* Who makes an answer in pieces. */
struct http_flow {
    /* All that was added has been taken. It may add, end or break. */
    void (*drained)(void *owner);

    /* The connection is gone before the end: so is the request, after this. */
    void (*gone)(void *owner);
};

/* Begins an answer whose bytes come later, from then on until `gone` or http_answer_end. What is
 * added and not yet taken is at most HTTP_FLOW_BYTES_MAX, or the answer is cut. That somebody has
 * left is noticed within seconds, also while nothing is added. */
void http_answer_begin(struct http_request *request, int code, const char *content_type,
                       const struct http_flow *flow, void *owner);
void http_answer_add(struct http_request *request, struct slice bytes);
size_t http_answer_waiting(const struct http_request *request); /* bytes not yet taken */

/* It is whole, or (cut) cannot be made so, which the other end sees. Lets go of the request;
 * neither of `flow` is called after this. */
void http_answer_end(struct http_request *request);
void http_answer_cut(struct http_request *request);

/* From within `came`: no more of the body comes until http_resume. */
void http_pause(struct http_request *request);
void http_resume(struct http_request *request);

/* Closes the connection without an answer, and lets go of the request. */
void http_cut_off(struct http_request *request);

/* Between this request and the next its connection may rest so long; 0: as long as any. */
void http_rest(struct http_request *request, int64_t rest_ms);

/* Keeps a thing of the handler's with the connection, until `closed` (a streamer's) is called with
 * it. http_kept is NULL before. */
void http_keep(struct http_request *request, void *thing);
void *http_kept(const struct http_request *request);

/* The address that it comes from, "192.0.2.7" or "2001:db8::7"; empty for a Unix socket. */
void http_source(const struct http_request *request, char out_source[HTTP_SOURCE_BYTES]);

/* The certificate that the other end has proved to hold. */
struct http_certificate {
    struct slice der;          /* until the answer; empty: it showed none, or there is no TLS */
    struct digest fingerprint; /* SHA-256 of that */
    bool trusted;              /* its chain ends at the server's trust, and it is a client's */
    bool expired;              /* it would be, but for its time */
};
void http_peer_certificate(struct http_request *request, struct http_certificate *out_certificate);

/* Whether somebody waits for an answer that has not begun: the server is not to be destroyed while
 * whoever makes it still may. */
bool http_server_owes(const struct http_server *server);

/* For tests: another patience than HTTP_TIMEOUT_S with those who connect from now on. */
void http_server_set_patience(struct http_server *server, int64_t patience_ms);

/* Closes connections (those suspended as well: nobody may answer them any more) and removes the
 * socket file, if it is still ours. Not from within a handler. NULL is fine. */
void http_server_destroy(struct http_server *server);

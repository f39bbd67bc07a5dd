/*
 * http_client: questions over HTTP/1.1 (libcurl, loaded when it is first needed).
 *
 * In two ways. `http_ask` answers before it returns: for commands, which have nothing else to do
 * meanwhile, over a Unix socket or to an http:// URL. A `struct http_client` asks on a loop, many
 * questions at once, also over TLS and through a proxy: for what the daemon asks of others.
 *
 * TLS is verified, always. No redirects are followed, no cookies kept, nothing is compressed. The
 * daemon's link to its hub is another door.
 *
 * Thread: `http_ask` one at a time, and it blocks: never on a loop, nor while a client is made. All
 * else on the loop.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include "platform/loop.h"

enum { HTTP_URL_BYTES_MAX = 4096, HTTP_ANSWER_HEAD_BYTES_MAX = 64 * 1024 /* of an answer */ };

/* Who takes an answer as it comes. */
struct http_sink {
    /* Some more of the body of an answer with code 200 is in `body`, from which it drops what it
     * has used. False: no more is wanted. */
    bool (*take)(void *owner, struct buffer *body);
    void *owner;
};

/* Only needed while the question is handed over. */
struct http_question {
    const char *socket_path; /* NULL: over TCP */
    const char *method;      /* "GET" */
    struct slice path;  /* "/v1/status?x=y" on a socket, else "http://host:port/..."; encoded */
    struct slice body;  /* JSON; empty: none */
    int64_t timeout_ms; /* for all of it; 0: none */
    const char *const *headers; /* "Name: value", ended by NULL; NULL: none. Content-Type is JSON
                                   unless it is here */
    const char *proxy;   /* "http://host:port"; NULL: what http_proxy, https_proxy, all_proxy and
                            no_proxy in the environment say */
    const char *ca_file; /* certificates in PEM that are trusted; NULL: the machine's own */
    const struct http_sink *sink; /* for http_ask; NULL: the body is gathered */
    bool once; /* over a connection of its own: on one that was kept, libcurl sends a request again
                  when it breaks before the answer */
};

/*
 * Asks, appends the answer's body to `out_body` (whose bound is the answer's) and gives its code,
 * which may be any: 404 is an answer.
 *
 * OFFLINE: nobody answers there, or the line broke in the middle. DENIED: the socket is not for us.
 * TIMEOUT, FULL: the answer took or was more than allowed. INTERRUPTED: its sink wants no more.
 * CORRUPT: what came is not HTTP.
 * NOT_FOUND: libcurl is not installed; the sentence names its package. The environment variable
 * EBB_LIBCURL names another file than libcurl-gnutls.so.4. After a failure `out_body` may hold a
 * part.
 */
status http_ask(const struct http_question *question, int *out_code, struct buffer *out_body,
                struct error *err);

struct http_client;   /* a loop's, with the connections that are kept for the next question */
struct http_exchange; /* a question under way */

/* What became of a question; valid during the call that brings it. */
struct http_answer {
    struct error error; /* OK: all of an answer came. Else as http_ask; DENIED also: its certificate
                           is not trusted, or the proxy refuses */
    bool sent; /* the connection stood and the request began to go out: who was asked may have acted
                */
    int code;
    int64_t retry_after_ms; /* what it says of when to come again; 0: nothing */
    const char *type;       /* its Content-Type, or "" */
    const char *place;      /* where a redirect leads to, or "" */
    struct slice body;
};

/* NOT_FOUND: libcurl is not installed. */
status http_client_check(struct error *err);
status http_client_create(struct loop *loop, struct http_client **out_client, struct error *err);

/* Questions under way are forgotten, and nobody is told. Not from within `answered`. NULL is fine.
 */
void http_client_destroy(struct http_client *client);

/* `answered` is called once, on the loop, never inside a call of ours; the exchange is gone when it
 * returns. It may ask again, and cancel others. */
struct http_asker {
    void (*answered)(void *owner, const struct http_answer *answer);
    void *owner;
    size_t answer_bytes_max; /* of the body */
};

/* INVALID for what is no URL. */
status http_client_ask(struct http_client *client, const struct http_question *question,
                       const struct http_asker *asker, struct http_exchange **out_exchange,
                       struct error *err);

/* As http_answer.sent, so far. */
bool http_exchange_is_sent(const struct http_exchange *exchange);

/* Ends it; nobody is told. */
void http_exchange_cancel(struct http_exchange *exchange);

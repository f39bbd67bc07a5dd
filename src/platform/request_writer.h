/*
 * request_writer: what we ask over HTTP/1.1, in records as large as the caller has room for.
 *
 * A body is whole (with a Content-Length) or comes in pieces (chunked). Each record holds one chunk
 * at most, whole: so a body can be cut off behind any record, whatever still waits, and the next
 * request may follow on the same connection.
 *
 * Pure: any thread. Holds what waits, at most REQUEST_HEAD_BYTES_MAX and what it was born with.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"

enum {
    REQUEST_HEAD_BYTES_MAX = 8 << 10,
    REQUEST_PATH_BYTES_MAX = 1024,
    REQUEST_RECORD_BYTES_LEAST = 64 /* room to be handed in */
};

enum request_body { REQUEST_NO_BODY, REQUEST_WHOLE, REQUEST_CHUNKED };

struct request_head {
    const char *method;
    struct slice path; /* "/v1/hello", encoded */
    const char *type;  /* of the body; NULL: there is none */
    const char *host;  /* "host:port" */
};

struct request_writer {
    struct buffer head; /* of requests, and the ends of bodies; from here on its own */
    size_t head_sent;
    bool head_is_out; /* the head of the last request has been given out */
    enum request_body kind;
    bool body_ends; /* nothing is added to it any more */
    struct buffer body;
    size_t body_sent; /* of what is in `body` */
};

void request_writer_init(struct request_writer *writer, size_t body_bytes_max);

/* Overwrites the heads: a proxy's password may be in one. */
void request_writer_done(struct request_writer *writer);

/* Forgets all that waits. */
void request_writer_clear(struct request_writer *writer);

/* A request without a body, or with a whole one. The one before has been given out, or cut.
 * INVALID: the path is none. FULL: the body is too large. After a failure nothing of it waits. */
status request_writer_ask(struct request_writer *writer, const struct request_head *head,
                          struct slice body, struct error *err);

/* A request whose body is added piece by piece. */
status request_writer_begin(struct request_writer *writer, const struct request_head *head,
                            struct error *err);

/* CONNECT for a proxy. `login` is "user:password" in base64, or "". */
status request_writer_connect(struct request_writer *writer, const char *host, const char *login,
                              struct error *err);

/* FULL: too much would wait; nothing of the piece is taken. CONFLICT: no body is open. */
status request_writer_add(struct request_writer *writer, struct slice piece, struct error *err);
void request_writer_end(struct request_writer *writer);

/* Nothing of what waits of the body is given out any more. False: the request cannot be ended so
 * that another one may follow on this connection. */
bool request_writer_cut(struct request_writer *writer);

/* A body is not wholly given out. */
bool request_writer_is_open(const struct request_writer *writer);
bool request_writer_has_more(const struct request_writer *writer);
size_t request_writer_waiting(const struct request_writer *writer); /* bytes of the body */

/* The next record into `room`; returns its bytes, and how many of them are the body's. */
size_t request_writer_fill(struct request_writer *writer, char *room, size_t bytes_max,
                           size_t *out_body_bytes);

/*
 * http_client: one question over HTTP/1.1, answered before the call returns (libcurl, loaded when
 * it is first needed).
 *
 * For commands, which have nothing else to do meanwhile: over a Unix socket, or to an http:// URL.
 * No TLS, no redirects, no cookies. The daemon's link to its hub is another door.
 *
 * Thread: one at a time; blocks: never on a loop.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"

struct http_question {
    const char *socket_path; /* NULL: over TCP */
    const char *method;      /* "GET" */
    struct slice path;  /* "/v1/status?x=y" on a socket, else "http://host:port/..."; encoded */
    struct slice body;  /* JSON; empty: none */
    int64_t timeout_ms; /* for all of it; 0: none */
};

/*
 * Asks, appends the answer's body to `out_body` (whose bound is the answer's) and gives its code,
 * which may be any: 404 is an answer.
 *
 * OFFLINE: nobody answers there, or the line broke in the middle. DENIED: the socket is not for us.
 * TIMEOUT, FULL: the answer took or was more than allowed. CORRUPT: what came is not HTTP.
 * NOT_FOUND: libcurl is not installed; the sentence names its package. The environment variable
 * EBB_LIBCURL names another file than libcurl-gnutls.so.4. After a failure `out_body` may hold a
 * part.
 */
status http_ask(const struct http_question *question, int *out_code, struct buffer *out_body,
                struct error *err);

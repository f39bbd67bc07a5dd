/*
 * http_headers: the header lines of one request, secrets among them, for as long as it takes to
 * hand the request over.
 *
 * Lines that hold a secret are overwritten when it is done.
 *
 * Thread: any; reads small files.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

enum { HTTP_HEADERS_MAX = 72, HTTP_HEADER_BYTES_MAX = 16 << 10 };

/* All zeroes is no header. */
struct http_headers {
    struct buffer lines[HTTP_HEADERS_MAX]; /* each ended by a zero */
    uint32_t count;
    const char *list[HTTP_HEADERS_MAX + 1]; /* ended by NULL: http_question.headers */
};

/* Adds "text", and behind it, when `secret` is not empty, the secret of that name. What secret_read
 * says where that cannot be read; INVALID when it is more than a line; FULL when it is too long. */
status http_headers_add(struct http_headers *headers, struct slice text, struct slice secret,
                        struct error *err);
void http_headers_done(struct http_headers *headers);

/*
 * http_error: what went wrong, as an answer: {"error":{"class","text"}} with a code of HTTP.
 *
 * Not for pages or for what is streamed.
 *
 * Thread: loop.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "platform/http_server.h"

/* The code that stands for a class: INVALID 400, NOT_FOUND 404, FULL 507 ...; 500 for the rest. */
int http_error_code(status code);

/* Appends the object and a line end. */
void http_error_write(const struct error *err, struct buffer *out);

/* Answers with that code, or with another that says more. */
void http_error_answer(struct http_request *request, const struct error *err);
void http_error_answer_as(struct http_request *request, int code, const struct error *err);

/*
 * hub_answer: how a hub answers: errors as JSON, and what every answer to a device carries.
 *
 * Thread: loop.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "hub/contact.h"
#include "platform/http_server.h"

/* {"error":{"class","text"}} with the code of its class, or with another; who is to come again is
 * told when. */
void hub_answer_error(struct http_request *request, const struct error *err);
void hub_answer_error_as(struct http_request *request, int code, const struct error *err);

/* The same for who is not of this machine: what its disk and folders are called, the hub says in
 * its log alone. */
void hub_answer_outside(struct http_request *request, const struct error *err);

/* JSON and a code; with a failed buffer, 500. What was asked for by GET has an ETag, and who has it
 * already (If-None-Match) hears 304. */
void hub_answer_json(struct http_request *request, int code, const struct buffer *json);

/* Over how long devices that lose the hub come back, so that their handshakes can be borne. */
int64_t hub_answer_spread_ms(const struct contacts *contacts);

/*
 * http_flow: the bytes of an answer that is still being made, between who makes it and who takes
 * it.
 *
 *   flowing    bytes are added, and taken as the other end reads
 *   ended      no more are added; when the last is taken, the answer is whole
 *   broken     it cannot be made whole: the other end sees it cut; who makes it may not know yet
 *
 * Not the connection: that is platform/http_server. Thread: loop. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "platform/http_server.h"

enum http_flow_step { FLOW_BYTES, FLOW_EMPTY, FLOW_END, FLOW_BROKEN };

struct http_outflow {
    const struct http_flow *told;
    void *owner;
    struct buffer bytes;
    size_t taken;
    bool began, ended, broken;
    bool empty; /* and its owner knows */
};

void http_outflow_begin(struct http_outflow *flow, const struct http_flow *told, void *owner);
void http_outflow_done(struct http_outflow *flow);

/* More than HTTP_FLOW_BYTES_MAX that wait, or no memory: it is broken. */
void http_outflow_add(struct http_outflow *flow, struct slice bytes);
size_t http_outflow_waiting(const struct http_outflow *flow);

/* Copies up to `room` bytes out; when there are none, asks who makes them (`drained`) once. */
enum http_flow_step http_outflow_take(struct http_outflow *flow, char *out_bytes, size_t room,
                                      size_t *out_count);

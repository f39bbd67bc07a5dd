/*
 * sim_link: what lies between a device and the hub: delay, rate, and everything that goes wrong.
 *
 * A connection may be cut at any byte, die without a word, lose an answer, carry a flipped bit; a
 * proxy may hand in a request again, whole or in part, much later or at once. What has left may
 * still arrive after a cut. Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "sync/messages.h"

struct sim_world;
struct sim_device;
struct sim_request;

struct sim_link {
    struct sim_device *device; /* not owned */
    uint64_t serial;           /* of the connection; 0: none */
    bool is_up;
    bool is_silent; /* nothing arrives any more, and nobody is told */
    int64_t delay_us, bytes_per_s;
    int64_t away_until_us; /* a partition: no connection is made */
    int64_t free_us;       /* when the way up has carried what it was given */
    int64_t arrived_up_us, arrived_down_us;
    int64_t cut_after; /* bytes of this request; -1: never */
    struct slice path;
    struct buffer sent; /* of this request, for the proxy */
};

void sim_link_init(struct sim_link *link, struct sim_device *device);
void sim_link_done(struct sim_link *link);

void sim_link_connect(struct sim_link *link);
void sim_link_close(struct sim_link *link); /* the device knows */

void sim_link_begin(struct sim_link *link, struct slice path);
void sim_link_bytes(struct sim_link *link, struct slice bytes);
void sim_link_end(struct sim_link *link);

/* The hub's answer to the request of a connection. */
void sim_link_answer(struct sim_link *link, const struct sim_request *request);

/* Both ends hear of it, sooner or later. */
void sim_link_break(struct sim_link *link);

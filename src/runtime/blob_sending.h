/*
 * blob_sending: the bytes of one attachment on their way to the hub, in parts that are asked for
 * one at a time (sync/report).
 *
 *     idle --begin--> looking --it may go--> ready (an empty part: how far is it?)
 *      ^                 |                     |  ^
 *      |                 +--it may not-------+ |  +------reading <--+
 *      |                                     v v                    |
 *      +<--all is there, or it was said-- asking --the hub has M----+
 *
 * Only what a result lets go to the hub is read at all: `egress: never`, `privacy` and
 * results that stay here keep it (storage/blobs). The hub is told why it does not come. What
 * was sent before a cut is not sent again: the hub says how much it has.
 *
 * Thread: loop; rows are read by the store, bytes by a worker. Survives nothing: a hub asks again.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "platform/worker.h"
#include "storage/store.h"

struct blob_sending;

struct blob_sending_options {
    struct store *store; /* not owned, like all here */
    struct pool *pool;
    void (*changed)(void *owner); /* on the loop: it is ready, or idle again */
    void *owner;
};

status blob_sending_create(const struct blob_sending_options *options,
                           struct blob_sending **out_sending, struct error *err);

/* When store and pool have ended. NULL is fine. */
void blob_sending_destroy(struct blob_sending *sending);

/* Idle: nothing is under way, also nothing that was given up. */
bool blob_sending_is_idle(const struct blob_sending *sending);

/* Looks whether the blob may go; while it is idle. */
void blob_sending_begin(struct blob_sending *sending, struct id hash);

/* A request waits: about so many bytes; 0: none does. */
int64_t blob_sending_waits(const struct blob_sending *sending);

/* The request that waits is under way from here on: its path is appended, its body is there until
 * the answer. */
struct slice blob_sending_take(struct blob_sending *sending, struct buffer *out_path);
void blob_sending_answered(struct blob_sending *sending, int code, struct slice body);

/* The connection is gone, or nobody asks any more. */
void blob_sending_give_up(struct blob_sending *sending);

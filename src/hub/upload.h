/*
 * upload: the body of a PUT on its way into the store: bytes that come on the loop are cut into
 * whole frames, which go to the writing thread; the request is answered when all of them are
 * committed.
 *
 *   comes      bytes are gathered; whole frames are jobs (at most so many bytes of them at a time)
 *   paused     enough of it is under way, or of all bodies together: no more is read
 *   ended      all has come; the last job's `done` answers
 *   stopped    a frame was refused: what is under way is waited for, then it is answered, and what
 *              still comes is dropped
 *   gone       the connection went away: what was whole is stored nevertheless
 *
 * Invariants: 1. every whole frame that came before the body ended, was cut or was refused is
 * committed. 2. Nothing is answered before the commit that it speaks of. 3. What a body holds in
 * memory is counted (ingest_hold) and bounded; when all memory is held by frames that are not
 * whole, and nothing is under way that would give some back, whoever holds most is cut off, and
 * sends again.
 *
 * Thread: loop; `answer` and what is beside it are the writing thread's while jobs are under way.
 * Survives: whole frames, after their commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/contact.h"
#include "hub/ingest.h"
#include "platform/http_server.h"

enum {
    UPLOAD_UNDER_WAY_BYTES_MAX = 512 << 10, /* of one body in jobs, or one frame */
    UPLOAD_BODY_BYTES_MAX = 32 << 20        /* what comes after it is dropped */
};

struct uploads;

struct uploads_options {
    struct ingest *ingest;     /* not owned, as is the next */
    struct contacts *contacts; /* how many there are is how long devices are to stay away */
};

status uploads_create(const struct uploads_options *options, struct uploads **out_uploads,
                      struct error *err);
void uploads_destroy(struct uploads *uploads); /* none is left; NULL is fine */

/* The head of a PUT of a contact that has greeted. The request is answered at once when the body
 * cannot be taken; else what it brings goes to the three below. */
void upload_begin(struct uploads *uploads, struct contact *contact, struct http_request *request);
void upload_came(struct http_request *request, struct slice bytes);
void upload_ended(struct http_request *request);
void upload_gone(struct http_request *request);

struct uploads_counters {
    uint64_t bodies, frames, bytes, forks, poisoned, cut_off;
    int open;
};
void uploads_counters(const struct uploads *uploads, struct uploads_counters *out_counters);

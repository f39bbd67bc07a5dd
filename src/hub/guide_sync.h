/*
 * guide_sync: POST /api/sync, the guide's own protocol: results of programs that know nothing of
 * streams and frames.
 *
 * {"device_id","timestamp","results":[{"id","workflow_id","result","created_at"}]} becomes records
 * of the stream of the token's device, in lane normal: the workflow's name, device_id as the
 * result's name, `result` as its body, created_at (UTC where no zone is said) as its time. A result
 * is known by its id: one that is brought again, since an answer was lost, is stored once. One that
 * is wrong is set aside with a sentence and stops nothing; NaN, which Python writes, is null. The
 * answer, {"status": "success","received","stored"} and "set_aside" where there were some, comes
 * after the commit.
 *
 * Thread: loop; the work is the writing thread's. Survives: what was taken, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/ingest.h"
#include "platform/http_server.h"

enum { GUIDE_RESULTS_MAX = 10000, GUIDE_BODY_BYTES_MAX = 4 << 20 }; /* of one body */

struct guide_sync;

/* `wrong` is told on the loop of a token that is none, with its source. */
struct guide_sync_options {
    struct ingest *ingest; /* not owned */
    void (*wrong)(void *owner, struct slice source);
    void *owner;
};

status guide_sync_create(const struct guide_sync_options *options, struct guide_sync **out_sync,
                         struct error *err);

/* Ingest has answered its last job. NULL is fine. */
void guide_sync_destroy(struct guide_sync *sync);

/* Takes the request, whose body is whole, and answers it. */
void guide_sync_take(struct guide_sync *sync, struct slice token, struct http_request *request);

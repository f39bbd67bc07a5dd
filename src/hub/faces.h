/*
 * faces: what workflows look like (sync/report), each once, by the digest of their text.
 *
 * A device that reports a workflow whose face is not known is asked for it; another is asked when
 * none has come for FACES_AGAIN_MS. Who sends one that it was not asked for is told so. It is one
 * device's word: whoever runs a workflow may say what it looks like.
 *
 * Thread: loop; rows are written by ingest. Survives: power cuts, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/ingest.h"
#include "platform/database.h"
#include "platform/http_server.h"
#include "sync/report.h"

enum {
    FACES_MAX = 2000,      /* that are kept: the newest */
    FACES_ASKED_MAX = 256, /* at a time */
    FACES_AGAIN_MS = 30 * 1000
};

struct faces;

/* Reads which are known; `database` is only looked at in this call. */
status faces_load(struct ingest *ingest, struct database *database, struct faces **out_faces,
                  struct error *err);

/* When ingest has stopped. NULL is fine. */
void faces_destroy(struct faces *faces);

/* Adds the digest to what is wanted of the device, when that is worth it. */
void faces_ask(struct faces *faces, struct id device, struct id digest, struct want *want);

/* Takes the request, whose body is whole, and answers it after the commit. */
void faces_take(struct faces *faces, struct id device, struct id digest,
                struct http_request *request);

/*
 * tails: results as they come, for browsers and programs that stay (server-sent events).
 *
 *   id: 4711
 *   data: {"id":...}              as GET /v1/results has it
 *
 *   event: missed
 *   data: 120                     so many came too fast; GET /v1/results?after= has them
 *
 * After a commit what is new is read once for all of them, at most every TAILS_PAUSE_MS, and at
 * most TAILS_TOGETHER at once: of more the newest are shown. Who takes it too slowly misses some
 * and is told. A tail ends after TAILS_LIFE_MS, and its browser comes again, so that who may not
 * look any more is noticed; `Last-Event-ID` says where it was, and a short way back is made up for.
 *
 * Thread: loop; reading on the reader's. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/ingest.h"
#include "hub/reader.h"
#include "hub/store/hub_results.h"

enum {
    TAILS_MAX = 128,
    TAILS_TOGETHER = 500,
    TAILS_PAUSE_MS = 50,
    TAILS_WAITING_BYTES_MAX = 256 << 10,
    TAILS_LIFE_MS = 10 * 60 * 1000,
    TAILS_BEAT_MS = 15 * 1000
};

struct tails;

status tails_create(struct loop *loop, struct reader *reader, struct ingest *ingest,
                    struct tails **out_tails, struct error *err);

/* The reader has ended, and so have the servers whose requests they are. NULL is fine. */
void tails_destroy(struct tails *tails);

/* Begins one; 503 when there are TAILS_MAX. Of `filter` workflow, name, device, label, lane
 * and `after` count. */
void tails_take(struct tails *tails, const struct hub_results_query *filter,
                struct http_request *request);

int tails_count(const struct tails *tails);

/*
 * blob_answer: the bytes of an attachment as an answer, in pieces that are read when the one before
 * was taken; or its state, when it is not here.
 *
 * What comes from devices is never run: only pictures, sounds and films have their media type, all
 * else is handed out as a file to be saved, and no browser may guess otherwise.
 *
 * Thread: loop; rows are read by the reader, bytes by a worker. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "hub/attachment_rows.h"
#include "hub/blob_files.h"
#include "hub/reader.h"
#include "platform/http_server.h"
#include "platform/worker.h"

struct blob_answers;

struct blob_answers_options {
    struct reader *reader; /* not owned, like all here */
    struct pool *pool;
    const struct blob_files *files;
};

status blob_answers_create(const struct blob_answers_options *options,
                           struct blob_answers **out_answers, struct error *err);

/* When reader, pool and servers are gone. NULL is fine. */
void blob_answers_destroy(struct blob_answers *answers);

void blob_answers_give(struct blob_answers *answers, struct id hash, struct http_request *request);

/* {"hash","state","type","bytes","have","asked_at","came_at"}; `have` bytes of it have come. */
void blob_answer_write_state(const struct attachment_row *row, int64_t have, struct buffer *out);

/* Whether a browser may show bytes of that type by itself. */
bool blob_answer_is_shown(const char *type);

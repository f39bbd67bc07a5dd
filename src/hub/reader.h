/*
 * reader: the threads that look at what was committed, each with a connection of its own, and
 * answer those who asked over HTTP.
 *
 * No look lasts longer than READER_BOUND_MS. READER_THREADS at a time; they begin in order.
 *
 * Thread: loop; only `look` runs on the reading thread. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "platform/database.h"
#include "platform/http_server.h"
#include "platform/loop.h"
#include "platform/worker.h"

enum {
    READER_THREADS = 2,
    READER_BOUND_MS = 1000,
    READER_ANSWER_BYTES_MAX = 16 << 20,
    READER_WAITING_MAX = 256
};

struct reader;

/* Appends JSON. `question` is the copy of what was asked with. */
typedef status reader_look(const void *question, struct database *database, struct buffer *out,
                           struct error *err);

/* `path` is the database, which is there. */
status reader_create(struct loop *loop, const char *path, struct reader **out_reader,
                     struct error *err);

/* Waits for the look that is under way; whoever waits is not answered any more. NULL is fine. */
void reader_destroy(struct reader *reader);

/* A look of the hub's own: `look` on the reading thread, `done` on the loop. The caller's
 * memory, in no other list. What is not done when the reader ends is `dropped` (NULL: its owner has
 * it anyway). */
struct reader_errand {
    struct job job; /* the reader's, first */
    struct reader_errand *next, *before;
    status (*look)(struct reader_errand *errand, struct database *database, struct error *err);
    void (*done)(struct reader_errand *errand);
    void (*dropped)(struct reader_errand *errand);
    struct reader *reader;
    struct error error; /* code OK: it went well */
};
void reader_run(struct reader *reader, struct reader_errand *errand);

/* Has the request answered with what `look` writes. */
void reader_ask(struct reader *reader, struct http_request *request, reader_look *look,
                const void *question, size_t question_bytes);

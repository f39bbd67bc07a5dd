/*
 * question_streams: whose record a row is: the stream that it came in, and the device of that,
 * looked up once for many rows.
 *
 * A join would be made for every row of what is counted or grouped, also where nothing of a device
 * is asked for. Here a row costs a look into a table of places; another stream in the same place
 * takes it. What is found is that of the moment when it is looked up, which is the question's own.
 *
 * Thread: the connection's. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/id.h"
#include "platform/database.h"

struct question_streams;

struct question_stream {
    int64_t number; /* 0: the place is free */
    struct id id, device;
    struct buffer name, labels; /* of the device; empty: there is no row of it */
};

status question_streams_create(struct database *database, struct question_streams **out_streams,
                               struct error *err);
void question_streams_destroy(struct question_streams *streams); /* NULL is fine */

/* Valid until the next look; NULL: there is no such stream, or it cannot be read. */
const struct question_stream *question_streams_find(struct question_streams *streams,
                                                    int64_t number);

/*
 * attachments: pictures, sounds and files that results attach, brought from devices when somebody
 * asks for them.
 *
 * Data stays where it was made until a person wants it: a result says the hash, here it is asked
 * for, the device that has it hears of it with its next report (hub/device_reports), and sends it
 * in parts (sync/report). It is here when its bytes are what the hash says and are on disk, and its
 * row says so. All together are bounded; the oldest make room. A backup has none of them: they can
 * be asked for again while the devices have them.
 *
 * Thread: loop; files are a worker's (a pool of its own), rows are ingest's. Survives: what is
 * wanted and what is here; of what was coming, the parts.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "hub/attachment_rows.h"
#include "hub/ingest.h"
#include "hub/reader.h"
#include "platform/http_server.h"
#include "platform/loop.h"
#include "sync/report.h"

enum {
    ATTACHMENTS_WANTED_MAX = 256, /* at a time */
    ATTACHMENTS_WANTED_DAYS = 7,  /* then others may take the place of one that never came */
    ATTACHMENTS_NOTED_MAX = 10000 /* rows of what does not come */
};

/* Of all together, and no more than a tenth of the disk. */
#define ATTACHMENTS_BYTES_MAX (INT64_C(10) << 30)

struct attachments;

struct attachments_options {
    struct loop *loop; /* not owned, like all here */
    struct ingest *ingest;
    struct reader *reader;
    const char *data;  /* the hub's folder */
    int64_t bytes_max; /* 0: ATTACHMENTS_BYTES_MAX, or a tenth of the disk */
};

/* Reads what is wanted and sweeps the folder; `database` is only looked at in this call. */
status attachments_open(const struct attachments_options *options, struct database *database,
                        struct attachments **out_attachments, struct error *err);

/* When ingest has stopped, reader and servers are gone. NULL is fine. */
void attachments_close(struct attachments *attachments);

/* Adds what is wanted of the device. */
void attachments_ask(const struct attachments *attachments, struct id device, struct want *want);

/* A part from a device, whose body is whole, or the word that it does not come. */
void attachments_take(struct attachments *attachments, struct id device, struct id hash,
                      struct http_request *request);

/* People's: POST .../want {"device":NAME} asks for it and is answered with its state, GET .../want
 * with that alone, GET with its bytes, or with 404 and its state. */
void attachments_want(struct attachments *attachments, struct id hash,
                      struct http_request *request);
void attachments_show(struct attachments *attachments, struct id hash,
                      struct http_request *request);
void attachments_give(struct attachments *attachments, struct id hash,
                      struct http_request *request);

struct attachments_counters {
    uint64_t parts, came, damaged;
    int wanted;
};
void attachments_counters(const struct attachments *attachments,
                          struct attachments_counters *out_counters);

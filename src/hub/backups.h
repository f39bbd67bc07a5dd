/*
 * backups: a backup while the hub runs: made by a thread of its own, and when it is on the disk the
 * writing thread moves what devices are told is anchored to what it covers, in one transaction.
 *
 *   POST /v1/backup  {"path":"/...","key":true,"passphrase":"..."}  begins; {"state":"running",...}
 *   GET  /v1/backup  {"state":"none" | "running" | "done",...}, or the error of one that failed
 *
 * One at a time. Thread: loop. Survives: a backup that is done; of one that was cut off nothing is
 * left but, after a power cut, a file PATH.PID.new.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "hub/ingest.h"
#include "platform/http_server.h"
#include "platform/loop.h"

struct backups;

struct backups_options {
    struct loop *loop;
    struct ingest *ingest; /* not owned */
    const char *data;      /* the hub's folder; outlives it */
};

status backups_create(const struct backups_options *options, struct backups **out_backups,
                      struct error *err);

/* Ends the one that is under way. After ingest; NULL is fine. */
void backups_destroy(struct backups *backups);

/* Answers a request for /v1/backup, whoever may have sent it. */
void backups_take(struct backups *backups, struct http_request *request);

/*
 * reports: when a device says something of itself to its hub, and what the hub wants of it then
 * (sync/report).
 *
 * A report goes after hello and each REPORTS_EACH_MS, and sooner, REPORTS_SOON_MS after the last at
 * the earliest, when its shape has changed: a workflow came, went or stopped, the clock's quality
 * or the link is another, an agent broke, a lane fell behind. On a metered link it goes each
 * REPORTS_METERED_MS at most while nothing of that has changed. A lane is behind from
 * REPORTS_BEHIND records on that wait, until none does. What the hub wants then follows, one
 * request at a time: faces of workflows, then attachments (runtime/blob_sending). All of it is
 * offered to the sender, which says when it may go; records never wait for it.
 *
 * A hub that knows no reports (404) is not asked again on that connection.
 *
 * Thread: loop. Survives nothing: a new connection begins with a report.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "platform/link.h"
#include "platform/worker.h"
#include "runtime/orchestrator.h"
#include "sync/sender.h"

enum {
    REPORTS_EACH_MS = 60 * 1000,
    REPORTS_METERED_MS = 15 * 60 * 1000,
    REPORTS_SOON_MS = 5 * 1000,
    REPORTS_BEHIND = 100
};

struct reports;

struct reports_options {
    struct store *store; /* not owned, like all here */
    struct pool *pool;
    const struct orchestrator *orchestrator;
    int64_t budget_bytes;         /* of the store's lanes */
    void (*changed)(void *owner); /* on the loop: reports_look has something new to say */
    void *owner;
};

status reports_create(const struct reports_options *options, struct reports **out_reports,
                      struct error *err);

/* When store and pool have ended. NULL is fine. */
void reports_destroy(struct reports *reports);

/* A connection stands, or is no more. */
void reports_connected(struct reports *reports);
void reports_lost(struct reports *reports);

/* Offers the sender what there is to say over this link; when to look again, 0: when something
 * has changed. At the end of each turn. */
int64_t reports_look(struct reports *reports, struct sender *sender, const struct sender_link *link,
                     int64_t now_ms);

/* SENDER_REPORT: begins the request. */
status reports_send(struct reports *reports, struct link *link, const struct sender_link *kind,
                    int64_t now_ms, struct error *err);

/* The answer that comes is that of a report. */
bool reports_are_asking(const struct reports *reports);
void reports_answered(struct reports *reports, int code, struct slice body);

/* A person wants it now. */
void reports_hurry(struct reports *reports);

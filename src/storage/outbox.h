/*
 * The outbox holds records until the hub has them.
 *
 * A record enters in the transaction that made it, with the next seq of its lane and a chain value
 * over all before it; it leaves when the hub holds it or a gap takes its place, and is never edited
 * in between. So (stream, lane, seq) names it for ever, seq stays contiguous and every loss is
 * counted. Order is kept within a lane, not across lanes.
 *
 * Invariants, in the open transaction and after each commit:
 * 1. The rows of a lane and its floor cover every seq from 1 to next_seq - 1 exactly once.
 * 2. A row's chain is h(chain of the row before, its bytes); a gap's is that of its last record.
 * 3. Nothing above acked_seq is deleted but by writing a gap over it.
 * 4. Gaps of one reason that touch are one gap, as long as they are not sent.
 *
 * Who decides what goes: outbox_room.c (bytes), outbox_purge.c (time). Nothing here touches the
 * network. Thread: database. Survives: power cuts, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdatomic.h>

#include "base/buffer.h"
#include "storage/boots.h"
#include "storage/store_job.h"
#include "storage/stream.h"
#include "storage/workflows.h"

struct cursors;

enum { OUTBOX_NAME_BYTES_MAX = 63 };

struct outbox {
    struct database *database;     /* not owned */
    struct boots *boots;           /* not owned */
    struct workflows *workflows;   /* not owned */
    const struct cursors *cursors; /* not owned; NULL: there is no destination but the hub */
    struct id boot;                /* that runs now */
    struct stream *streams;        /* owned; the last one is written to */
    int stream_count, kept_count;  /* the second: as committed */
    int64_t budgets[LANE_COUNT];
    struct buffer bytes;               /* of the record that is being written or read */
    struct buffer text;                /* of a gap's body */
    _Atomic uint64_t sent[LANE_COUNT]; /* of the stream that is written to: handed out up to here */
    uint64_t records, gaps;            /* written since the start */
    uint64_t put_bytes;
};

/* Reads the heads of all streams that have records, and of the newest one. A failure leaves those
 * that were known. CORRUPT where there is no stream. */
status outbox_load(struct outbox *box, struct error *err);
void outbox_done(struct outbox *box);

/* Shares the bytes out to the lanes. */
void outbox_set_budget(struct outbox *box, int64_t bytes);

/* The stream that is written to. */
struct stream *outbox_stream(struct outbox *box);

/* NULL when no stream of this id has records here. Zero: the one that is written to. */
struct stream *outbox_find_stream(struct outbox *box, struct id id);

/* Another stream is written to from now on; pointers to streams are void after it. */
status outbox_begin_stream(struct outbox *box, const char *reason, struct error *err);

/* Adds a record to its lane and sets out_seq and out_id. FULL when the lane's bytes are used up and
 * nothing in it may go. */
status outbox_put(struct outbox *box, struct record_draft *draft, const struct store_job *job,
                  struct error *err);

/* The hub holds the job's lane up to its seq, and its backup up to anchored_seq; what it held
 * before stays held. INVALID beyond the end, CONFLICT when the hub's chain value there is not ours.
 */
status outbox_acknowledge(struct outbox *box, const struct store_job *job, struct error *err);

/* Writes the lane rows that are due; with `all` those whose count is behind, too. */
status outbox_write_rows(struct outbox *box, bool all, struct error *err);

/* After a commit, after a rollback. */
void outbox_settle(struct outbox *box);
void outbox_take_back(struct outbox *box);

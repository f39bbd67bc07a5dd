/*
 * message_process: the requests of one process that speaks `protocol: messages`.
 *
 * Several may be under way at once; each has a number, which its answer repeats. A request that is
 * no longer wanted is cancelled: its call ends, its place is held until the last line with its
 * number comes, which is dropped and counted. When that takes longer than CANCEL_MS_MAX the process
 * is of no more use, and its owner kills it. A line that is no JSON object fails the process, since
 * nobody knows whose answer it was; anything else that is wrong concerns one request or none.
 *
 * Parts are kept where the manifest's outputs have a list `parts`: they become that output, in
 * order, unless `out` has one of its own. Else they are read and dropped.
 *
 * The process itself, its lines and its end are line_process'; which calls there are, and when a
 * process is started, process_agent's.
 *
 *   free place --ask--> under way --last line--> free
 *                          | cancel
 *                          +-------> cancelled --last line--> free
 *                                        +--CANCEL_MS_MAX--> overdue: the process is killed
 *
 * Thread: loop.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/adapters/agent_message.h"
#include "agents/adapters/agent_metrics.h"
#include "agents/adapters/line_process.h"
#include "agents/agent.h"

enum {
    MESSAGE_REQUESTS_MAX = 64, /* under way in one process, the cancelled ones too */
    CANCEL_MS_MAX = 2000       /* from `cancel` to the last line of that request */
};

struct message_part;

struct message_request {
    int64_t id;                                  /* 0: a free place */
    struct agent_call *call;                     /* not owned; NULL: cancelled */
    int64_t until_ns;                            /* cancelled: when its last line must have come */
    struct message_part *first_part, *last_part; /* in the call's arena */
    uint32_t part_count;
    int64_t part_bytes;
};

/* Told on the loop. */
struct message_process_events {
    /* A call has ended with what stands in it; told inside message_process_lose as well. */
    void (*ended)(void *owner, struct agent_call *call);
    void (*freed)(void *owner); /* the place of a cancelled request is free again */
    /* Its owner should ask message_process_is_overdue at this moment. */
    void (*until)(void *owner, int64_t moment_ns);
};

/* What the processes of one agent have in common. */
struct message_tally {
    struct agent_metrics metrics;
    uint64_t late_answers; /* lines of requests that were no longer under way */
    bool metrics_full;     /* it was said that no more names are kept */
};

struct message_process {
    struct line_process *lines;  /* not owned */
    struct message_tally *tally; /* not owned */
    const struct message_process_events *events;
    void *owner;
    struct message_request requests[MESSAGE_REQUESTS_MAX];
    uint32_t under_way; /* places that are not free */
    int64_t last_id;    /* never begins anew, so an id means one request only */
    bool keeps_parts;
};

void message_process_init(struct message_process *process, struct line_process *lines,
                          struct message_tally *tally, const struct message_process_events *events,
                          void *owner);

/* The first line to a process that was started. */
status message_process_greet(struct message_process *process, struct error *err);

/* line_process_events.said. */
void message_process_take(struct message_process *process, struct slice line);

/* Writes a request; the process is ready and has a free place. FULL when it does not read as fast
 * as is written: with others under way the call may be tried again when one of them has ended. */
status message_process_ask(struct message_process *process, struct agent_call *call, int64_t now_ns,
                           struct error *err);

/* The call's answer is no longer wanted; the owner ends it. */
void message_process_cancel(struct message_process *process, const struct agent_call *call,
                            int64_t now_ns);

/* A cancelled request has not had its last line in time: TIMEOUT says which. */
bool message_process_is_overdue(struct message_process *process, int64_t now_ns, struct error *why);

/* The process is gone: every call that it had ends with this error. How many those were. */
uint32_t message_process_lose(struct message_process *process, const struct error *why);

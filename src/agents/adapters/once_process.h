/*
 * once_process: a process for one call (`mode: once`): input on standard input and its end, the
 * output is all of standard output.
 *
 * It works in the run's folder when there is one, else in the agent's. EBB_RUN, EBB_STEP,
 * EBB_WORKFLOW and EBB_KEY, the idempotency key, are in its environment.
 *
 * Thread: loop.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/adapters/log_relay.h"
#include "agents/agent.h"
#include "platform/process.h"

/* Told on the loop, never inside a call of ours, and the process is gone then. */
struct once_process_events {
    void (*answered)(void *owner, struct slice output);
    void (*failed)(void *owner, const struct error *why);
};

struct once_process {
    struct loop *loop;                     /* not owned */
    const struct agent_manifest *manifest; /* not owned */
    const struct once_process_events *events;
    void *owner;
    struct process *process; /* owned; NULL: none */
    struct buffer output;
    struct log_relay log;
};

void once_process_init(struct once_process *process, struct loop *loop,
                       const struct agent_manifest *manifest, struct log_budget *budget,
                       const struct once_process_events *events, void *owner);
void once_process_done(struct once_process *process);

/* Starts it with its input; what it is handed lives in the call's arena. Not while it runs. */
status once_process_start(struct once_process *process, const struct agent_call *call,
                          struct slice json, struct error *err);

/* Kills it. Nobody is told. */
void once_process_stop(struct once_process *process);

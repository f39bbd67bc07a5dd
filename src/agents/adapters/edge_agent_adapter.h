/*
 * edge_agent_adapter: what all agents that wait on the loop have in common.
 *
 * It holds the calls: those that wait for their turn, those that are under way, and those that have
 * ended and whose `done` comes with the next turn of the loop. It ends a call whose deadline has
 * passed, whatever the kind is doing; it makes an answer's bytes into a checked output. What a call
 * means to a process or a service is the kind's business (process_agent).
 *
 *     edge_adapter_take            edge_adapter_begin          edge_adapter_end, _answer
 *   ---------------------> waiting ------------------> running --------------------------> ended
 *                             |   the deadline, cancel    |
 *                             +---------------------------+------------------------------> ended
 *
 * Thread: loop. Nothing survives a crash: the journal knows which runs were under way.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/adapters/call_list.h"
#include "agents/agent.h"

enum {
    ADAPTER_WAITING_MAX = 10000, /* calls */
    ADAPTER_QUOTE_MAX = 200,     /* bytes of an answer that a sentence quotes */
    ADAPTER_QUOTE_BYTES = 3 * ADAPTER_QUOTE_MAX + 4
};

/* What the kind is told, on the loop. */
struct edge_adapter_events {
    /* Stop working at this call, its answer is no longer wanted: its deadline has passed, or it was
     * cancelled. It ends when this returns, with call->error as it stands then: the kind may say
     * better why. */
    void (*stop)(void *owner, struct agent_call *call);
    /* A turn has come: end what is settled, begin what waits. The `done` of all that has ended
     * comes after this, in the same turn. */
    void (*turn)(void *owner);
    /* The moment of edge_adapter_ring_at has come, or passed. */
    void (*rung)(void *owner, int64_t now_ns);
};

struct edge_adapter {
    const struct agent_manifest *manifest; /* not owned */
    const struct edge_adapter_events *events;
    void *owner;
    struct timer *timer; /* owned */
    struct waker *waker; /* owned */
    int64_t timer_ns;    /* what the timer is set to; 0: not set */
    int64_t ring_ns;     /* the kind's own moment; 0: none */
    struct call_list waiting, running, ended;
};

status edge_adapter_open(struct edge_adapter *adapter, struct loop *loop,
                         const struct agent_manifest *manifest,
                         const struct edge_adapter_events *events, void *owner, struct error *err);

/* Calls that are there are forgotten and not looked at. Half-open is fine, and so is twice. */
void edge_adapter_close(struct edge_adapter *adapter);

/* A new call: it waits. BUSY ends it when too many do. */
void edge_adapter_take(struct edge_adapter *adapter, struct agent_call *call);

/* The oldest waiting call, which is under way from now on; NULL when none waits. */
struct agent_call *edge_adapter_begin(struct edge_adapter *adapter);

/* Ends a call that waits or is under way; OK when call->error says so, with call->out. */
void edge_adapter_end(struct edge_adapter *adapter, struct agent_call *call);

/* Ends it with an error. */
void edge_adapter_fail(struct edge_adapter *adapter, struct agent_call *call,
                       const struct error *why);

/* Ends all that wait with an error. */
void edge_adapter_fail_waiting(struct edge_adapter *adapter, const struct error *why);

/* agent_kind.cancel. */
void edge_adapter_cancel(struct edge_adapter *adapter, struct agent_call *call);

/* Asks for a turn. */
void edge_adapter_wake(struct edge_adapter *adapter);

/* Asks for `rung` at this moment (CLOCK_BOOTTIME) at the latest; an earlier moment that was asked
 * for stands. */
void edge_adapter_ring_at(struct edge_adapter *adapter, int64_t moment_ns);

/* Reads bytes as the output of a call: JSON, an object, as the manifest's outputs want it. Writes
 * call->out, or call->error: INVALID quotes the bytes. */
status edge_adapter_answer(const struct edge_adapter *adapter, struct agent_call *call,
                           struct slice bytes);

/* The first bytes, fit to print, "..." behind them when there are more, and a zero. */
void edge_adapter_quote(struct slice bytes, char out_text[ADAPTER_QUOTE_BYTES]);

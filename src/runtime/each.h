/*
 * each: a step that calls its agent once for every item of a list.
 *
 * The calls are made in rounds: a round calls every item that has no answer yet, one after another
 * on a worker, or several at once where the agent waits on the loop. What may be tried again is
 * called in the next round, after the step's backoff. An item that failed for good is null in the
 * output, with its error beside it; it fails neither the step nor its neighbours.
 *
 *     { "items": [ {...}, null ], "errors": [ null, {"class": "invalid", "text": "..."} ] }
 *
 * Not here: when a round is, and what follows from it (agent_runner).
 * Thread: the run's. Nothing survives a crash but the output: the step is begun anew.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "runtime/run.h"

struct each;

/* Evaluates the list and the inputs for each of its items, in the run's arena. INVALID when it is
 * no list, or longer than `max`. */
status each_prepare(struct run *run, struct each **out_each, struct error *err);

/* A round on a worker: calls, unless it is hurried, or makes what calls on the loop need. */
void each_call(struct run *run);

/* A round on the loop: `ended` comes when every call has its answer. While the daemon stops no more
 * are begun. */
void each_call_on_loop(struct run *run, void (*ended)(struct run *run));

/* How many calls were made since this was asked last, and how many of them failed. */
void each_count(struct each *each, uint64_t *out_calls, uint64_t *out_failures);

/* Whether items wait for a call. */
bool each_is_open(const struct each *each);

/* An item whose failure `again` says is worth another call; those like it wait for one from now on.
 * NULL: there is none. */
const struct error *each_again(struct run *run, struct each *each,
                               bool (*again)(const struct run *run, status code));

/* The step's output. */
status each_output(struct run *run, const struct each *each, struct value *out_output,
                   struct error *err);

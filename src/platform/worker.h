/*
 * worker: a few threads that take jobs whole and give them back to the loop.
 *
 * A job has one owner at a time: whoever submits it lets go of it until `done` is called. Jobs are
 * taken in order; with several workers they may be done in another. What was done meanwhile comes
 * back with one wake-up. At the end: stop, drain, join (pool_destroy does all three).
 *
 * Thread: the loop; only `work` runs on a worker. Workers take no signals.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "platform/loop.h"

enum { POOL_WORKERS_MAX = 4 };

struct pool;

struct job {
    void (*work)(struct job *job, int worker); /* on a worker; `worker` is its index from 0 */
    void (*done)(struct job *job);             /* on the loop; may submit, and free the job */
    struct job *next;                          /* the pool's while submitted */
};

/* As many workers as cores that we may use, at most `workers_max` (0: POOL_WORKERS_MAX). The pool
 * keeps the loop running until it is destroyed. */
status pool_create(struct loop *loop, int workers_max, struct pool **out_pool, struct error *err);
int pool_workers(const struct pool *pool);

/* Hands a job over, with the turn's others at the end of the turn; never fails, never waits for a
 * worker. */
void pool_submit(struct pool *pool, struct job *job);

/* No job waits, is worked on, or waits for its `done`. */
bool pool_is_idle(const struct pool *pool);

/* Waits for what is being worked on, calls no more `done`; jobs that nobody began stay undone. Not
 * from within a `done`. NULL is fine. */
void pool_destroy(struct pool *pool);

/*
 * loop: the one thread that thinks (libuv): timers, wake-ups, descriptors, signals, turns.
 *
 * Nothing that runs on it may block. Not thread-safe, but for waker_wake. What is closed or
 * destroyed calls nobody any more, also when that happens inside its own call.
 *
 * A process that makes a loop ignores SIGPIPE from then on: a reader that went away is an error of
 * write, never the end of a daemon.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct loop;
struct timer;
struct waker;
struct poll;
struct turn;
struct signal_watch;

/* A loop that nothing waits on yet. */
status loop_create(struct loop **out_loop, struct error *err);

/* Runs until loop_stop, or until nothing is left that could happen: a timer that is set, a waker, a
 * poll, a signal, a child. A turn alone keeps nothing running. */
void loop_run(struct loop *loop);

/* Lets loop_run return after the turn that is under way; before loop_run, it returns at once. On
 * the loop only: another thread or a signal handler uses a waker. */
void loop_stop(struct loop *loop);

/* Every handle must have been closed. Waits until children that were killed are reaped. NULL is
 * fine. */
void loop_destroy(struct loop *loop);

/* For platform/ alone: the uv_loop_t. */
void *loop_raw(struct loop *loop);

/* A timer that can be set again and again; `ring` is called on the loop, once a setting. */
status timer_open(struct loop *loop, void (*ring)(void *owner), void *owner,
                  struct timer **out_timer, struct error *err);

/* Rings in `after_ms` from now, never earlier; what was set before is forgotten. Zero and less ring
 * after a millisecond, so that a timer which sets itself leaves the others their turn. */
void timer_set(struct timer *timer, int64_t after_ms);

/* Forgets what was set. */
void timer_clear(struct timer *timer);
void timer_close(struct timer *timer); /* NULL is fine; never rings afterwards */

/* Calls `woken` on the loop soon after waker_wake; several wakes may become one call. */
status waker_create(struct loop *loop, void (*woken)(void *owner), void *owner,
                    struct waker **out_waker, struct error *err);
void waker_wake(struct waker *waker);    /* from any thread, and from a signal handler */
void waker_destroy(struct waker *waker); /* NULL is fine; nobody may wake it any more */

/* Calls `ready` on the loop while the descriptor can be read (and, when `writable`, written). The
 * descriptor stays the caller's, becomes non-blocking, and may have one poll at a time; it is
 * closed after the poll. */
status poll_open(struct loop *loop, int descriptor, bool writable, void (*ready)(void *owner),
                 void *owner, struct poll **out_poll, struct error *err);

/* From now on also, or no longer, while it can be written. */
void poll_want_writable(struct poll *poll, bool writable);
void poll_close(struct poll *poll); /* NULL is fine */

/* Calls `ended` at the end of each turn of the loop, before it sleeps and before loop_run returns:
 * where work that gathered in the turn is handed on once. Turns are called in the order in which
 * they were made. */
status turn_create(struct loop *loop, void (*ended)(void *owner), void *owner,
                   struct turn **out_turn, struct error *err);
void turn_destroy(struct turn *turn); /* NULL is fine */

/* Has `ended` called before the loop sleeps also when it has been called in this turn already: for
 * work that another turn's `ended` brings. Asking from its own `ended` without end holds the loop.
 */
void turn_want(struct turn *turn);

/* Calls `received` on the loop for each delivery of the signal. */
status signal_watch_create(struct loop *loop, int number, void (*received)(void *owner, int number),
                           void *owner, struct signal_watch **out_watch, struct error *err);
void signal_watch_destroy(struct signal_watch *watch); /* NULL is fine */

/*
 * loop: the one thread that thinks (libuv): timers, wake-ups, descriptors, signals, turns.
 *
 * Nothing that runs on it may block. Not thread-safe, but for waker_wake.
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

status loop_create(struct loop **out_loop, struct error *err);

/* Runs until loop_stop, or until nothing is left that could happen. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Every handle must have been closed. */
void loop_destroy(struct loop *loop);

/* For platform/ alone: the uv_loop_t. */
void *loop_raw(struct loop *loop);

/* A timer that can be set again and again; `ring` is called on the loop, once a setting. */
status timer_open(struct loop *loop, void (*ring)(void *owner), void *owner,
                  struct timer **out_timer, struct error *err);
void timer_set(struct timer *timer, int64_t after_ms);
void timer_clear(struct timer *timer);
void timer_close(struct timer *timer); /* NULL is fine; never rings afterwards */

/* Calls `woken` on the loop soon after waker_wake; several wakes may become one call. */
status waker_create(struct loop *loop, void (*woken)(void *owner), void *owner,
                    struct waker **out_waker, struct error *err);
void waker_wake(struct waker *waker); /* from any thread, and from a signal handler */
void waker_destroy(struct waker *waker);

/* Calls `ready` on the loop while the descriptor can be read (and, when `writable`, written). The
 * descriptor stays the caller's. */
status poll_open(struct loop *loop, int descriptor, bool writable, void (*ready)(void *owner),
                 void *owner, struct poll **out_poll, struct error *err);
void poll_close(struct poll *poll);

/* Calls `ended` at the end of each turn of the loop, before it sleeps: where work that gathered in the
 * turn is handed on once. */
status turn_create(struct loop *loop, void (*ended)(void *owner), void *owner,
                   struct turn **out_turn, struct error *err);
void turn_destroy(struct turn *turn);

/* Calls `received` on the loop for each delivery of the signal. */
struct signal_watch;
status signal_watch_create(struct loop *loop, int number, void (*received)(void *owner, int number),
                           void *owner, struct signal_watch **out_watch, struct error *err);
void signal_watch_destroy(struct signal_watch *watch);

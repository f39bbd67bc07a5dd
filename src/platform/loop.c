// SPDX-License-Identifier: Apache-2.0
#include "platform/loop.h"

#include <assert.h>
#include <signal.h>
#include <uv.h>

#include "base/memory.h"

enum { NS_PER_MS = 1000000 };

struct loop {
    uv_loop_t raw;
    uv_prepare_t prepare;
    struct turn *turns; /* owned by who made them, in the order in which they were made */
    bool walking;       /* the turns are being called: none may be unlinked */
    bool again;         /* one of them is wanted once more */
    bool running;
    bool stopping;
};

struct timer {
    uv_timer_t raw;
    void (*ring)(void *owner);
    void *owner;
};

struct waker {
    uv_async_t raw;
    void (*woken)(void *owner);
    void *owner;
};

struct poll {
    uv_poll_t raw;
    void (*ready)(void *owner);
    void *owner;
    bool writable; /* is waited for as well */
};

struct turn {
    struct loop *loop; /* not owned */
    void (*ended)(void *owner);
    void *owner;
    struct turn *next;
    bool wanted; /* once more in this turn */
    bool gone;
};

struct signal_watch {
    uv_signal_t raw;
    void (*received)(void *owner, int number);
    void *owner;
};

/* Unlinks and frees the turns that were destroyed. */
static void sweep_turns(struct loop *loop) {
    struct turn **place = &loop->turns;
    while (*place != NULL) {
        struct turn *turn = *place;
        if (turn->gone) {
            *place = turn->next;
            memory_free(turn);
        } else {
            place = &turn->next;
        }
    }
}

static void call_turns(struct loop *loop, bool all) {
    for (struct turn *turn = loop->turns; turn != NULL; turn = turn->next) {
        if (!turn->gone && (all || turn->wanted)) {
            turn->wanted = false;
            turn->ended(turn->owner);
        }
    }
}

static void end_turn(struct loop *loop) {
    loop->walking = true;
    loop->again = false;
    call_turns(loop, true);
    while (loop->again) {
        loop->again = false;
        call_turns(loop, false);
    }
    loop->walking = false;
    sweep_turns(loop);
}

static void before_sleep(uv_prepare_t *prepare) {
    end_turn(prepare->data);
}

/* A handle's memory is libuv's until it calls this. */
static void free_handle(uv_handle_t *handle) {
    memory_free(handle->data);
}

status loop_create(struct loop **out_loop, struct error *err) {
    struct loop *loop = memory_new(1, sizeof *loop);
    if (loop == NULL) {
        return fail(err, STATUS_NO_MEMORY, "make a loop: out of memory");
    }
    const int code = uv_loop_init(&loop->raw);
    if (code != 0) {
        memory_free(loop);
        return fail_errno(err, -code, "make a loop");
    }
    (void)uv_prepare_init(&loop->raw, &loop->prepare); /* cannot fail, like the next */
    (void)uv_prepare_start(&loop->prepare, before_sleep);
    uv_unref((uv_handle_t *)&loop->prepare);
    loop->prepare.data = loop;

    (void)signal(SIGPIPE, SIG_IGN); /* fails for unknown signals only */
    *out_loop = loop;
    return STATUS_OK;
}

void loop_run(struct loop *loop) {
    do {
        if (!loop->stopping) {
            loop->running = true;
            (void)uv_run(&loop->raw, UV_RUN_DEFAULT); /* whether handles are left is asked below */
            loop->running = false;
        }
        /* What happened last before a stop has its end of turn here; that may begin new things. */
        end_turn(loop);
    } while (!loop->stopping && uv_loop_alive(&loop->raw) != 0);
    loop->stopping = false;
}

void loop_stop(struct loop *loop) {
    loop->stopping = true;
    if (loop->running) {
        uv_stop(&loop->raw);
    }
}

/* A child that was killed has its watch closed when it is reaped. */
static void note_open(uv_handle_t *handle, void *owner) {
    bool *any_open = owner;
    const bool waits_for_child =
        uv_handle_get_type(handle) == UV_SIGNAL && ((const uv_signal_t *)handle)->signum == SIGCHLD;
    if (uv_is_closing(handle) == 0 && !waits_for_child) {
        *any_open = true;
    }
}

void loop_destroy(struct loop *loop) {
    if (loop == NULL) {
        return;
    }
    assert(loop->turns == NULL);
    loop->prepare.data = NULL;
    uv_close((uv_handle_t *)&loop->prepare, NULL);
    bool any_open = false;
    uv_walk(&loop->raw, note_open, &any_open);
    assert(!any_open);
    if (any_open) {
        return; /* waiting for it would be for ever: rather lose the memory */
    }
    (void)uv_run(&loop->raw, UV_RUN_DEFAULT);
    const int code = uv_loop_close(&loop->raw);
    assert(code == 0);
    if (code == 0) {
        memory_free(loop);
    }
}

void *loop_raw(struct loop *loop) {
    return &loop->raw;
}

static void timer_rang(uv_timer_t *raw) {
    const struct timer *timer = raw->data;
    timer->ring(timer->owner);
}

status timer_open(struct loop *loop, void (*ring)(void *owner), void *owner,
                  struct timer **out_timer, struct error *err) {
    struct timer *timer = memory_new(1, sizeof *timer);
    if (timer == NULL) {
        return fail(err, STATUS_NO_MEMORY, "make a timer: out of memory");
    }
    (void)uv_timer_init(&loop->raw, &timer->raw); /* cannot fail */
    timer->raw.data = timer;
    timer->ring = ring;
    timer->owner = owner;
    *out_timer = timer;
    return STATUS_OK;
}

void timer_set(struct timer *timer, int64_t after_ms) {
    /* libuv counts from the time at which the turn began, which may be long ago. Moving its clock
     * here would let timers that set each other keep all else from running. */
    const uint64_t now_ms = (uv_hrtime() + NS_PER_MS - 1) / NS_PER_MS;
    const uint64_t turn_ms = uv_now(timer->raw.loop);
    const uint64_t late_ms = now_ms > turn_ms ? now_ms - turn_ms : 0;
    const uint64_t wait_ms = (after_ms > 0 ? (uint64_t)after_ms : 0) + late_ms;
    (void)uv_timer_start(&timer->raw, timer_rang, wait_ms > 0 ? wait_ms : 1, 0);
}

void timer_clear(struct timer *timer) {
    (void)uv_timer_stop(&timer->raw); /* cannot fail */
}

void timer_close(struct timer *timer) {
    if (timer != NULL) {
        uv_close((uv_handle_t *)&timer->raw, free_handle);
    }
}

static void waker_woke(uv_async_t *raw) {
    const struct waker *waker = raw->data;
    waker->woken(waker->owner);
}

status waker_create(struct loop *loop, void (*woken)(void *owner), void *owner,
                    struct waker **out_waker, struct error *err) {
    struct waker *waker = memory_new(1, sizeof *waker);
    if (waker == NULL) {
        return fail(err, STATUS_NO_MEMORY, "make a waker: out of memory");
    }
    const int code = uv_async_init(&loop->raw, &waker->raw, waker_woke);
    if (code != 0) {
        memory_free(waker);
        return fail_errno(err, -code, "make a waker");
    }
    waker->raw.data = waker;
    waker->woken = woken;
    waker->owner = owner;
    *out_waker = waker;
    return STATUS_OK;
}

void waker_wake(struct waker *waker) {
    (void)uv_async_send(&waker->raw); /* fails for a handle of another kind only */
}

void waker_destroy(struct waker *waker) {
    if (waker != NULL) {
        uv_close((uv_handle_t *)&waker->raw, free_handle);
    }
}

/* An error or a hang-up is told like bytes: the caller meets it when it reads. */
static void poll_ready(uv_poll_t *raw, int code, int events) {
    (void)code;
    (void)events;
    const struct poll *poll = raw->data;
    poll->ready(poll->owner);
}

status poll_open(struct loop *loop, int descriptor, bool writable, void (*ready)(void *owner),
                 void *owner, struct poll **out_poll, struct error *err) {
    struct poll *poll = memory_new(1, sizeof *poll);
    if (poll == NULL) {
        return fail(err, STATUS_NO_MEMORY, "watch a descriptor: out of memory");
    }
    int code = uv_poll_init(&loop->raw, &poll->raw, descriptor);
    if (code != 0) {
        memory_free(poll);
        return fail_errno(err, -code, "watch descriptor %d", descriptor);
    }
    poll->raw.data = poll;
    poll->ready = ready;
    poll->owner = owner;
    poll->writable = writable;
    code = uv_poll_start(&poll->raw, UV_READABLE | (writable ? UV_WRITABLE : 0), poll_ready);
    if (code != 0) {
        poll_close(poll);
        return fail_errno(err, -code, "watch descriptor %d", descriptor);
    }
    *out_poll = poll;
    return STATUS_OK;
}

void poll_want_writable(struct poll *poll, bool writable) {
    if (poll->writable != writable) {
        poll->writable = writable;
        /* Cannot fail for a poll that has been started. */
        (void)uv_poll_start(&poll->raw, UV_READABLE | (writable ? UV_WRITABLE : 0), poll_ready);
    }
}

void poll_close(struct poll *poll) {
    if (poll != NULL) {
        uv_close((uv_handle_t *)&poll->raw, free_handle);
    }
}

status turn_create(struct loop *loop, void (*ended)(void *owner), void *owner,
                   struct turn **out_turn, struct error *err) {
    struct turn *turn = memory_new(1, sizeof *turn);
    if (turn == NULL) {
        return fail(err, STATUS_NO_MEMORY, "watch the loop's turns: out of memory");
    }
    *turn = (struct turn){.loop = loop, .ended = ended, .owner = owner};
    struct turn **place = &loop->turns;
    while (*place != NULL) {
        place = &(*place)->next;
    }
    *place = turn;
    *out_turn = turn;
    return STATUS_OK;
}

void turn_destroy(struct turn *turn) {
    if (turn == NULL) {
        return;
    }
    turn->gone = true;
    if (!turn->loop->walking) {
        sweep_turns(turn->loop);
    }
}

void turn_want(struct turn *turn) {
    turn->wanted = true;
    turn->loop->again = true;
}

static void signal_came(uv_signal_t *raw, int number) {
    const struct signal_watch *watch = raw->data;
    watch->received(watch->owner, number);
}

status signal_watch_create(struct loop *loop, int number, void (*received)(void *owner, int number),
                           void *owner, struct signal_watch **out_watch, struct error *err) {
    struct signal_watch *watch = memory_new(1, sizeof *watch);
    if (watch == NULL) {
        return fail(err, STATUS_NO_MEMORY, "watch signal %d: out of memory", number);
    }
    int code = uv_signal_init(&loop->raw, &watch->raw);
    if (code != 0) {
        memory_free(watch);
        return fail_errno(err, -code, "watch signal %d", number);
    }
    watch->raw.data = watch;
    watch->received = received;
    watch->owner = owner;
    code = uv_signal_start(&watch->raw, signal_came, number);
    if (code != 0) {
        signal_watch_destroy(watch);
        return fail_errno(err, -code, "watch signal %d", number);
    }
    *out_watch = watch;
    return STATUS_OK;
}

void signal_watch_destroy(struct signal_watch *watch) {
    if (watch != NULL) {
        uv_close((uv_handle_t *)&watch->raw, free_handle);
    }
}

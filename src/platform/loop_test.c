// SPDX-License-Identifier: Apache-2.0
#include "platform/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"

enum { TRAIL_MAX = 64, PATIENCE_MS = 20000 };

/* What happened, a letter each, and the handles that a test needs at hand. */
struct stage {
    struct loop *loop;
    struct timer *patience; /* ends a test that waits in vain */
    struct timer *timer;
    struct timer *other;
    struct waker *waker;
    struct poll *poll;
    struct turn *turn;
    struct signal_watch *watch;
    char trail[TRAIL_MAX + 1];
    size_t steps;
    int left;
    int pipe[2];
    int64_t began_ns;
};

static int64_t now_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void step(struct stage *stage, char letter) {
    if (stage->steps < TRAIL_MAX) {
        stage->trail[stage->steps++] = letter;
    }
}

static void out_of_patience(void *owner) {
    struct stage *stage = owner;
    step(stage, '!');
    loop_stop(stage->loop);
}

static int set_up(void **state) {
    struct stage *stage = memory_new(1, sizeof *stage);
    assert_non_null(stage);
    struct error err;
    assert_int_equal(loop_create(&stage->loop, &err), STATUS_OK);
    assert_int_equal(timer_open(stage->loop, out_of_patience, stage, &stage->patience, &err),
                     STATUS_OK);
    *state = stage;
    return 0;
}

static int tear_down(void **state) {
    struct stage *stage = *state;
    timer_close(stage->patience);
    timer_close(stage->timer);
    timer_close(stage->other);
    waker_destroy(stage->waker);
    poll_close(stage->poll);
    turn_destroy(stage->turn);
    signal_watch_destroy(stage->watch);
    loop_destroy(stage->loop);
    memory_free(stage);
    return 0;
}

static void test_loop__with_nothing_to_wait_for_returns(void **state) {
    struct stage *stage = *state;
    loop_run(stage->loop);
}

static void test_loop__stopped_before_it_runs_returns_at_once(void **state) {
    struct stage *stage = *state;
    timer_set(stage->patience, PATIENCE_MS);
    loop_stop(stage->loop);
    loop_run(stage->loop);
    assert_string_equal(stage->trail, "");
}

static void ring_and_check(void *owner) {
    struct stage *stage = owner;
    step(stage, 'r');
    assert_true(now_ns() - stage->began_ns >= 30 * 1000000);
}

static void test_timer__rings_once_and_never_early(void **state) {
    struct stage *stage = *state;
    struct error err;
    assert_int_equal(timer_open(stage->loop, ring_and_check, stage, &stage->timer, &err),
                     STATUS_OK);
    stage->began_ns = now_ns();
    timer_set(stage->timer, 30);
    loop_run(stage->loop);
    assert_string_equal(stage->trail, "r");
}

static void ring_after_long_work(void *owner) {
    struct stage *stage = owner;
    const struct timespec nap = {.tv_nsec = 40 * 1000000};
    (void)nanosleep(&nap, NULL);
    stage->began_ns = now_ns();
    timer_set(stage->other, 30);
}

static void test_timer__counts_from_now_and_not_from_the_start_of_the_turn(void **state) {
    struct stage *stage = *state;
    struct error err;
    assert_int_equal(timer_open(stage->loop, ring_after_long_work, stage, &stage->timer, &err),
                     STATUS_OK);
    assert_int_equal(timer_open(stage->loop, ring_and_check, stage, &stage->other, &err),
                     STATUS_OK);
    timer_set(stage->timer, 1);
    loop_run(stage->loop);
    assert_string_equal(stage->trail, "r");
}

static void test_timer__that_was_cleared_does_not_ring(void **state) {
    struct stage *stage = *state;
    struct error err;
    assert_int_equal(timer_open(stage->loop, ring_and_check, stage, &stage->timer, &err),
                     STATUS_OK);
    timer_set(stage->timer, 1);
    timer_clear(stage->timer);
    loop_run(stage->loop);
    assert_string_equal(stage->trail, "");
}

static void ring_again(void *owner) {
    struct stage *stage = owner;
    step(stage, 'a');
    if (stage->left-- > 0) {
        timer_set(stage->timer, 0);
    } else {
        loop_stop(stage->loop);
    }
}

static void take_bytes(void *owner) {
    struct stage *stage = owner;
    char byte = 0;
    if (read(stage->pipe[0], &byte, 1) == 1) {
        step(stage, byte);
        stage->left = 0;
    }
}

static void test_timer__that_sets_itself_leaves_descriptors_their_turn(void **state) {
    struct stage *stage = *state;
    struct error err;
    assert_int_equal(pipe(stage->pipe), 0);
    assert_int_equal(
        poll_open(stage->loop, stage->pipe[0], false, take_bytes, stage, &stage->poll, &err),
        STATUS_OK);
    assert_int_equal(timer_open(stage->loop, ring_again, stage, &stage->timer, &err), STATUS_OK);
    assert_int_equal(write(stage->pipe[1], "x", 1), 1);
    stage->left = 1000000;
    timer_set(stage->timer, 0);
    loop_run(stage->loop);
    assert_non_null(strchr(stage->trail, 'x'));
    (void)close(stage->pipe[0]);
    (void)close(stage->pipe[1]);
}

static void ring_and_close_both(void *owner) {
    struct stage *stage = owner;
    step(stage, 'c');
    timer_close(stage->timer);
    timer_close(stage->other);
    stage->timer = NULL;
    stage->other = NULL;
}

static void test_timer__closed_in_a_ring_never_rings_again(void **state) {
    struct stage *stage = *state;
    struct error err;
    assert_int_equal(timer_open(stage->loop, ring_and_close_both, stage, &stage->timer, &err),
                     STATUS_OK);
    assert_int_equal(timer_open(stage->loop, ring_and_close_both, stage, &stage->other, &err),
                     STATUS_OK);
    timer_set(stage->timer, 1);
    timer_set(stage->other, 1);
    loop_run(stage->loop);
    assert_string_equal(stage->trail, "c");
}

static void woken_and_stop(void *owner) {
    struct stage *stage = owner;
    step(stage, 'w');
    loop_stop(stage->loop);
}

static void *wake_many_times(void *argument) {
    struct stage *stage = argument;
    for (int i = 0; i < 100; i++) {
        waker_wake(stage->waker);
    }
    return NULL;
}

static void test_waker__wakes_from_another_thread(void **state) {
    struct stage *stage = *state;
    struct error err;
    pthread_t thread;
    assert_int_equal(waker_create(stage->loop, woken_and_stop, stage, &stage->waker, &err),
                     STATUS_OK);
    timer_set(stage->patience, PATIENCE_MS);
    assert_int_equal(pthread_create(&thread, NULL, wake_many_times, stage), 0);
    loop_run(stage->loop);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(stage->trail[0], 'w');
    assert_null(strchr(stage->trail, '!'));
}

static void test_poll__calls_while_there_are_bytes(void **state) {
    struct stage *stage = *state;
    struct error err;
    assert_int_equal(pipe(stage->pipe), 0);
    assert_int_equal(
        poll_open(stage->loop, stage->pipe[0], false, take_bytes, stage, &stage->poll, &err),
        STATUS_OK);
    assert_int_equal(write(stage->pipe[1], "abc", 3), 3);
    timer_set(stage->patience, 100);
    loop_run(stage->loop);
    assert_string_equal(stage->trail, "abc!");
    poll_close(stage->poll);
    stage->poll = NULL;
    (void)close(stage->pipe[0]);
    (void)close(stage->pipe[1]);
}

static void test_poll__of_a_closed_descriptor_is_refused_with_its_number(void **state) {
    struct stage *stage = *state;
    struct error err;
    assert_int_equal(pipe(stage->pipe), 0);
    (void)close(stage->pipe[0]);
    (void)close(stage->pipe[1]);
    assert_int_equal(
        poll_open(stage->loop, stage->pipe[0], false, take_bytes, stage, &stage->poll, &err),
        STATUS_SYSTEM);
    assert_non_null(strstr(err.text, "watch descriptor"));
    assert_null(stage->poll);
}

static void turn_ended(void *owner) {
    step(owner, 't');
}

static void test_turn__ends_after_what_happened_and_before_the_loop_returns(void **state) {
    struct stage *stage = *state;
    struct error err;
    assert_int_equal(turn_create(stage->loop, turn_ended, stage, &stage->turn, &err), STATUS_OK);
    assert_int_equal(waker_create(stage->loop, woken_and_stop, stage, &stage->waker, &err),
                     STATUS_OK);
    timer_set(stage->patience, PATIENCE_MS);
    waker_wake(stage->waker);
    loop_run(stage->loop);
    const char *woken = strchr(stage->trail, 'w');
    assert_non_null(woken);
    assert_string_equal(woken, "wt");
}

static void turn_ended_sets_a_timer(void *owner) {
    struct stage *stage = owner;
    step(stage, 't');
    if (stage->left-- > 0) {
        timer_set(stage->timer, 1);
    }
}

static void ring(void *owner) {
    step(owner, 'r');
}

static void test_turn__that_begins_something_keeps_the_loop_running(void **state) {
    struct stage *stage = *state;
    struct error err;
    assert_int_equal(timer_open(stage->loop, ring, stage, &stage->timer, &err), STATUS_OK);
    assert_int_equal(turn_create(stage->loop, turn_ended_sets_a_timer, stage, &stage->turn, &err),
                     STATUS_OK);
    stage->left = 1;
    loop_run(stage->loop);
    const char *rang = strchr(stage->trail, 'r');
    assert_non_null(rang);
    assert_non_null(strchr(rang, 't'));
}

static void turn_ended_wants_the_first(void *owner) {
    struct stage *stage = owner;
    step(stage, '2');
    if (stage->left-- > 0) {
        turn_want(stage->turn);
    }
}

static void test_turn__that_a_later_one_wants_is_called_again_before_the_loop_sleeps(void **state) {
    struct stage *stage = *state;
    struct error err;
    struct turn *second = NULL;
    assert_int_equal(turn_create(stage->loop, turn_ended, stage, &stage->turn, &err), STATUS_OK);
    assert_int_equal(turn_create(stage->loop, turn_ended_wants_the_first, stage, &second, &err),
                     STATUS_OK);
    stage->left = 1;
    loop_run(stage->loop);
    assert_string_equal(stage->trail, "t2t");
    turn_destroy(second);
}

static void turn_ended_once(void *owner) {
    struct stage *stage = owner;
    step(stage, 'o');
    turn_destroy(stage->turn);
    stage->turn = NULL;
}

static void test_turn__destroyed_in_its_own_call_is_not_called_again(void **state) {
    struct stage *stage = *state;
    struct error err;
    assert_int_equal(turn_create(stage->loop, turn_ended_once, stage, &stage->turn, &err),
                     STATUS_OK);
    timer_set(stage->patience, 5);
    loop_run(stage->loop);
    assert_string_equal(stage->trail, "o!");
}

static void signal_received(void *owner, int number) {
    struct stage *stage = owner;
    step(stage, number == SIGUSR1 ? 's' : '?');
    loop_stop(stage->loop);
}

static void test_signal__arrives_on_the_loop(void **state) {
    struct stage *stage = *state;
    struct error err;
    assert_int_equal(
        signal_watch_create(stage->loop, SIGUSR1, signal_received, stage, &stage->watch, &err),
        STATUS_OK);
    timer_set(stage->patience, PATIENCE_MS);
    assert_int_equal(raise(SIGUSR1), 0);
    loop_run(stage->loop);
    assert_string_equal(stage->trail, "s");
}

static void test_signal__that_cannot_be_watched_is_refused(void **state) {
    struct stage *stage = *state;
    struct error err;
    assert_int_not_equal(
        signal_watch_create(stage->loop, SIGKILL, signal_received, stage, &stage->watch, &err),
        STATUS_OK);
    assert_non_null(strstr(err.text, "watch signal 9"));
}

static void test_loop__a_reader_that_went_is_an_error_of_write(void **state) {
    struct stage *stage = *state;
    assert_int_equal(pipe(stage->pipe), 0);
    (void)close(stage->pipe[0]);
    assert_int_equal(write(stage->pipe[1], "x", 1), -1);
    (void)close(stage->pipe[1]);
}

static void test_loop__every_failed_allocation_is_said(void **state) {
    struct stage *stage = *state;
    struct error err;
    struct loop *loop = NULL;
    (void)memory_fail_at(0, 1);
    const status codes[] = {
        loop_create(&loop, &err),
        timer_open(stage->loop, ring, stage, &stage->timer, &err),
        waker_create(stage->loop, ring, stage, &stage->waker, &err),
        poll_open(stage->loop, 0, false, ring, stage, &stage->poll, &err),
        turn_create(stage->loop, ring, stage, &stage->turn, &err),
        signal_watch_create(stage->loop, SIGUSR1, signal_received, stage, &stage->watch, &err),
    };
    (void)memory_fail_at(-1, 0);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        assert_int_equal(codes[i], STATUS_NO_MEMORY);
    }
    assert_null(loop);
}

int main(void) {
#define STAGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STAGED(test_loop__with_nothing_to_wait_for_returns),
        STAGED(test_loop__stopped_before_it_runs_returns_at_once),
        STAGED(test_timer__rings_once_and_never_early),
        STAGED(test_timer__counts_from_now_and_not_from_the_start_of_the_turn),
        STAGED(test_timer__that_was_cleared_does_not_ring),
        STAGED(test_timer__that_sets_itself_leaves_descriptors_their_turn),
        STAGED(test_timer__closed_in_a_ring_never_rings_again),
        STAGED(test_waker__wakes_from_another_thread),
        STAGED(test_poll__calls_while_there_are_bytes),
        STAGED(test_poll__of_a_closed_descriptor_is_refused_with_its_number),
        STAGED(test_turn__ends_after_what_happened_and_before_the_loop_returns),
        STAGED(test_turn__that_begins_something_keeps_the_loop_running),
        STAGED(test_turn__that_a_later_one_wants_is_called_again_before_the_loop_sleeps),
        STAGED(test_turn__destroyed_in_its_own_call_is_not_called_again),
        STAGED(test_signal__arrives_on_the_loop),
        STAGED(test_signal__that_cannot_be_watched_is_refused),
        STAGED(test_loop__a_reader_that_went_is_an_error_of_write),
        STAGED(test_loop__every_failed_allocation_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

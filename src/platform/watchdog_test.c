// SPDX-License-Identifier: Apache-2.0
#include "platform/watchdog.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include "platform/clock.h"

enum { PATIENCE_MS = 20000, WORK = 2000 };
static const int64_t MS = 1000000;

struct stage {
    struct loop *loop;
    struct timer *patience;
    struct watchdog *dog;
    bool impatient;
};

/* What is watched; the loop stops when nothing more is to be late. */
struct task {
    struct stage *stage;
    struct watched watched;
    atomic_int late;
    bool last;
};

static void out_of_patience(void *owner) {
    struct stage *stage = owner;
    stage->impatient = true;
    loop_stop(stage->loop);
}

static void is_late(void *thing) {
    struct task *task = thing;
    atomic_fetch_add(&task->late, 1);
    if (task->last) {
        loop_stop(task->stage->loop);
    }
}

static struct stage the_stage;

static int set_up(void **state) {
    struct stage *stage = &the_stage;
    struct error err;
    *stage = (struct stage){0};
    assert_int_equal(loop_create(&stage->loop, &err), STATUS_OK);
    assert_int_equal(timer_open(stage->loop, out_of_patience, stage, &stage->patience, &err),
                     STATUS_OK);
    timer_set(stage->patience, PATIENCE_MS);
    assert_int_equal(watchdog_create(stage->loop, is_late, &stage->dog, &err), STATUS_OK);
    *state = stage;
    return 0;
}

static int tear_down(void **state) {
    struct stage *stage = *state;
    assert_false(stage->impatient);
    watchdog_destroy(stage->dog);
    timer_close(stage->patience);
    loop_destroy(stage->loop);
    return 0;
}

static void begin(struct stage *stage, struct task *task, int64_t in_ms) {
    task->stage = stage;
    task->watched = (struct watched){.thing = task, .deadline_ns = clock_boot_ns() + in_ms * MS};
    watchdog_begin(stage->dog, &task->watched);
}

static void test_watchdog__who_is_late_is_told_once_and_others_are_not(void **state) {
    struct stage *stage = *state;
    struct task slow = {0};
    struct task slower = {.last = true};
    struct task quick = {0};
    struct task patient = {0};
    begin(stage, &slower, 40);
    begin(stage, &slow, 5);
    begin(stage, &quick, 10);
    begin(stage, &patient, 3600 * 1000);
    watchdog_end(stage->dog, &quick.watched);
    loop_run(stage->loop);
    assert_int_equal(slow.late, 1);
    assert_int_equal(slower.late, 1);
    assert_int_equal(quick.late, 0);
    assert_int_equal(patient.late, 0);
    watchdog_end(stage->dog, &slow.watched);
    watchdog_end(stage->dog, &slower.watched);
    watchdog_end(stage->dog, &patient.watched);
}

static void test_watchdog__after_a_quiet_time_it_watches_again(void **state) {
    struct stage *stage = *state;
    for (int i = 0; i < 3; i++) {
        struct task task = {.last = true};
        begin(stage, &task, 1);
        loop_run(stage->loop);
        assert_int_equal(task.late, 1);
        watchdog_end(stage->dog, &task.watched);
    }
}

static void *work(void *owner) {
    struct stage *stage = owner;
    for (int i = 0; i < WORK; i++) {
        struct task task = {0};
        begin(stage, &task, i % 3 == 0 ? 0 : 1000);
        watchdog_end(stage->dog, &task.watched);
        assert_true(task.late <= 1);
    }
    struct task last = {.last = true};
    begin(stage, &last, 1);
    while (last.late == 0) {
        (void)sched_yield();
    }
    watchdog_end(stage->dog, &last.watched);
    return NULL;
}

static void test_watchdog__workers_come_and_go(void **state) {
    struct stage *stage = *state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, work, stage), 0);
    loop_run(stage->loop);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void test_watchdog__in_a_hurry_everything_is_late(void **state) {
    struct stage *stage = *state;
    struct task before = {0};
    struct task after = {0};
    begin(stage, &before, 3600 * 1000);
    watchdog_hurry(stage->dog);
    begin(stage, &after, 3600 * 1000);
    assert_int_equal(before.late, 1);
    assert_int_equal(after.late, 1);
    watchdog_hurry(stage->dog);
    watchdog_end(stage->dog, &before.watched);
    watchdog_end(stage->dog, &after.watched);
    assert_int_equal(before.late + after.late, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_watchdog__who_is_late_is_told_once_and_others_are_not,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_watchdog__after_a_quiet_time_it_watches_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_watchdog__workers_come_and_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_watchdog__in_a_hurry_everything_is_late, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

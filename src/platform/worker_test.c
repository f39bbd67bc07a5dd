// SPDX-License-Identifier: Apache-2.0
#include "platform/worker.h"

#include <assert.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/memory.h"

enum { JOBS = 1000, PATIENCE_MS = 20000, NAPS_MAX = 10000 };

struct stage;

struct task {
    struct job job; /* first: the pool hands back its address */
    struct stage *stage;
    pthread_t worked_by;
    pthread_t done_by;
    int place; /* in the order of work */
    int times_done;
    bool signals_blocked;
};

struct stage {
    struct loop *loop;
    struct timer *patience;
    struct pool *pool;
    struct task tasks[JOBS];
    int wanted; /* answers until the loop stops */
    int came;
    int again;
    bool impatient;
    pthread_mutex_t lock; /* of what follows */
    int worked;
    bool begun;
    bool in_vain;
};

static void out_of_patience(void *owner) {
    struct stage *stage = owner;
    stage->impatient = true;
    loop_stop(stage->loop);
}

static int set_up(void **state) {
    struct stage *stage = memory_new(1, sizeof *stage);
    assert_non_null(stage);
    struct error err;
    assert_int_equal(loop_create(&stage->loop, &err), STATUS_OK);
    assert_int_equal(timer_open(stage->loop, out_of_patience, stage, &stage->patience, &err),
                     STATUS_OK);
    timer_set(stage->patience, PATIENCE_MS);
    assert_int_equal(pthread_mutex_init(&stage->lock, NULL), 0);
    *state = stage;
    return 0;
}

static int tear_down(void **state) {
    struct stage *stage = *state;
    pool_destroy(stage->pool);
    timer_close(stage->patience);
    loop_destroy(stage->loop);
    (void)pthread_mutex_destroy(&stage->lock);
    memory_free(stage);
    return 0;
}

static void work(struct job *job, int worker) {
    struct task *task = (struct task *)job;
    assert(worker >= 0 && worker < POOL_WORKERS_MAX);
    sigset_t mask;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
    task->signals_blocked = sigismember(&mask, SIGTERM) == 1;
    task->worked_by = pthread_self();
    (void)pthread_mutex_lock(&task->stage->lock);
    task->place = task->stage->worked++;
    (void)pthread_mutex_unlock(&task->stage->lock);
}

static void done(struct job *job) {
    struct task *task = (struct task *)job;
    struct stage *stage = task->stage;
    task->done_by = pthread_self();
    task->times_done++;
    if (++stage->came == stage->wanted) {
        loop_stop(stage->loop);
    }
}

static struct task *submit(struct stage *stage, int index) {
    struct task *task = &stage->tasks[index];
    task->job.work = work;
    task->job.done = done;
    task->stage = stage;
    pool_submit(stage->pool, &task->job);
    return task;
}

static void test_pool__works_elsewhere_and_answers_on_the_loop(void **state) {
    struct stage *stage = *state;
    struct error err;
    assert_int_equal(pool_create(stage->loop, 0, &stage->pool, &err), STATUS_OK);
    assert_in_range(pool_workers(stage->pool), 1, POOL_WORKERS_MAX);
    stage->wanted = 1;
    const struct task *task = submit(stage, 0);
    loop_run(stage->loop);
    assert_int_equal(task->times_done, 1);
    assert_true(pthread_equal(task->done_by, pthread_self()));
    assert_false(pthread_equal(task->worked_by, pthread_self()));
    assert_true(task->signals_blocked);
}

static void test_pool__gives_every_job_back_once(void **state) {
    struct stage *stage = *state;
    struct error err;
    assert_int_equal(pool_create(stage->loop, 0, &stage->pool, &err), STATUS_OK);
    stage->wanted = JOBS;
    for (int i = 0; i < JOBS; i++) {
        (void)submit(stage, i);
    }
    loop_run(stage->loop);
    assert_false(stage->impatient);
    for (int i = 0; i < JOBS; i++) {
        assert_int_equal(stage->tasks[i].times_done, 1);
    }
}

static void test_pool__of_one_worker_takes_jobs_in_order(void **state) {
    struct stage *stage = *state;
    struct error err;
    assert_int_equal(pool_create(stage->loop, 1, &stage->pool, &err), STATUS_OK);
    assert_int_equal(pool_workers(stage->pool), 1);
    stage->wanted = JOBS;
    for (int i = 0; i < JOBS; i++) {
        (void)submit(stage, i);
    }
    loop_run(stage->loop);
    for (int i = 0; i < JOBS; i++) {
        assert_int_equal(stage->tasks[i].place, i);
    }
}

static void done_and_again(struct job *job) {
    struct task *task = (struct task *)job;
    struct stage *stage = task->stage;
    task->times_done++;
    if (stage->again-- > 0) {
        pool_submit(stage->pool, job);
    } else {
        loop_stop(stage->loop);
    }
}

static void test_pool__takes_a_job_again_that_was_just_done(void **state) {
    struct stage *stage = *state;
    struct error err;
    assert_int_equal(pool_create(stage->loop, 0, &stage->pool, &err), STATUS_OK);
    struct task *task = &stage->tasks[0];
    *task = (struct task){.job = {.work = work, .done = done_and_again}, .stage = stage};
    stage->again = JOBS;
    pool_submit(stage->pool, &task->job);
    loop_run(stage->loop);
    assert_false(stage->impatient);
    assert_int_equal(task->times_done, JOBS + 1);
}

static void work_long(struct job *job, int worker) {
    struct stage *stage = ((struct task *)job)->stage;
    (void)pthread_mutex_lock(&stage->lock);
    stage->begun = true;
    (void)pthread_mutex_unlock(&stage->lock);
    const struct timespec nap = {.tv_nsec = 30 * 1000000};
    (void)nanosleep(&nap, NULL);
    work(job, worker);
}

static bool has_begun(struct stage *stage) {
    (void)pthread_mutex_lock(&stage->lock);
    const bool begun = stage->begun;
    (void)pthread_mutex_unlock(&stage->lock);
    return begun;
}

static void test_pool__destroyed_finishes_what_was_begun_and_begins_no_more(void **state) {
    struct stage *stage = *state;
    struct error err;
    assert_int_equal(pool_create(stage->loop, 1, &stage->pool, &err), STATUS_OK);
    struct task *task = &stage->tasks[0];
    *task = (struct task){.job = {.work = work_long, .done = done}, .stage = stage};
    pool_submit(stage->pool, &task->job);
    (void)submit(stage, 1);
    while (!has_begun(stage)) {
        timer_set(stage->patience, 1); /* a turn of the loop hands the jobs over */
        loop_run(stage->loop);
    }
    pool_destroy(stage->pool);
    stage->pool = NULL;
    assert_int_equal(stage->worked, 1);
    timer_set(stage->patience, 1);
    loop_run(stage->loop);
    assert_int_equal(stage->came, 0);
}

/* Waits on its worker until all other jobs have been worked, or in vain. */
static void work_last(struct job *job, int worker) {
    struct stage *stage = ((struct task *)job)->stage;
    (void)worker;
    bool over = false;
    for (int naps = 0; !over && naps < NAPS_MAX; naps++) {
        const struct timespec nap = {.tv_nsec = 1000000};
        (void)nanosleep(&nap, NULL);
        (void)pthread_mutex_lock(&stage->lock);
        over = stage->worked >= stage->wanted - 1;
        stage->in_vain = !over;
        (void)pthread_mutex_unlock(&stage->lock);
    }
}

static void test_pool__keeps_no_job_behind_a_long_one_while_a_worker_is_idle(void **state) {
    struct stage *stage = *state;
    struct error err;
    assert_int_equal(pool_create(stage->loop, 2, &stage->pool, &err), STATUS_OK);
    if (pool_workers(stage->pool) < 2) {
        print_message("one core has one worker\n");
        skip();
    }
    stage->wanted = 100;
    struct task *task = &stage->tasks[0];
    *task = (struct task){.job = {.work = work_last, .done = done}, .stage = stage};
    pool_submit(stage->pool, &task->job);
    for (int i = 1; i < stage->wanted; i++) {
        (void)submit(stage, i);
    }
    loop_run(stage->loop);
    assert_false(stage->in_vain);
    assert_int_equal(stage->came, stage->wanted);
}

/* Says on the loop that the first job was answered. */
static void done_and_tell(struct job *job) {
    struct stage *stage = ((struct task *)job)->stage;
    (void)pthread_mutex_lock(&stage->lock);
    stage->worked = stage->wanted;
    (void)pthread_mutex_unlock(&stage->lock);
    done(job);
}

static void test_pool__keeps_no_answer_back_until_the_next_job_is_done(void **state) {
    struct stage *stage = *state;
    struct error err;
    assert_int_equal(pool_create(stage->loop, 1, &stage->pool, &err), STATUS_OK);
    stage->wanted = 3; /* so that the second waits for the loop */
    stage->tasks[0] = (struct task){.job = {.work = work, .done = done_and_tell}, .stage = stage};
    stage->tasks[1] = (struct task){.job = {.work = work_last, .done = done}, .stage = stage};
    pool_submit(stage->pool, &stage->tasks[0].job);
    pool_submit(stage->pool, &stage->tasks[1].job);
    stage->came = 1; /* the third of three */
    loop_run(stage->loop);
    assert_false(stage->in_vain);
    assert_int_equal(stage->tasks[1].times_done, 1);
}

static void submit_once(void *owner) {
    struct stage *stage = owner;
    if (stage->again-- > 0) {
        (void)submit(stage, 0);
    }
}

static void test_pool__takes_what_a_later_turn_submits(void **state) {
    struct stage *stage = *state;
    struct error err;
    struct turn *later = NULL;
    assert_int_equal(pool_create(stage->loop, 1, &stage->pool, &err), STATUS_OK);
    assert_int_equal(turn_create(stage->loop, submit_once, stage, &later, &err), STATUS_OK);
    stage->again = 1;
    stage->wanted = 1;
    loop_run(stage->loop);
    turn_destroy(later);
    assert_false(stage->impatient);
    assert_int_equal(stage->came, 1);
}

static void test_pool__without_memory_is_refused(void **state) {
    struct stage *stage = *state;
    struct error err;
    for (long index = 0; stage->pool == NULL; index++) {
        (void)memory_fail_at(index, 0);
        const status code = pool_create(stage->loop, 0, &stage->pool, &err);
        (void)memory_fail_at(-1, 0);
        assert_int_equal(code, stage->pool == NULL ? STATUS_NO_MEMORY : STATUS_OK);
        assert_true(index > 0 || stage->pool == NULL);
    }
}

int main(void) {
#define STAGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STAGED(test_pool__works_elsewhere_and_answers_on_the_loop),
        STAGED(test_pool__gives_every_job_back_once),
        STAGED(test_pool__of_one_worker_takes_jobs_in_order),
        STAGED(test_pool__takes_a_job_again_that_was_just_done),
        STAGED(test_pool__destroyed_finishes_what_was_begun_and_begins_no_more),
        STAGED(test_pool__keeps_no_job_behind_a_long_one_while_a_worker_is_idle),
        STAGED(test_pool__keeps_no_answer_back_until_the_next_job_is_done),
        STAGED(test_pool__takes_what_a_later_turn_submits),
        STAGED(test_pool__without_memory_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

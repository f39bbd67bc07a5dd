// SPDX-License-Identifier: Apache-2.0
#include "platform/worker.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/memory.h"
#include "platform/processor.h"

enum { THREAD_NAME_BYTES = 16, HAND_OVER_AT = 32 };

/* Jobs in the order in which they came. */
struct line {
    struct job *first;
    struct job **last; /* where the next one goes */
};

struct worker {
    struct pool *pool; /* not owned */
    pthread_t thread;
    int index;
};

struct pool {
    struct waker *waker;
    struct turn *turn;
    struct worker workers[POOL_WORKERS_MAX];
    int count;         /* of workers that run */
    bool delivering;   /* the loop's alone, as is the next */
    size_t pending;    /* submitted, and `done` not called yet */
    struct line fresh; /* submitted in this turn: handed over once, at its end */
    size_t fresh_count;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t work_came;
    struct line waiting;
    struct line answers;
    int idle;
    bool stopping;
};

static void line_init(struct line *line) {
    line->first = NULL;
    line->last = &line->first;
}

static void line_put(struct line *line, struct job *job) {
    job->next = NULL;
    *line->last = job;
    line->last = &job->next;
}

static struct job *line_take(struct line *line) {
    struct job *job = line->first;
    if (job != NULL) {
        line->first = job->next;
        if (line->first == NULL) {
            line->last = &line->first;
        }
    }
    return job;
}

static void line_append(struct line *line, struct line *more) {
    if (more->first != NULL) {
        *line->last = more->first;
        line->last = more->last;
        line_init(more);
    }
}

/* Under the lock: the next job, or NULL when the pool stops. One at a time: nobody knows how long a
 * job takes, and what one worker holds waits while another sleeps. */
static struct job *wait_for_job(struct pool *pool) {
    while (!pool->stopping && pool->waiting.first == NULL) {
        pool->idle++;
        (void)pthread_cond_wait(&pool->work_came, &pool->lock);
        pool->idle--;
    }
    return pool->stopping ? NULL : line_take(&pool->waiting);
}

static void *worker_run(void *argument) {
    struct worker *worker = argument;
    struct pool *pool = worker->pool;
    (void)pthread_mutex_lock(&pool->lock);
    for (struct job *job = wait_for_job(pool); job != NULL; job = wait_for_job(pool)) {
        (void)pthread_mutex_unlock(&pool->lock);
        job->work(job, worker->index);
        (void)pthread_mutex_lock(&pool->lock);

        /* Answers that already lie there have had their wake-up. */
        const bool first = pool->answers.first == NULL;
        line_put(&pool->answers, job);
        if (first) {
            waker_wake(pool->waker);
        }
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static void deliver(void *owner) {
    struct pool *pool = owner;
    (void)pthread_mutex_lock(&pool->lock);
    struct job *job = pool->answers.first;
    line_init(&pool->answers);
    (void)pthread_mutex_unlock(&pool->lock);

    pool->delivering = true;
    while (job != NULL) {
        struct job *next = job->next; /* `done` may free the job or submit it anew */
        pool->pending--;
        job->done(job);
        job = next;
    }
    pool->delivering = false;
}

static status start_worker(struct pool *pool, struct error *err) {
    struct worker *worker = &pool->workers[pool->count];
    worker->pool = pool;
    worker->index = pool->count;

    /* A thread is born with its maker's mask: signals are the loop thread's. */
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int code = pthread_create(&worker->thread, NULL, worker_run, worker);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0) {
        return fail_errno(err, code, "start worker %d", worker->index);
    }
    char name[THREAD_NAME_BYTES];
    (void)snprintf(name, sizeof name, "ebb-worker-%d", worker->index);
    (void)pthread_setname_np(worker->thread, name); /* for people who look; it may fail */
    pool->count++;
    return STATUS_OK;
}

/* What a turn submits wakes the workers once. */
static void hand_over(void *owner) {
    struct pool *pool = owner;
    if (pool->fresh_count == 0) {
        return;
    }
    (void)pthread_mutex_lock(&pool->lock);
    line_append(&pool->waiting, &pool->fresh);
    const bool many = pool->fresh_count > 1;
    const bool sleeping = pool->idle > 0;
    pool->fresh_count = 0;
    (void)pthread_mutex_unlock(&pool->lock);
    if (sleeping && many) {
        (void)pthread_cond_broadcast(&pool->work_came);
    } else if (sleeping) {
        (void)pthread_cond_signal(&pool->work_came);
    }
}

status pool_create(struct loop *loop, int workers_max, struct pool **out_pool, struct error *err) {
    struct pool *pool = memory_new(1, sizeof *pool);
    if (pool == NULL) {
        return fail(err, STATUS_NO_MEMORY, "start workers: out of memory");
    }
    (void)pthread_mutex_init(&pool->lock, NULL); /* cannot fail without attributes */
    (void)pthread_cond_init(&pool->work_came, NULL);
    line_init(&pool->waiting);
    line_init(&pool->answers);
    line_init(&pool->fresh);

    status code = waker_create(loop, deliver, pool, &pool->waker, err);
    if (code == STATUS_OK) {
        code = turn_create(loop, hand_over, pool, &pool->turn, err);
    }
    const int most =
        workers_max > 0 && workers_max < POOL_WORKERS_MAX ? workers_max : POOL_WORKERS_MAX;
    const int wanted = processor_cores(most);
    while (code == STATUS_OK && pool->count < wanted) {
        code = start_worker(pool, err);
    }
    if (code != STATUS_OK) {
        pool_destroy(pool);
        return code;
    }
    *out_pool = pool;
    return STATUS_OK;
}

int pool_workers(const struct pool *pool) {
    return pool->count;
}

void pool_submit(struct pool *pool, struct job *job) {
    assert(job->work != NULL && job->done != NULL);
    pool->pending++;
    line_put(&pool->fresh, job);
    pool->fresh_count++;
    if (pool->fresh_count == 1) {
        turn_want(pool->turn);
    } else if (pool->fresh_count >= HAND_OVER_AT) {
        hand_over(pool); /* a long turn keeps nobody waiting */
    }
}

bool pool_is_idle(const struct pool *pool) {
    return pool->pending == 0;
}

void pool_destroy(struct pool *pool) {
    if (pool == NULL) {
        return;
    }
    assert(!pool->delivering);
    (void)pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    (void)pthread_cond_broadcast(&pool->work_came);
    (void)pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->count; i++) {
        (void)pthread_join(pool->workers[i].thread, NULL);
    }
    turn_destroy(pool->turn);
    waker_destroy(pool->waker);
    (void)pthread_cond_destroy(&pool->work_came);
    (void)pthread_mutex_destroy(&pool->lock);
    memory_free(pool);
}

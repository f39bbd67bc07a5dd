// SPDX-License-Identifier: Apache-2.0
#include "platform/watchdog.h"

#include <assert.h>
#include <pthread.h>

#include "base/memory.h"
#include "platform/clock.h"

struct watchdog {
    struct timer *timer; /* owned; the loop's, as is the next */
    struct waker *waker; /* owned */
    void (*late)(void *thing);

    pthread_mutex_t lock; /* of what follows */
    struct watched *first;
    bool hurried;
    int64_t rings_ns; /* when the loop will look again; INT64_MAX: not by itself */
};

static void put(struct watchdog *dog, struct watched *watched) {
    watched->next = dog->first;
    watched->place = &dog->first;
    if (dog->first != NULL) {
        dog->first->place = &watched->next;
    }
    dog->first = watched;
}

static void take_out(struct watched *watched) {
    if (watched->place != NULL) {
        *watched->place = watched->next;
        if (watched->next != NULL) {
            watched->next->place = watched->place;
        }
        watched->place = NULL;
    }
}

/* On the loop: tells of what is late, and comes back when the next will be. */
static void look(void *owner) {
    struct watchdog *dog = owner;
    const int64_t now = clock_boot_ns();
    (void)pthread_mutex_lock(&dog->lock);
    int64_t next_ns = INT64_MAX;
    for (struct watched *at = dog->first; at != NULL;) {
        struct watched *watched = at;
        at = at->next;
        if (watched->deadline_ns <= now) {
            take_out(watched);
            dog->late(watched->thing);
        } else if (watched->deadline_ns < next_ns) {
            next_ns = watched->deadline_ns;
        }
    }
    dog->rings_ns = next_ns;
    (void)pthread_mutex_unlock(&dog->lock);
    if (next_ns == INT64_MAX) {
        timer_clear(dog->timer);
    } else {
        timer_set(dog->timer, (next_ns - now) / 1000000 + 1);
    }
}

status watchdog_create(struct loop *loop, void (*late)(void *thing), struct watchdog **out_dog,
                       struct error *err) {
    struct watchdog *dog = memory_new(1, sizeof(*dog));
    if (dog == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for deadlines");
    }
    if (pthread_mutex_init(&dog->lock, NULL) != 0) {
        memory_free(dog);
        return fail(err, STATUS_SYSTEM, "no lock for deadlines");
    }
    dog->late = late;
    dog->rings_ns = INT64_MAX;
    status code = timer_open(loop, look, dog, &dog->timer, err);
    if (code == STATUS_OK) {
        code = waker_create(loop, look, dog, &dog->waker, err);
    }
    if (code != STATUS_OK) {
        watchdog_destroy(dog);
        return code;
    }
    *out_dog = dog;
    return STATUS_OK;
}

void watchdog_destroy(struct watchdog *dog) {
    if (dog == NULL) {
        return;
    }
    assert(dog->first == NULL);
    waker_destroy(dog->waker);
    timer_close(dog->timer);
    (void)pthread_mutex_destroy(&dog->lock);
    memory_free(dog);
}

void watchdog_begin(struct watchdog *dog, struct watched *watched) {
    (void)pthread_mutex_lock(&dog->lock);
    watched->place = NULL;
    if (dog->hurried) {
        dog->late(watched->thing);
    } else {
        put(dog, watched);
    }
    const bool sooner = !dog->hurried && watched->deadline_ns < dog->rings_ns;
    if (sooner) {
        dog->rings_ns = watched->deadline_ns;
    }
    (void)pthread_mutex_unlock(&dog->lock);
    if (sooner) {
        waker_wake(dog->waker);
    }
}

void watchdog_end(struct watchdog *dog, struct watched *watched) {
    (void)pthread_mutex_lock(&dog->lock);
    take_out(watched);
    (void)pthread_mutex_unlock(&dog->lock);
}

void watchdog_hurry(struct watchdog *dog) {
    (void)pthread_mutex_lock(&dog->lock);
    dog->hurried = true;
    while (dog->first != NULL) {
        struct watched *watched = dog->first;
        take_out(watched);
        dog->late(watched->thing);
    }
    (void)pthread_mutex_unlock(&dog->lock);
}

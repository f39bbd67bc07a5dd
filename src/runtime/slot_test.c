// SPDX-License-Identifier: Apache-2.0
/* A slot's queue, without a daemon: the workflow here is nothing but its queue's policy. */
#include "runtime/slot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct bench {
    struct workflow workflow;
    struct version version;
    struct slot *slot;
};

static struct slot *make(struct bench *bench, struct queue_policy policy) {
    *bench = (struct bench){.workflow = {.queue = policy}, .version = {.owners = 1}};
    bench->version.workflow = &bench->workflow;
    bench->slot = slot_create(NULL, SLICE("inbox"));
    assert_non_null(bench->slot);
    bench->slot->version = &bench->version;
    bench->slot->state = SLOT_RUNNING;
    return bench->slot;
}

static void clear(struct bench *bench) {
    bench->slot->version = NULL;
    slot_destroy(bench->slot);
}

/* An event whose hash is its name. */
static struct event *event_of(uint64_t name) {
    struct event *event = event_new();
    assert_non_null(event);
    event->seen_hash = name;
    return event;
}

/* Queues events 1 to `count`; what was dropped and what is left, in order, as digits. */
static void queue(struct slot *slot, uint64_t count, char *dropped, char *left) {
    struct event *out;
    for (uint64_t i = 1; i <= count; i++) {
        slot_queue(slot, event_of(i), &out);
        if (out != NULL) {
            *dropped++ = (char)('0' + out->seen_hash);
            event_destroy(out);
        }
    }
    *dropped = '\0';
    while ((out = slot_next_event(slot)) != NULL) {
        *left++ = (char)('0' + out->seen_hash);
        event_destroy(out);
    }
    *left = '\0';
}

static void test_slot__drops_by_its_policy(void **state) {
    (void)state;
    static const struct {
        struct queue_policy policy;
        uint32_t waiting;
        const char *dropped, *left;
    } CASES[] = {
        {{.max = 3, .full = QUEUE_BLOCK}, 0, "", "12345"}, /* its feeds ask for room first */
        {{.max = 3, .full = QUEUE_DROP_OLDEST}, 0, "12", "345"},
        {{.max = 3, .full = QUEUE_DROP_NEWEST}, 0, "45", "123"},
        {{.max = 9, .keep_latest = true}, 0, "1234", "5"},
        {{.max = 3, .full = QUEUE_DROP_NEWEST, .keep_latest = true}, 0, "1234", "5"},
        {{.max = 3, .full = QUEUE_DROP_OLDEST}, 2, "1234", "5"},
        {{.max = 3, .full = QUEUE_DROP_OLDEST}, 3, "12345", ""}, /* who waits has begun */
        {{.max = 3, .full = QUEUE_DROP_NEWEST}, 2, "2345", "1"},
        {{.max = 3, .keep_latest = true}, 3, "12345", ""},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct bench bench;
        char dropped[16];
        char left[16];
        struct slot *slot = make(&bench, CASES[i].policy);
        slot->waiting = CASES[i].waiting;
        queue(slot, 5, dropped, left);
        assert_string_equal(dropped, CASES[i].dropped);
        assert_string_equal(left, CASES[i].left);
        assert_int_equal(slot->queued, 0);
        clear(&bench);
    }
}

static void test_slot__has_room_as_long_as_its_queue(void **state) {
    (void)state;
    struct bench bench;
    struct slot *slot = make(&bench, (struct queue_policy){.max = 3});
    struct event *dropped;
    assert_int_equal(slot_room(slot), 3);
    slot_queue(slot, event_of(1), &dropped);
    assert_int_equal(slot_room(slot), 2);
    slot->waiting = 1; /* runs that wait for a link count as well */
    assert_int_equal(slot_room(slot), 1);
    slot->waiting = 5;
    assert_int_equal(slot_room(slot), 0);
    slot->waiting = 0;
    bench.workflow.queue.full = QUEUE_DROP_OLDEST; /* then what comes is taken, and dropped */
    slot_queue(slot, event_of(2), &dropped);
    slot_queue(slot, event_of(3), &dropped);
    assert_int_equal(slot_room(slot), 3);
    static const enum slot_state CLOSED[] = {SLOT_LOADING, SLOT_STOPPED, SLOT_FAULTY, SLOT_LEFT};
    for (int i = 0; i < 4; i++) {
        slot->state = CLOSED[i];
        assert_int_equal(slot_room(slot), 0);
    }
    assert_false(slot_is_idle(slot));
    clear(&bench); /* what is queued goes with it */
}

static void test_slot__knows_which_events_are_under_way(void **state) {
    (void)state;
    struct bench bench;
    struct slot *slot = make(&bench, (struct queue_policy){.max = 3});
    for (uint64_t i = 1; i <= 100; i++) {
        assert_true(slot_open(slot, i));
    }
    assert_true(slot_open(slot, 0)); /* without identity nothing is remembered */
    assert_int_equal(slot->open_count, 100);
    assert_false(slot_is_open(slot, 0));
    slot_close(slot, 50);
    slot_close(slot, 1000);
    slot_close(slot, 0);
    for (uint64_t i = 1; i <= 100; i++) {
        assert_int_equal(slot_is_open(slot, i), i != 50);
    }
    clear(&bench);
}

static void test_slot__marks_are_its_own(void **state) {
    (void)state;
    struct bench bench;
    struct slot *slot = make(&bench, (struct queue_policy){.max = 3});
    char room[SLOT_NAME_BYTES * 3];
    assert_true(slice_is(slot_mark(slot, SLICE("watch"), room, sizeof(room)), "inbox/watch"));
    clear(&bench);
    slot_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slot__drops_by_its_policy),
        cmocka_unit_test(test_slot__has_room_as_long_as_its_queue),
        cmocka_unit_test(test_slot__knows_which_events_are_under_way),
        cmocka_unit_test(test_slot__marks_are_its_own),
    };
    return cmocka_run_group_tests_name("runtime/slot", tests, NULL, NULL);
}

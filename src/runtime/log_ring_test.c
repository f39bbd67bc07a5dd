// SPDX-License-Identifier: Apache-2.0
#include "runtime/log_ring.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct reading {
    char text[4000]; /* texts, joined by | */
    uint64_t last, missed, count;
};

static void note(void *owner, const struct log_entry *entry) {
    struct reading *reading = owner;
    const size_t used = strlen(reading->text);
    (void)snprintf(reading->text + used, sizeof(reading->text) - used, "%.*s|",
                   SLICE_ARGS(entry->text));
    reading->count++;
}

static struct reading read_with(struct log_ring *ring, struct log_filter filter) {
    struct reading reading = {.count = 0};
    filter.limit = filter.limit > 0 ? filter.limit : LOG_RING_LINES_MAX;
    reading.missed = log_ring_read(ring, &filter, note, &reading, &reading.last);
    return reading;
}

static int open_ring(void **state) {
    struct error err;
    struct log_ring *ring = NULL;
    const status code = log_ring_create(&ring, &err);
    *state = ring;
    return code == STATUS_OK ? 0 : 1;
}

static int close_ring(void **state) {
    log_ring_destroy(*state);
    log_line(LOG_ERROR, "test", "nobody listens any more");
    return 0;
}

static void test_log_ring__keeps_what_was_logged_in_order(void **state) {
    struct reading nothing = read_with(*state, (struct log_filter){.least = LOG_DEBUG});
    assert_int_equal(nothing.count, 0);
    assert_int_equal(nothing.last, 0);
    log_line(LOG_INFO, "test", "one %d", 1);
    log_line(LOG_ERROR, "test", "two");
    log_line(LOG_DEBUG, "test", "not logged");
    const struct reading all = read_with(*state, (struct log_filter){.least = LOG_DEBUG});
    assert_string_equal(all.text, "one 1|two|");
    assert_int_equal(all.last, 2);
    const struct reading last = read_with(*state, (struct log_filter){.limit = 1});
    assert_string_equal(last.text, "two|");
}

static void test_log_ring__filters_by_level_and_by_the_word_workflow(void **state) {
    log_line(LOG_INFO, "test", "workflow=flow run=1 went well");
    log_line(LOG_WARN, "test", "workflow=flow-two did not");
    log_line(LOG_WARN, "test", "in the middle workflow=flow");
    log_line(LOG_WARN, "test", "of notworkflow=flow nobody");
    const struct reading level = read_with(*state, (struct log_filter){.least = LOG_WARN});
    assert_int_equal(level.count, 3);
    const struct reading flow = read_with(*state, (struct log_filter){.workflow = SLICE("flow")});
    assert_string_equal(flow.text, "workflow=flow run=1 went well|in the middle workflow=flow|");
    const struct reading last =
        read_with(*state, (struct log_filter){.workflow = SLICE("flow"), .limit = 1});
    assert_string_equal(last.text, "in the middle workflow=flow|");
}

static void test_log_ring__goes_on_where_somebody_has_read_to(void **state) {
    log_line(LOG_INFO, "test", "one");
    log_line(LOG_INFO, "test", "two");
    log_line(LOG_INFO, "test", "three");
    const struct reading two = read_with(*state, (struct log_filter){.after = 1, .limit = 1});
    assert_string_equal(two.text, "two|");
    assert_int_equal(two.last, 2);
    const struct reading three = read_with(*state, (struct log_filter){.after = two.last});
    assert_string_equal(three.text, "three|");
    const struct reading none = read_with(*state, (struct log_filter){.after = three.last});
    assert_int_equal(none.count, 0);
    assert_int_equal(none.last, 3);
}

static void test_log_ring__the_oldest_make_room_and_are_counted(void **state) {
    for (int i = 1; i <= LOG_RING_LINES_MAX + 10; i++) {
        log_line(LOG_INFO, "test", "%d", i);
    }
    const struct reading after = read_with(*state, (struct log_filter){.after = 5, .limit = 1});
    assert_string_equal(after.text, "11|");
    assert_int_equal(after.missed, 5);

    char long_text[1500];
    (void)memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    for (int i = 0; i < 300; i++) {
        log_line(LOG_INFO, "test", "%s", long_text);
    }
    const struct reading all = read_with(*state, (struct log_filter){.least = LOG_DEBUG});
    assert_int_equal(all.count, LOG_RING_BYTES_MAX / (sizeof(long_text) - 1));
}

static void *log_many(void *owner) {
    (void)owner;
    for (int i = 0; i < 500; i++) {
        log_line(LOG_INFO, "test", "from another thread");
    }
    return NULL;
}

static void test_log_ring__lines_come_from_any_thread(void **state) {
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, log_many, NULL), 0);
    }
    uint64_t count = 0;
    struct reading part = {.last = 0};
    while (count < 1000) {
        const struct log_filter filter = {.after = part.last, .limit = 10};
        part.text[0] = '\0';
        part.count = 0;
        part.missed = log_ring_read(*state, &filter, note, &part, &part.last);
        count = part.last;
        assert_int_equal(part.missed, 0);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(read_with(*state, (struct log_filter){.least = LOG_DEBUG}).last, 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_log_ring__keeps_what_was_logged_in_order, open_ring,
                                        close_ring),
        cmocka_unit_test_setup_teardown(test_log_ring__filters_by_level_and_by_the_word_workflow,
                                        open_ring, close_ring),
        cmocka_unit_test_setup_teardown(test_log_ring__goes_on_where_somebody_has_read_to,
                                        open_ring, close_ring),
        cmocka_unit_test_setup_teardown(test_log_ring__the_oldest_make_room_and_are_counted,
                                        open_ring, close_ring),
        cmocka_unit_test_setup_teardown(test_log_ring__lines_come_from_any_thread, open_ring,
                                        close_ring),
    };
    return cmocka_run_group_tests_name("runtime/log_ring", tests, NULL, NULL);
}

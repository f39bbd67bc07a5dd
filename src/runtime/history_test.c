// SPDX-License-Identifier: Apache-2.0
#include "runtime/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

static struct history history;

static void end_run(uint8_t number, struct slice event_id, struct slice error) {
    struct workflow workflow = {.name = SLICE("inbox")};
    struct version version = {.workflow = &workflow};
    struct event event = {.id = event_id};
    const struct run run = {.id = {.bytes = {number}},
                            .version = &version,
                            .event = &event,
                            .outcome = error.count > 0 ? OUTCOME_FAILED : OUTCOME_DONE,
                            .error = error,
                            .began_ns = clock_boot_ns()};
    history_add(&history, &run);
}

static void test_history__shows_the_newest_first(void **state) {
    (void)state;
    assert_null(history_at(&history, 0));
    end_run(1, SLICE("a"), (struct slice){0});
    end_run(2, SLICE("b"), SLICE("it broke"));
    const struct ended_run *newest = history_at(&history, 0);
    assert_int_equal(newest->id.bytes[0], 2);
    assert_string_equal(newest->workflow, "inbox");
    assert_string_equal(newest->event_id, "b");
    assert_string_equal(newest->error, "it broke");
    assert_int_equal(newest->outcome, OUTCOME_FAILED);
    assert_true(newest->began_wall_ms <= newest->ended_wall_ms);
    assert_string_equal(history_at(&history, 1)->event_id, "a");
    assert_string_equal(history_at(&history, 1)->error, "");
    assert_null(history_at(&history, 2));
    history_done(&history);
}

static void test_history__holds_a_thousand(void **state) {
    (void)state;
    for (int i = 0; i < HISTORY_RUNS_MAX + 5; i++) {
        end_run((uint8_t)i, SLICE("x"), (struct slice){0});
    }
    assert_int_equal(history_at(&history, 0)->id.bytes[0], (uint8_t)(HISTORY_RUNS_MAX + 4));
    assert_int_equal(history_at(&history, HISTORY_RUNS_MAX - 1)->id.bytes[0], 5);
    assert_null(history_at(&history, HISTORY_RUNS_MAX));
    history_done(&history);
}

static void test_history__cuts_what_is_long_and_does_without_memory(void **state) {
    (void)state;
    char bytes[1000];
    (void)memset(bytes, 'e', sizeof(bytes));
    const struct slice text = {.bytes = bytes, .count = sizeof(bytes)};
    end_run(1, text, text);
    assert_int_equal(strlen(history_at(&history, 0)->error), 300);
    assert_int_equal(strlen(history_at(&history, 0)->event_id), 300);
    (void)memory_fail_at(0, 0);
    end_run(2, text, text);
    (void)memory_fail_at(-1, 0);
    assert_int_equal(history_at(&history, 0)->id.bytes[0], 1);
    history_done(&history);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_history__shows_the_newest_first),
        cmocka_unit_test(test_history__holds_a_thousand),
        cmocka_unit_test(test_history__cuts_what_is_long_and_does_without_memory),
    };
    return cmocka_run_group_tests_name("runtime/history", tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/agent_metrics.h"

#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void test_agent_metrics__a_number_stands_or_is_added_to(void **state) {
    (void)state;
    struct agent_metrics metrics = {0};
    assert_true(agent_metrics_take(&metrics, SLICE("heat"), 40, false));
    assert_true(agent_metrics_take(&metrics, SLICE("heat"), 41.5, false));
    assert_true(agent_metrics_take(&metrics, SLICE("tokens"), 3, true));
    assert_true(agent_metrics_take(&metrics, SLICE("tokens"), 4, true));
    assert_int_equal(metrics.count, 2);
    assert_string_equal(metrics.entries[0].name, "heat");
    assert_true(metrics.entries[0].number == 41.5);
    assert_true(metrics.entries[1].number == 7);
    agent_metrics_done(&metrics);
}

static void test_agent_metrics__only_so_many_names_are_kept(void **state) {
    (void)state;
    struct agent_metrics metrics = {0};
    char name[AGENT_METRIC_NAME_BYTES];
    for (int i = 0; i < AGENT_METRICS_MAX; i++) {
        (void)snprintf(name, sizeof(name), "n%d", i);
        assert_true(agent_metrics_take(&metrics, slice_of(name), i, false));
    }
    assert_false(agent_metrics_take(&metrics, SLICE("one_more"), 1, false));
    assert_true(agent_metrics_take(&metrics, SLICE("n63"), 1, true));
    assert_int_equal(metrics.count, AGENT_METRICS_MAX);
    assert_true(metrics.entries[AGENT_METRICS_MAX - 1].number == 64);
    agent_metrics_done(&metrics);
}

static void test_agent_metrics__a_sum_stays_a_number(void **state) {
    (void)state;
    struct agent_metrics metrics = {0};
    assert_true(agent_metrics_take(&metrics, SLICE("n"), DBL_MAX, true));
    assert_true(agent_metrics_take(&metrics, SLICE("n"), DBL_MAX, true));
    assert_true(metrics.entries[0].number == DBL_MAX);
    agent_metrics_done(&metrics);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agent_metrics__a_number_stands_or_is_added_to),
        cmocka_unit_test(test_agent_metrics__only_so_many_names_are_kept),
        cmocka_unit_test(test_agent_metrics__a_sum_stays_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

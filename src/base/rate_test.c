// SPDX-License-Identifier: Apache-2.0
#include "base/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_rate(const char *text, uint32_t expected_count, int64_t expected_ms) {
    uint32_t count = 0;
    int64_t span_ms = 0;
    assert_true(rate_read(slice_of(text), &count, &span_ms));
    assert_int_equal(count, expected_count);
    assert_int_equal(span_ms, expected_ms);
}

static void test_rate__is_a_number_in_a_span(void **state) {
    (void)state;
    assert_rate("1/15m", 1, 900000);
    assert_rate("6/min", 6, 60000);
    assert_rate("6/m", 6, 60000);
    assert_rate("30/h", 30, 3600000);
    assert_rate("20000/day", 20000, 86400000);
    assert_rate("5/s", 5, 1000);
    assert_rate("1000000/200ms", 1000000, 200);
    assert_rate("2/2min", 2, 120000);
}

static void test_rate__what_is_none_is_refused(void **state) {
    (void)state;
    static const char *const WRONG[] = {"",     "/",     "1/",   "1",        "0/s",      "/s",
                                        "-1/s", "1/0s",  "1/15", "1/year",   "1/minute", "1.5/s",
                                        "1 /s", "1/s/s", "1/ s", "1000001/s"};
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        uint32_t count;
        int64_t span_ms;
        assert_false(rate_read(slice_of(WRONG[i]), &count, &span_ms));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate__is_a_number_in_a_span),
        cmocka_unit_test(test_rate__what_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

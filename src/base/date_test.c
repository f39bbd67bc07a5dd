// SPDX-License-Identifier: Apache-2.0
#include "base/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_date__counts_every_day_there_and_back(void **state) {
    (void)state;
    struct date date = {.year = 1899, .month = 12, .day = 31};
    const int64_t first = date_days(date);
    int weekday = date_weekday(first);
    for (int64_t days = first; date.year < 2101; days++) {
        const struct date back = date_of_days(days);
        assert_true(back.year == date.year && back.month == date.month && back.day == date.day);
        assert_int_equal(date_days(date), days);
        assert_int_equal(date_weekday(days), weekday);
        weekday = (weekday + 1) % 7;
        if (++date.day > date_month_length(date.year, date.month)) {
            date.day = 1;
            date.year += date.month == 12;
            date.month = date.month % 12 + 1;
        }
    }
}

static void test_date__knows_leap_years_and_weekdays(void **state) {
    (void)state;
    assert_int_equal(date_days((struct date){1970, 1, 1}), 0);
    assert_int_equal(date_weekday(date_days((struct date){2026, 11, 23})), 1);
    assert_int_equal(date_month_length(2000, 2), 29);
    assert_int_equal(date_month_length(2028, 2), 29);
    assert_int_equal(date_month_length(2100, 2), 28);
    assert_int_equal(date_month_length(2026, 4), 30);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_date__counts_every_day_there_and_back),
        cmocka_unit_test(test_date__knows_leap_years_and_weekdays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

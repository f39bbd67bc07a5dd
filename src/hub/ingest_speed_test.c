// SPDX-License-Identifier: Apache-2.0
#include "hub/ingest_speed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct ingest_speed speed;
static struct ingest_speed_figures figures;

static int set_up(void **state) {
    (void)state;
    speed = (struct ingest_speed){.count = 0};
    return 0;
}

static void assert_near(double is, double should) {
    assert_true(is > should * 0.87 && is < should * 1.13);
}

static void test_ingest_speed__has_nothing_at_first(void **state) {
    (void)state;
    ingest_speed_figures(&speed, 100, &figures);
    assert_true(figures.records_per_s == 0 && figures.p50_ms == 0 && figures.p99_ms == 0);
    assert_int_equal(figures.count, 0);
}

static void test_ingest_speed__is_right_to_an_eighth(void **state) {
    (void)state;
    static const int64_t TOOK_US[] = {1, 7, 90, 1234, 20000, 333333, 9000000};
    for (size_t i = 0; i < sizeof(TOOK_US) / sizeof(TOOK_US[0]); i++) {
        speed = (struct ingest_speed){.count = 0};
        ingest_speed_add(&speed, 5, TOOK_US[i], 1);
        ingest_speed_figures(&speed, 5, &figures);
        assert_near(figures.p50_ms, (double)TOOK_US[i] / 1000);
    }
}

static void test_ingest_speed__tells_the_middle_from_the_slow(void **state) {
    (void)state;
    for (int i = 0; i < 98; i++) {
        ingest_speed_add(&speed, 10 + i / 10, 2000, 60);
    }
    ingest_speed_add(&speed, 20, 800000, 60);
    ingest_speed_add(&speed, 20, 800000, 60);
    ingest_speed_figures(&speed, 20, &figures);
    assert_near(figures.p50_ms, 2);
    assert_near(figures.p99_ms, 800);
    assert_near(figures.records_per_s, 100);
}

static void test_ingest_speed__forgets_what_was_a_minute_ago_but_for_the_histogram(void **state) {
    (void)state;
    ingest_speed_add(&speed, 10, 3000, 600);
    ingest_speed_add(&speed, 40, 30000, 1200);
    ingest_speed_figures(&speed, 69, &figures);
    assert_near(figures.records_per_s, 30);
    ingest_speed_figures(&speed, 70, &figures);
    assert_near(figures.records_per_s, 20);
    assert_near(figures.p50_ms, 30);
    ingest_speed_add(&speed, 70, 1, 60); /* in the place of second 10 */
    ingest_speed_figures(&speed, 70, &figures);
    assert_near(figures.records_per_s, 21);
    ingest_speed_figures(&speed, 1000, &figures);
    assert_true(figures.records_per_s == 0 && figures.p99_ms == 0);
    assert_int_equal(figures.count, 3);
    assert_int_equal(figures.records, 1860);
    assert_int_equal(figures.buckets[0], 1); /* 1 ms */
    assert_int_equal(figures.buckets[2], 2); /* 5 ms */
    assert_int_equal(figures.buckets[INGEST_SPEED_BOUNDS - 1], 3);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_ingest_speed__has_nothing_at_first),
        TEST(test_ingest_speed__is_right_to_an_eighth),
        TEST(test_ingest_speed__tells_the_middle_from_the_slow),
        TEST(test_ingest_speed__forgets_what_was_a_minute_ago_but_for_the_histogram),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "model/choice.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/seeded.h"

#include <cmocka.h>

enum { ROUNDS = 20, ROWS_MAX = 8 };

/* Rows as model/profile makes them; their times lie here. */
struct stage {
    struct profile_row rows[ROWS_MAX];
    double times[ROWS_MAX][ROUNDS];
    struct choice choices[ROWS_MAX];
    uint32_t count;
};

static const struct interval_groups ALL_ROUNDS = {.counts = {ROUNDS}, .count = 1};

static struct profile_row *add(struct stage *stage, double latency_ms, double rss, double size) {
    double *times = stage->times[stage->count];
    struct profile_row *row = &stage->rows[stage->count++];
    cost_init(&row->cost);
    row->cost.of[COST_LATENCY_P50] = latency_ms;
    row->cost.of[COST_RSS] = rss;
    row->cost.of[COST_SIZE] = size;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        times[i] = latency_ms;
    }
    row->wall_ms = times;
    row->cpu_ms = times;
    row->rounds = ROUNDS;
    row->openings = ALL_ROUNDS;
    return row;
}

/* The index of what is taken, or -1. */
static int choose(struct stage *stage, const char *text) {
    struct budget budget;
    struct error err = {0};
    int taken = -1;
    assert_int_equal(budget_read(slice_of(text), &budget, &err), STATUS_OK);
    const bool any = choice_make(&budget, stage->rows, stage->count, stage->choices);
    for (uint32_t i = 0; i < stage->count; i++) {
        if (stage->choices[i].is_taken) {
            assert_int_equal(taken, -1);
            taken = (int)i;
        }
    }
    assert_int_equal(any, taken >= 0);
    return taken;
}

static void
test_choice__takes_the_fastest_that_keeps_the_budget_and_says_why_not_the_others(void **state) {
    (void)state;
    struct stage stage = {0};
    (void)add(&stage, 20, 60e6, 10e6);
    (void)add(&stage, 10, 90e6, 3e6); /* too much memory */
    (void)add(&stage, 12, 50e6, 3e6);
    (void)add(&stage, 40, 50e6, 3e6); /* too slow */
    (void)add(&stage, 5, 50e6, 12e6); /* too large */
    add(&stage, 1, 1e6, 1e6)->why = (struct error){.code = STATUS_CRASH, .text = "it crashed"};
    assert_int_equal(choose(&stage, "latency<=30ms, rss<=60MB, size<=11MB; minimise latency"), 2);
    assert_string_equal(stage.choices[0].why, "");
    assert_string_equal(stage.choices[1].why, "memory 90 MB is over 60 MB");
    assert_string_equal(stage.choices[3].why, "median latency 40 ms is over 30 ms");
    assert_string_equal(stage.choices[4].why, "size 12 MB is over 11 MB");
    assert_string_equal(stage.choices[5].why, "unusable: it crashed");
    assert_false(stage.choices[5].is_undominated);
}

static void test_choice__where_none_keeps_the_budget_none_is_taken(void **state) {
    (void)state;
    struct stage stage = {0};
    (void)add(&stage, 20, 60e6, 10e6);
    (void)add(&stage, 10, 60e6, 3e6);
    assert_int_equal(choose(&stage, "latency<=5ms"), -1);
    assert_int_equal(choose(&stage, "minimise drift.max"), -1);
    assert_string_equal(stage.choices[0].why, "largest difference was not measured");
}

static void test_choice__of_those_as_good_as_the_best_it_takes_the_smallest(void **state) {
    (void)state;
    struct stage stage = {0};
    (void)add(&stage, 10, 60e6, 10e6);
    (void)add(&stage, 10.2, 60e6, 3e6); /* 2 %: no difference */
    (void)add(&stage, 10.5, 60e6, 2e6); /* 5 %: one */
    assert_int_equal(choose(&stage, "minimise latency"), 1);
    assert_int_equal(choose(&stage, "minimise size"), 2);
    assert_int_equal(choose(&stage, "maximise latency"), 2);
    assert_int_equal(choose(&stage, "minimise cpu"), -1); /* nobody measured it */
    for (uint32_t i = 0; i < stage.count; i++) {
        stage.rows[i].cost.of[COST_CPU] = stage.rows[i].cost.of[COST_LATENCY_P50];
    }
    assert_int_equal(choose(&stage, "minimise cpu"), 1);
}

static void test_choice__equal_ones_go_by_their_order(void **state) {
    (void)state;
    struct stage stage = {0};
    (void)add(&stage, 10, 60e6, 3e6);
    (void)add(&stage, 10, 60e6, 3e6);
    assert_int_equal(choose(&stage, "minimise latency"), 0);
    assert_int_equal(choose(&stage, "minimise size"), 0);
}

static void test_choice__what_has_no_margin_is_told_apart_by_any_difference(void **state) {
    (void)state;
    struct stage stage = {0};
    add(&stage, 10, 60e6, 1e6)->cost.of[COST_DRIFT_SQNR] = -5;
    add(&stage, 10, 60e6, 9e6)->cost.of[COST_DRIFT_SQNR] = -3;
    assert_int_equal(choose(&stage, "maximise drift.sqnr"), 1);
}

/* A machine that is busy in half of the rounds, up to three times as slow: whoever had the worse of
 * it, rounds are compared with one another. Each seed is a repeat. */
static void test_choice__is_the_same_on_a_busy_machine(void **state) {
    (void)state;
    static const double LATENCIES_MS[] = {20, 10, 10.1, 11.5};
    static const double SIZES[] = {10e6, 4e6, 3e6, 2e6};
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct stage stage = {0};
        struct seeded seeded = {.state = seed};
        for (uint32_t i = 0; i < 4; i++) {
            (void)add(&stage, LATENCIES_MS[i], 60e6, SIZES[i]);
        }
        for (uint32_t round = 0; round < ROUNDS; round++) {
            const double slow = seeded_below(&seeded, 2) == 0 ? 1 + 2 * seeded_share(&seeded) : 1;
            for (uint32_t i = 0; i < 4; i++) {
                stage.times[i][round] *= slow * (1 + 0.02 * seeded_share(&seeded));
            }
        }
        for (uint32_t i = 0; i < 4; i++) {
            stage.rows[i].cost.of[COST_LATENCY_P50] =
                interval_of_median(stage.times[i], &ALL_ROUNDS, 1).middle;
        }
        assert_int_equal(choose(&stage, "minimise latency"), 2);
    }
}

/* Two whose times lie far apart in each round, now the one and now the other: their medians differ
 * by 4 %, and nobody knows which is faster. */
static void test_choice__what_rounds_do_not_tell_apart_is_as_good(void **state) {
    (void)state;
    struct stage stage = {0};
    (void)add(&stage, 10, 60e6, 4e6);
    (void)add(&stage, 10.4, 60e6, 3e6);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        stage.times[0][round] = round % 2 == 0 ? 8 : 12;
        stage.times[1][round] = round % 2 == 0 ? 12.5 : 8.3;
    }
    assert_int_equal(choose(&stage, "minimise latency"), 1);
    for (uint32_t round = 0; round < ROUNDS; round++) { /* and now everybody does */
        stage.times[1][round] = 1.04 * stage.times[0][round];
    }
    assert_int_equal(choose(&stage, "minimise latency"), 0);
}

static void measure_rounds(struct stage *stage, uint32_t rounds) {
    for (uint32_t i = 0; i < stage->count; i++) {
        stage->rows[i].rounds = rounds;
        stage->rows[i].openings.counts[0] = rounds;
    }
}

/* A tenth slower in each of three rounds may be chance; in each of eight it is none. */
static void test_choice__few_rounds_tell_only_what_is_far_apart(void **state) {
    (void)state;
    struct stage stage = {0};
    (void)add(&stage, 10, 60e6, 4e6);
    (void)add(&stage, 11, 60e6, 3e6);
    measure_rounds(&stage, 3);
    assert_int_equal(choose(&stage, "minimise latency"), 1);
    measure_rounds(&stage, 8);
    assert_int_equal(choose(&stage, "minimise latency"), 0);
    measure_rounds(&stage, 3);
    for (uint32_t round = 0; round < 3; round++) {
        stage.times[1][round] = 12;
    }
    assert_int_equal(choose(&stage, "minimise latency"), 0);
}

static void test_choice__the_undominated_are_those_that_nothing_beats_in_all(void **state) {
    (void)state;
    struct stage stage = {0};
    (void)add(&stage, 20, 60e6, 10e6);  /* slower and larger than the next */
    (void)add(&stage, 10, 60e6, 3e6);   /* the fastest */
    (void)add(&stage, 15, 40e6, 3e6);   /* the least memory */
    (void)add(&stage, 15, 60e6, 2e6);   /* the smallest */
    (void)add(&stage, 10.1, 61e6, 4e6); /* no difference to the fastest but its size */
    (void)choose(&stage, "minimise latency");
    static const bool WANTED[] = {false, true, true, true, false};
    for (uint32_t i = 0; i < stage.count; i++) {
        assert_int_equal(stage.choices[i].is_undominated, WANTED[i]);
    }
}

static void test_choice__less_drift_keeps_a_slower_one_undominated(void **state) {
    (void)state;
    struct stage stage = {0};
    add(&stage, 20, 60e6, 10e6)->cost.of[COST_DRIFT_ARGMAX] = 1;
    add(&stage, 10, 50e6, 3e6)->cost.of[COST_DRIFT_ARGMAX] = 0.98;
    add(&stage, 12, 50e6, 3e6)->cost.of[COST_DRIFT_ARGMAX] = 0.97;
    (void)choose(&stage, "minimise latency");
    assert_true(stage.choices[0].is_undominated);
    assert_true(stage.choices[1].is_undominated);
    assert_false(stage.choices[2].is_undominated);
    stage.rows[0].cost.of[COST_DRIFT_ARGMAX] = NAN; /* nothing to say for it any more */
    (void)choose(&stage, "minimise latency");
    assert_false(stage.choices[0].is_undominated);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_choice__takes_the_fastest_that_keeps_the_budget_and_says_why_not_the_others),
        cmocka_unit_test(test_choice__where_none_keeps_the_budget_none_is_taken),
        cmocka_unit_test(test_choice__of_those_as_good_as_the_best_it_takes_the_smallest),
        cmocka_unit_test(test_choice__equal_ones_go_by_their_order),
        cmocka_unit_test(test_choice__what_has_no_margin_is_told_apart_by_any_difference),
        cmocka_unit_test(test_choice__is_the_same_on_a_busy_machine),
        cmocka_unit_test(test_choice__what_rounds_do_not_tell_apart_is_as_good),
        cmocka_unit_test(test_choice__few_rounds_tell_only_what_is_far_apart),
        cmocka_unit_test(test_choice__the_undominated_are_those_that_nothing_beats_in_all),
        cmocka_unit_test(test_choice__less_drift_keeps_a_slower_one_undominated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

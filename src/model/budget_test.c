// SPDX-License-Identifier: Apache-2.0
#include "model/budget.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct budget read_well(const char *text) {
    struct budget budget;
    struct error err = {0};
    if (budget_read(slice_of(text), &budget, &err) != STATUS_OK) {
        fail_msg("%s: %s", text, err.text);
    }
    return budget;
}

static void expect_fault(const char *text, const char *sentence) {
    struct budget budget;
    struct error err = {0};
    assert_int_equal(budget_read(slice_of(text), &budget, &err), STATUS_INVALID);
    if (strcmp(err.text, sentence) != 0) {
        fail_msg("%s: %s\nwanted: %s", text, err.text, sentence);
    }
}

static void expect_limit(const struct budget_limit *limit, enum cost_kind kind,
                         enum budget_bound bound, double number, const char *unit) {
    assert_int_equal(limit->kind, kind);
    assert_int_equal(limit->bound, bound);
    assert_true(limit->number == number);
    assert_string_equal(limit->unit, unit);
}

static void test_budget__reads_what_the_design_shows(void **state) {
    (void)state;
    const struct budget budget =
        read_well("latency_p95<=15ms, rss<=60MB, size<=4MB, drift.argmax>=0.97; minimise latency");
    assert_int_equal(budget.limit_count, 4);
    expect_limit(&budget.limits[0], COST_LATENCY_P95, BUDGET_AT_MOST, 15, "ms");
    expect_limit(&budget.limits[1], COST_RSS, BUDGET_AT_MOST, 60, "MB");
    expect_limit(&budget.limits[2], COST_SIZE, BUDGET_AT_MOST, 4, "MB");
    expect_limit(&budget.limits[3], COST_DRIFT_ARGMAX, BUDGET_AT_LEAST, 0.97, "");
    assert_true(budget.limits[1].factor == 60e6 / 60);
    assert_int_equal(budget.objective, COST_LATENCY_P50);
    assert_false(budget.maximise);
}

static void test_budget__knows_every_name_bound_unit_and_spelling(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum cost_kind kind;
        enum budget_bound bound;
        double base; /* in what costs are counted in */
    } CASES[] = {
        {"latency < 0.5 s", COST_LATENCY_P50, BUDGET_BELOW, 500},
        {"latency_p50<=250us", COST_LATENCY_P50, BUDGET_AT_MOST, 0.25},
        {"latency_min>1ms", COST_LATENCY_MIN, BUDGET_ABOVE, 1},
        {"cpu<=3ms", COST_CPU, BUDGET_AT_MOST, 3},
        {"load<=0", COST_LOAD, BUDGET_AT_MOST, 0},
        {"first<=3ms", COST_FIRST, BUDGET_AT_MOST, 3},
        {"rss<=2KB", COST_RSS, BUDGET_AT_MOST, 2000},
        {"hwm<=2KiB", COST_HWM, BUDGET_AT_MOST, 2048},
        {"size<=1MiB", COST_SIZE, BUDGET_AT_MOST, 1048576},
        {"size<=1GB", COST_SIZE, BUDGET_AT_MOST, 1e9},
        {"size<=1GiB", COST_SIZE, BUDGET_AT_MOST, 1073741824},
        {"size_compressed<=7B", COST_SIZE_COMPRESSED, BUDGET_AT_MOST, 7},
        {"drift.sqnr>=-3dB", COST_DRIFT_SQNR, BUDGET_AT_LEAST, -3},
        {"drift.cosine>=99.5%", COST_DRIFT_COSINE, BUDGET_AT_LEAST, 0.995},
        {"drift.max<=0.01", COST_DRIFT_MAX, BUDGET_AT_MOST, 0.01},
        {"drift.metric>=0.9", COST_DRIFT_METRIC, BUDGET_AT_LEAST, 0.9},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        const struct budget budget = read_well(CASES[i].text);
        const struct budget_limit *limit = &budget.limits[0];
        assert_int_equal(budget.limit_count, 1);
        assert_int_equal(limit->kind, CASES[i].kind);
        assert_int_equal(limit->bound, CASES[i].bound);
        assert_true(fabs(limit->number * limit->factor - CASES[i].base) < 1e-9);
    }
    assert_int_equal(read_well("minimise size").objective, COST_SIZE);
    assert_false(read_well("  minimize\trss ").maximise);
    assert_true(read_well("size<=1MB;maximise drift.argmax").maximise);
    assert_int_equal(read_well("size<=1MB;maximize drift.sqnr").objective, COST_DRIFT_SQNR);
    assert_true(read_well("latency<=0.5x").limits[0].factor == 0);
}

static void test_budget__a_fault_names_the_column_and_what_would_be_right(void **state) {
    (void)state;
    expect_fault("", "the budget, column 1: it ends where what is limited, such as latency, "
                     "should stand");
    expect_fault("latncy<=5ms", "the budget, column 1: `latncy` is nothing that is measured: did "
                                "you mean `latency`?");
    expect_fault("size<=1MB, drift.agmax>=1", "the budget, column 12: `drift.agmax` is nothing "
                                              "that is measured: did you mean `drift.argmax`?");
    expect_fault("speed<=5ms", "the budget, column 1: `speed` is nothing that is measured: "
                               "latency, latency_p50, latency_p95, latency_min, cpu, load, first, "
                               "rss, hwm, size, size_compressed, drift.sqnr, drift.cosine, "
                               "drift.argmax, drift.max or drift.metric");
    expect_fault("<=5ms", "the budget, column 1: `<=5ms` stands where what is limited, such as "
                          "latency, should");
    expect_fault("latency 5ms", "the budget, column 9: `5ms` stands where <=, >=, < or > should");
    expect_fault("latency=5ms", "the budget, column 8: `=5ms` stands where <=, >=, < or > should");
    expect_fault("latency \xe2\x89\xa4 5ms",
                 "the budget, column 9: `\xe2\x89\xa4` stands where <=, >=, < or > should");
    expect_fault("latency", "the budget, column 8: it ends where <=, >=, < or > should stand");
    expect_fault("latency<=", "the budget, column 10: it ends where a number should stand");
    expect_fault("latency<=ms", "the budget, column 10: `ms` stands where a number should");
    expect_fault("latency<=1.5.2ms",
                 "the budget, column 10: `1.5.2` is no number such as 15 or 0.97");
    expect_fault("latency<=-5ms", "the budget, column 10: no such number is below 0");
    expect_fault("latency<=15", "the budget, column 12: a number of latency_p50 wants a unit: ms, "
                                "s, us, or x for times the reference");
    expect_fault("latency<=15,5ms", "the budget, column 12: a number of latency_p50 wants a unit: "
                                    "ms, s, us, or x for times the reference");
    expect_fault("rss<=60mb", "the budget, column 8: `mb` is no unit: did you mean `MB`?");
    expect_fault("rss<=60MiBs", "the budget, column 8: `MiBs` is no unit: did you mean `MiB`?");
    expect_fault("latency<=5MB", "the budget, column 11: `MB` is no unit of latency_p50: ms, s, "
                                 "us, or x for times the reference");
    expect_fault("rss<=5ms", "the budget, column 7: `ms` is no unit of rss: B, KB, MB, GB, KiB, "
                             "MiB, GiB, or x for times the reference");
    expect_fault("drift.sqnr>=20", "the budget, column 15: a number of drift.sqnr wants a unit: "
                                   "dB");
    expect_fault("drift.max<=1%", "the budget, column 13: `%` is no unit of drift.max: none");
    expect_fault("drift.argmax>=1x", "the budget, column 16: `x` is no unit of drift.argmax: "
                                     "none, or %");
}

static void test_budget__a_fault_of_the_whole_names_the_column_too(void **state) {
    (void)state;
    expect_fault("size<=1MB size<=2MB", "the budget, column 11: `size<=2MB` stands where `,` and "
                                        "another limit, or `;` and minimise, should");
    expect_fault("size<=1MB,", "the budget, column 11: it ends where what is limited, such as "
                               "latency, should stand");
    expect_fault("size<=1MB, ; minimise size", "the budget, column 12: `;` stands where what is "
                                               "limited, such as latency, should");
    expect_fault("size<=1MB, minimise size", "the budget, column 12: in front of minimise and "
                                             "maximise stands `;`");
    expect_fault("size<=1MB;", "the budget, column 11: it ends where minimise or maximise should "
                               "stand");
    expect_fault("size<=1MB; minimse size", "the budget, column 12: `minimse` stands behind `;`: "
                                            "did you mean `minimise`?");
    expect_fault("size<=1MB; reduce size", "the budget, column 12: `reduce` stands behind `;`, "
                                           "minimise or maximise");
    expect_fault("size<=1MB; rss<=1MB", "the budget, column 12: `rss` stands behind `;`: limits "
                                        "are parted by `,`, and behind `;` stands minimise or "
                                        "maximise");
    expect_fault("minimise", "the budget, column 9: it ends where what to minimise or maximise, "
                             "such as latency, should stand");
    expect_fault("minimise speed",
                 "the budget, column 10: `speed` is nothing that is measured: latency, "
                 "latency_p50, latency_p95, latency_min, cpu, load, first, rss, hwm, size, "
                 "size_compressed, drift.sqnr, drift.cosine, drift.argmax, drift.max or "
                 "drift.metric");
    expect_fault("minimise size, rss<=1MB",
                 "the budget, column 14: `,` stands where nothing more should");
}

static void test_budget__is_bounded(void **state) {
    (void)state;
    char text[BUDGET_BYTES_MAX + 2];
    struct budget budget;
    struct error err = {0};
    (void)memset(text, ' ', sizeof(text));
    assert_int_equal(
        budget_read((struct slice){.bytes = text, .count = sizeof(text)}, &budget, &err),
        STATUS_INVALID);
    assert_string_equal(err.text, "a budget has at most 1024 bytes");
    size_t used = 0;
    for (int i = 0; i < BUDGET_LIMITS_MAX + 1; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%srss<=1MB", i > 0 ? "," : "");
    }
    expect_fault(text, "the budget, column 145: a budget has at most 16 limits");
    text[9 * BUDGET_LIMITS_MAX - 1] = '\0';
    assert_int_equal(read_well(text).limit_count, BUDGET_LIMITS_MAX);
}

static void test_budget__takes_any_bytes(void **state) {
    (void)state;
    static const char ALL[] = "latency<=5ms;%x.,-+ \xc3\xa9\xff";
    struct budget budget;
    for (size_t from = 0; from < sizeof(ALL); from++) {
        for (size_t to = from; to < sizeof(ALL); to++) {
            const struct slice part = {.bytes = ALL + from, .count = to - from};
            (void)budget_read(part, &budget, NULL);
        }
    }
}

static struct cost cost_of(enum cost_kind kind, double number) {
    struct cost cost;
    cost_init(&cost);
    cost.of[kind] = number;
    return cost;
}

static void expect_broken(const char *text, enum cost_kind kind, double number,
                          const char *sentence) {
    const struct budget budget = read_well(text);
    const struct cost cost = cost_of(kind, number);
    char why[BUDGET_WHY_BYTES_MAX] = "";
    assert_false(budget_keeps(&budget, &cost, NULL, why));
    assert_string_equal(why, sentence);
}

static void expect_kept(const char *text, enum cost_kind kind, double number) {
    const struct budget budget = read_well(text);
    const struct cost cost = cost_of(kind, number);
    char why[BUDGET_WHY_BYTES_MAX] = "";
    if (!budget_keeps(&budget, &cost, NULL, why)) {
        fail_msg("%s: %s", text, why);
    }
}

static void test_budget_keeps__says_which_limit_is_broken_in_its_own_unit(void **state) {
    (void)state;
    expect_broken("latency_p95<=15ms", COST_LATENCY_P95, 18.2, "p95 latency 18.2 ms is over 15 ms");
    expect_broken("latency_p95<=15ms", COST_LATENCY_P95, 15.004,
                  "p95 latency 15.004 ms is over 15 ms");
    expect_broken("latency<0.5s", COST_LATENCY_P50, 500, "median latency 0.5 s is not under 0.5 s");
    expect_broken("latency<=20us", COST_LATENCY_P50, 0.25, "median latency 250 us is over 20 us");
    expect_broken("rss<=60MB", COST_RSS, 61300000, "memory 61.3 MB is over 60 MB");
    expect_broken("rss<=60MiB", COST_RSS, 64 * 1048576, "memory 64 MiB is over 60 MiB");
    expect_broken("drift.argmax>=0.97", COST_DRIFT_ARGMAX, 0.9412,
                  "argmax agreement 0.941 is under 0.97");
    expect_broken("drift.argmax>=97%", COST_DRIFT_ARGMAX, 0.9412,
                  "argmax agreement 94.1 % is under 97 %");
    expect_broken("drift.sqnr>20dB", COST_DRIFT_SQNR, 20,
                  "signal over noise 20 dB is not over 20 dB");
    expect_broken("drift.metric>=0.9", COST_DRIFT_METRIC, NAN, "metric was not measured");
    expect_broken("size<=0", COST_SIZE, 3, "size 3 is over 0");
}

static void test_budget_keeps__a_number_at_its_bound_keeps_it(void **state) {
    (void)state;
    expect_kept("latency<=15ms", COST_LATENCY_P50, 15);
    expect_kept("latency>=15ms", COST_LATENCY_P50, 15);
    expect_kept("rss<=60MB", COST_RSS, 60000000);
    for (int percent = 1; percent <= 100; percent++) {
        char text[40];
        (void)snprintf(text, sizeof(text), "drift.argmax>=%d%%", percent);
        expect_kept(text, COST_DRIFT_ARGMAX, percent / 100.0);
    }
}

static void test_budget_keeps__the_first_broken_limit_is_the_one_that_is_told(void **state) {
    (void)state;
    const struct budget budget = read_well("size<=4MB, latency<=1ms, rss<=1MB");
    struct cost cost = cost_of(COST_SIZE, 3e6);
    char why[BUDGET_WHY_BYTES_MAX] = "";
    cost.of[COST_LATENCY_P50] = 2;
    cost.of[COST_RSS] = 2e6;
    assert_false(budget_keeps(&budget, &cost, NULL, why));
    assert_string_equal(why, "median latency 2 ms is over 1 ms");
}

static void test_budget_keeps__x_is_times_the_reference(void **state) {
    (void)state;
    const struct budget budget = read_well("latency<=0.5x");
    const struct cost reference = cost_of(COST_LATENCY_P50, 20);
    struct cost cost = cost_of(COST_LATENCY_P50, 10);
    char why[BUDGET_WHY_BYTES_MAX] = "";
    assert_true(budget_keeps(&budget, &cost, &reference, why));
    cost.of[COST_LATENCY_P50] = 12.4;
    assert_false(budget_keeps(&budget, &cost, &reference, why));
    assert_string_equal(why, "median latency 0.62x the reference's is over 0.5x");
    assert_false(budget_keeps(&budget, &cost, NULL, why));
    assert_string_equal(why, "median latency was not measured of the reference");
}

static void test_budget_keeps__no_limit_is_kept_by_all(void **state) {
    (void)state;
    struct budget budget;
    char why[BUDGET_WHY_BYTES_MAX] = "";
    const struct cost cost = cost_of(COST_SIZE, 1);
    budget_init(&budget);
    assert_true(budget_keeps(&budget, &cost, NULL, why));
    assert_int_equal(budget.objective, COST_LATENCY_P50);
}

static void test_budget_drift__allows_a_share_of_what_the_limits_do(void **state) {
    (void)state;
    const struct budget whole = read_well("latency<=5ms, drift.iou>=98%, drift.sqnr>=20dB, "
                                          "drift.max<=0.5, drift.cosine>=1, drift.argmax<=0.5");
    const struct budget drift = budget_drift(&whole, 0.9);
    static const double NUMBERS[] = {98.2, 20.45757490560675, 0.45, 1, 0.5};
    assert_int_equal(drift.limit_count, sizeof(NUMBERS) / sizeof(NUMBERS[0]));
    for (uint32_t i = 0; i < drift.limit_count; i++) {
        assert_int_equal(drift.limits[i].kind, whole.limits[i + 1].kind);
        assert_true(fabs(drift.limits[i].number - NUMBERS[i]) < 1e-9);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_budget__reads_what_the_design_shows),
        cmocka_unit_test(test_budget__knows_every_name_bound_unit_and_spelling),
        cmocka_unit_test(test_budget__a_fault_names_the_column_and_what_would_be_right),
        cmocka_unit_test(test_budget__a_fault_of_the_whole_names_the_column_too),
        cmocka_unit_test(test_budget__is_bounded),
        cmocka_unit_test(test_budget__takes_any_bytes),
        cmocka_unit_test(test_budget_keeps__says_which_limit_is_broken_in_its_own_unit),
        cmocka_unit_test(test_budget_keeps__a_number_at_its_bound_keeps_it),
        cmocka_unit_test(test_budget_keeps__the_first_broken_limit_is_the_one_that_is_told),
        cmocka_unit_test(test_budget_keeps__x_is_times_the_reference),
        cmocka_unit_test(test_budget_keeps__no_limit_is_kept_by_all),
        cmocka_unit_test(test_budget_drift__allows_a_share_of_what_the_limits_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
/* Marks of who repeats himself are a ring; those of files stay until they are forgotten. */
#include "storage/seen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "storage/core_bench.h"

static void run(struct core_bench *bench, const char *sql) {
    struct error err = {.text = ""};
    if (database_run(core_database(bench->core), sql, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

static struct store_job mark(struct core_bench *bench, uint64_t hash, bool fades) {
    struct store_job job = {
        .kind = STORE_RUN_END, .seen_source = SLICE("s"), .seen_hash = hash, .seen_fades = fades};
    assert_int_equal(core_bench_run(bench, &job), STATUS_OK);
    return job;
}

static void test_seen__old_marks_of_who_repeats_himself_go(void **state) {
    struct core_bench *bench = *state;
    run(bench, "INSERT INTO delivered VALUES (1, 's', 7, 1)");
    run(bench, "INSERT INTO seen VALUES ('s', 8, 1)");
    const struct store_job job = mark(bench, 9, true);
    assert_int_equal(job.out_gone_count, 1);
    assert_int_equal(job.out_gone[0], seen_key(SLICE("s"), 7));
    assert_int_equal(core_bench_number(bench, "SELECT sum(id_hash) FROM delivered"), 9);
    (void)mark(bench, 16, false);
    assert_int_equal(core_bench_number(bench, "SELECT sum(id_hash) FROM seen"), 8 + 16);
}

static void test_seen__their_number_has_a_bound(void **state) {
    struct core_bench *bench = *state;
    static const int64_t LATER_MS = INT64_C(1) << 50; /* what counts is the place, not the time */
    char sql[200];
    (void)snprintf(sql, sizeof(sql),
                   "INSERT INTO delivered VALUES (1, 's', 1, %lld), (2, 's', 2, %lld),"
                   " (3, 's', 4, %lld), (%d, 's', 8, %lld)",
                   (long long)LATER_MS, (long long)LATER_MS, (long long)LATER_MS,
                   SEEN_DELIVERED_MAX + 1, (long long)LATER_MS);
    run(bench, sql);
    const struct store_job job = mark(bench, 16, true);
    assert_int_equal(job.out_gone_count, 2);
    assert_int_equal(core_bench_number(bench, "SELECT sum(id_hash) FROM delivered"), 4 + 8 + 16);
}

static bool add(void *owner, struct slice source, uint64_t hash) {
    assert_true(slice_is(source, "s"));
    *(uint64_t *)owner += hash;
    return true;
}

static void test_seen__all_are_read_at_the_start(void **state) {
    struct core_bench *bench = *state;
    struct error err;
    uint64_t sum = 0;
    (void)mark(bench, 1, true);
    (void)mark(bench, 2, false);
    assert_int_equal(seen_each(core_database(bench->core), add, &sum, &err), STATUS_OK);
    assert_int_equal(sum, 3);
}

int main(void) {
#define BENCHED(test) cmocka_unit_test_setup_teardown(test, core_bench_set_up, core_bench_tear_down)
    const struct CMUnitTest tests[] = {
        BENCHED(test_seen__old_marks_of_who_repeats_himself_go),
        BENCHED(test_seen__their_number_has_a_bound),
        BENCHED(test_seen__all_are_read_at_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
/* Events that are kept aside: two bounds, numbers that do not come again, and listings. */
#include "storage/quarantine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "storage/core_bench.h"
#include "storage/reading.h"

static struct store_job aside(const char *reason, struct slice event) {
    return (struct store_job){.kind = STORE_QUARANTINE,
                              .workflow_name = SLICE("triage"),
                              .source = SLICE("http"),
                              .event_id = SLICE("k\"1"),
                              .reason = slice_of(reason),
                              .event = event};
}

static struct store_read list(struct core_bench *bench, enum store_read_kind kind, uint64_t before,
                              uint32_t limit) {
    struct store_read read = {.kind = kind, .before_key = before, .limit = limit};
    reading_run(core_database(bench->core), &read);
    buffer_add_byte(&read.out, 0);
    return read;
}

static void test_quarantine__is_listed_newest_first_and_shown_whole(void **state) {
    struct core_bench *bench = *state;
    struct store_job one = aside("too cold", SLICE("{\"t\":-300}"));
    struct store_job two = aside("no number", SLICE("\"x\""));
    assert_int_equal(core_bench_run(bench, &one), STATUS_OK);
    assert_int_equal(core_bench_run(bench, &two), STATUS_OK);
    assert_int_equal(two.out_number, 2);
    struct store_read read = list(bench, READ_EVENTS, 0, 1);
    assert_non_null(strstr(read.out.bytes, "\"reason\":\"no number\",\"bytes\":3}]"));
    assert_non_null(strstr(read.out.bytes, "\"event_id\":\"k\\\"1\""));
    assert_non_null(strstr(read.out.bytes, "\"kept\":2,\"gone\":0}"));
    assert_int_equal(read.out_next_key, 2);
    buffer_done(&read.out);
    read = list(bench, READ_EVENTS, 2, 1);
    assert_non_null(strstr(read.out.bytes, "too cold"));
    assert_int_equal(read.out_next_key, 0);
    buffer_done(&read.out);
    read = list(bench, READ_EVENT, 1, 0);
    assert_non_null(strstr(read.out.bytes, "\"event\":{\"t\":-300}}"));
    buffer_done(&read.out);
    read = list(bench, READ_EVENT, 3, 0);
    assert_int_equal(read.error.code, STATUS_NOT_FOUND);
    buffer_done(&read.out);
}

static void test_quarantine__lets_the_oldest_go_and_counts_them(void **state) {
    struct core_bench *bench = *state;
    for (int i = 0; i < QUARANTINE_ROWS_MAX + 5; i++) {
        struct store_job job = aside("x", SLICE("1"));
        assert_int_equal(core_bench_run(bench, &job), STATUS_OK);
    }
    assert_int_equal(core_bench_number(bench, "SELECT min(number) FROM quarantine"), 6);
    struct store_read read = list(bench, READ_EVENTS, 0, 1);
    assert_non_null(strstr(read.out.bytes, "\"kept\":1000,\"gone\":5}"));
    buffer_done(&read.out);
}

static void test_quarantine__has_a_bound_in_bytes(void **state) {
    struct core_bench *bench = *state;
    enum { LARGE = 900 << 10 };
    char *text = memory_new(1, QUARANTINE_EVENT_BYTES_MAX + 2);
    assert_non_null(text);
    memset(text, '1', QUARANTINE_EVENT_BYTES_MAX + 1);
    for (int i = 0; i < 12; i++) {
        struct store_job job = aside("x", (struct slice){.bytes = text, .count = LARGE});
        assert_int_equal(core_bench_run(bench, &job), STATUS_OK);
    }
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM quarantine"),
                     QUARANTINE_BYTES_MAX / LARGE);
    assert_int_equal(core_bench_number(bench, "SELECT max(number) FROM quarantine"), 12);
    struct store_job job =
        aside("x", (struct slice){.bytes = text, .count = QUARANTINE_EVENT_BYTES_MAX + 1});
    assert_int_equal(core_bench_run(bench, &job), STATUS_INVALID);
    memory_free(text);
}

static void test_quarantine__marks_the_event_in_the_same_commit(void **state) {
    struct core_bench *bench = *state;
    struct store_job job = aside("x", SLICE("1"));
    job.seen_source = SLICE("triage/http");
    job.seen_hash = 42;
    job.seen_fades = true;
    assert_int_equal(core_bench_run(bench, &job), STATUS_OK);
    assert_int_equal(core_bench_number(bench, "SELECT id_hash FROM delivered"), 42);
}

int main(void) {
#define BENCHED(test) cmocka_unit_test_setup_teardown(test, core_bench_set_up, core_bench_tear_down)
    const struct CMUnitTest tests[] = {
        BENCHED(test_quarantine__is_listed_newest_first_and_shown_whole),
        BENCHED(test_quarantine__lets_the_oldest_go_and_counts_them),
        BENCHED(test_quarantine__has_a_bound_in_bytes),
        BENCHED(test_quarantine__marks_the_event_in_the_same_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

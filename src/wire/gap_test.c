// SPDX-License-Identifier: Apache-2.0
#include "wire/gap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct gap example(void) {
    return (struct gap){.reason = GAP_SUPERSEDED,
                        .from_seq = 4,
                        .to_seq = 9,
                        .count = 5,
                        .bytes = 612,
                        .from_wall_ms = 1000,
                        .to_wall_ms = 2000,
                        .chain_before = {{1}},
                        .chain_end = {{2}}};
}

static void test_gap__what_was_written_reads_back(void **state) {
    (void)state;
    const struct gap gap = example();
    struct gap read;
    struct error err = {.text = ""};
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, GAP_BODY_BYTES_MAX);
    gap_write(&body, &gap);
    if (gap_read(buffer_slice(&body), &read, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(read.reason, gap.reason);
    assert_int_equal(read.from_seq, gap.from_seq);
    assert_int_equal(read.to_seq, gap.to_seq);
    assert_int_equal(read.count, gap.count);
    assert_int_equal(read.bytes, gap.bytes);
    assert_int_equal(read.from_wall_ms, gap.from_wall_ms);
    assert_int_equal(read.to_wall_ms, gap.to_wall_ms);
    assert_true(id_equal(read.chain_before, gap.chain_before));
    assert_true(id_equal(read.chain_end, gap.chain_end));
}

static void test_gap__the_largest_one_fits_its_bound(void **state) {
    (void)state;
    struct gap gap = example();
    CLEANUP(buffer_done) struct buffer body;
    buffer_init(&body, GAP_BODY_BYTES_MAX);
    gap.from_seq = 1;
    gap.to_seq = gap.count = (UINT64_C(1) << 40) - 1;
    gap.bytes = INT64_MAX;
    gap.from_wall_ms = gap.to_wall_ms = INT64_MIN;
    gap_write(&body, &gap);
    assert_int_equal(buffer_status(&body, NULL), STATUS_OK);
}

static void test_gap__what_cannot_be_is_refused(void **state) {
    (void)state;
    static const char *const WRONG[] = {
        "",
        "{}",
        "[]",
        "{\"reason\":\"lost\"}",
        "{\"reason\":\"expired\",\"from\":0,\"to\":1,\"count\":1,\"bytes\":1,\"t0\":1,\"t1\":1,"
        "\"chain_before\":\"00000000000000000000000000000000\","
        "\"chain_end\":\"00000000000000000000000000000000\"}",
        "{\"reason\":\"expired\",\"from\":2,\"to\":1,\"count\":1,\"bytes\":1,\"t0\":1,\"t1\":1,"
        "\"chain_before\":\"00000000000000000000000000000000\","
        "\"chain_end\":\"00000000000000000000000000000000\"}",
        "{\"reason\":\"expired\",\"from\":1,\"to\":2,\"count\":3,\"bytes\":1,\"t0\":1,\"t1\":1,"
        "\"chain_before\":\"00000000000000000000000000000000\","
        "\"chain_end\":\"00000000000000000000000000000000\"}",
        ("{\"reason\":\"expired\",\"from\":1,\"to\":2,\"count\":2,\"bytes\":1,\"t0\":1,\"t1\":1,"
         "\"chain_before\":\"0\",\"chain_end\":\"00000000000000000000000000000000\"}")};
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        struct gap read = {.count = 42};
        struct error err;
        assert_int_equal(gap_read(slice_of(WRONG[i]), &read, &err), STATUS_INVALID);
        assert_int_equal(read.count, 42);
    }
}

static void test_gap__joining_adds_up_and_keeps_the_ends(void **state) {
    (void)state;
    struct gap gap = example();
    const struct gap after = {.from_seq = 10,
                              .to_seq = 12,
                              .count = 2,
                              .bytes = 100,
                              .from_wall_ms = 500,
                              .to_wall_ms = 3000,
                              .chain_end = {{3}}};
    gap_join(&gap, &after);
    assert_int_equal(gap.from_seq, 4);
    assert_int_equal(gap.to_seq, 12);
    assert_int_equal(gap.count, 7);
    assert_int_equal(gap.bytes, 712);
    assert_int_equal(gap.from_wall_ms, 500);
    assert_int_equal(gap.to_wall_ms, 3000);
    assert_int_equal(gap.chain_before.bytes[0], 1);
    assert_int_equal(gap.chain_end.bytes[0], 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gap__what_was_written_reads_back),
        cmocka_unit_test(test_gap__the_largest_one_fits_its_bound),
        cmocka_unit_test(test_gap__what_cannot_be_is_refused),
        cmocka_unit_test(test_gap__joining_adds_up_and_keeps_the_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

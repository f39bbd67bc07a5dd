// SPDX-License-Identifier: Apache-2.0
#include "storage/outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "storage/core_bench.h"

static void test_outbox__seq_is_given_for_each_lane_from_one_and_never_again(void **state) {
    struct core_bench *bench = *state;
    assert_int_equal(core_bench_put(bench, LANE_NORMAL, "1", NULL), 1);
    assert_int_equal(core_bench_put(bench, LANE_NORMAL, "2", NULL), 2);
    assert_int_equal(core_bench_put(bench, LANE_URGENT, "3", NULL), 1);
    core_bench_reopen(bench);
    assert_int_equal(core_bench_put(bench, LANE_NORMAL, "4", NULL), 3);
    core_bench_acknowledge(bench, LANE_NORMAL, 3);
    assert_int_equal(core_bench_number(bench, "DELETE FROM record WHERE 0 RETURNING 1"), 0);
    core_bench_expect_lane(bench, LANE_NORMAL, "1-1 2-2 3-3");
}

static void test_outbox__a_lane_that_was_emptied_goes_on_where_it_ended(void **state) {
    struct core_bench *bench = *state;
    struct record_draft draft = core_bench_draft(LANE_HIGH, "1", NULL);
    draft.keep_ms = 1;
    draft.record.boot.bytes[0] = 1; /* of another boot, long ago */
    assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_OK);
    core_bench_acknowledge(bench, LANE_HIGH, 1);
    struct store_job purge = {.kind = STORE_PURGE};
    assert_int_equal(core_bench_run(bench, &purge), STATUS_OK);
    assert_int_equal(purge.out_number, 1);
    core_bench_expect_lane(bench, LANE_HIGH, "");
    core_bench_reopen(bench);
    assert_int_equal(core_bench_put(bench, LANE_HIGH, "2", NULL), 2);
}

static void test_outbox__a_key_turns_its_unsent_record_into_a_gap(void **state) {
    struct core_bench *bench = *state;
    (void)core_bench_put(bench, LANE_NORMAL, "1", "door");
    (void)core_bench_put(bench, LANE_NORMAL, "2", NULL);
    (void)core_bench_put(bench, LANE_NORMAL, "3", "door");
    core_bench_expect_lane(bench, LANE_NORMAL, "1-1superseded 2-2 3-3");
    core_bench_reopen(bench); /* a key is remembered on the disk */
    (void)core_bench_put(bench, LANE_NORMAL, "4", "door");
    core_bench_expect_lane(bench, LANE_NORMAL, "1-1superseded 2-2 3-3superseded 4-4");
    (void)core_bench_put(bench, LANE_NORMAL, "5", "window");
    (void)core_bench_put(bench, LANE_NORMAL, "6", "door");
    core_bench_expect_lane(bench, LANE_NORMAL, "1-1superseded 2-2 3-4superseded 5-5 6-6");
}

static void test_outbox__what_the_hub_holds_is_never_replaced(void **state) {
    struct core_bench *bench = *state;
    (void)core_bench_put(bench, LANE_NORMAL, "1", "door");
    core_bench_acknowledge(bench, LANE_NORMAL, 1);
    (void)core_bench_put(bench, LANE_NORMAL, "2", "door");
    core_bench_expect_lane(bench, LANE_NORMAL, "1-1 2-2");
}

static void test_outbox__a_key_is_of_a_workflow_and_a_name(void **state) {
    struct core_bench *bench = *state;
    (void)core_bench_put(bench, LANE_NORMAL, "1", "door");
    struct record_draft draft = core_bench_draft(LANE_NORMAL, "2", "door");
    draft.record.name = SLICE("count");
    assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_OK);
    bench->workflow = core_bench_workflow(bench, "other");
    (void)core_bench_put(bench, LANE_NORMAL, "3", "door");
    core_bench_expect_lane(bench, LANE_NORMAL, "1-1 2-2 3-3");
}

static void test_outbox__an_acknowledgement_never_goes_back_or_beyond_the_end(void **state) {
    struct core_bench *bench = *state;
    (void)core_bench_put(bench, LANE_NORMAL, "1", NULL);
    (void)core_bench_put(bench, LANE_NORMAL, "2", NULL);
    core_bench_acknowledge(bench, LANE_NORMAL, 2);
    core_bench_acknowledge(bench, LANE_NORMAL, 1);
    assert_int_equal(core_bench_number(bench, "SELECT acked_seq FROM lane WHERE lane = 3"), 2);
    struct store_job job = {.kind = STORE_ACKNOWLEDGE, .lane = LANE_NORMAL, .seq = 3};
    assert_int_equal(core_bench_run(bench, &job), STATUS_INVALID);
    job = (struct store_job){.kind = STORE_ACKNOWLEDGE, .lane = LANE_LOCAL, .seq = 1};
    assert_int_equal(core_bench_run(bench, &job), STATUS_INVALID);
    job = (struct store_job){.kind = STORE_ACKNOWLEDGE, .stream = {{1}}, .seq = 1};
    assert_int_equal(core_bench_run(bench, &job), STATUS_NOT_FOUND);
}

static void test_outbox__a_draft_that_cannot_be_is_refused_and_writes_nothing(void **state) {
    struct core_bench *bench = *state;
    static char large[RECORD_BYTES_MAX + 1];
    (void)memset(large, '1', RECORD_BYTES_MAX);
    struct record_draft draft = core_bench_draft(LANE_NORMAL, large, NULL);
    assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_INVALID);
    draft = core_bench_draft(LANE_COUNT, "1", NULL);
    assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_INVALID);
    draft = core_bench_draft(LANE_NORMAL, "1", NULL);
    draft.keep_ms = -1;
    assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_INVALID);
    bench->workflow = 99;
    draft = core_bench_draft(LANE_NORMAL, "1", NULL);
    assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_INVALID);
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM record"), 0);
}

static void test_outbox__bytes_are_counted_the_same_after_a_restart(void **state) {
    struct core_bench *bench = *state;
    struct store_counters before;
    struct store_counters after;
    for (int i = 0; i < 20; i++) {
        (void)core_bench_put(bench, LANE_NORMAL, "\"some text\"", i % 3 == 0 ? "k" : NULL);
    }
    core_counters(bench->core, &before);
    core_bench_reopen(bench);
    core_counters(bench->core, &after);
    assert_true(before.lane_bytes[LANE_NORMAL] > 0);
    assert_int_equal(before.lane_bytes[LANE_NORMAL], after.lane_bytes[LANE_NORMAL]);
}

static void test_outbox__the_view_names_a_result_as_the_store_does(void **state) {
    struct core_bench *bench = *state;
    struct record_draft draft = core_bench_draft(LANE_URGENT, "{\"a\":1}", NULL);
    draft.record.time.wall_ms = 1700000000123;
    draft.record.priority = 8;
    assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_OK);
    char uuid[ID_UUID_BYTES + 1];
    id_write_uuid(draft.out_id, uuid);
    static const char VIEW[] = "SELECT id || workflow_id || result || created_at || synced"
                               " || sync_priority FROM workflow_results";
    char expected[200];
    (void)snprintf(expected, sizeof(expected), "%striage{\"a\":1}2023-11-14T22:13:20.12308", uuid);
    CLEANUP(query_done) struct query query = query_on(bench->core->database, VIEW);
    assert_true(query_next(&query));
    assert_true(slice_is(query_text(&query, 0), expected));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_outbox__seq_is_given_for_each_lane_from_one_and_never_again, core_bench_set_up,
            core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_outbox__a_lane_that_was_emptied_goes_on_where_it_ended,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_outbox__a_key_turns_its_unsent_record_into_a_gap,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_outbox__what_the_hub_holds_is_never_replaced,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_outbox__a_key_is_of_a_workflow_and_a_name,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_outbox__an_acknowledgement_never_goes_back_or_beyond_the_end, core_bench_set_up,
            core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_outbox__a_draft_that_cannot_be_is_refused_and_writes_nothing, core_bench_set_up,
            core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_outbox__bytes_are_counted_the_same_after_a_restart,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_outbox__the_view_names_a_result_as_the_store_does,
                                        core_bench_set_up, core_bench_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

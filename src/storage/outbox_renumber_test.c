// SPDX-License-Identifier: Apache-2.0
#include "storage/outbox_renumber.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "storage/core_bench.h"
#include "storage/outbox_check.h"

/* A new stream is begun and what stands behind `after_seq` moves there, in one transaction. */
static void renumber(struct core_bench *bench, enum lane lane, uint64_t after_seq) {
    struct core *core = bench->core;
    struct error err = {.text = ""};
    struct stream stream;
    assert_int_equal(database_begin(core->database, &err), STATUS_OK);
    assert_int_equal(stream_begin(&stream, core->database, "verdict", &err), STATUS_OK);
    assert_int_equal(database_commit(core->database, &err), STATUS_OK);
    assert_int_equal(core_load(core, &err), STATUS_OK);
    assert_int_equal(database_begin(core->database, &err), STATUS_OK);
    if (outbox_renumber(&core->outbox, &core->outbox.streams[0], lane, after_seq, &err) !=
        STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(core_commit(core, &err), STATUS_OK);
}

static void test_outbox_renumber__a_record_keeps_its_first_id_and_its_bytes(void **state) {
    struct core_bench *bench = *state;
    struct record_draft drafts[4];
    char uuid[ID_UUID_BYTES + 1];
    char expected[60];
    for (int i = 0; i < 4; i++) {
        drafts[i] = core_bench_draft(LANE_NORMAL, "{\"n\":1}", NULL);
        assert_int_equal(core_bench_put_draft(bench, &drafts[i]), STATUS_OK);
    }
    renumber(bench, LANE_NORMAL, 2);
    core_bench_expect_lane(bench, LANE_NORMAL, "1-1 2-2");
    static const char IDS[] = "SELECT id FROM workflow_results LIMIT 1 OFFSET 2";
    {
        CLEANUP(query_done) struct query query = query_on(bench->core->database, IDS);
        assert_true(query_next(&query));
        id_write_uuid(drafts[2].out_id, uuid);
        (void)snprintf(expected, sizeof(expected), "%.*s", SLICE_ARGS(query_text(&query, 0)));
        assert_string_equal(uuid, expected);
    }
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM record WHERE key >> 43 = 1"),
                     2);
    core_bench_reopen(bench); /* the last records of each lane are checked: the chains hold */
    assert_false(bench->opened.salvaged);
    core_bench_expect_lane(bench, LANE_NORMAL, "1-1 2-2");
    assert_int_equal(core_bench_put(bench, LANE_NORMAL, "1", NULL), 3);
}

static void test_outbox_renumber__damage_is_mended_before_it_gets_a_chain_value(void **state) {
    struct core_bench *bench = *state;
    const uint64_t after[LANE_LOCAL] = {0};
    struct store_job job = {.kind = STORE_RENUMBER, .after = after};
    struct error err = {.text = ""};
    for (int i = 0; i < 3; i++) {
        (void)core_bench_put(bench, LANE_NORMAL, "{\"n\":1}", NULL);
    }
    {
        CLEANUP(query_done)
        struct query query =
            query_on(bench->core->database, "UPDATE record SET wall_ms = wall_ms + 77777"
                                            " WHERE key & 1099511627775 = 2");
        assert_int_equal(query_run(&query, &err), STATUS_OK);
    }
    assert_int_equal(core_bench_run(bench, &job), STATUS_OK);
    core_bench_expect_lane(bench, LANE_NORMAL, "1-1 2-2damaged 3-3");
}

static void test_outbox_renumber__a_gap_keeps_its_length_and_a_key_its_record(void **state) {
    struct core_bench *bench = *state;
    (void)core_bench_put(bench, LANE_NORMAL, "1", NULL);
    (void)core_bench_put(bench, LANE_NORMAL, "2", "door");
    (void)core_bench_put(bench, LANE_NORMAL, "3", "window");
    (void)core_bench_put(bench, LANE_NORMAL, "4", "door");
    (void)core_bench_put(bench, LANE_NORMAL, "5", "window");
    core_bench_expect_lane(bench, LANE_NORMAL, "1-1 2-3superseded 4-4 5-5");
    renumber(bench, LANE_NORMAL, 1);
    core_bench_expect_lane(bench, LANE_NORMAL, "1-2superseded 3-3 4-4");
    (void)core_bench_put(bench, LANE_NORMAL, "6", "door");
    core_bench_expect_lane(bench, LANE_NORMAL, "1-3superseded 4-4 5-5");
    core_bench_reopen(bench);
    core_bench_expect_lane(bench, LANE_NORMAL, "1-3superseded 4-4 5-5");
}

static void test_outbox_renumber__cursors_move_along(void **state) {
    struct core_bench *bench = *state;
    struct error err;
    for (int i = 0; i < 4; i++) {
        (void)core_bench_put(bench, LANE_NORMAL, "1", NULL);
    }
    assert_int_equal(
        database_run(bench->core->database,
                     "INSERT INTO cursor VALUES ('plant', 1, 3, 3), ('scada', 1, 3, 1)", &err),
        STATUS_OK);
    renumber(bench, LANE_NORMAL, 1);
    assert_int_equal(core_bench_number(bench, "SELECT sent_seq FROM cursor WHERE destination ="
                                              " 'plant' AND stream = 2"),
                     2);
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM cursor WHERE stream = 2"), 1);
}

static void test_outbox_renumber__the_old_stream_ends_where_both_agree(void **state) {
    struct core_bench *bench = *state;
    struct error err;
    for (int i = 0; i < 4; i++) {
        (void)core_bench_put(bench, LANE_NORMAL, "1", NULL);
    }
    core_bench_acknowledge(bench, LANE_NORMAL, 2);
    const struct id old = core_stream(bench->core);
    renumber(bench, LANE_NORMAL, 2);
    assert_false(id_equal(old, core_stream(bench->core)));
    const struct stream *stream = outbox_find_stream(&bench->core->outbox, old);
    assert_non_null(stream);
    assert_int_equal(stream->lanes[LANE_NORMAL].next_seq, 3);
    assert_int_equal(stream->lanes[LANE_NORMAL].acked_seq, 2);
    assert_int_equal(core_check_chains(bench->core, true, &err), STATUS_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_outbox_renumber__a_record_keeps_its_first_id_and_its_bytes, core_bench_set_up,
            core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_outbox_renumber__damage_is_mended_before_it_gets_a_chain_value, core_bench_set_up,
            core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_outbox_renumber__a_gap_keeps_its_length_and_a_key_its_record, core_bench_set_up,
            core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_outbox_renumber__cursors_move_along, core_bench_set_up,
                                        core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_outbox_renumber__the_old_stream_ends_where_both_agree,
                                        core_bench_set_up, core_bench_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

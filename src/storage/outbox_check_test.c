// SPDX-License-Identifier: Apache-2.0
#include "storage/outbox_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "storage/core_bench.h"

static void damage(struct core_bench *bench, const char *sql) {
    struct error err = {.text = ""};
    if (database_run(bench->core->database, sql, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

static void put_five(struct core_bench *bench) {
    for (int i = 0; i < 5; i++) {
        (void)core_bench_put(bench, LANE_NORMAL, "{\"score\":17}", NULL);
    }
}

/* Opens once more: everything is read anew, then all chains are looked at. */
static void reopen_and_check(struct core_bench *bench) {
    struct error err = {.text = ""};
    core_bench_reopen(bench);
    if (core_check_chains(bench->core, true, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

static void expect_whole(struct core_bench *bench) {
    assert_false(bench->opened.salvaged);
    core_bench_expect_lane(bench, LANE_NORMAL, "1-1 2-2 3-3 4-4 5-5");
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM record r JOIN boot b ON"
                                              " b.number = r.boot WHERE body = '{\"score\":17}'"),
                     5);
    assert_int_equal(core_bench_put(bench, LANE_NORMAL, "1", NULL), 6);
}

static void test_outbox_check__a_flipped_byte_of_a_body_is_put_right(void **state) {
    struct core_bench *bench = *state;
    put_five(bench);
    damage(bench, "UPDATE record SET body = '{\"score\":97}' WHERE key & 255 = 3");
    reopen_and_check(bench);
    expect_whole(bench);
}

static void test_outbox_check__so_is_one_of_the_last_record(void **state) {
    struct core_bench *bench = *state;
    put_five(bench);
    damage(bench, "UPDATE record SET body = '{\"score\":97}' WHERE key & 255 = 5");
    reopen_and_check(bench);
    expect_whole(bench);
}

static void test_outbox_check__so_is_one_of_a_chain_value(void **state) {
    struct core_bench *bench = *state;
    char sql[400];
    struct id chain;
    struct error err;
    for (int seq = 2; seq <= 5; seq += 3) { /* in the middle, and the last */
        put_five(bench);
        assert_int_equal(outbox_gap_chain_at(&bench->core->outbox,
                                             outbox_stream(&bench->core->outbox), LANE_NORMAL,
                                             (uint64_t)seq, &chain, &err),
                         STATUS_OK);
        chain.bytes[7] ^= 0x41;
        char hex[ID_HEX_BYTES + 1];
        id_write_hex(chain, hex);
        (void)snprintf(sql, sizeof(sql), "UPDATE record SET chain = x'%s' WHERE key & 255 = %d",
                       hex, seq);
        damage(bench, sql);
        reopen_and_check(bench);
        chain.bytes[7] ^= 0x41;
        id_write_hex(chain, hex);
        (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM record WHERE chain = x'%s'", hex);
        CLEANUP(query_done) struct query query = query_on(bench->core->database, sql);
        int64_t found = 0;
        assert_int_equal(query_one_number(&query, &found, &err), STATUS_OK);
        assert_int_equal(found, 1);
    }
}

static void test_outbox_check__so_is_the_row_of_a_boot_or_a_workflow_that_all_share(void **state) {
    struct core_bench *bench = *state;
    put_five(bench);
    damage(bench, "UPDATE workflow SET name = 'triagf'");
    reopen_and_check(bench);
    expect_whole(bench);
    damage(bench, "UPDATE boot SET quality = (quality + 1) % 3");
    reopen_and_check(bench);
    assert_int_equal(
        core_bench_number(bench, "SELECT count(*) FROM record WHERE last_seq IS NOT NULL"), 0);
    assert_int_equal(
        core_bench_number(bench, "SELECT count(*) FROM workflow WHERE name = 'triage'"), 1);
}

static void test_outbox_check__a_number_that_points_at_another_boot_is_put_right(void **state) {
    struct core_bench *bench = *state;
    struct record_draft draft = core_bench_draft(LANE_HIGH, "1", NULL);
    draft.record.boot.bytes[0] = 77;
    assert_int_equal(core_bench_put_draft(bench, &draft), STATUS_OK);
    put_five(bench);
    damage(bench, "UPDATE record SET boot = 1 WHERE key & 255 = 2 AND key >> 40 & 7 = 3");
    reopen_and_check(bench);
    expect_whole(bench);
}

static void test_outbox_check__what_cannot_be_put_right_becomes_a_gap_and_is_told(void **state) {
    struct core_bench *bench = *state;
    struct error alarm;
    put_five(bench);
    damage(bench, "UPDATE record SET body = 'nothing like it' WHERE key & 255 = 3");
    reopen_and_check(bench);
    core_bench_expect_lane(bench, LANE_NORMAL, "1-1 2-2 3-3damaged 4-4 5-5");
    assert_true(core_take_alarm(bench->core, &alarm));
    assert_non_null(strstr(alarm.text, "record 3 of lane 'normal'"));
    assert_true(database_file_exists("bench", "store/damaged-1-normal-3.record"));
    assert_false(bench->opened.salvaged);
    core_bench_reopen(bench);
    assert_false(core_take_alarm(bench->core, &alarm));
}

static void test_outbox_check__a_missing_row_is_a_damaged_file(void **state) {
    struct core_bench *bench = *state;
    const struct id before = core_stream(bench->core);
    put_five(bench);
    damage(bench, "DELETE FROM record WHERE key & 255 = 3");
    core_bench_reopen(bench);
    assert_true(bench->opened.salvaged);
    assert_int_equal(bench->opened.damaged_records, 1);
    assert_false(id_equal(before, core_stream(bench->core)));
    /* 4 followed the hole: it goes on in the new stream. */
    core_bench_expect_lane(bench, LANE_NORMAL, "1-1");
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM record WHERE last_seq IS NULL"
                                              " AND key >> 40 & 7 = 3"),
                     4);
    assert_int_equal(core_bench_number(bench,
                                       "SELECT last_seq FROM record WHERE last_seq IS NOT"
                                       " NULL AND key >> 43 = 1 AND key & 1099511627775 = 3"),
                     4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_outbox_check__a_flipped_byte_of_a_body_is_put_right,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_outbox_check__so_is_one_of_the_last_record,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_outbox_check__so_is_one_of_a_chain_value,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_outbox_check__so_is_the_row_of_a_boot_or_a_workflow_that_all_share,
            core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_outbox_check__a_number_that_points_at_another_boot_is_put_right, core_bench_set_up,
            core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_outbox_check__what_cannot_be_put_right_becomes_a_gap_and_is_told,
            core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_outbox_check__a_missing_row_is_a_damaged_file,
                                        core_bench_set_up, core_bench_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

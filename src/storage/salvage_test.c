// SPDX-License-Identifier: Apache-2.0
#include "storage/salvage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "storage/core_bench.h"

static const char PATH[] = "store/ebb.db";
static const char LOG[] = "store/ebb.db-wal";

/* The file begins with bytes that are no database, and has no log that would hide it. */
static void smash(struct core_bench *bench) {
    struct error err;
    assert_int_equal(database_file_remove("bench", LOG, &err), STATUS_OK);
    for (int i = 0; i < 4096; i++) {
        assert_true(fault_disk_flip(bench->disk, PATH, i, 0xa5));
    }
}

static void put_some(struct core_bench *bench) {
    for (int i = 0; i < 4; i++) {
        (void)core_bench_put(bench, LANE_NORMAL, "1", NULL);
    }
    core_bench_acknowledge(bench, LANE_NORMAL, 2);
    struct store_job step = {.kind = STORE_RUN_STEP,
                             .run = {{1}},
                             .workflow = bench->workflow,
                             .step = SLICE("tell"),
                             .step_state = STEP_DONE,
                             .output = SLICE("42"),
                             .event = SLICE("{\"id\":1}")};
    assert_int_equal(core_bench_run(bench, &step), STATUS_OK);
    struct store_job mark = {
        .kind = STORE_RUN_END, .seen_source = SLICE("inbox"), .seen_hash = 0x8123456789abcdef};
    assert_int_equal(core_bench_run(bench, &mark), STATUS_OK);
    mark.seen_fades = true;
    assert_int_equal(core_bench_run(bench, &mark), STATUS_OK);
    struct store_job aside = {.kind = STORE_QUARANTINE,
                              .workflow_name = SLICE("triage"),
                              .source = SLICE("http"),
                              .reason = SLICE("cold"),
                              .event = SLICE("[1]")};
    assert_int_equal(core_bench_run(bench, &aside), STATUS_OK);
}

static void
test_salvage__everything_is_there_under_its_own_stream_and_a_new_one_begins(void **state) {
    struct core_bench *bench = *state;
    const struct id before = core_stream(bench->core);
    put_some(bench);
    core_close(bench->core);
    smash(bench);
    core_bench_open(bench);
    assert_true(bench->opened.salvaged);
    assert_false(bench->opened.made);
    assert_int_equal(bench->opened.salvaged_records, 4);
    assert_int_equal(bench->opened.damaged_records, 0);
    assert_string_equal(bench->opened.aside, "store/ebb.db.damaged-1");
    assert_true(database_file_exists("bench", "store/ebb.db.damaged-1"));
    assert_false(id_equal(before, core_stream(bench->core)));
    const struct stream *old = outbox_find_stream(&bench->core->outbox, before);
    assert_non_null(old);
    assert_int_equal(old->lanes[LANE_NORMAL].acked_seq, 2);
    assert_int_equal(old->lanes[LANE_NORMAL].next_seq, 5);
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM run r JOIN step s ON"
                                              " s.run = r.number WHERE output = '42'"),
                     1);
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM seen"), 1);
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM delivered"), 1);
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM quarantine"
                                              " WHERE reason = 'cold' AND event = '[1]'"),
                     1);
    assert_int_equal(core_bench_put(bench, LANE_NORMAL, "1", NULL), 1);
    struct store_job end = {.kind = STORE_RUN_END, .run = {{1}}};
    assert_int_equal(core_bench_run(bench, &end), STATUS_OK);
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM run"), 0);
}

static void test_salvage__it_is_said_in_lane_control_and_aloud(void **state) {
    struct core_bench *bench = *state;
    struct error alarm;
    put_some(bench);
    core_close(bench->core);
    smash(bench);
    core_bench_open(bench);
    assert_true(core_take_alarm(bench->core, &alarm));
    assert_non_null(strstr(alarm.text, "store/ebb.db.damaged-1"));
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM record WHERE kind & 255 = 4"
                                              " AND key >> 40 & 7 = 0 AND name = 'store-damaged'"),
                     1);
}

static void test_salvage__an_old_file_is_never_overwritten(void **state) {
    struct core_bench *bench = *state;
    put_some(bench);
    for (int i = 1; i <= 3; i++) {
        char aside[64];
        core_close(bench->core);
        smash(bench);
        core_bench_open(bench);
        (void)snprintf(aside, sizeof(aside), "store/ebb.db.damaged-%d", i);
        assert_string_equal(bench->opened.aside, aside);
        assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM record WHERE kind & 255"
                                                  " = 1"),
                         4);
    }
}

static void test_salvage__what_damages_the_file_while_it_runs_is_salvaged_then(void **state) {
    struct core_bench *bench = *state;
    struct store_job job = {.kind = STORE_WORKFLOW, .workflow_name = SLICE("other")};
    put_some(bench);
    core_mend_found(bench->core, true); /* as if a check had found the file damaged */
    struct error alarm;
    assert_true(core_take_alarm(bench->core, &alarm));
    assert_true(database_file_exists("bench", "store/ebb.db.damaged-1"));
    /* Numbers that the program holds go on to be good. */
    assert_int_equal(core_bench_put(bench, LANE_NORMAL, "1", NULL), 1);
    assert_int_equal(core_bench_run(bench, &job), STATUS_OK);
    assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM record WHERE kind & 255 = 1"),
                     5);
}

static void test_salvage__a_move_that_a_power_cut_ended_is_finished(void **state) {
    struct core_bench *bench = *state;
    struct error err;
    put_some(bench);
    const struct id stream = core_stream(bench->core);
    core_close(bench->core);
    /* As after step 3: the old file is aside, its log is not, the new one waits. */
    assert_int_equal(database_file_move("bench", PATH, "store/ebb.db.new", &err), STATUS_OK);
    struct database_file *file = NULL;
    assert_int_equal(
        database_file_open("bench", "store/ebb.db.damaged-1", DATABASE_FILE_MAKE, &file, &err),
        STATUS_OK);
    assert_int_equal(database_file_write(file, 0, SLICE("old"), &err), STATUS_OK);
    database_file_close(file);
    core_bench_open(bench);
    assert_false(bench->opened.made);
    assert_true(id_equal(stream, core_stream(bench->core)));
    assert_true(database_file_exists("bench", "store/ebb.db.damaged-1-wal"));
    assert_false(database_file_exists("bench", "store/ebb.db.new"));
}

static void test_salvage__without_room_it_says_so_and_the_old_file_stays(void **state) {
    struct core_bench *bench = *state;
    struct error err = {.text = ""};
    const struct core_options options = {.folder = "store", .vfs = "bench", .wal_bytes = 64 << 10};
    struct store_opened opened;
    put_some(bench);
    core_close(bench->core);
    bench->core = NULL;
    smash(bench);
    fault_disk_set_quota(bench->disk, fault_disk_bytes(bench->disk) + (32 << 10));
    assert_int_equal(core_open(&options, &bench->core, &opened, &err), STATUS_FULL);
    assert_non_null(strstr(err.text, "salvage"));
    assert_true(database_file_exists("bench", PATH));
    assert_false(database_file_exists("bench", "store/ebb.db.damaged-1"));
    fault_disk_set_quota(bench->disk, 0);
    core_bench_open(bench);
    assert_int_equal(bench->opened.salvaged_records, 4);
}

/* --- a file that is gone ---------------------------------------------------------------------- */

/* What an empty file or none, and the log if it stays, is opened as; its alarm is given back. */
static void open_without_file(struct core_bench *bench, bool empty, bool log,
                              struct error *out_alarm) {
    struct database_file *file = NULL;
    struct error err;
    core_close(bench->core);
    assert_int_equal(database_file_remove("bench", PATH, &err), STATUS_OK);
    if (empty) {
        assert_int_equal(database_file_open("bench", PATH, DATABASE_FILE_MAKE, &file, &err),
                         STATUS_OK);
        database_file_close(file);
    }
    if (!log) {
        assert_int_equal(database_file_remove("bench", LOG, &err), STATUS_OK);
    }
    core_bench_open(bench);
    *out_alarm = (struct error){.text = ""};
    (void)core_take_alarm(bench->core, out_alarm);
}

static void test_salvage__the_log_of_a_file_that_is_gone_is_read_and_kept(void **state) {
    struct core_bench *bench = *state;
    struct error alarm;
    put_some(bench); /* all of it still in the log */
    for (int empty = 0; empty < 2; empty++) {
        const struct id before = core_stream(bench->core);
        open_without_file(bench, empty == 1, true, &alarm);
        assert_true(bench->opened.salvaged);
        assert_false(id_equal(before, core_stream(bench->core)));
        assert_non_null(strstr(alarm.text, "gone, its log is not"));
        assert_non_null(strstr(alarm.text, bench->opened.aside));
        assert_true(database_file_exists("bench", bench->opened.aside));
        assert_non_null(strstr(bench->opened.aside, "-wal"));
        assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM record WHERE name ="
                                                  " 'verdict'"),
                         4);
    }
}

static void test_salvage__a_log_that_says_nothing_is_kept_too(void **state) {
    struct core_bench *bench = *state;
    struct error alarm;
    struct error err;
    struct database_file *file = NULL;
    core_close(bench->core);
    assert_int_equal(database_file_remove("bench", PATH, &err), STATUS_OK);
    assert_int_equal(database_file_open("bench", LOG, DATABASE_FILE_MAKE, &file, &err), STATUS_OK);
    assert_int_equal(database_file_write(file, 0, SLICE("no log"), &err), STATUS_OK);
    database_file_close(file);
    core_bench_open(bench);
    assert_true(bench->opened.salvaged);
    assert_true(core_take_alarm(bench->core, &alarm));
    assert_true(database_file_exists("bench", "store/ebb.db.damaged-1-wal"));
    bench->workflow = core_bench_workflow(bench, "triage");
    assert_int_equal(core_bench_put(bench, LANE_NORMAL, "1", NULL), 1);
}

static void test_salvage__a_file_that_is_gone_without_a_log_is_told_of(void **state) {
    static const char REASON[] = "SELECT reason = 'missing' FROM stream";
    struct core_bench *bench = *state;
    struct error alarm;
    struct error err;
    struct database_file *file = NULL;
    open_without_file(bench, true, false, &alarm);
    assert_true(bench->opened.made);
    assert_string_equal(alarm.text, ""); /* a making that the power ended leaves no more */
    assert_int_equal(core_bench_number(bench, REASON), 0);
    assert_int_equal(database_file_open("bench", "store/running", DATABASE_FILE_MAKE, &file, &err),
                     STATUS_OK);
    assert_int_equal(database_file_write(file, 0, SLICE("page"), &err), STATUS_OK);
    database_file_close(file);
    for (int empty = 0; empty < 2; empty++) {
        open_without_file(bench, empty == 1, false, &alarm);
        assert_true(bench->opened.made);
        assert_non_null(strstr(alarm.text, "'running' shows that there was one"));
        assert_int_equal(core_bench_number(bench, REASON), 1);
        assert_int_equal(core_bench_number(bench, "SELECT count(*) FROM record WHERE name ="
                                                  " 'store-missing'"),
                         1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_salvage__everything_is_there_under_its_own_stream_and_a_new_one_begins,
            core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_salvage__it_is_said_in_lane_control_and_aloud,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_salvage__an_old_file_is_never_overwritten,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_salvage__what_damages_the_file_while_it_runs_is_salvaged_then, core_bench_set_up,
            core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_salvage__a_move_that_a_power_cut_ended_is_finished,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_salvage__without_room_it_says_so_and_the_old_file_stays, core_bench_set_up,
            core_bench_tear_down),
        cmocka_unit_test_setup_teardown(
            test_salvage__the_log_of_a_file_that_is_gone_is_read_and_kept, core_bench_set_up,
            core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_salvage__a_log_that_says_nothing_is_kept_too,
                                        core_bench_set_up, core_bench_tear_down),
        cmocka_unit_test_setup_teardown(test_salvage__a_file_that_is_gone_without_a_log_is_told_of,
                                        core_bench_set_up, core_bench_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

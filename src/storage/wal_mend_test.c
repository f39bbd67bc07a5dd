// SPDX-License-Identifier: Apache-2.0
#include "storage/wal_mend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "platform/database_faults.h"

#include <cmocka.h>

enum { LAST_FRAMES = 4 }; /* of the log, which its last transaction may have written */

static const char DISK[] = "wal";
static const char PATH[] = "store/ebb.db";
static const char LOG[] = "store/ebb.db-wal";

struct bench {
    struct fault_disk *disk;
    struct database *database;
};

/* A log of ten commits; the database stays open, so that nothing empties it. */
static int set_up(void **state) {
    struct bench *bench = calloc(1, sizeof(*bench));
    struct error err;
    const struct database_options options = {.path = PATH, .vfs = DISK, .application = 0};
    bench->disk = fault_disk_create(DISK);
    assert_non_null(bench->disk);
    fault_disk_clear(bench->disk);
    assert_int_equal(database_open(&options, &bench->database, &err), STATUS_OK);
    assert_int_equal(database_run(bench->database, "CREATE TABLE t (a)", &err), STATUS_OK);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(
            database_run(bench->database, "INSERT INTO t VALUES (randomblob(3000))", &err),
            STATUS_OK);
    }
    *state = bench;
    return 0;
}

static int tear_down(void **state) {
    struct bench *bench = *state;
    database_close(bench->database);
    fault_disk_destroy(bench->disk);
    free(bench);
    return 0;
}

static struct wal_findings look(void) {
    struct wal_findings found;
    struct error err;
    assert_int_equal(wal_look(LOG, DISK, &found, &err), STATUS_OK);
    return found;
}

static void test_wal_file__a_whole_log_verifies(void **state) {
    (void)state;
    const struct wal_findings found = look();
    assert_true(found.frames > 10);
    assert_int_equal(found.whole, found.frames);
    assert_int_equal(found.committed, found.frames);
    assert_false(found.damaged);
}

/* What a reader of the mended log finds in the table. */
static int64_t rows_read(void) {
    static const char COUNT[] = "SELECT count(*) FROM t";
    const struct database_options options = {.path = PATH, .vfs = DISK, .application = 0};
    struct database *database = NULL;
    struct error err;
    int64_t rows = -1;
    assert_int_equal(database_open(&options, &database, &err), STATUS_OK);
    {
        CLEANUP(query_done) struct query query = query_on(database, COUNT);
        (void)query_one_number(&query, &rows, &err);
    }
    database_close(database);
    return rows;
}

static void test_wal_mend__one_flipped_byte_anywhere_loses_no_commit(void **state) {
    struct bench *bench = *state;
    const int64_t bytes = fault_disk_file_bytes(bench->disk, LOG);
    const struct wal_findings whole = look();
    struct error err;
    int restored = 0;
    int accepted = 0;
    for (int64_t at = 0; at < bytes; at += 331) {
        const uint8_t mask = (uint8_t)(1 + at % 255);
        enum wal_state mended = WAL_WHOLE;
        assert_true(fault_disk_flip(bench->disk, LOG, at, mask));
        assert_true(look().whole < whole.frames);
        assert_int_equal(wal_mend(LOG, DISK, &mended, &err), STATUS_OK);
        restored += mended == WAL_RESTORED ? 1 : 0;
        accepted += mended == WAL_ACCEPTED ? 1 : 0;
        if (look().whole != whole.frames) {
            /* The last transaction may as well have been torn by a power cut: it is left alone. */
            if (at < wal_offset(whole.frames - LAST_FRAMES)) {
                fail_msg("byte %lld is not made good: %d", (long long)at, (int)mended);
            }
            assert_true(fault_disk_flip(bench->disk, LOG, at, mask)); /* for the next one */
        }
        if (mended == WAL_ACCEPTED) {
            assert_true(fault_disk_flip(bench->disk, LOG, at, mask)); /* for the next one */
            assert_int_equal(wal_mend(LOG, DISK, &mended, &err), STATUS_OK);
        }
    }
    assert_true(restored > accepted);
}

static void test_wal_tail__what_a_power_cut_tore_never_comes_to_life(void **state) {
    struct bench *bench = *state;
    const int64_t bytes = fault_disk_file_bytes(bench->disk, LOG);
    enum wal_state mended = WAL_RESTORED;
    struct error err;
    for (int i = 0; i < 20; i++) { /* the last frame, in a way that no single byte explains */
        assert_true(fault_disk_flip(bench->disk, LOG, bytes - 500 - i, 0x55));
    }
    const struct wal_findings found = look();
    assert_int_equal(found.whole, found.frames - 1);
    assert_false(found.damaged);
    assert_int_equal(wal_mend(LOG, DISK, &mended, &err), STATUS_OK);
    assert_int_equal(mended, WAL_WHOLE);
    for (int i = 0; i < 20; i++) { /* what was missing arrives with a later write */
        assert_true(fault_disk_flip(bench->disk, LOG, bytes - 500 - i, 0x55));
    }
    assert_int_equal(look().recovered, found.recovered);
    assert_int_equal(look().frames, found.recovered);
}

static void test_wal_mend__a_damaged_commit_in_the_middle_is_taken_as_it_is(void **state) {
    struct bench *bench = *state;
    const int64_t bytes = fault_disk_file_bytes(bench->disk, LOG);
    enum wal_state mended = WAL_WHOLE;
    struct error err;
    for (int i = 0; i < 20; i++) {
        assert_true(fault_disk_flip(bench->disk, LOG, bytes / 2 - i, 0x55));
    }
    const struct wal_findings found = look();
    assert_true(found.damaged);
    assert_int_equal(wal_mend(LOG, DISK, &mended, &err), STATUS_OK);
    assert_int_equal(mended, WAL_ACCEPTED);
    assert_int_equal(look().whole, found.frames);
    database_close(bench->database);
    bench->database = NULL;
    assert_int_equal(rows_read(), 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_wal_file__a_whole_log_verifies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wal_mend__one_flipped_byte_anywhere_loses_no_commit,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wal_tail__what_a_power_cut_tore_never_comes_to_life,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_wal_mend__a_damaged_commit_in_the_middle_is_taken_as_it_is, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

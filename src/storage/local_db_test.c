// SPDX-License-Identifier: Apache-2.0
#include "storage/local_db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "platform/database_faults.h"
#include "storage/sql.h"

#include <cmocka.h>

static const char DISK[] = "local";
static const char PATH[] = "store/ebb.db";
static struct fault_disk *disk;

static int set_up(void **state) {
    (void)state;
    disk = fault_disk_create(DISK);
    assert_non_null(disk);
    fault_disk_clear(disk);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    fault_disk_destroy(disk);
    return 0;
}

static status open_db(struct database **out_database, struct local_db_found *found,
                      struct error *err) {
    const struct local_db_options options = {.path = PATH, .vfs = DISK};
    return local_db_open(&options, out_database, found, err);
}

static struct database *must_open(struct local_db_found *found) {
    struct database *database = NULL;
    struct error err = {.text = ""};
    if (open_db(&database, found, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return database;
}

static int64_t number_of(struct database *database, const char *sql) {
    struct error err;
    int64_t number = -1;
    CLEANUP(query_done) struct query query = query_on(database, sql);
    assert_int_equal(query_one_number(&query, &number, &err), STATUS_OK);
    return number;
}

static void run(struct database *database, const char *sql) {
    struct error err = {.text = ""};
    if (database_run(database, sql, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

static void test_local_db__a_new_file_is_ours_with_one_stream_and_free_pages(void **state) {
    (void)state;
    struct local_db_found found;
    struct database *database = must_open(&found);
    assert_true(found.made);
    assert_int_equal(found.migrated_from, -1);
    assert_int_equal(number_of(database, "PRAGMA application_id"), LOCAL_DB_APPLICATION);
    assert_int_equal(number_of(database, "PRAGMA user_version"), LOCAL_DB_VERSION);
    assert_int_equal(number_of(database, "SELECT count(*) FROM stream WHERE length(id) = 16"), 1);
    assert_true(number_of(database, "PRAGMA freelist_count") * DATABASE_PAGE_BYTES >
                LOCAL_DB_WAL_BYTES - (256 << 10));
    database_close(database);
    assert_true(fault_disk_file_bytes(disk, "store/ebb.db-wal") >= LOCAL_DB_WAL_BYTES);
    database = must_open(&found);
    assert_false(found.made);
    database_close(database);
    assert_true(fault_disk_file_bytes(disk, "store/ebb.db-wal") >= LOCAL_DB_WAL_BYTES);
}

static void test_local_db__all_tables_of_the_design_are_there(void **state) {
    (void)state;
    static const char COUNT[] =
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('stream', 'boot',"
        " 'workflow', 'record', 'lane', 'run', 'step', 'seen', 'state', 'timer', 'cursor', 'blob',"
        " 'sync_round', 'delivered', 'quarantine')";
    static const char VIEWS[] = "SELECT count(*) FROM pragma_table_info('workflow_results') WHERE"
                                " name IN ('id', 'workflow_id', 'result', 'created_at', 'synced',"
                                " 'sync_priority')";
    static const char LOG[] = "SELECT count(*) FROM pragma_table_info('sync_log') WHERE name IN"
                              " ('id', 'timestamp', 'status', 'details')";
    struct local_db_found found;
    struct database *database = must_open(&found);
    assert_int_equal(number_of(database, COUNT), 15);
    assert_int_equal(number_of(database, VIEWS), 6);
    assert_int_equal(number_of(database, LOG), 4);
    database_close(database);
}

static void test_local_db__a_wal_that_somebody_deleted_is_grown_again(void **state) {
    (void)state;
    struct local_db_found found;
    struct error err;
    database_close(must_open(&found));
    assert_int_equal(database_file_remove(DISK, "store/ebb.db-wal", &err), STATUS_OK);
    database_close(must_open(&found));
    assert_true(fault_disk_file_bytes(disk, "store/ebb.db-wal") >= LOCAL_DB_WAL_BYTES);
}

static void test_local_db__without_room_for_it_a_deleted_wal_is_done_without(void **state) {
    (void)state;
    struct local_db_found found;
    struct error err;
    database_close(must_open(&found));
    assert_int_equal(database_file_remove(DISK, "store/ebb.db-wal", &err), STATUS_OK);
    fault_disk_set_quota(disk, fault_disk_bytes(disk) + (64 << 10));
    database_close(must_open(&found));
    fault_disk_set_quota(disk, 0);
}

static void test_local_db__another_programs_file_is_left_as_it_is(void **state) {
    (void)state;
    const struct database_options options = {.path = PATH, .vfs = DISK};
    struct database *database = NULL;
    struct local_db_found found;
    struct error err;
    assert_int_equal(database_open(&options, &database, &err), STATUS_OK);
    run(database,
        "CREATE TABLE photos (a); PRAGMA application_id = 7; INSERT INTO photos VALUES (1)");
    database_close(database);
    assert_int_equal(open_db(&database, &found, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "another program"));
}

static void test_local_db__the_next_releases_file_opens_one_after_is_refused(void **state) {
    (void)state;
    struct local_db_found found;
    struct database *database = must_open(&found);
    struct error err;
    /* What a step of the next release may do: add. */
    run(database, "ALTER TABLE record ADD COLUMN later; CREATE TABLE later (a);"
                  "PRAGMA user_version = 4");
    database_close(database);
    database = must_open(&found);
    assert_int_equal(found.migrated_from, -1);
    assert_int_equal(number_of(database, "PRAGMA user_version"), 4);
    run(database, "PRAGMA user_version = 5");
    database_close(database);
    assert_int_equal(open_db(&database, &found, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "version 5"));
    assert_non_null(strstr(err.text, "up to 4"));
}

/* A file as a release before made and used it. */
static void make_version(int version) {
    const struct database_options options = {
        .path = PATH, .vfs = DISK, .application = LOCAL_DB_APPLICATION};
    struct database *database = NULL;
    struct error err;
    assert_int_equal(database_open(&options, &database, &err), STATUS_OK);
    run(database, SQL_SCHEMA_1);
    if (version > 1) {
        run(database, SQL_SCHEMA_2);
    }
    run(database, "INSERT INTO stream VALUES (1, x'00112233445566778899aabbccddeeff', 5, 'made');"
                  "INSERT INTO seen VALUES ('flow/watch', 7, 8);"
                  "INSERT INTO run VALUES (1, x'01', 1, 'id', '{}', 0, 0);"
                  "INSERT INTO blob VALUES (x'02', 3, 'image/png', 0, NULL)");
    database_close(database);
}

static void is_migrated(int version) {
    struct local_db_found found;
    make_version(version);
    struct database *database = must_open(&found);
    assert_false(found.made);
    assert_int_equal(found.migrated_from, version);
    assert_int_equal(number_of(database, "PRAGMA user_version"), LOCAL_DB_VERSION);
    assert_int_equal(number_of(database, "SELECT count(*) FROM blob"), 1);
    assert_int_equal(number_of(database, "SELECT count(*) FROM blob_leaves"), 0);
    assert_int_equal(number_of(database, "SELECT count(*) FROM stream"), 1);
    assert_int_equal(number_of(database, "SELECT id_hash FROM seen"), 7);
    assert_int_equal(number_of(database, "SELECT count(*) FROM run"), 1);
    assert_int_equal(number_of(database, "SELECT count(*) FROM delivered"), 0);
    assert_int_equal(number_of(database, "SELECT count(*) FROM quarantine"), 0);
    database_close(database);
    database = must_open(&found);
    assert_int_equal(found.migrated_from, -1);
    database_close(database);
}

static void test_local_db__a_file_of_a_release_before_is_migrated_and_keeps_its_rows(void **state) {
    (void)state;
    is_migrated(1);
    fault_disk_clear(disk);
    is_migrated(2);
}

static void test_local_db__a_text_of_a_table_that_was_changed_is_damage(void **state) {
    (void)state;
    struct local_db_found found;
    struct database *database = must_open(&found);
    struct error err;
    run(database, "DROP VIEW sync_log; CREATE VIEW sync_log (id, timestamp, status, details) AS"
                  " SELECT 1, 2, 3, 4");
    database_close(database);
    assert_int_equal(open_db(&database, &found, &err), STATUS_CORRUPT);
}

static void test_local_db__a_lost_version_or_mark_is_damage_and_not_a_strangers_file(void **state) {
    (void)state;
    struct local_db_found found;
    struct database *database = must_open(&found);
    struct error err;
    run(database, "PRAGMA user_version = 70");
    database_close(database);
    assert_int_equal(open_db(&database, &found, &err), STATUS_CORRUPT);
    const struct database_options options = {
        .path = PATH, .vfs = DISK, .application = LOCAL_DB_APPLICATION};
    assert_int_equal(database_open(&options, &database, &err), STATUS_OK);
    run(database, "PRAGMA user_version = 3; PRAGMA application_id = 99");
    database_close(database);
    assert_int_equal(open_db(&database, &found, &err), STATUS_CORRUPT);
}

static status open_with_version(const char *set) {
    const struct database_options options = {
        .path = PATH, .vfs = DISK, .application = LOCAL_DB_APPLICATION};
    struct database *database = NULL;
    struct local_db_found found;
    struct error err;
    assert_int_equal(database_open(&options, &database, &err), STATUS_OK);
    run(database, set);
    database_close(database);
    const status opened = open_db(&database, &found, &err);
    if (opened == STATUS_OK) {
        database_close(database);
    }
    return opened;
}

static void test_local_db__a_newer_version_is_refused_even_with_our_tables(void **state) {
    (void)state;
    struct local_db_found found;
    database_close(must_open(&found));
    assert_int_equal(open_with_version("PRAGMA user_version = 1000"), STATUS_INVALID);
    assert_int_equal(open_with_version("PRAGMA user_version = 65792"), STATUS_INVALID);
    /* What a flip can make of 3, and what no ebb writes. */
    assert_int_equal(open_with_version("PRAGMA user_version = 259"), STATUS_CORRUPT);
    assert_int_equal(open_with_version("PRAGMA user_version = 7"), STATUS_CORRUPT);
    assert_int_equal(open_with_version("PRAGMA user_version = 2"), STATUS_CORRUPT);
    assert_int_equal(open_with_version("PRAGMA user_version = 0"), STATUS_CORRUPT);
    assert_int_equal(open_with_version("PRAGMA user_version = -1000"), STATUS_CORRUPT);
    assert_int_equal(open_with_version("PRAGMA user_version = 1"), STATUS_CORRUPT);
    assert_int_equal(open_with_version("PRAGMA user_version = 3"), STATUS_OK);
}

static void test_local_db__the_next_releases_file_without_its_version_is_damage(void **state) {
    (void)state;
    struct local_db_found found;
    struct database *database = must_open(&found);
    run(database, "CREATE TABLE later (a)");
    database_close(database);
    assert_int_equal(open_with_version("PRAGMA user_version = 0"), STATUS_CORRUPT);
    assert_int_equal(open_with_version("PRAGMA user_version = -2147483645"), STATUS_CORRUPT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_local_db__a_new_file_is_ours_with_one_stream_and_free_pages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_local_db__all_tables_of_the_design_are_there, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_local_db__a_wal_that_somebody_deleted_is_grown_again,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_local_db__without_room_for_it_a_deleted_wal_is_done_without, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_local_db__another_programs_file_is_left_as_it_is,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_local_db__the_next_releases_file_opens_one_after_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_local_db__a_file_of_a_release_before_is_migrated_and_keeps_its_rows, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(test_local_db__a_text_of_a_table_that_was_changed_is_damage,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_local_db__a_lost_version_or_mark_is_damage_and_not_a_strangers_file, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(
            test_local_db__a_newer_version_is_refused_even_with_our_tables, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_local_db__the_next_releases_file_without_its_version_is_damage, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "platform/database.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "platform/database_faults.h"

#include <cmocka.h>

static const char DISK[] = "door";
static const char PATH[] = "folder/file.db";

struct bench {
    struct fault_disk *disk;
    struct database *database;
};

static struct bench bench;

static void open_db(void) {
    const struct database_options options = {.path = PATH, .vfs = DISK};
    struct error err = {.text = ""};
    if (database_open(&options, &bench.database, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

static int set_up(void **state) {
    struct error err;
    (void)state;
    bench.disk = fault_disk_create(DISK);
    assert_non_null(bench.disk);
    fault_disk_clear(bench.disk);
    open_db();
    assert_int_equal(
        database_run(bench.database, "CREATE TABLE t (a INTEGER PRIMARY KEY, b)", &err), STATUS_OK);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    database_close(bench.database);
    bench.database = NULL;
    fault_disk_destroy(bench.disk);
    return 0;
}

static const char PUT[] = "INSERT INTO t (b) VALUES (?1)";
static const char COUNT[] = "SELECT count(*) FROM t";
static const char PRAGMA_SYNC[] = "PRAGMA synchronous";
static const char PRAGMA_MODE[] = "PRAGMA journal_mode";
static const char PRAGMA_LIMIT[] = "PRAGMA journal_size_limit";
static const char PRAGMA_CACHE[] = "PRAGMA cache_size";
static const char PRAGMA_MMAP[] = "PRAGMA mmap_size";

static status put(const char *text, struct error *err) {
    CLEANUP(query_done) struct query query = query_on(bench.database, PUT);
    query_bind_text(&query, slice_of(text));
    return query_run(&query, err);
}

static int64_t number_of(const char *sql) {
    struct error err = {.text = ""};
    int64_t number = -77;
    CLEANUP(query_done) struct query query = query_on(bench.database, sql);
    if (query_one_number(&query, &number, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return number;
}

static void test_database__a_file_has_the_settings_of_the_design(void **state) {
    (void)state;
    assert_int_equal(number_of(PRAGMA_SYNC), 2);
    assert_int_equal(number_of(PRAGMA_LIMIT), -1);
    assert_int_equal(number_of(PRAGMA_CACHE), -512);
    assert_int_equal(number_of(PRAGMA_MMAP), 0);
    CLEANUP(query_done) struct query query = query_on(bench.database, PRAGMA_MODE);
    assert_true(query_next(&query));
    assert_true(slice_is(query_text(&query, 0), "wal"));
}

static void test_database__what_is_not_committed_is_gone(void **state) {
    (void)state;
    struct error err;
    assert_int_equal(database_begin(bench.database, &err), STATUS_OK);
    assert_int_equal(put("a", &err), STATUS_OK);
    database_rollback(bench.database);
    assert_int_equal(number_of(COUNT), 0);
    assert_int_equal(database_begin(bench.database, &err), STATUS_OK);
    assert_int_equal(put("a", &err), STATUS_OK);
    assert_int_equal(database_commit(bench.database, &err), STATUS_OK);
    database_rollback(bench.database); /* nothing is open: nothing happens */
    assert_int_equal(number_of(COUNT), 1);
}

static void test_database__values_come_back_as_they_went_in(void **state) {
    (void)state;
    static const char INSERT[] = "INSERT INTO t VALUES (?1, ?2)";
    static const char SELECT[] = "SELECT a, b, NULL FROM t ORDER BY a";
    struct error err;
    {
        CLEANUP(query_done) struct query query = query_on(bench.database, INSERT);
        query_bind_number(&query, INT64_MIN);
        query_bind_bytes(&query, (struct slice){.bytes = "\0\1", .count = 2});
        assert_int_equal(query_run(&query, &err), STATUS_OK);
    }
    {
        CLEANUP(query_done) struct query query = query_on(bench.database, INSERT);
        query_bind_number(&query, 7);
        query_bind_text(&query, (struct slice){0});
        assert_int_equal(query_run(&query, &err), STATUS_OK);
        assert_int_equal(database_changes(bench.database), 1);
    }
    CLEANUP(query_done) struct query query = query_on(bench.database, SELECT);
    assert_true(query_next(&query));
    assert_true(query_number(&query, 0) == INT64_MIN);
    assert_true(query_is_blob(&query, 1));
    assert_int_equal(query_bytes(&query, 1).count, 2);
    assert_true(query_is_null(&query, 2));
    assert_true(query_next(&query));
    assert_true(query_is_text(&query, 1)); /* empty, not NULL */
    assert_int_equal(query_text(&query, 1).count, 0);
    assert_false(query_next(&query));
    assert_int_equal(query_status(&query, &err), STATUS_OK);
}

/* Writes until a call fails as told; the class is what the caller must do about it. */
static status failing(enum fault_what calls, enum fault_kind kind, struct error *err) {
    const struct fault fault = {.calls = (unsigned)calls, .kind = kind, .persists = true};
    fault_disk_fail(bench.disk, &fault);
    status failed = database_begin(bench.database, err);
    if (failed == STATUS_OK) {
        failed = put("a", err);
    }
    if (failed == STATUS_OK) {
        failed = database_commit(bench.database, err);
    }
    fault_disk_fail(bench.disk, NULL);
    database_rollback(bench.database);
    return failed;
}

static void test_database__a_failure_has_the_class_of_what_to_do_and_a_sentence(void **state) {
    (void)state;
    struct error err;
    assert_int_equal(failing(FAULT_SYNC, FAULT_EIO, &err), STATUS_SYSTEM);
    assert_non_null(strstr(err.text, "disk I/O error"));
    assert_non_null(strstr(err.text, PATH));
    assert_int_equal(database_trouble(bench.database), STATUS_SYSTEM);
    assert_int_equal(failing(FAULT_WRITE, FAULT_NO_SPACE, &err), STATUS_FULL);
    assert_int_equal(database_trouble(bench.database), STATUS_FULL);
    assert_int_equal(number_of(COUNT), 0);
    assert_int_equal(database_begin(bench.database, &err), STATUS_OK);
    assert_int_equal(database_trouble(bench.database), STATUS_OK);
    assert_int_equal(put("a", &err), STATUS_OK);
    assert_int_equal(database_commit(bench.database, &err), STATUS_OK);
}

static void test_database__a_mistake_of_ours_is_no_trouble_of_the_disk(void **state) {
    (void)state;
    static const char TWICE[] = "INSERT INTO t VALUES (1, 1)";
    struct error err;
    assert_int_equal(database_run(bench.database, TWICE, &err), STATUS_OK);
    assert_int_equal(database_begin(bench.database, &err), STATUS_OK);
    assert_int_equal(database_run(bench.database, TWICE, &err), STATUS_INVALID);
    assert_int_equal(database_trouble(bench.database), STATUS_OK);
    database_rollback(bench.database);
}

static void test_database__a_file_that_is_none_is_corrupt(void **state) {
    (void)state;
    const struct database_options options = {.path = "folder/other.db", .vfs = DISK};
    struct database_file *file = NULL;
    struct database *database = NULL;
    struct error err;
    assert_int_equal(database_file_open(DISK, options.path, DATABASE_FILE_MAKE, &file, &err),
                     STATUS_OK);
    assert_int_equal(database_file_write(file, 0,
                                         SLICE("this is a letter and no database at all, "
                                               "and it is long enough to be looked at by "
                                               "somebody who wants a hundred bytes"),
                                         &err),
                     STATUS_OK);
    database_file_close(file);
    assert_int_equal(database_open(&options, &database, &err), STATUS_CORRUPT);
    assert_null(database);
}

static void
test_database__the_file_has_room_for_what_is_committed_before_it_is_copied(void **state) {
    (void)state;
    static char text[5000];
    struct error err;
    bool done = false;
    (void)memset(text, 'x', sizeof(text) - 1);
    assert_int_equal(database_begin(bench.database, &err), STATUS_OK);
    for (int i = 0; i < 400; i++) {
        assert_int_equal(put(text, &err), STATUS_OK);
    }
    assert_int_equal(database_reserve(bench.database, &err), STATUS_OK);
    assert_true(fault_disk_file_bytes(bench.disk, PATH) >= 400 * 5000);
    assert_int_equal(database_commit(bench.database, &err), STATUS_OK);
    fault_disk_set_quota(bench.disk, fault_disk_bytes(bench.disk)); /* not one byte more */
    assert_true(database_wal_pages(bench.database) > 400);
    assert_int_equal(database_checkpoint(bench.database, &done, &err), STATUS_OK);
    assert_true(done);
    assert_int_equal(database_wal_pages(bench.database), 0);
    assert_int_equal(database_begin(bench.database, &err), STATUS_OK);
    for (int i = 0; i < 400; i++) {
        assert_int_equal(put(text, &err), STATUS_OK);
    }
    assert_int_equal(database_reserve(bench.database, &err), STATUS_FULL);
    assert_int_equal(database_trouble(bench.database), STATUS_FULL);
    database_rollback(bench.database);
}

static void test_database__closing_leaves_the_wal_at_its_size(void **state) {
    (void)state;
    struct error err;
    assert_int_equal(put("a", &err), STATUS_OK);
    const int64_t bytes = fault_disk_file_bytes(bench.disk, "folder/file.db-wal");
    assert_true(bytes > 0);
    database_close(bench.database);
    assert_int_equal(fault_disk_file_bytes(bench.disk, "folder/file.db-wal"), bytes);
    open_db();
    assert_int_equal(number_of(COUNT), 1);
    assert_int_equal(fault_disk_file_bytes(bench.disk, "folder/file.db-wal"), bytes);
}

static void test_database__a_reader_sees_commits_and_writes_nothing(void **state) {
    (void)state;
    const struct database_options options = {.path = PATH, .vfs = DISK, .read_only = true};
    struct database *reader = NULL;
    struct error err;
    int64_t count = -1;
    assert_int_equal(database_open(&options, &reader, &err), STATUS_OK);
    assert_int_equal(database_begin(bench.database, &err), STATUS_OK);
    assert_int_equal(put("a", &err), STATUS_OK);
    {
        CLEANUP(query_done) struct query query = query_on(reader, COUNT);
        assert_int_equal(query_one_number(&query, &count, &err), STATUS_OK);
        assert_int_equal(count, 0);
    }
    assert_int_equal(database_commit(bench.database, &err), STATUS_OK);
    {
        CLEANUP(query_done) struct query query = query_on(reader, COUNT);
        assert_int_equal(query_one_number(&query, &count, &err), STATUS_OK);
        assert_int_equal(count, 1);
    }
    assert_int_not_equal(database_run(reader, "DELETE FROM t", &err), STATUS_OK);
    database_close(reader);
}

static void test_database__a_query_past_its_time_ends_with_timeout(void **state) {
    (void)state;
    static const char ENDLESS[] =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    const struct database_options options = {.path = PATH, .vfs = DISK, .read_only = true};
    struct database *reader = NULL;
    struct error err;
    int64_t number = 0;
    assert_int_equal(database_open(&options, &reader, &err), STATUS_OK);
    database_set_deadline(reader, 20);
    {
        CLEANUP(query_done) struct query query = query_on(reader, ENDLESS);
        assert_int_equal(query_one_number(&query, &number, &err), STATUS_TIMEOUT);
    }
    database_close(reader);
}

static void test_database__files_are_moved_read_and_removed_by_name(void **state) {
    (void)state;
    struct database_file *file = NULL;
    struct error err;
    char bytes[4];
    int64_t count = 0;
    assert_int_equal(database_file_open(DISK, "folder/a", DATABASE_FILE_READ, &file, &err),
                     STATUS_NOT_FOUND);
    assert_int_equal(database_file_open(DISK, "folder/a", DATABASE_FILE_MAKE, &file, &err),
                     STATUS_OK);
    assert_int_equal(database_file_write(file, 0, SLICE("abc"), &err), STATUS_OK);
    assert_int_equal(database_file_sync(file, &err), STATUS_OK);
    database_file_close(file);
    assert_int_equal(database_file_move(DISK, "folder/a", "folder/b", &err), STATUS_OK);
    assert_false(database_file_exists(DISK, "folder/a"));
    assert_int_equal(database_file_open(DISK, "folder/b", DATABASE_FILE_CHANGE, &file, &err),
                     STATUS_OK);
    assert_int_equal(database_file_bytes(file, &count, &err), STATUS_OK);
    assert_int_equal(count, 3);
    assert_int_equal(database_file_read(file, 1, bytes, 2, &err), STATUS_OK);
    assert_memory_equal(bytes, "bc", 2);
    assert_int_equal(database_file_read(file, 1, bytes, 3, &err), STATUS_CORRUPT);
    database_file_close(file);
    assert_int_equal(database_file_remove(DISK, "folder/b", &err), STATUS_OK);
    assert_int_equal(database_file_remove(DISK, "folder/b", &err), STATUS_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_database__a_file_has_the_settings_of_the_design,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_database__what_is_not_committed_is_gone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_database__values_come_back_as_they_went_in, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_database__a_failure_has_the_class_of_what_to_do_and_a_sentence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_database__a_mistake_of_ours_is_no_trouble_of_the_disk,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_database__a_file_that_is_none_is_corrupt, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_database__the_file_has_room_for_what_is_committed_before_it_is_copied, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(test_database__closing_leaves_the_wal_at_its_size, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_database__a_reader_sees_commits_and_writes_nothing,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_database__a_query_past_its_time_ends_with_timeout,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_database__files_are_moved_read_and_removed_by_name,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

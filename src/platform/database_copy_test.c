// SPDX-License-Identifier: Apache-2.0
#include "platform/database_copy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROWS = 4000, PATH_BYTES = 96 };

static char folder[64];
static char paths[2][PATH_BYTES]; /* of the source and of the copy */
static struct database *writer, *reader, *copy;
static int asked;
static bool is_whole; /* when it was asked last */

static const char PUT[] = "INSERT INTO t (b) VALUES (zeroblob(1000))";
static const char COUNT[] = "SELECT count(*) FROM t";
static const char MODE[] = "SELECT journal_mode = 'delete' FROM pragma_journal_mode";

static struct database *open_at(const char *path, bool read_only, bool plain) {
    const struct database_options options = {.path = path, .read_only = read_only, .plain = plain};
    struct database *database = NULL;
    struct error err = {.text = ""};
    if (database_open(&options, &database, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return database;
}

static void put_rows(int count) {
    assert_int_equal(database_begin(writer, NULL), STATUS_OK);
    for (int i = 0; i < count; i++) {
        CLEANUP(query_done) struct query query = query_on(writer, PUT);
        assert_int_equal(query_run(&query, NULL), STATUS_OK);
    }
    assert_int_equal(database_commit(writer, NULL), STATUS_OK);
}

static int64_t number_of(struct database *database, const char *sql) {
    int64_t number = -1;
    CLEANUP(query_done) struct query query = query_on(database, sql);
    assert_int_equal(query_one_number(&query, &number, NULL), STATUS_OK);
    return number;
}

static int set_up(void **state) {
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/ebb-copy-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(paths[0], PATH_BYTES, "%s/from.db", folder);
    (void)snprintf(paths[1], PATH_BYTES, "%s/to.db", folder);
    writer = open_at(paths[0], false, false);
    assert_int_equal(database_run(writer, "CREATE TABLE t (a INTEGER PRIMARY KEY, b)", NULL),
                     STATUS_OK);
    put_rows(ROWS);
    reader = open_at(paths[0], true, false);
    copy = open_at(paths[1], false, true);
    asked = 0;
    return 0;
}

static int tear_down(void **state) {
    static const char *const ENDS[] = {"", "-wal", "-shm", "-journal"};
    (void)state;
    database_close(copy);
    database_close(reader);
    database_close(writer);
    for (size_t i = 0; i < 8; i++) {
        char path[PATH_BYTES + 16];
        (void)snprintf(path, sizeof(path), "%s%s", paths[i % 2], ENDS[i / 2]);
        (void)unlink(path);
    }
    return rmdir(folder);
}

/* Somebody writes, between steps. */
static bool write_on(void *owner, int64_t done_bytes, int64_t all_bytes) {
    (void)owner;
    assert_true(done_bytes > 0 && done_bytes <= all_bytes);
    asked++;
    is_whole = done_bytes == all_bytes;
    put_rows(10);
    return true;
}

static bool end_it(void *owner, int64_t done_bytes, int64_t all_bytes) {
    (void)owner;
    (void)done_bytes;
    (void)all_bytes;
    return false;
}

static void test_database_copy__is_of_the_moment_at_which_it_began(void **state) {
    (void)state;
    const struct database_copy_watch watch = {.go_on = write_on};
    struct error err = {.text = ""};
    if (database_copy(reader, copy, &watch, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_true(asked > 2 && is_whole);
    assert_int_equal(number_of(copy, COUNT), ROWS);
    assert_int_equal(number_of(reader, COUNT), ROWS + 10 * asked);
    assert_int_equal(database_check(copy, NULL), STATUS_OK);
}

static void test_database_copy__is_one_file(void **state) {
    (void)state;
    const struct database_copy_watch watch = {.go_on = write_on};
    char path[PATH_BYTES + 16];
    assert_int_equal(database_copy(reader, copy, &watch, NULL), STATUS_OK);
    assert_int_equal(number_of(copy, MODE), 1);
    database_close(copy);
    (void)snprintf(path, sizeof(path), "%s-wal", paths[1]);
    assert_int_not_equal(access(path, F_OK), 0);
    copy = open_at(paths[1], true, false);
    assert_int_equal(number_of(copy, COUNT), ROWS);
}

static void test_database_copy__ends_when_it_is_told_to(void **state) {
    (void)state;
    const struct database_copy_watch watch = {.go_on = end_it};
    assert_int_equal(database_copy(reader, copy, &watch, NULL), STATUS_TIMEOUT);
    put_rows(1); /* nothing is held on to */
    assert_int_equal(number_of(reader, COUNT), ROWS + 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_database_copy__is_of_the_moment_at_which_it_began),
        TEST(test_database_copy__is_one_file),
        TEST(test_database_copy__ends_when_it_is_told_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

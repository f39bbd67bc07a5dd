// SPDX-License-Identifier: Apache-2.0
/* What a statement of somebody else's may do to a file, and what it is told. */
#include "platform/database_question.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { MARK = 77, LONG_SQL_BYTES = GUEST_SQL_BYTES_MAX + 100 };

static char folder[64];
static char path[96];
static struct database *writer, *guest;

static void run_twice(struct database_call *call) {
    assert_ptr_equal(database_call_owner(call), &folder);
    if (database_call_number(call, 0) == 13) {
        database_call_fail(call, "thirteen cannot be had twice");
    } else if (!database_call_is_null(call, 0)) {
        database_call_answer_number(call, 2 * database_call_number(call, 0));
    }
}

static const struct database_function TWICE[] = {{"twice", 1, run_twice}, {0}};
static const char *const TABLES[] = {"t", NULL};
static const char *const FUNCTIONS[] = {"twice", "count", "sum", "zeroblob", "length", NULL};
static const struct database_rules RULES = {.tables = TABLES, .functions = FUNCTIONS};

static void need(status code, const struct error *err) {
    if (code != STATUS_OK) {
        fail_msg("%s", err->text);
    }
}

static int set_up(void **state) {
    const struct database_options options = {.path = path, .application = MARK};
    struct error err = {.text = ""};
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/ebb-guest-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%.60s/file.db", folder);
    need(database_open(&options, &writer, &err), &err);
    need(database_run(writer,
                      "PRAGMA application_id=77; CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT);"
                      "CREATE TABLE secret (x TEXT); INSERT INTO secret VALUES ('key');"
                      "INSERT INTO t VALUES (1,'one'),(2,'two'),(3,NULL);",
                      &err),
         &err);
    const struct database_guest_options asked = {.path = path, .application = MARK};
    need(database_open_guest(&asked, &guest, &err), &err);
    need(database_add_functions(guest, TWICE, &folder, &err), &err);
    need(database_run(guest,
                      "CREATE TEMP VIEW seen AS SELECT a, b, twice(a) AS two FROM main.t;"
                      "CREATE TEMP VIEW leak AS SELECT x FROM main.secret",
                      &err),
         &err);
    need(database_guest_bind(guest, &RULES, &err), &err);
    return 0;
}

static int tear_down(void **state) {
    static const char *const ENDS[] = {"", "-wal", "-shm"};
    (void)state;
    database_close(guest);
    database_close(writer);
    for (size_t i = 0; i < sizeof(ENDS) / sizeof(ENDS[0]); i++) {
        char file[128];
        (void)snprintf(file, sizeof(file), "%.96s%s", path, ENDS[i]);
        (void)unlink(file);
    }
    return rmdir(folder);
}

/* Runs to the end; the class of what failed, and its sentence. */
static status ask(const char *sql, struct error *err) {
    struct question *question = NULL;
    status code = question_open(guest, slice_of(sql), &question, err);
    if (code == STATUS_OK) {
        while (question_next(question)) {
        }
        code = question_status(question, err);
        question_close(question);
    }
    return code;
}

static void assert_refused(const char *sql, status code, const char *words) {
    struct error err = {.text = ""};
    const status said = ask(sql, &err);
    if (said != code || strstr(err.text, words) == NULL) {
        fail_msg("%s: %s '%s', not '%s'", sql, status_name(said), err.text, words);
    }
}

static void assert_number(const char *sql, int64_t wanted) {
    struct question *question = NULL;
    struct error err = {.text = ""};
    need(question_open(guest, slice_of(sql), &question, &err), &err);
    assert_true(question_next(question));
    assert_int_equal(question_integer(question, 0), wanted);
    question_close(question);
}

static void test_guest__reads_tables_and_views_that_it_may(void **state) {
    (void)state;
    assert_number("SELECT sum(a) FROM t", 6);
    assert_number("SELECT sum(two) FROM seen", 12);
    assert_number("SELECT count(*) FROM seen", 3);
    assert_number("WITH c(x) AS (SELECT a FROM t) SELECT count(*) FROM c", 3);
    assert_number("SELECT 7; -- and nothing else\n ;", 7);
}

static void test_guest__sees_what_was_committed_before_it_asks(void **state) {
    (void)state;
    struct error err;
    assert_number("SELECT count(*) FROM t", 3);
    assert_int_equal(database_run(writer, "INSERT INTO t VALUES (4,'four')", &err), STATUS_OK);
    assert_number("SELECT count(*) FROM t", 4);
}

static void test_guest__reads_no_other_table(void **state) {
    (void)state;
    assert_refused("SELECT x FROM secret", STATUS_INVALID, "'secret' is nothing");
    assert_refused("SELECT x FROM leak", STATUS_INVALID, "'secret' is nothing");
    assert_refused("SELECT sql FROM sqlite_schema", STATUS_INVALID, "'sqlite_master' is nothing");
    assert_refused("SELECT sql FROM sqlite_temp_schema", STATUS_INVALID, "nothing");
    assert_refused("SELECT * FROM pragma_table_info('secret')", STATUS_INVALID, "only reads");
    /* A name that the statement gives is no way around. */
    assert_refused("WITH seen AS (SELECT x FROM main.secret) SELECT * FROM seen", STATUS_INVALID,
                   "'secret' is nothing");
    assert_refused("WITH t AS (SELECT x FROM secret) SELECT x FROM t", STATUS_INVALID,
                   "'secret' is nothing");
    assert_refused("SELECT (SELECT x FROM secret) FROM t", STATUS_INVALID, "'secret' is nothing");
}

static void test_guest__changes_nothing(void **state) {
    (void)state;
    assert_refused("INSERT INTO t VALUES (9,'x')", STATUS_INVALID, "this writes rows");
    assert_refused("UPDATE t SET b = 'x'", STATUS_INVALID, "only reads");
    assert_refused("DELETE FROM t", STATUS_INVALID, "this deletes rows");
    assert_refused("DROP TABLE t", STATUS_INVALID, "only reads");
    assert_refused("CREATE TEMP TABLE x AS SELECT 1", STATUS_INVALID, "this makes");
    assert_refused("CREATE VIEW x AS SELECT 1", STATUS_INVALID, "this makes");
    assert_refused("ALTER TABLE t ADD COLUMN c", STATUS_INVALID, "only reads");
    assert_refused("PRAGMA user_version = 9", STATUS_INVALID, "this uses PRAGMA");
    assert_refused("PRAGMA query_only = OFF", STATUS_INVALID, "this uses PRAGMA");
    assert_refused("ATTACH '/tmp/ebb-guest-other' AS o", STATUS_INVALID, "opens another file");
    assert_refused("VACUUM", STATUS_INVALID, "only reads");
    assert_refused("VACUUM INTO '/tmp/ebb-guest-other'", STATUS_INVALID, "only reads");
    assert_refused("BEGIN", STATUS_INVALID, "transaction");
    assert_refused("REINDEX", STATUS_INVALID, "only reads");
    assert_refused("ANALYZE", STATUS_INVALID, "only reads");
    assert_int_not_equal(access("/tmp/ebb-guest-other", F_OK), 0);
    assert_number("SELECT count(*) FROM t", 3);
}

static void test_guest__cannot_write_however_it_is_told(void **state) {
    struct error err = {.text = ""};
    (void)state;
    /* Behind the judge's back: the file itself is opened for reading alone. */
    assert_int_equal(database_run(guest, "INSERT INTO t VALUES (9,'x')", &err), STATUS_DENIED);
    assert_number("SELECT count(*) FROM t", 3);
}

static void test_guest__calls_no_function_that_is_not_named(void **state) {
    (void)state;
    assert_refused("SELECT load_extension('x')", STATUS_INVALID,
                   "function 'load_extension' is not for questions");
    assert_refused("SELECT upper('x')", STATUS_INVALID, "function 'upper'");
    assert_number("SELECT TWICE(21)", 42);
    assert_refused("SELECT twice(13)", STATUS_INVALID, "thirteen cannot be had twice");
}

static void test_guest__is_told_where_the_fault_is(void **state) {
    (void)state;
    assert_refused("SELCT 1", STATUS_INVALID, "line 1, column 1: near \"SELCT\": syntax error");
    assert_refused("SELECT a,\n  nowhere FROM t", STATUS_INVALID,
                   "line 2, column 3: no such column");
    assert_refused("SELECT \"one\"", STATUS_INVALID, "text between single ones");
    assert_refused("SELECT * FROM nowhere", STATUS_INVALID, "no such table: nowhere");
    assert_refused("SELECT 1; SELECT 2", STATUS_INVALID, "a second begins at 'SELECT 2'");
    assert_refused("SELECT 1; SELCT 2", STATUS_INVALID, "a second begins at 'SELCT 2'");
    assert_refused("", STATUS_INVALID, "the question is empty");
    assert_refused("-- nothing", STATUS_INVALID, "the question is empty");
    assert_refused("SELECT ?", STATUS_INVALID, "no parameters");
}

static void test_guest__takes_only_text_that_is_short_enough(void **state) {
    struct question *question = NULL;
    struct error err = {.text = ""};
    static char sql[LONG_SQL_BYTES];
    (void)state;
    const struct slice zero = {.bytes = "SELECT 1\0, 2", .count = 12};
    assert_int_equal(question_open(guest, zero, &question, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "without a zero byte"));
    assert_int_equal(question_open(guest, SLICE("SELECT '\xff'"), &question, &err), STATUS_INVALID);
    (void)memset(sql, ' ', sizeof(sql));
    (void)memcpy(sql, "SELECT 1", 8);
    const struct slice large = {.bytes = sql, .count = sizeof(sql)};
    assert_int_equal(question_open(guest, large, &question, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "at most 64 KiB"));
    assert_null(question);
}

static void test_guest__is_bounded(void **state) {
    (void)state;
    assert_refused("SELECT length(zeroblob(1000000000))", STATUS_INVALID, "larger than 8 MiB");
    database_set_deadline(guest, 50);
    assert_refused("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
                   "SELECT count(*) FROM c",
                   STATUS_TIMEOUT, "too long");
    database_set_deadline(guest, 0);
    assert_number("SELECT count(*) FROM t", 3);
}

static void test_guest__says_what_columns_are_and_hold(void **state) {
    struct question *question = NULL;
    struct error err = {.text = ""};
    (void)state;
    need(question_open(guest, SLICE("SELECT b AS word, a, 1.5, x'0a', NULL FROM t"), &question,
                       &err),
         &err);
    assert_int_equal(question_column_count(question), 5);
    assert_true(slice_is(question_column_name(question, 0), "word"));
    assert_true(slice_is(question_column_declared(question, 0), "TEXT"));
    assert_true(slice_is(question_column_declared(question, 1), "INTEGER"));
    assert_int_equal(question_column_declared(question, 2).count, 0);
    assert_true(question_next(question));
    assert_int_equal(question_kind(question, 0), QUESTION_TEXT);
    assert_true(slice_is(question_text(question, 0), "one"));
    assert_int_equal(question_kind(question, 1), QUESTION_INTEGER);
    assert_true(question_kind(question, 2) == QUESTION_REAL && question_real(question, 2) == 1.5);
    assert_int_equal(question_kind(question, 3), QUESTION_BYTES);
    assert_true(slice_is(question_bytes(question, 3), "\n"));
    assert_int_equal(question_kind(question, 4), QUESTION_NULL);
    question_close(question);
}

static void test_guest__opens_no_file_of_another_program(void **state) {
    const struct database_guest_options other = {.path = path, .application = MARK + 1};
    const struct database_guest_options nothing = {.path = "/tmp/ebb-guest-none/x.db"};
    struct database *database = NULL;
    struct error err = {.text = ""};
    (void)state;
    assert_int_equal(database_open_guest(&other, &database, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "another program"));
    assert_int_not_equal(database_open_guest(&nothing, &database, &err), STATUS_OK);
    assert_null(database);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_guest__reads_tables_and_views_that_it_may),
        TEST(test_guest__sees_what_was_committed_before_it_asks),
        TEST(test_guest__reads_no_other_table),
        TEST(test_guest__changes_nothing),
        TEST(test_guest__cannot_write_however_it_is_told),
        TEST(test_guest__calls_no_function_that_is_not_named),
        TEST(test_guest__is_told_where_the_fault_is),
        TEST(test_guest__takes_only_text_that_is_short_enough),
        TEST(test_guest__is_bounded),
        TEST(test_guest__says_what_columns_are_and_hold),
        TEST(test_guest__opens_no_file_of_another_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

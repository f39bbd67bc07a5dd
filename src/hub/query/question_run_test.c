// SPDX-License-Identifier: Apache-2.0
/* What is asked of a hub's database, and what comes of it, without the process around it. */
#include "hub/query/question_run.h"

#include "hub/store/hub_db.h"
#include "hub/test_hub.h"

static const char FACES[] =
    "INSERT INTO workflow_face VALUES ('triage', x'01', 1, '{\"results\":[{\"name\":\"verdict\","
    "\"fields\":[{\"name\":\"old\",\"type\":\"string\"}]}]}');"
    "INSERT INTO workflow_face VALUES ('triage', x'02', 2, '{\"workflow\":\"triage\",\"results\":["
    "{\"name\":\"verdict\",\"fields\":[{\"name\":\"t\",\"type\":\"number\",\"unit\":\"Cel\"},"
    "{\"name\":\"ok\",\"type\":\"boolean\"},{\"name\":\"where\",\"type\":\"object\"},"
    "{\"name\":\"run\",\"type\":\"string\"}]}]}');";

static struct buffer out;
static bool begun;

static status keep(void *owner, struct slice bytes, struct error *err) {
    (void)owner;
    buffer_add(&out, bytes);
    return buffer_status(&out, err);
}

static status ask_as(enum output_format format, const char *sql, struct error *err) {
    const struct question_options options = {.path = hub_path,
                                             .sql = slice_of(sql),
                                             .seconds = 20,
                                             .format = format,
                                             .units = true,
                                             .write = keep};
    buffer_clear(&out);
    return question_run(&options, &begun, err);
}

static void assert_answer(enum output_format format, const char *sql, const char *wanted) {
    struct error err = {.text = ""};
    if (ask_as(format, sql, &err) != STATUS_OK) {
        fail_msg("%s: %s", sql, err.text);
    }
    if (!slice_is(buffer_slice(&out), wanted)) {
        fail_msg("%s:\n%.*s", sql, SLICE_ARGS(buffer_slice(&out)));
    }
}

static void assert_refused(const char *sql, const char *words) {
    struct error err = {.text = ""};
    if (ask_as(OUTPUT_JSON, sql, &err) != STATUS_INVALID || strstr(err.text, words) == NULL) {
        fail_msg("%s: %s", sql, err.text);
    }
    assert_false(begun);
    assert_int_equal(out.count, 0);
}

static bool holds(const char *text) {
    return out.count > 0 && memmem(out.bytes, out.count, text, strlen(text)) != NULL;
}

static void bring(uint64_t last) {
    begin_work();
    assert_int_equal(take_items(LANE_NORMAL, &ours, 1, last), SYNC_STORED);
    end_work();
}

static void run_script(const char *script) {
    struct error err = {.text = ""};
    if (database_run(hub_store_sqlite_database(session), script, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

static int set_up_question(void **state) {
    buffer_init(&out, 64 << 20);
    return set_up_hub(state);
}

static int tear_down_question(void **state) {
    buffer_done(&out);
    return tear_down_hub(state);
}

/* --- columns -------------------------------------------------------------------------------- */

static void test_question__fields_are_columns_of_the_types_that_were_seen(void **state) {
    (void)state;
    add_results(&ours, 1, "{\"label\":\"ham\",\"n\":1,\"ok\":true,\"t\":1}");
    add_results(&ours, 1,
                "{\"label\":\"a \\\"b\\\"\",\"n\":null,\"ok\":false,\"t\":1.5,\"l\":[1]}");
    bring(2);
    assert_answer(
        OUTPUT_JSON, "select label, n, ok, t, l from triage order by number",
        "{\"columns\":[{\"name\":\"label\",\"type\":\"string\"},"
        "{\"name\":\"n\",\"type\":\"integer\"},{\"name\":\"ok\",\"type\":\"boolean\"},"
        "{\"name\":\"t\",\"type\":\"number\"},{\"name\":\"l\",\"type\":\"list\"}],\"rows\":[\n"
        "[\"ham\",1,true,1,null],\n[\"a \\\"b\\\"\",null,false,1.5,[1]]\n]}\n");
}

static void test_question__a_face_says_types_and_units(void **state) {
    (void)state;
    add_results(&ours, 1, "{\"t\":2,\"ok\":true,\"where\":\"nowhere\",\"run\":\"slow\",\"x\":1}");
    bring(1);
    run_script(FACES);
    assert_answer(OUTPUT_JSON, "select t, ok, \"where\", result_run from TRIAGE",
                  "{\"columns\":[{\"name\":\"t\",\"type\":\"number\",\"unit\":\"Cel\"},"
                  "{\"name\":\"ok\",\"type\":\"boolean\"},{\"name\":\"where\",\"type\":\"object\"},"
                  "{\"name\":\"result_run\",\"type\":\"string\"}],\"rows\":[\n"
                  "[2,true,\"nowhere\",\"slow\"]\n]}\n");
    assert_refused("select x from triage", "no such column: x");
    assert_refused("select old from triage", "no such column: old");
}

/* What is computed has no unit, even under the name of a column that has one. */
static void test_question__a_unit_belongs_to_the_column_alone(void **state) {
    (void)state;
    add_results(&ours, 1, "{\"t\":2}");
    bring(1);
    run_script(FACES);
    assert_answer(OUTPUT_JSON, "select t*9/5+32 as t, max(t) as t from triage",
                  "{\"columns\":[{\"name\":\"t\",\"type\":\"integer\"},"
                  "{\"name\":\"t\",\"type\":\"integer\"}],\"rows\":[\n[35,2]\n]}\n");
    assert_answer(
        OUTPUT_JSON, "with w as (select t as warm from triage) select warm from w",
        "{\"columns\":[{\"name\":\"warm\",\"type\":\"number\",\"unit\":\"Cel\"}],\"rows\":[\n"
        "[2]\n]}\n");
}

static void test_question__a_workflow_with_two_results_has_two_tables(void **state) {
    (void)state;
    struct record other = result_of("{\"code\":7}");
    other.name = SLICE("fault");
    add_results(&ours, 1, "{\"t\":2}");
    add_written(&ours, &other, 1, (struct id){0});
    bring(2);
    assert_answer(OUTPUT_CSV, "select code from \"triage.fault\"", "code\r\n7\r\n");
    assert_answer(OUTPUT_CSV, "select t from \"triage.verdict\"", "t\r\n2\r\n");
    assert_refused("select * from triage", "no such table: triage");
}

/* Names come from devices and programs. */
static void test_question__a_hostile_name_is_a_name(void **state) {
    (void)state;
    struct record record = result_of("{\"a'b\":1,\"c\\\"d\":2,\"e\\\"\":3,\"id\":4,\"\":5}");
    record.workflow = SLICE("x\"; DROP TABLE record; --'");
    record.name = SLICE("it's");
    add_written(&ours, &record, 1, (struct id){0});
    record.workflow = SLICE("results");
    add_written(&ours, &record, 1, (struct id){0});
    bring(2);
    assert_answer(OUTPUT_CSV, "select \"a'b\", result_id from \"x\"\"; DROP TABLE record; --'\"",
                  "a'b,result_id\r\n1,4\r\n");
    assert_answer(OUTPUT_CSV, "select count(*) from results", "count(*)\r\n2\r\n");
    assert_answer(OUTPUT_CSV, "select count(*) from \"results.it's\"", "count(*)\r\n1\r\n");
}

static void test_question__lists_what_can_be_asked(void **state) {
    (void)state;
    struct error err = {.text = ""};
    add_results(&ours, 1, "{\"t\":2}");
    bring(1);
    run_script(FACES);
    assert_int_equal(ask_as(OUTPUT_JSON, "", &err), STATUS_OK);
    assert_true(holds("{\"tables\":[\n{\"name\":\"results\",\"help\":\"each result"));
    assert_true(holds("{\"name\":\"triage\",\"help\":\"results 'verdict' of workflow 'triage'\""));
    assert_true(holds("{\"name\":\"t\",\"type\":\"number\",\"unit\":\"Cel\"}"));
    assert_false(holds("token"));
}

/* --- rows ----------------------------------------------------------------------------------- */

static void test_question__csv_has_quotes_where_they_are_needed(void **state) {
    (void)state;
    assert_answer(OUTPUT_CSV, "select 'a,b' as x, 'say \"hi\"' as \"y z\", null, '', 1.5, x'0aff'",
                  "x,y z,null,'',1.5,x'0aff'\r\n"
                  "\"a,b\",\"say \"\"hi\"\"\",,\"\",1.5,0aff\r\n");
    assert_answer(OUTPUT_CSV, "select created_ms from results", "created_ms (ms)\r\n");
}

static void test_question__jsonl_is_an_object_a_row(void **state) {
    (void)state;
    assert_answer(OUTPUT_JSONL, "select 1 as a, 'x' as b union all select 2, null",
                  "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":null}\n");
    assert_answer(OUTPUT_JSONL, "select 1 where 0", "");
    assert_answer(OUTPUT_JSON, "select 1 as a where 0",
                  "{\"columns\":[{\"name\":\"a\",\"type\":\"any\"}],\"rows\":[\n]}\n");
}

static void test_question__no_more_rows_come_than_are_wanted(void **state) {
    struct error err = {.text = ""};
    struct question_options options = {.path = hub_path,
                                       .sql = SLICE("select 1 as a union select 2 union select 3"),
                                       .seconds = 20,
                                       .rows = 2,
                                       .write = keep};
    (void)state;
    buffer_clear(&out);
    assert_int_equal(question_run(&options, &begun, &err), STATUS_OK);
    assert_true(slice_ends(buffer_slice(&out), "\n[1],\n[2]\n],\"truncated\":true}\n"));
    options.rows = 3;
    buffer_clear(&out);
    assert_int_equal(question_run(&options, &begun, &err), STATUS_OK);
    assert_true(slice_ends(buffer_slice(&out), "\n[3]\n]}\n"));
}

static void test_question__a_table_is_for_people(void **state) {
    (void)state;
    assert_answer(OUTPUT_TABLE, "select 'one' as a, 2 as bcd union all select 'seventeen', 17",
                  "a          bcd\none        2\nseventeen  17\n");
    assert_answer(OUTPUT_TABLE, "select char(27) || '[31m' as x", "x\n?[31m\n");
}

static void test_question__json_is_json_whatever_is_in_it(void **state) {
    (void)state;
    assert_answer(OUTPUT_JSON, "select char(27) as a, 9e999 as b, cast(x'ff41' as text) as c",
                  "{\"columns\":[{\"name\":\"a\",\"type\":\"string\"},"
                  "{\"name\":\"b\",\"type\":\"number\"},{\"name\":\"c\",\"type\":\"string\"}],"
                  "\"rows\":[\n[\"\\u001b\",null,\"\xef\xbf\xbd"
                  "A\"]\n]}\n");
}

/* --- what fails ----------------------------------------------------------------------------- */

static const char FAILS_LATE[] =
    "with recursive c(x) as (select 1 union all select x+1 from c where x < 20000) "
    "select x, iif(x = 19999, ms('never'), 'some more text to fill what is held') from c";

static void test_question__what_fails_behind_rows_is_said_behind_them(void **state) {
    (void)state;
    struct error err = {.text = ""};
    assert_int_equal(ask_as(OUTPUT_JSON, FAILS_LATE, &err), STATUS_INVALID);
    assert_true(begun);
    assert_true(holds("\n[19998,"));
    assert_true(slice_ends(buffer_slice(&out), "such as ms('2026-11-23') or "
                                               "ms('2026-11-23T10:00:00Z')\"}}\n"));
    assert_true(holds("\n],\"error\":{\"class\":\"invalid\",\"text\":\"ms() wants"));
    assert_int_equal(ask_as(OUTPUT_CSV, FAILS_LATE, &err), STATUS_INVALID);
    assert_true(holds("\nerror: invalid: ms() wants"));
    assert_int_equal(ask_as(OUTPUT_JSONL, FAILS_LATE, &err), STATUS_INVALID);
    assert_true(holds("\n{\"error\":{\"class\":\"invalid\",\"text\":\"ms() wants"));
}

static void test_question__secrets_cannot_be_reached(void **state) {
    static const char *const SECRETS[] = {"token",
                                          "token_use",
                                          "certificate",
                                          "access",
                                          "person",
                                          "session",
                                          "deed",
                                          "answer",
                                          "hub",
                                          "quarantine",
                                          "report",
                                          "attachment",
                                          "tally",
                                          "workflow_face",
                                          "sqlite_schema",
                                          "sqlite_stat1",
                                          "main.token",
                                          "temp.results.x",
                                          "pragma_table_info('token')",
                                          "dbstat",
                                          "record",
                                          "stream"};
    char sql[128];
    (void)state;
    for (size_t i = 0; i < sizeof(SECRETS) / sizeof(SECRETS[0]); i++) {
        (void)snprintf(sql, sizeof(sql), "select * from %s", SECRETS[i]);
        assert_refused(sql, "");
        (void)snprintf(sql, sizeof(sql), "with results as (select * from %s) select * from results",
                       SECRETS[i]);
        assert_refused(sql, "");
    }
    assert_refused("select * from token", "no such table: token; `ebb hub query`");
}

static void test_question__only_reads(void **state) {
    (void)state;
    assert_refused("delete from results", "a question only reads");
    assert_refused("insert into devices (name) values ('x')", "a question only reads");
    assert_refused("pragma user_version", "a question only reads");
    assert_refused("attach '/tmp/ebb-none' as x", "a question only reads");
    assert_refused("vacuum into '/tmp/ebb-none'", "a question only reads");
    assert_refused("create temp table x as select 1", "a question only reads");
}

static void test_question__its_time_is_bounded(void **state) {
    struct error err = {.text = ""};
    const struct question_options options = {
        .path = hub_path,
        .sql = SLICE("with recursive c(x) as (select 1 union all select x+1 from c) select max(x) "
                     "from c"),
        .seconds = 1,
        .write = keep};
    (void)state;
    assert_int_equal(question_run(&options, &begun, &err), STATUS_TIMEOUT);
    assert_non_null(strstr(err.text, "longer than 1 s: ask for less"));
    assert_false(begun);
}

static void test_question__a_newer_database_is_not_asked(void **state) {
    char script[64];
    (void)state;
    (void)snprintf(script, sizeof(script), "PRAGMA user_version=%d", HUB_DB_VERSION + 2);
    run_script(script);
    assert_refused("select 1", "install a newer ebb");
    (void)snprintf(script, sizeof(script), "PRAGMA user_version=%d", HUB_DB_VERSION + 1);
    run_script(script);
    assert_answer(OUTPUT_CSV, "select 1", "1\r\n1\r\n");
}

/* --- the views that every hub has ----------------------------------------------------------- */

static void test_question__gaps_and_failures_are_tables(void **state) {
    (void)state;
    struct record failure =
        result_of("{\"step\":\"look\",\"class\":\"timeout\",\"text\":\"late\"}");
    failure.kind = RECORD_FAILURE;
    failure.name = SLICE("failure");
    add_results(&ours, 2, "{}");
    add_gap(&ours, 5);
    add_written(&ours, &failure, 1, (struct id){0});
    bring(8);
    assert_answer(OUTPUT_CSV, "select reason, count, from_seq, to_seq, lane from gaps",
                  "reason,count,from_seq,to_seq,lane\r\nexpired,5,3,7,normal\r\n");
    assert_answer(OUTPUT_CSV, "select workflow, step, class, text from failures",
                  "workflow,step,class,text\r\ntriage,look,timeout,late\r\n");
    assert_answer(OUTPUT_CSV, "select count(*) from results", "count(*)\r\n2\r\n");
}

static void test_question__devices_are_named(void **state) {
    (void)state;
    add_results(&ours, 1, "{}");
    bring(1);
    run_script("INSERT INTO device VALUES (x'04050600000000000000000000000000', 'line-3',"
               " '{\"site\":\"graz\"}', '{}', 1, 1000, 2000)");
    assert_answer(OUTPUT_CSV, "select device, labels ->> 'site' as site, lane from results",
                  "device,site,lane\r\nline-3,graz,normal\r\n");
    assert_answer(OUTPUT_JSONL, "select name, state, contact_at, labels from devices",
                  "{\"name\":\"line-3\",\"state\":\"revoked\",\"contact_at\":"
                  "\"1970-01-01T00:00:02.000\",\"labels\":{\"site\":\"graz\"}}\n");
}

static void test_question__times_are_compared_as_numbers(void **state) {
    (void)state;
    assert_answer(
        OUTPUT_CSV,
        "select ms('2026-11-23') as a, ms('2026-11-23T10:00:00Z') - ms('2026-11-23') as b,"
        " iso(ms('2026-11-23')) as c, ago('0') - ago('1d') as d",
        "a,b,c,d\r\n1795392000000,36000000,2026-11-23T00:00:00.000,86400000\r\n");
    assert_refused("select ago('yesterday')", "ago() wants a span");
}

static void test_question__a_workflow_and_a_time_go_by_the_index(void **state) {
    (void)state;
    struct error err = {.text = ""};
    add_results(&ours, 3, "{\"t\":1}");
    bring(3);
    assert_int_equal(ask_as(OUTPUT_CSV,
                            "explain query plan select t from triage where created_ms > ago('1d')",
                            &err),
                     STATUS_OK);
    assert_true(holds("USING INDEX record_workflow (workflow=? AND wall_ms>?"));
    assert_int_equal(ask_as(OUTPUT_CSV,
                            "explain query plan select * from results where workflow = 'triage' "
                            "and created_ms > ago('1d')",
                            &err),
                     STATUS_OK);
    assert_true(holds("USING INDEX record_workflow (workflow=? AND wall_ms>?"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_question, tear_down_question)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_question__fields_are_columns_of_the_types_that_were_seen),
        TEST(test_question__a_face_says_types_and_units),
        TEST(test_question__a_unit_belongs_to_the_column_alone),
        TEST(test_question__a_workflow_with_two_results_has_two_tables),
        TEST(test_question__a_hostile_name_is_a_name),
        TEST(test_question__lists_what_can_be_asked),
        TEST(test_question__csv_has_quotes_where_they_are_needed),
        TEST(test_question__jsonl_is_an_object_a_row),
        TEST(test_question__no_more_rows_come_than_are_wanted),
        TEST(test_question__a_table_is_for_people),
        TEST(test_question__json_is_json_whatever_is_in_it),
        TEST(test_question__what_fails_behind_rows_is_said_behind_them),
        TEST(test_question__secrets_cannot_be_reached),
        TEST(test_question__only_reads),
        TEST(test_question__its_time_is_bounded),
        TEST(test_question__a_newer_database_is_not_asked),
        TEST(test_question__gaps_and_failures_are_tables),
        TEST(test_question__devices_are_named),
        TEST(test_question__times_are_compared_as_numbers),
        TEST(test_question__a_workflow_and_a_time_go_by_the_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

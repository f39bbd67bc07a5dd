// SPDX-License-Identifier: Apache-2.0
#include "hub/people/session_rows.h"

#include "hub/people/deed_rows.h"
#include "hub/people/person_rows.h"
#include "hub/test_office.h"

static const int64_t MINUTE_MS = 60 * 1000;

static struct database *office(void **state) {
    struct test_office *hub = *state;
    return hub->database;
}

static void add_person(struct database *database, const char *name, unsigned rights) {
    struct error err;
    struct person_row row = {.rights = rights, .created_ms = TEST_OFFICE_NOW_MS};
    (void)snprintf(row.name, sizeof(row.name), "%s", name);
    assert_int_equal(person_rows_put(database, &row, &err), STATUS_OK);
}

static struct digest begin(struct database *database, const char *name, int64_t began_ms) {
    struct error err;
    char secret[SESSION_SECRET_BYTES + 1];
    struct session_row row = {.source = "192.0.2.7", .browser = "one", .began_ms = began_ms};
    (void)snprintf(row.person, sizeof(row.person), "%s", name);
    session_make(secret, &row.id);
    assert_true(digest_equal(session_id(slice_of(secret)), row.id));
    assert_int_equal(session_rows_put(database, &row, &err), STATUS_OK);
    return row.id;
}

static status find(struct database *database, struct digest id, const char *source, int64_t now_ms,
                   struct caller *caller, bool *out_stolen) {
    struct error err;
    struct session_visit visit = {.id = id, .source = slice_of(source), .now_ms = now_ms};
    const status found = session_rows_find(database, &visit, caller, &err);
    *out_stolen = visit.stolen;
    return found;
}

static bool is_good(struct database *database, struct digest id, int64_t now_ms) {
    struct caller caller = {.rights = 0};
    bool stolen = false;
    return find(database, id, "192.0.2.7", now_ms, &caller, &stolen) == STATUS_OK;
}

static void test_sessions__are_good_from_one_address(void **state) {
    struct caller caller = {.rights = 0};
    bool stolen = false;
    add_person(office(state), "anna", ROLE_OPERATOR);
    const struct digest id = begin(office(state), "anna", TEST_OFFICE_NOW_MS);
    assert_int_equal(find(office(state), id, "192.0.2.7", TEST_OFFICE_NOW_MS, &caller, &stolen),
                     STATUS_OK);
    assert_string_equal(caller.name, "anna");
    assert_int_equal(caller.rights, ROLE_OPERATOR);
    assert_true(caller.has_session);
    assert_int_equal(find(office(state), id, "192.0.2.8", TEST_OFFICE_NOW_MS, &caller, &stolen),
                     STATUS_DENIED);
    assert_true(stolen);
    assert_int_equal(find(office(state), session_id(SLICE("")), "192.0.2.7", TEST_OFFICE_NOW_MS,
                          &caller, &stolen),
                     STATUS_DENIED);
    assert_false(stolen);
}

static void test_sessions__end_when_they_rest_or_last_too_long(void **state) {
    struct error err;
    add_person(office(state), "anna", ROLE_VIEWER);
    const struct digest id = begin(office(state), "anna", TEST_OFFICE_NOW_MS);
    const int64_t idle_ms = TEST_OFFICE_NOW_MS + SESSION_IDLE_MS;
    assert_true(is_good(office(state), id, idle_ms - 1));
    assert_false(is_good(office(state), id, idle_ms));
    int64_t now_ms = TEST_OFFICE_NOW_MS;
    while (now_ms < TEST_OFFICE_NOW_MS + SESSION_MOST_MS && is_good(office(state), id, now_ms)) {
        assert_int_equal(session_rows_note(office(state), id, now_ms, &err), STATUS_OK);
        now_ms += SESSION_IDLE_MS - MINUTE_MS;
    }
    assert_true(now_ms >= TEST_OFFICE_NOW_MS + SESSION_MOST_MS);
    assert_false(is_good(office(state), id, TEST_OFFICE_NOW_MS + SESSION_MOST_MS));
}

static void test_sessions__are_so_many_a_person(void **state) {
    struct digest ids[SESSIONS_A_PERSON_MAX + 1];
    add_person(office(state), "anna", ROLE_VIEWER);
    add_person(office(state), "bert", ROLE_VIEWER);
    const struct digest other = begin(office(state), "bert", TEST_OFFICE_NOW_MS);
    for (int i = 0; i <= SESSIONS_A_PERSON_MAX; i++) {
        ids[i] = begin(office(state), "anna", TEST_OFFICE_NOW_MS + i);
    }
    assert_false(is_good(office(state), ids[0], TEST_OFFICE_NOW_MS + MINUTE_MS));
    assert_true(is_good(office(state), ids[1], TEST_OFFICE_NOW_MS + MINUTE_MS));
    assert_true(is_good(office(state), other, TEST_OFFICE_NOW_MS + MINUTE_MS));
}

static void test_sessions__end_with_their_person(void **state) {
    struct error err;
    add_person(office(state), "anna", ROLE_VIEWER);
    const struct digest one = begin(office(state), "anna", TEST_OFFICE_NOW_MS);
    const struct digest other = begin(office(state), "anna", TEST_OFFICE_NOW_MS);
    assert_int_equal(session_rows_end_all(office(state), SLICE("anna"), one, &err), STATUS_OK);
    assert_true(is_good(office(state), one, TEST_OFFICE_NOW_MS));
    assert_false(is_good(office(state), other, TEST_OFFICE_NOW_MS));
    assert_int_equal(person_rows_remove(office(state), SLICE("anna"), &err), STATUS_OK);
    assert_false(is_good(office(state), one, TEST_OFFICE_NOW_MS));
    add_person(office(state), "anna", ROLE_ADMIN); /* another of that name */
    assert_false(is_good(office(state), one, TEST_OFFICE_NOW_MS));
}

static void test_people__have_names_that_headers_can_hold(void **state) {
    static const char *const WRONG[] = {"", "an na", "an\nna", "<b>", "\xc3\xa4", "a/b", "a:b"};
    char long_one[PERSON_NAME_BYTES_MAX + 1];
    struct error err;
    (void)state;
    (void)memset(long_one, 'a', sizeof(long_one));
    assert_int_equal(person_check_name(SLICE("Anna.Schmidt-2_x@firm.example+1"), &err), STATUS_OK);
    assert_int_equal(
        person_check_name((struct slice){.bytes = long_one, .count = sizeof(long_one)}, &err),
        STATUS_INVALID);
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        assert_int_equal(person_check_name(slice_of(WRONG[i]), &err), STATUS_INVALID);
    }
}

static void assert_holds(const struct buffer *out, const char *words) {
    assert_non_null(memmem(out->bytes, out->count, words, strlen(words)));
}

static void test_deeds__are_listed_the_newest_first_and_by_words(void **state) {
    static const struct caller ANNA = {.name = "anna", .source = "192.0.2.7"};
    static const struct caller BERT = {.name = "bert"};
    struct error err;
    struct buffer out;
    buffer_init(&out, 1 << 20);
    for (int i = 0; i < 5; i++) {
        const struct deed deed = {.wall_ms = TEST_OFFICE_NOW_MS + i,
                                  .what = SLICE("label"),
                                  .subject = i % 2 == 0 ? SLICE("north") : SLICE("south"),
                                  .details = SLICE("{\"a\":\"<b>\"}")};
        assert_int_equal(deed_rows_put(office(state), i < 3 ? &ANNA : &BERT, &deed, &err),
                         STATUS_OK);
    }
    const struct deed_query first = {.limit = 2};
    assert_int_equal(deed_rows_list(office(state), &first, &out, &err), STATUS_OK);
    assert_holds(&out, "{\"deeds\":[{\"number\":5,");
    assert_holds(&out, "\"next\":4}");
    buffer_clear(&out);
    const struct deed_query north = {
        .who = SLICE("anna"), .words = SLICE("nor"), .before = 3, .limit = 10};
    assert_int_equal(deed_rows_list(office(state), &north, &out, &err), STATUS_OK);
    assert_holds(&out, "{\"deeds\":[{\"number\":1,");
    assert_holds(&out, "\"next\":null}");
    buffer_done(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_office_set_up, test_office_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_sessions__are_good_from_one_address),
        TEST(test_sessions__end_when_they_rest_or_last_too_long),
        TEST(test_sessions__are_so_many_a_person),
        TEST(test_sessions__end_with_their_person),
        TEST(test_people__have_names_that_headers_can_hold),
        TEST(test_deeds__are_listed_the_newest_first_and_by_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

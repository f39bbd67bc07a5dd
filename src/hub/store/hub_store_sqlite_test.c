// SPDX-License-Identifier: Apache-2.0
#include "hub/test_hub.h"

static const char COUNT_DELIVERIES[] = "SELECT count(*) FROM delivery";

static void assert_chain(enum lane lane, const struct device *device, uint64_t seq) {
    struct id chain = {{0}};
    struct error err = {.text = ""};
    if (session->kind->chain_at(session, STREAM, lane, seq, &chain, &err) != STATUS_OK) {
        fail_msg("seq %llu: %s", (unsigned long long)seq, err.text);
    }
    for (int i = 0; i < device->count; i++) {
        if (device->items[i].last_seq == seq) {
            assert_true(id_equal(chain, device->items[i].chain));
        }
    }
}

static void assert_no_chain(enum lane lane, uint64_t seq) {
    struct id chain;
    assert_int_equal(session->kind->chain_at(session, STREAM, lane, seq, &chain, NULL),
                     STATUS_NOT_FOUND);
}

static void test_hub_store__keeps_records_and_the_cursor_together(void **state) {
    (void)state;
    add_results(&ours, 12, "{\"label\":\"ham\"}");
    begin_work();
    assert_int_equal(take_items(LANE_NORMAL, &ours, 1, 10), SYNC_STORED);
    end_work();
    close_hub();
    open_hub();
    const struct hub_cursor found = cursor_of(LANE_NORMAL);
    assert_int_equal(found.lane_cursor.stored, 10);
    assert_int_equal(ranges_top(&found.lane_cursor.held), 10);
    assert_int_equal(found.connection, 7);
    assert_true(id_equal(found.lane_cursor.chain_end[0], ours.items[9].chain));
    assert_int_equal(number_by("SELECT count(*) FROM record WHERE workflow = 'triage' AND kind = 1 "
                               "AND body = '{\"label\":\"ham\"}' AND arrived_ms = 99"),
                     10);
}

static void test_hub_store__what_was_taken_back_left_nothing(void **state) {
    (void)state;
    add_results(&ours, 12, "{}");
    begin_work();
    assert_int_equal(take_items(LANE_NORMAL, &ours, 1, 10), SYNC_STORED);
    session->kind->rollback(session);
    lanes_forget(lanes);
    assert_int_equal(number_by("SELECT count(*) FROM record"), 0);
    assert_int_equal(cursor_of(LANE_NORMAL).lane_cursor.held.count, 0);
    begin_work();
    assert_int_equal(take_items(LANE_NORMAL, &ours, 1, 12), SYNC_STORED);
    end_work();
    assert_int_equal(number_by("SELECT count(*) FROM record"), 12);
    assert_int_equal(number_by("SELECT max(number) FROM record"), 12);
}

static void test_hub_store__knows_the_chain_value_of_every_record(void **state) {
    (void)state;
    add_results(&ours, 5, "{}");
    add_gap(&ours, 20);
    add_results(&ours, 5, "{}");
    begin_work();
    assert_int_equal(take_items(LANE_NORMAL, &ours, 1, 3), SYNC_STORED);
    end_work();
    begin_work();
    assert_int_equal(take_items(LANE_HIGH, &ours, 1, 2), SYNC_STORED); /* another run between */
    assert_int_equal(take_items(LANE_NORMAL, &ours, 4, 29), SYNC_STORED);
    end_work();
    for (uint64_t seq = 1; seq <= 5; seq++) {
        assert_chain(LANE_NORMAL, &ours, seq);
    }
    for (uint64_t seq = 26; seq <= 29; seq++) {
        assert_chain(LANE_NORMAL, &ours, seq);
    }
    assert_chain(LANE_NORMAL, &ours, 25); /* the gap's end */
    assert_no_chain(LANE_NORMAL, 24);     /* within it */
    assert_no_chain(LANE_NORMAL, 30);
    assert_no_chain(LANE_HIGH, 3);
    assert_no_chain(LANE_URGENT, 1);
    assert_int_equal(number_by(COUNT_DELIVERIES), 4); /* the first goes on behind the other run */
}

static void take_one(enum lane lane, uint64_t seq) {
    begin_work();
    assert_int_equal(take_items(lane, &ours, seq, seq), SYNC_STORED);
    end_work();
}

static void test_hub_store__records_that_come_one_by_one_have_no_row_each(void **state) {
    (void)state;
    add_results(&ours, 12, "{}");
    for (uint64_t seq = 1; seq <= 10; seq++) {
        take_one(LANE_NORMAL, seq);
        take_one(LANE_HIGH, seq);
    }
    assert_int_equal(number_by(COUNT_DELIVERIES), 2);
    close_hub();
    open_hub(); /* nobody remembers that a run is open */
    take_one(LANE_NORMAL, 11);
    for (uint64_t seq = 1; seq <= 11; seq++) {
        assert_chain(LANE_NORMAL, &ours, seq);
    }
    for (uint64_t seq = 1; seq <= 10; seq++) {
        assert_chain(LANE_HIGH, &ours, seq);
    }
    assert_no_chain(LANE_NORMAL, 12);
    assert_no_chain(LANE_HIGH, 11);
    assert_int_equal(number_by(COUNT_DELIVERIES), 3);
}

static void test_hub_store__a_run_ends_where_many_rows_lie_between(void **state) {
    static const enum lane OTHERS[] = {LANE_HIGH, LANE_LOW, LANE_URGENT};
    (void)state;
    add_results(&ours, 399, "{}");
    take_one(LANE_NORMAL, 1);
    for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++) {
        begin_work();
        assert_int_equal(take_items(OTHERS[i], &ours, 1, 399), SYNC_STORED);
        end_work();
    }
    take_one(LANE_NORMAL, 2);
    assert_chain(LANE_NORMAL, &ours, 1);
    assert_chain(LANE_NORMAL, &ours, 2);
    assert_int_equal(number_by(COUNT_DELIVERIES), 5);
}

static void test_hub_store__a_run_goes_back_with_its_transaction(void **state) {
    (void)state;
    add_results(&ours, 5, "{}");
    take_one(LANE_NORMAL, 1);
    begin_work();
    assert_int_equal(take_items(LANE_NORMAL, &ours, 2, 3), SYNC_STORED);
    session->kind->rollback(session);
    lanes_forget(lanes);
    assert_no_chain(LANE_NORMAL, 2);
    take_one(LANE_HIGH, 1);
    take_one(LANE_NORMAL, 2);
    for (uint64_t seq = 1; seq <= 2; seq++) {
        assert_chain(LANE_NORMAL, &ours, seq);
    }
    assert_chain(LANE_HIGH, &ours, 1);
    assert_int_equal(number_by("SELECT sum(count) FROM delivery"), 3);
}

/* As retention removes it, in the same transaction. */
static void test_hub_store__a_run_whose_row_was_removed_has_one_again(void **state) {
    (void)state;
    add_results(&ours, 3, "{}");
    take_one(LANE_NORMAL, 1);
    begin_work();
    assert_int_equal(take_items(LANE_NORMAL, &ours, 2, 2), SYNC_STORED);
    assert_int_equal(database_run(hub_store_sqlite_database(session), "DELETE FROM delivery", NULL),
                     STATUS_OK);
    end_work();
    take_one(LANE_NORMAL, 3);
    assert_chain(LANE_NORMAL, &ours, 2);
    assert_chain(LANE_NORMAL, &ours, 3);
}

static void test_hub_store__a_file_of_the_release_before_is_read_on(void **state) {
    (void)state;
    add_results(&ours, 12, "{}");
    begin_work();
    assert_int_equal(take_items(LANE_NORMAL, &ours, 1, 10), SYNC_STORED);
    end_work();
    assert_int_equal(database_run(hub_store_sqlite_database(session),
                                  "DROP TRIGGER record_mended; DROP TABLE destination; "
                                  "DROP TABLE mended; "
                                  "DROP TABLE person; DROP TABLE session; DROP TABLE deed; "
                                  "DROP TABLE report; DROP TABLE workflow_face; "
                                  "DROP TABLE attachment; "
                                  "DROP TABLE answer; DROP TABLE tally; DROP INDEX record_loss; "
                                  "ALTER TABLE access DROP COLUMN rights; "
                                  "ALTER TABLE access DROP COLUMN expires_ms; "
                                  "ALTER TABLE access DROP COLUMN name; "
                                  "ALTER TABLE alarm DROP COLUMN seen_ms; "
                                  "ALTER TABLE alarm DROP COLUMN seen_by; "
                                  "PRAGMA user_version = 7",
                                  NULL),
                     STATUS_OK);
    close_hub();
    open_hub();
    take_one(LANE_NORMAL, 11);
    for (uint64_t seq = 1; seq <= 11; seq++) {
        assert_chain(LANE_NORMAL, &ours, seq);
    }
}

static void test_hub_store__sets_aside_what_cannot_be_read(void **state) {
    (void)state;
    add_results(&ours, 2, "{}");
    add_item(&ours, SLICE("nonsense"), 1, (struct id){0});
    add_results(&ours, 2, "{}");
    begin_work();
    assert_int_equal(take_items(LANE_NORMAL, &ours, 1, 5), SYNC_POISON);
    end_work();
    assert_int_equal(answer.poison_count, 1);
    assert_int_equal(answer.poison[0].seq, 3);
    assert_int_equal(number_by("SELECT count(*) FROM record"), 4);
    assert_int_equal(number_by("SELECT count(*) FROM quarantine WHERE bytes = CAST('nonsense' AS "
                               "BLOB) AND length(reason) > 0"),
                     1);
    for (uint64_t seq = 1; seq <= 5; seq++) {
        assert_chain(LANE_NORMAL, &ours, seq);
    }
    assert_int_equal(cursor_of(LANE_NORMAL).lane_cursor.quarantined, 1);
}

static void test_hub_store__keeps_a_kind_that_it_does_not_know(void **state) {
    (void)state;
    const struct record record = {
        .kind = (enum record_kind)77, .version = 3, .tail = SLICE("what a later release wrote")};
    add_written(&ours, &record, 1, (struct id){0});
    begin_work();
    assert_int_equal(take_items(LANE_CONTROL, &ours, 1, 1), SYNC_STORED);
    end_work();
    assert_int_equal(number_by("SELECT count(*) FROM record WHERE kind = 77 AND body = "
                               "CAST('what a later release wrote' AS BLOB)"),
                     1);
}

static void test_hub_store__a_stream_belongs_to_the_first_who_brings_it(void **state) {
    (void)state;
    const struct id other = {{9}};
    struct hub_stream stream;
    begin_work();
    assert_int_equal(session->kind->claim(session, STREAM, other, &stream, NULL), STATUS_OK);
    assert_true(id_equal(stream.device, DEVICE));
    session->kind->rollback(session);
}

static void test_hub_store__a_stream_may_become_anothers(void **state) {
    struct hub_stream stream;
    (void)state;
    begin_work();
    end_work();
    begin_work();
    assert_int_equal(database_run(hub_store_sqlite_database(session),
                                  "UPDATE stream SET device = x'09090909090909090909090909090909'",
                                  NULL),
                     STATUS_OK);
    assert_int_equal(session->kind->claim(session, STREAM, DEVICE, &stream, NULL), STATUS_OK);
    assert_int_equal(stream.device.bytes[0], 9);
    session->kind->rollback(session);
    begin_work(); /* it is as it was before */
    session->kind->rollback(session);
}

static void test_hub_store__connections_are_numbered_for_good(void **state) {
    (void)state;
    uint64_t first = 0;
    uint64_t second = 0;
    const struct id store = session->kind->store_id(session);
    begin_work();
    assert_int_equal(session->kind->next_connection(session, &first, NULL), STATUS_OK);
    end_work();
    close_hub();
    open_hub();
    begin_work();
    assert_int_equal(session->kind->next_connection(session, &second, NULL), STATUS_OK);
    session->kind->rollback(session);
    assert_true(second > first);
    assert_true(id_equal(session->kind->store_id(session), store));
}

static void test_hub_store__refuses_another_programs_file(void **state) {
    (void)state;
    struct error err = {.text = ""};
    struct hub_session *second = NULL;
    assert_int_equal(
        database_run(hub_store_sqlite_database(session), "PRAGMA application_id = 5", NULL),
        STATUS_OK);
    close_hub();
    assert_int_equal(hub_store_sqlite_open(hub_path, &second, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "another program"));
}

static void test_hub_store__refuses_a_file_of_a_much_newer_ebb(void **state) {
    (void)state;
    struct error err = {.text = ""};
    struct hub_session *second = NULL;
    assert_int_equal(
        database_run(hub_store_sqlite_database(session), "PRAGMA user_version = 99", NULL),
        STATUS_OK);
    close_hub();
    assert_int_equal(hub_store_sqlite_open(hub_path, &second, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "version 99"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST_HUB(test_hub_store__keeps_records_and_the_cursor_together),
        TEST_HUB(test_hub_store__what_was_taken_back_left_nothing),
        TEST_HUB(test_hub_store__knows_the_chain_value_of_every_record),
        TEST_HUB(test_hub_store__records_that_come_one_by_one_have_no_row_each),
        TEST_HUB(test_hub_store__a_run_ends_where_many_rows_lie_between),
        TEST_HUB(test_hub_store__a_run_goes_back_with_its_transaction),
        TEST_HUB(test_hub_store__a_run_whose_row_was_removed_has_one_again),
        TEST_HUB(test_hub_store__a_file_of_the_release_before_is_read_on),
        TEST_HUB(test_hub_store__sets_aside_what_cannot_be_read),
        TEST_HUB(test_hub_store__keeps_a_kind_that_it_does_not_know),
        TEST_HUB(test_hub_store__a_stream_belongs_to_the_first_who_brings_it),
        TEST_HUB(test_hub_store__a_stream_may_become_anothers),
        TEST_HUB(test_hub_store__connections_are_numbered_for_good),
        TEST_HUB(test_hub_store__refuses_another_programs_file),
        TEST_HUB(test_hub_store__refuses_a_file_of_a_much_newer_ebb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

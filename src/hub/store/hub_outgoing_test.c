// SPDX-License-Identifier: Apache-2.0
#include "hub/store/hub_outgoing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hub/test_hub.h"

static struct arena arena;
static struct hub_outgoing_batch batch;
static struct hub_outgoing desk;

static int set_up_outgoing(void **state) {
    desk = (struct hub_outgoing){.name = SLICE("desk"), .filter = {.priority = -1}};
    arena_init(&arena, HUB_OUTGOING_ARENA_MAX);
    return set_up_hub(state);
}

static int tear_down_outgoing(void **state) {
    arena_done(&arena);
    return tear_down_hub(state);
}

static struct database *base(void) {
    return hub_store_sqlite_database(session);
}

static void bring(uint64_t first, uint64_t last) {
    add_results(&ours, (int)(last - first + 1), "{\"n\":1}");
    begin_work();
    assert_int_equal(take_items(LANE_NORMAL, &ours, first, last), SYNC_STORED);
    end_work();
}

static void begin(enum hub_outgoing_since since, int64_t since_ms) {
    assert_int_equal(hub_outgoing_begin(base(), desk.name, since, since_ms, 5, NULL), STATUS_OK);
}

static void read_after(int64_t after) {
    struct error err = {.text = ""};
    arena_reset(&arena);
    if (hub_outgoing_read(base(), &desk, after, true, &arena, &batch, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

static void move_to(int64_t number, int64_t mended) {
    const struct hub_outgoing_move move = {.number = number, .mended = mended, .sent = 1};
    assert_int_equal(hub_outgoing_move(base(), desk.name, &move, NULL), STATUS_OK);
}

static void test_hub_outgoing__begins_once(void **state) {
    (void)state;
    bring(1, 5);
    begin(HUB_OUTGOING_ALL, 0);
    begin(HUB_OUTGOING_NOW, 0);
    read_after(0);
    assert_int_equal(batch.count, 5);
    assert_int_equal(batch.row.number, 0);
    desk.name = SLICE("other");
    begin(HUB_OUTGOING_NOW, 0);
    read_after(0);
    assert_int_equal(batch.count, 0);
    assert_int_equal(batch.row.number, 5);
}

/* Those of test_hub arrive at 99. */
static void test_hub_outgoing__begins_at_a_moment(void **state) {
    (void)state;
    static const struct {
        int64_t since_ms;
        int64_t number;
    } CASES[] = {{98, 0}, {99, 0}, {100, 7}};
    bring(1, 7);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        char name[8];
        (void)snprintf(name, sizeof(name), "d%zu", i);
        desk.name = slice_of(name);
        begin(HUB_OUTGOING_DATE, CASES[i].since_ms);
        read_after(0);
        assert_int_equal(batch.row.number, CASES[i].number);
    }
    for (int i = 1; i <= 7; i++) { /* and where they arrived at different ones */
        char sql[80];
        (void)snprintf(sql, sizeof(sql), "UPDATE record SET arrived_ms = %d WHERE number = %d",
                       100 * i, i);
        assert_int_equal(database_run(base(), sql, NULL), STATUS_OK);
    }
    assert_int_equal(database_run(base(), "DELETE FROM record WHERE number IN (3, 4)", NULL),
                     STATUS_OK);
    desk.name = SLICE("middle");
    begin(HUB_OUTGOING_DATE, 250);
    read_after(0);
    assert_int_equal(batch.count, 3);
    assert_int_equal(batch.numbers[0], 5);
}

static void test_hub_outgoing__goes_on_behind_what_is_settled(void **state) {
    (void)state;
    bring(1, 5);
    begin(HUB_OUTGOING_ALL, 0);
    move_to(3, 0);
    read_after(0);
    assert_int_equal(batch.count, 2);
    assert_int_equal(batch.numbers[0], 4);
    assert_int_equal(batch.last, 5);
    assert_int_equal(batch.row.sent, 1);
    move_to(2, 0); /* it never goes back */
    read_after(4);
    assert_int_equal(batch.row.number, 3);
    assert_int_equal(batch.count, 1);
    const struct parcel *parcel = &batch.parcels[0];
    assert_true(slice_starts(parcel->line, "{\"id\":\"01020300-"));
    assert_true(slice_is(parcel->parts->result, "{\"n\":1}"));
    assert_true(id_equal(parcel->parts->device, DEVICE));
}

static void test_hub_outgoing__passes_over_what_is_not_wanted(void **state) {
    (void)state;
    static const struct slice OTHERS[] = {SLICE("no such one")};
    bring(1, 5);
    begin(HUB_OUTGOING_ALL, 0);
    desk.filter.workflows = (struct hub_outgoing_words){.words = OTHERS, .count = 1};
    read_after(0);
    assert_int_equal(batch.count, 0);
    assert_int_equal(batch.last, 5);
    desk.filter.workflows.count = 0;
    desk.filter.lanes = 1U << LANE_URGENT;
    read_after(0);
    assert_int_equal(batch.count, 0);
    desk.filter.lanes |= 1U << LANE_NORMAL;
    desk.filter.priority = PRIORITY_MAX;
    read_after(0);
    assert_int_equal(batch.count, 0);
    desk.filter.priority = 0;
    read_after(0);
    assert_int_equal(batch.count, 5);
}

static void test_hub_outgoing__counts_what_is_removed_before_it_was_sent(void **state) {
    (void)state;
    const struct hub_outgoing_list list = {.items = &desk, .count = 1};
    bring(1, 5);
    assert_int_equal(hub_outgoing_count_removed(base(), &list, SLICE("w"), 1, 4, NULL), STATUS_OK);
    begin(HUB_OUTGOING_ALL, 0);
    move_to(2, 0);
    read_after(0);
    const struct slice workflow = batch.parcels[0].parts->workflow;
    assert_int_equal(hub_outgoing_count_removed(base(), &list, workflow, 1, 4, NULL), STATUS_OK);
    assert_int_equal(hub_outgoing_count_removed(base(), &list, SLICE("w2"), 1, 4, NULL), STATUS_OK);
    assert_int_equal(hub_outgoing_count_removed(base(), &list, workflow, 1, 2, NULL), STATUS_OK);
    assert_int_equal(database_run(base(), "DELETE FROM record WHERE number <= 4", NULL), STATUS_OK);
    read_after(0);
    assert_int_equal(batch.row.removed, 2);
    assert_int_equal(batch.count, 1);
    assert_int_equal(batch.numbers[0], 5);
}

static void test_hub_outgoing__has_mended_ones_come_again(void **state) {
    (void)state;
    static const char MEND[] = "UPDATE record SET wall_ms = 12345 WHERE number IN (2, 4)";
    bring(1, 5);
    assert_int_equal(database_run(base(), MEND, NULL), STATUS_OK);
    assert_int_equal(number_by("SELECT count(*) FROM mended"), 0); /* nobody was there for it */
    begin(HUB_OUTGOING_ALL, 0);
    assert_int_equal(database_run(base(), MEND, NULL), STATUS_OK);
    read_after(0);
    assert_false(batch.is_mended); /* they are still to come at all */
    assert_int_equal(batch.count, 5);
    move_to(5, 0);
    read_after(0);
    assert_true(batch.is_mended);
    assert_int_equal(batch.count, 2);
    assert_int_equal(batch.parcels[1].parts->created_ms, 12345);
    move_to(0, batch.last);
    read_after(0);
    assert_int_equal(batch.count, 0);
    assert_int_equal(database_run(base(), MEND, NULL), STATUS_OK);
    assert_int_equal(database_run(base(), "DELETE FROM record WHERE number <= 4", NULL), STATUS_OK);
    read_after(0);
    assert_int_equal(batch.count, 0);
    assert_int_equal(batch.last, batch.row.newest_mended); /* what is gone is not waited for */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_outgoing, tear_down_outgoing)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_hub_outgoing__begins_once),
        TEST(test_hub_outgoing__begins_at_a_moment),
        TEST(test_hub_outgoing__goes_on_behind_what_is_settled),
        TEST(test_hub_outgoing__passes_over_what_is_not_wanted),
        TEST(test_hub_outgoing__counts_what_is_removed_before_it_was_sent),
        TEST(test_hub_outgoing__has_mended_ones_come_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "hub/fleet.h"

#include "hub/alarm_rows.h"
#include "hub/test_office.h"
#include "platform/random.h"

static const int64_t HOUR_MS = INT64_C(3600) * 1000;

static struct id add_device(struct test_office *hub, const char *name, int64_t contact_ms) {
    const struct device_row row = {.id = random_id(),
                                   .name = slice_of(name),
                                   .labels = SLICE("{}"),
                                   .facts = SLICE("{}"),
                                   .created_ms = TEST_OFFICE_NOW_MS - TEST_OFFICE_DAY_MS,
                                   .contact_ms = contact_ms};
    assert_int_equal(device_rows_put(hub->database, &row, &hub->err), STATUS_OK);
    return row.id;
}

static struct fleet load(struct test_office *hub) {
    struct fleet fleet;
    arena_reset(&hub->arena);
    if (fleet_load(hub->database, &hub->arena, TEST_OFFICE_NOW_MS, HOUR_MS, &fleet, &hub->err) !=
        STATUS_OK) {
        fail_msg("%s", hub->err.text);
    }
    return fleet;
}

static unsigned needs_of(struct test_office *hub, struct id id) {
    const struct fleet fleet = load(hub);
    const struct fleet_device *device = fleet_find(&fleet, id);
    assert_non_null(device);
    return device->needs;
}

static void run(struct test_office *hub, const char *script) {
    if (database_run(hub->database, script, &hub->err) != STATUS_OK) {
        fail_msg("%s", hub->err.text);
    }
}

/* A stream of the device, of that number. */
static void add_stream(struct test_office *hub, int number, struct id device) {
    char hex[ID_HEX_BYTES + 1];
    char script[256];
    id_write_hex(device, hex);
    (void)snprintf(script, sizeof(script),
                   "INSERT INTO stream VALUES (%d, randomblob(16), x'%s', 0)", number, hex);
    run(hub, script);
}

static void add_record(struct test_office *hub, int stream, int kind, int64_t arrived_ms,
                       const char *body) {
    char script[512];
    (void)snprintf(script, sizeof(script),
                   "INSERT INTO record (stream, lane, seq, last_seq, kind, priority, wall_ms, "
                   "arrived_ms, chain, head, body) VALUES (%d, 3, 1, 4, %d, 0, 0, %lld, x'', x'', "
                   "'%s')",
                   stream, kind, (long long)arrived_ms, body);
    run(hub, script);
}

static void test_fleet__finds_each_by_its_id(void **state) {
    struct test_office *hub = *state;
    struct id ids[50];
    char name[16];
    for (int i = 0; i < 50; i++) {
        (void)snprintf(name, sizeof(name), "box-%d", i);
        ids[i] = add_device(hub, name, TEST_OFFICE_NOW_MS);
    }
    const struct fleet fleet = load(hub);
    assert_int_equal(fleet.count, 50);
    for (int i = 0; i < 50; i++) {
        (void)snprintf(name, sizeof(name), "box-%d", i);
        assert_true(slice_is(fleet_find(&fleet, ids[i])->name, name));
    }
    assert_null(fleet_find(&fleet, random_id()));
}

static void test_fleet__who_was_silent_needs_somebody(void **state) {
    struct test_office *hub = *state;
    const struct id heard = add_device(hub, "heard", TEST_OFFICE_NOW_MS - HOUR_MS);
    const struct id silent = add_device(hub, "silent", TEST_OFFICE_NOW_MS - HOUR_MS - 1);
    const struct id never = add_device(hub, "never", 0);
    const struct id program = add_device(hub, "program", 0);
    char hex[ID_HEX_BYTES + 1];
    char script[256];
    id_write_hex(program, hex);
    (void)snprintf(script, sizeof(script),
                   "INSERT INTO access (id, verifier, device, stream, created_ms, used_ms) VALUES "
                   "(x'01', x'', x'%s', x'', 0, 0)",
                   hex);
    run(hub, script);
    assert_int_equal(needs_of(hub, heard), 0);
    assert_int_equal(needs_of(hub, silent), NEED_OVERDUE);
    assert_int_equal(needs_of(hub, never), NEED_OVERDUE);
    assert_int_equal(needs_of(hub, program), 0);
    run(hub, "UPDATE device SET state = 1 WHERE name = 'silent'");
    assert_int_equal(needs_of(hub, silent), 0); /* whoever is revoked is not waited for */
}

static void test_fleet__an_alarm_counts_until_it_was_seen(void **state) {
    struct test_office *hub = *state;
    char id[ID_UUID_BYTES + 1];
    const struct id device = add_device(hub, "box", TEST_OFFICE_NOW_MS);
    id_write_uuid(device, id);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(alarm_rows_raise(hub->database, "DEVICE_ALARM", slice_of(id),
                                          SLICE("the disk is full"), TEST_OFFICE_NOW_MS + i,
                                          &hub->err),
                         STATUS_OK);
    }
    assert_int_equal(needs_of(hub, device), NEED_ALARM);
    assert_int_equal(
        alarm_rows_see(hub->database, 1, SLICE("anna"), TEST_OFFICE_NOW_MS + 5, &hub->err),
        STATUS_OK);
    assert_int_equal(needs_of(hub, device), 0);
    assert_int_equal(alarm_rows_raise(hub->database, "DEVICE_ALARM", slice_of(id),
                                      SLICE("the disk is full"), TEST_OFFICE_NOW_MS + 10,
                                      &hub->err),
                     STATUS_OK);
    assert_int_equal(needs_of(hub, device), NEED_ALARM); /* it came again */
    assert_int_equal(alarm_rows_see(hub->database, 77, SLICE("anna"), 1, &hub->err),
                     STATUS_NOT_FOUND);
}

static void test_fleet__counts_losses_and_failures_of_a_day(void **state) {
    struct test_office *hub = *state;
    const struct id losing = add_device(hub, "losing", TEST_OFFICE_NOW_MS);
    const struct id failing = add_device(hub, "failing", TEST_OFFICE_NOW_MS);
    const struct id well = add_device(hub, "well", TEST_OFFICE_NOW_MS);
    const int64_t yesterday_ms = TEST_OFFICE_NOW_MS - TEST_OFFICE_DAY_MS;
    add_stream(hub, 1, losing);
    add_stream(hub, 2, failing);
    add_stream(hub, 3, well);
    add_record(hub, 1, 3, yesterday_ms - 2, "{\"reason\":\"evicted\"}");
    add_record(hub, 2, 2, yesterday_ms - 1, "{}");
    assert_int_equal(needs_of(hub, losing), 0);
    assert_int_equal(needs_of(hub, failing), 0);
    add_record(hub, 3, 3, yesterday_ms + 1, "{\"reason\":\"superseded\"}");
    add_record(hub, 3, 3, yesterday_ms + 1, "no JSON at all");
    add_record(hub, 3, 1, yesterday_ms + 1, "{}");
    add_record(hub, 1, 3, yesterday_ms + 2, "{\"reason\":\"damaged\"}");
    add_record(hub, 2, 2, yesterday_ms + 3, "{}");
    add_record(hub, 2, 2, yesterday_ms + 4, "{}");
    const struct fleet fleet = load(hub);
    assert_int_equal(fleet_find(&fleet, losing)->lost, 4); /* seqs 1 to 4 */
    assert_int_equal(fleet_find(&fleet, losing)->needs, NEED_LOSS);
    assert_int_equal(fleet_find(&fleet, failing)->failed, 2);
    assert_int_equal(fleet_find(&fleet, failing)->needs, NEED_FAILURE);
    assert_int_equal(fleet_find(&fleet, well)->needs, 0);
}

static void test_needs__have_names(void **state) {
    (void)state;
    for (int i = 0; i < NEED_KINDS; i++) {
        assert_int_equal(need_from_name(slice_of(need_name(i))), 1U << i);
    }
    assert_int_equal(need_from_name(SLICE("money")), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_office_set_up, test_office_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_fleet__finds_each_by_its_id),
        TEST(test_fleet__who_was_silent_needs_somebody),
        TEST(test_fleet__an_alarm_counts_until_it_was_seen),
        TEST(test_fleet__counts_losses_and_failures_of_a_day),
        TEST(test_needs__have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

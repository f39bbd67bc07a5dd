// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ARENA_BYTES = 1 << 20 };

static const int64_t DAY_MS = INT64_C(24) * 3600 * 1000;

static struct arena arena;
static struct hub_settings settings;
static struct fault_list *faults;

static status read_text(const char *text) {
    struct error err;
    return hub_file_read(&arena, SLICE("hub.yaml"), slice_of(text), &settings, &faults, &err);
}

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, ARENA_BYTES);
    faults = NULL;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    fault_list_release(faults);
    arena_done(&arena);
    return 0;
}

static void test_hub_file__keeps_all_where_nothing_is_said(void **state) {
    (void)state;
    assert_int_equal(read_text("ebb: 1\n"), STATUS_OK);
    assert_int_equal(settings.retention.otherwise.keep_ms, 0);
    assert_int_equal(settings.retention.otherwise.bytes, 0);
    assert_int_equal(settings.retention.count, 0);
}

/* Wherever the default stands. */
static void test_hub_file__takes_from_the_default_what_a_workflow_does_not_say(void **state) {
    (void)state;
    assert_int_equal(read_text("ebb: 1\n"
                               "retention:\n"
                               "  workflows:\n"
                               "    inbox: { bytes: 10GiB }\n"
                               "    count: { keep: 2d }\n"
                               "  default: { keep: 365d, bytes: 1MiB }\n"),
                     STATUS_OK);
    const struct hub_retention_rule *rules = settings.retention.rules;
    assert_int_equal(settings.retention.count, 2);
    assert_true(slice_is(rules[0].workflow, "inbox") && slice_is(rules[1].workflow, "count"));
    assert_int_equal(rules[0].keep_ms, 365 * DAY_MS);
    assert_int_equal(rules[0].bytes, INT64_C(10) << 30);
    assert_int_equal(rules[1].keep_ms, 2 * DAY_MS);
    assert_int_equal(rules[1].bytes, 1 << 20);
    assert_int_equal(settings.attachment_bytes, 0);
    assert_int_equal(read_text("ebb: 1\nattachments: { bytes: 2GiB }\n"), STATUS_OK);
    assert_int_equal(settings.attachment_bytes, INT64_C(2) << 30);
}

static void test_hub_file__says_all_that_is_wrong_with_its_place(void **state) {
    (void)state;
    assert_int_equal(read_text("ebb: 1\n"
                               "retention:\n"
                               "  default: { keep: 10ms }\n"
                               "  workflows: { inbox: { bytes: much, kepe: 1d } }\n"),
                     STATUS_INVALID);
    assert_non_null(faults);
    assert_int_equal(faults->count, 3);
    assert_int_equal(faults->faults[0].place.line, 3);
    assert_int_equal(faults->faults[1].place.line, 4);
}

static void test_hub_file__reads_destinations_as_a_device_has_them(void **state) {
    (void)state;
    assert_int_equal(read_text("ebb: 1\n"
                               "destinations:\n"
                               "  desk:\n"
                               "    webhook: https://desk.example/hook\n"
                               "    sign: secret:desk\n"
                               "    headers: { X-Token: secret:token }\n"
                               "    batch: 50\n"
                               "    workflow: [a, b]\n"
                               "    lane: [urgent, high]\n"
                               "    priority: high\n"
                               "    give_up: 2d\n"
                               "  plant:\n"
                               "    postgres: postgresql://ebb@db.example/plant\n"
                               "    password: secret:plant\n"
                               "    since: 2026-11-23\n"),
                     STATUS_OK);
    const struct hub_outgoing_list *list = &settings.destinations.outgoing;
    const struct hub_destination_settings *desk = &settings.destinations.settings[0];
    const struct hub_destination_settings *plant = &settings.destinations.settings[1];
    assert_int_equal(list->count, 2);
    assert_int_equal(settings.retention.outgoing.count, 2);
    assert_true(slice_is(list->items[0].name, "desk") && slice_is(list->items[1].name, "plant"));
    assert_int_equal(list->items[0].filter.workflows.count, 2);
    assert_int_equal(list->items[0].filter.lanes, 1U << LANE_URGENT | 1U << LANE_HIGH);
    assert_int_equal(list->items[0].filter.priority, 4);
    assert_int_equal(list->items[1].filter.priority, -1);
    assert_true(slice_is(desk->hook.sign, "desk") && desk->hook.headers[0].is_secret);
    assert_int_equal(desk->batch, 50);
    assert_int_equal(desk->give_up_ms, 2 * DAY_MS);
    assert_int_equal(desk->since, HUB_OUTGOING_NOW);
    assert_true(slice_is(plant->postgres.table, "ebb_results"));
    assert_true(slice_is(plant->postgres.password_secret, "plant"));
    assert_int_equal(plant->since, HUB_OUTGOING_DATE);
    assert_int_equal(plant->since_ms, INT64_C(1795392000000));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_hub_file__keeps_all_where_nothing_is_said),
        TEST(test_hub_file__takes_from_the_default_what_a_workflow_does_not_say),
        TEST(test_hub_file__reads_destinations_as_a_device_has_them),
        TEST(test_hub_file__says_all_that_is_wrong_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

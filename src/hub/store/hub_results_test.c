// SPDX-License-Identifier: Apache-2.0
#include "hub/store/hub_results.h"

#include "hub/test_hub.h"
#include "platform/json.h"

static const struct id FIRST_ID = {{0xaa, 0xbb}};

static struct arena arena;
static struct buffer out;

static int set_up_results(void **state) {
    arena_init(&arena, 1 << 20);
    buffer_init(&out, 1 << 20);
    return set_up_hub(state);
}

static int tear_down_results(void **state) {
    arena_done(&arena);
    buffer_done(&out);
    return tear_down_hub(state);
}

#define TEST_RESULTS(name) cmocka_unit_test_setup_teardown(name, set_up_results, tear_down_results)

static void take_all(enum lane lane) {
    begin_work();
    assert_int_equal(take_items(lane, &ours, 1, (uint64_t)ours.count), SYNC_STORED);
    end_work();
}

static struct value read_out(void) {
    struct value value = {.kind = VALUE_NULL};
    struct error err = {.text = ""};
    if (json_read(&arena, buffer_slice(&out), &value, &err) != STATUS_OK) {
        fail_msg("%s in %.*s", err.text, SLICE_ARGS(buffer_slice(&out)));
    }
    return value;
}

static struct value list(const struct hub_results_query *query) {
    struct error err = {.text = ""};
    buffer_clear(&out);
    if (hub_results_list(hub_store_sqlite_database(session), query, &out, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    return read_out();
}

static const struct value *member(struct value object, const char *name) {
    const struct value *found = value_get(object, slice_of(name));
    assert_non_null(found);
    return found;
}

static void test_hub_results__pages_follow_each_other_without_a_hole(void **state) {
    (void)state;
    struct hub_results_query query = {.lane = LANE_COUNT, .limit = 3};
    add_results(&ours, 10, "{\"label\":\"ham\"}");
    take_all(LANE_NORMAL);
    for (int by = 0; by < 2; by++) { /* in the order of arrival, and by workflow */
        uint32_t seen = 0;
        query = (struct hub_results_query){.lane = LANE_COUNT, .limit = 3};
        (void)snprintf(query.workflow, sizeof(query.workflow), "%s", by == 1 ? "triage" : "");
        for (int pages = 0; pages < 10; pages++) {
            const struct value page = list(&query);
            char key[HUB_RESULTS_KEY_BYTES];
            seen += member(page, "results")->count;
            assert_int_equal(member(page, "last")->integer, 10);
            const struct slice next = value_text(*member(page, "next"));
            if (next.count == 0) {
                break;
            }
            (void)snprintf(key, sizeof(key), "%.*s", SLICE_ARGS(next));
            assert_true(hub_results_read_key(&query, key));
        }
        assert_int_equal(seen, 10);
    }
}

static void test_hub_results__a_renumbered_result_is_found_by_both_its_ids(void **state) {
    (void)state;
    char uuid[ID_UUID_BYTES + 1];
    add_results(&ours, 3, "{}");
    ours.items[1].first_id = FIRST_ID;
    take_all(LANE_HIGH);
    const struct id ids[] = {FIRST_ID, record_public_id(STREAM, LANE_HIGH, 2)};
    id_write_uuid(FIRST_ID, uuid);
    for (size_t i = 0; i < 2; i++) {
        buffer_clear(&out);
        assert_int_equal(hub_results_get(hub_store_sqlite_database(session), ids[i], &out, NULL),
                         STATUS_OK);
        assert_true(slice_is(value_text(*member(read_out(), "id")), uuid));
    }
    buffer_clear(&out);
    assert_int_equal(hub_results_get(hub_store_sqlite_database(session),
                                     record_public_id(STREAM, LANE_HIGH, 4), &out, NULL),
                     STATUS_NOT_FOUND);
    assert_int_equal(hub_results_get(hub_store_sqlite_database(session),
                                     record_public_id(STREAM, LANE_LOW, 2), &out, NULL),
                     STATUS_NOT_FOUND);
}

/* What another device brought lies between. */
static void test_hub_results__of_a_device_are_its_own_alone(void **state) {
    (void)state;
    struct hub_results_query query = {.lane = LANE_COUNT, .limit = 100};
    add_results(&ours, 5, "{}");
    for (uint64_t seq = 1; seq <= 5; seq++) {
        const struct lane_place other = {.stream = {{9}}, .lane = LANE_NORMAL};
        struct hub_stream stream;
        begin_work();
        assert_int_equal(take_items(LANE_NORMAL, &ours, seq, seq), SYNC_STORED);
        assert_int_equal(session->kind->claim(session, other.stream, other.stream, &stream, NULL),
                         STATUS_OK);
        assert_int_equal(lanes_take(lanes, &other, buffer_slice(&wire), &answer, NULL), STATUS_OK);
        end_work();
    }
    assert_int_equal(number_by("SELECT count(*) FROM delivery"), 2);
    id_write_uuid(DEVICE, query.device);
    const struct value found = *member(list(&query), "results");
    assert_int_equal(found.count, 5);
    for (uint32_t i = 0; i < found.count; i++) {
        assert_true(slice_is(value_text(*member(found.items[i], "device")), query.device));
    }
}

static void test_hub_results__say_what_a_clock_had_said_that_was_wrong(void **state) {
    (void)state;
    static const int64_t BEGAN_MS = INT64_C(1799996400000);
    const struct hub_boot boot = {.id = {{0xb0}}, .began_ms = BEGAN_MS};
    struct record record = result_of("{}");
    const struct hub_results_query query = {
        .lane = LANE_COUNT, .limit = 9, .since_ms = BEGAN_MS, .until_ms = BEGAN_MS + 9000};
    record.time = (struct moment){.wall_ms = 1, .boot_ns = 5000000000, .quality = CLOCK_BAD};
    add_written(&ours, &record, 1, (struct id){0}); /* of a boot that nobody knows */
    record.boot = boot.id;
    add_written(&ours, &record, 1, (struct id){0});
    record.time = (struct moment){.wall_ms = BEGAN_MS + 5000, .boot_ns = 5000000000};
    add_written(&ours, &record, 1, (struct id){0});
    struct lane_place place = place_in(LANE_NORMAL);
    place.arrived.wall_ms = BEGAN_MS + 9000;
    write_items(&ours, 1, 3);
    answer = (struct answer){.code = SYNC_STORED};
    begin_work();
    assert_int_equal(session->kind->hear_boot(session, DEVICE, &boot, NULL), STATUS_OK);
    assert_int_equal(lanes_take(lanes, &place, buffer_slice(&wire), &answer, NULL), STATUS_OK);
    end_work();
    const struct value found = *member(list(&query), "results");
    assert_int_equal(found.count, 2); /* when they were made, not in 1970 */
    assert_null(value_get(found.items[0], SLICE("clock")));
    const struct value clock = *member(found.items[1], "clock");
    const struct slice made_at = value_text(*member(found.items[0], "created_at"));
    assert_true(slice_equal(value_text(*member(found.items[1], "created_at")), made_at));
    assert_true(slice_is(value_text(*member(clock, "quality")), "bad"));
    assert_true(slice_starts(value_text(*member(clock, "said_at")), "1970-01-01"));
    buffer_clear(&out);
    assert_int_equal(hub_results_get(hub_store_sqlite_database(session),
                                     record_public_id(STREAM, LANE_NORMAL, 1), &out, NULL),
                     STATUS_OK);
    const struct value unknown = *member(read_out(), "clock");
    assert_true(slice_is(value_text(*member(unknown, "quality")), "bad"));
    assert_null(value_get(unknown, SLICE("said_at")));
}

static void test_hub_results__a_key_is_read_strictly(void **state) {
    (void)state;
    static const char *const WRONG[] = {"", "x", "1x", "-4", "0", "5.", "5.x", "5.6.7"};
    struct hub_results_query query = {.limit = 1};
    assert_true(hub_results_read_key(&query, "5.1234"));
    assert_int_equal(query.before_number, 5);
    assert_int_equal(query.before_ms, 1234);
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        if (hub_results_read_key(&query, WRONG[i])) {
            fail_msg("'%s' was taken for a key", WRONG[i]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST_RESULTS(test_hub_results__pages_follow_each_other_without_a_hole),
        TEST_RESULTS(test_hub_results__a_renumbered_result_is_found_by_both_its_ids),
        TEST_RESULTS(test_hub_results__of_a_device_are_its_own_alone),
        TEST_RESULTS(test_hub_results__say_what_a_clock_had_said_that_was_wrong),
        TEST_RESULTS(test_hub_results__a_key_is_read_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "hub/device_alarm.h"

#include "hub/test_hub.h"

static void add_alarm(const char *name, const char *body) {
    const struct record record = {.kind = RECORD_ALARM,
                                  .version = RECORD_VERSION,
                                  .priority = PRIORITY_MAX,
                                  .name = slice_of(name),
                                  .body = slice_of(body)};
    add_written(&ours, &record, 1, (struct id){0});
}

static void take_next(void) {
    const uint64_t seq = (uint64_t)ours.count;
    begin_work();
    assert_int_equal(take_items(LANE_CONTROL, &ours, seq, seq), SYNC_STORED);
    end_work();
}

static const char THAT_SAY[] =
    "SELECT ifnull(sum(count), 0) FROM alarm WHERE kind = 'DEVICE_ALARM' AND text = ?1 AND "
    "subject = '04050600-0000-0000-0000-000000000000'";

static int64_t alarms_that_say(const char *text) {
    int64_t count = 0;
    CLEANUP(query_done)
    struct query query = query_on(hub_store_sqlite_database(session), THAT_SAY);
    query_bind_text(&query, slice_of(text));
    assert_int_equal(query_one_number(&query, &count, NULL), STATUS_OK);
    return count;
}

static void test_device_alarm__what_a_device_says_is_shown(void **state) {
    (void)state;
    add_alarm("store-full", "{\"text\":\"the disk is full\"}");
    take_next();
    assert_int_equal(alarms_that_say("DEVICE_ALARM: store-full: the disk is full"), 1);
    add_alarm("parked", "{\"run\":5}"); /* without words for people */
    take_next();
    assert_int_equal(alarms_that_say("DEVICE_ALARM: parked: {\"run\":5}"), 2);
    assert_int_equal(number_by("SELECT count(*) FROM alarm"), 1);
    assert_int_equal(number_by("SELECT count(*) FROM record WHERE kind = 4"), 2);
}

static void test_device_alarm__what_comes_again_is_none(void **state) {
    (void)state;
    add_alarm("store-full", "{\"text\":\"the disk is full\"}");
    take_next();
    take_next();
    assert_int_equal(alarms_that_say("DEVICE_ALARM: store-full: the disk is full"), 1);
}

static void test_device_alarm__a_long_one_is_cut(void **state) {
    char body[2048];
    (void)state;
    (void)snprintf(body, sizeof(body), "{\"text\":\"%01000d\"}", 0);
    add_alarm("sync", body);
    take_next();
    assert_int_equal(number_by("SELECT length(text) < 500 FROM alarm"), 1);
}

static void test_device_alarm__other_records_are_none(void **state) {
    (void)state;
    const struct record later = {.kind = RECORD_ALARM, .version = 9, .tail = SLICE("of later")};
    add_results(&ours, 1, "{\"text\":\"no alarm\"}");
    take_next();
    add_written(&ours, &later, 1, (struct id){0});
    take_next();
    assert_int_equal(number_by("SELECT count(*) FROM alarm"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST_HUB(test_device_alarm__what_a_device_says_is_shown),
        TEST_HUB(test_device_alarm__what_comes_again_is_none),
        TEST_HUB(test_device_alarm__a_long_one_is_cut),
        TEST_HUB(test_device_alarm__other_records_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

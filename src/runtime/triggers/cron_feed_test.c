// SPDX-License-Identifier: Apache-2.0
/* Schedules by a wall clock that the test sets. */
#include "runtime/triggers/feed.h"

#include <stdlib.h>

#include "runtime/test_stage.h"

static char clock_file[] = "/tmp/ebb-cron-test.XXXXXX";

/* From now on the wall clock goes on from this moment. */
static void set_clock(const char *text) {
    int64_t wall_ms = 0;
    assert_true(time_read(slice_of(text), &wall_ms));
    FILE *file = fopen(clock_file, "w");
    assert_non_null(file);
    (void)fputs("0", file);
    (void)fflush(file);
    const int64_t offset_ms = wall_ms - clock_wall_ms();
    rewind(file);
    (void)fprintf(file, "%lld", (long long)offset_ms);
    assert_int_equal(fclose(file), 0);
}

static int make(void **state) {
    const int made = stage_make(state);
    struct stage *stage = *state;
    stage->options.feeds_closed = false;
    return made;
}

static void test_cron_feed__gives_an_event_at_its_moment(void **state) {
    struct stage *stage = *state;
    stage_flow(stage, "flow",
               "trigger: { cron: { at: '0 6 * * *', time_zone: UTC } }\n"
               "durability: { runs: each, results: each }\n"
               "results:\n"
               "  - name: out\n"
               "    from: { time: '${ .event.time }', local: '${ .event.local }',\n"
               "            zone: '${ .event.zone }', missed: '${ .event.missed }' }\n");
    set_clock("2030-01-01T05:59:57.500Z"); /* a busy machine takes a while until it is open */
    stage_open(stage);
    stage_until_ended(stage, 1);
    assert_text(&stage->said,
                "normal out {\"time\":\"2030-01-01T06:00:00.000Z\","
                "\"local\":\"2030-01-01T06:00:00+00:00\",\"zone\":\"UTC\",\"missed\":0}\n");
}

static void test_cron_feed__goes_by_the_device_s_zone_when_none_is_said(void **state) {
    struct stage *stage = *state;
    struct member members[] = {{.name = SLICE("time_zone"), .value = value_of_text(SLICE("UTC"))}};
    stage->options.device = (struct value){.kind = VALUE_OBJECT, .count = 1, .members = members};
    stage_flow(stage, "flow",
               "trigger: { cron: '*/5 * * * *' }\n"
               "results: [ { name: out, from: { l: '${ .event.local }' } } ]\n");
    set_clock("2030-02-01T23:59:57.500Z");
    stage_open(stage);
    stage_until_ended(stage, 1);
    assert_text(&stage->said, "normal out {\"l\":\"2030-02-02T00:00:00+00:00\"}\n");
}

/* --- a feed alone --- */

struct ear {
    struct loop *loop;
    struct buffer said;
    int offered;
};

static uint32_t room(void *owner) {
    (void)owner;
    return 1;
}

static void offered(void *owner, struct event *event) {
    struct ear *ear = owner;
    ear->offered++;
    event_destroy(event);
}

static void heard(void *owner, const char *sentence) {
    struct ear *ear = owner;
    buffer_print(&ear->said, "%s\n", sentence);
}

static status open_alone(struct ear *ear, const char *zone, struct feed **out_feed,
                         struct error *err) {
    static struct trigger trigger;
    trigger =
        (struct trigger){.kind = TRIGGER_CRON, .cron = SLICE("0 6 * * *"), .source = SLICE("cron")};
    assert_int_equal(schedule_read(trigger.cron, &trigger.schedule, err), STATUS_OK);
    const struct feed_door door = {.owner = ear,
                                   .loop = ear->loop,
                                   .time_zone = slice_of(zone),
                                   .room = room,
                                   .offer = offered,
                                   .said = heard};
    return feed_open(&trigger, &door, out_feed, err);
}

static void test_cron_feed__waits_for_a_clock_that_is_believed_and_says_so(void **state) {
    (void)state;
    struct ear ear = {0};
    struct feed *feed = NULL;
    struct error err;
    buffer_init(&ear.said, 4096);
    assert_int_equal(loop_create(&ear.loop, &err), STATUS_OK);
    set_clock("1970-01-01T05:59:59.990Z");
    assert_int_equal(open_alone(&ear, "UTC", &feed, &err), STATUS_OK);
    feed_resume(feed);
    assert_part(&ear.said, "cron `0 6 * * *`: waits until the clock is set: before all that this "
                           "device knows of, it shows 1970-01-01T");
    assert_int_equal(ear.offered, 0);
    feed_close(feed);
    loop_destroy(ear.loop);
    buffer_done(&ear.said);
}

static void test_cron_feed__names_the_device_s_zone_when_there_is_none_of_that_name(void **state) {
    (void)state;
    struct ear ear = {0};
    struct feed *feed = NULL;
    struct error err;
    assert_int_equal(loop_create(&ear.loop, &err), STATUS_OK);
    set_clock("2030-01-01T00:00:00Z");
    assert_int_not_equal(open_alone(&ear, "Mars/Olympus", &feed, &err), STATUS_OK);
    assert_non_null(strstr(err.text, "time zone 'Mars/Olympus' of the device: "));
    assert_null(feed);
    loop_destroy(ear.loop);
}

static void test_cron_feed__that_has_no_memory_to_open_leaves_nothing_behind(void **state) {
    (void)state;
    struct ear ear = {0};
    struct error err;
    bool reached = true;
    assert_int_equal(loop_create(&ear.loop, &err), STATUS_OK);
    set_clock("2030-01-01T00:00:00Z");
    for (long k = 0; reached; k++) {
        struct feed *feed = NULL;
        (void)memory_fail_at(k, 0);
        const status code = open_alone(&ear, "UTC", &feed, &err);
        reached = memory_fail_at(-1, 0) > (size_t)k;
        assert_int_equal(feed != NULL, code == STATUS_OK);
        assert_true(code == STATUS_OK || code == STATUS_NO_MEMORY);
        feed_close(feed);
    }
    loop_destroy(ear.loop);
}

static int set_up(void **state) {
    (void)state;
    const int file = mkstemp(clock_file);
    return file < 0 || close(file) != 0 || setenv("EBB_TEST_WALL_OFFSET_FILE", clock_file, 1) != 0;
}

static int tear_down(void **state) {
    (void)state;
    return unlink(clock_file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cron_feed__gives_an_event_at_its_moment, make,
                                        stage_end),
        cmocka_unit_test_setup_teardown(test_cron_feed__goes_by_the_device_s_zone_when_none_is_said,
                                        make, stage_end),
        cmocka_unit_test(test_cron_feed__waits_for_a_clock_that_is_believed_and_says_so),
        cmocka_unit_test(test_cron_feed__that_has_no_memory_to_open_leaves_nothing_behind),
        cmocka_unit_test(test_cron_feed__names_the_device_s_zone_when_there_is_none_of_that_name),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

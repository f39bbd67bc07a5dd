// SPDX-License-Identifier: Apache-2.0
#include "hub/store/hub_boots.h"

#include "hub/test_hub.h"

static const int64_t NOW_MS = INT64_C(1800000000000);
static const int64_t HOUR_MS = INT64_C(3600000);
static const int64_t YEAR_MS = INT64_C(365) * 24 * 3600000;
static const struct id BOOT = {{0xb0, 1}};

static const char COUNT_UNCLEAR[] = "SELECT count(*) FROM unclear";
static const char COUNT_BOOTS[] = "SELECT count(*) FROM boot";
static const char FIRST_MS[] = "SELECT wall_ms FROM record WHERE number = 1";
static const char SECOND_MS[] = "SELECT wall_ms FROM record WHERE number = 2";

/* So far into its boot, which began an hour ago. */
static struct moment at_minute(int64_t minute, enum clock_quality quality) {
    return (struct moment){.wall_ms = NOW_MS - HOUR_MS + minute * 60000,
                           .boot_ns = minute * INT64_C(60000000000),
                           .quality = quality};
}

static int64_t true_ms(int64_t minute) {
    return at_minute(minute, CLOCK_GOOD).wall_ms;
}

/* The same, by a clock that began in 1970. */
static struct moment of_1970(int64_t minute) {
    struct moment moment = at_minute(minute, CLOCK_BAD);
    moment.wall_ms = minute * 60000;
    return moment;
}

static void add(struct id boot, struct moment time) {
    struct record record = result_of("{}");
    record.boot = boot;
    record.time = time;
    add_written(&ours, &record, 1, (struct id){0});
}

/* In the open transaction. */
static void bring(enum lane lane, uint64_t from, enum clock_quality hubs) {
    struct lane_place place = place_in(lane);
    struct error err = {.text = ""};
    place.arrived = (struct moment){.wall_ms = NOW_MS, .quality = hubs};
    write_items(&ours, from, (uint64_t)ours.count);
    answer = (struct answer){.code = SYNC_STORED};
    if (lanes_take(lanes, &place, buffer_slice(&wire), &answer, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(answer.code, SYNC_STORED);
}

static void take_from(enum lane lane, uint64_t from, enum clock_quality hubs) {
    begin_work();
    bring(lane, from, hubs);
    end_work();
}

static void take_all(enum lane lane) {
    take_from(lane, 1, CLOCK_GOOD);
}

static void hear_of(struct id device, struct id boot, int64_t began_ms) {
    const struct hub_boot heard = {.id = boot, .began_ms = began_ms};
    assert_int_equal(session->kind->hear_boot(session, device, &heard, NULL), STATUS_OK);
}

static void hear(void) {
    begin_work();
    hear_of(DEVICE, BOOT, NOW_MS - HOUR_MS);
    end_work();
}

/* All steps that there are to do now; how many that were. */
static int mend(int64_t now_ms) {
    struct hub_boots_place place = {0};
    struct error err = {.text = ""};
    bool more = true;
    int steps = 0;
    for (; more; steps++) {
        assert_true(steps < 100);
        begin_work();
        if (session->kind->mend_times(session, now_ms, &place, &more, &err) != STATUS_OK) {
            fail_msg("%s", err.text);
        }
        end_work();
    }
    return steps;
}

/* --- on arrival --- */

static void test_hub_boots__a_boot_that_greeted_dates_what_it_made_in_1970(void **state) {
    (void)state;
    hear();
    close_hub();
    open_hub(); /* it is kept */
    add(BOOT, of_1970(10));
    take_all(LANE_NORMAL);
    assert_int_equal(number_by(FIRST_MS), true_ms(10));
    assert_int_equal(number_by("SELECT hex(substr(head, 29, 8)) = 'C027090000000000' FROM record"),
                     1); /* 600,000: as it came */
    assert_int_equal(number_by(COUNT_UNCLEAR), 0);
}

static void test_hub_boots__a_clock_that_is_years_ahead_is_not_believed(void **state) {
    (void)state;
    struct moment ahead = at_minute(10, CLOCK_GOOD);
    ahead.wall_ms += 10 * YEAR_MS;
    hear();
    add(BOOT, ahead);
    take_all(LANE_NORMAL);
    assert_int_equal(number_by(FIRST_MS), true_ms(10));
}

static void test_hub_boots__a_hub_with_a_bad_clock_judges_nobody(void **state) {
    (void)state;
    struct moment ahead = at_minute(10, CLOCK_UNSURE);
    ahead.wall_ms += 10 * YEAR_MS;
    hear();
    add(BOOT, ahead);
    take_from(LANE_NORMAL, 1, CLOCK_BAD);
    assert_int_equal(number_by(FIRST_MS), ahead.wall_ms);
    assert_int_equal(number_by(COUNT_UNCLEAR), 0);
}

static void test_hub_boots__a_clock_that_is_not_bad_is_left_alone(void **state) {
    (void)state;
    struct moment late = at_minute(10, CLOCK_UNSURE);
    late.wall_ms -= 5 * HOUR_MS;
    hear();
    add(BOOT, late);
    late.quality = CLOCK_GOOD;
    add(BOOT, late);
    take_all(LANE_NORMAL);
    assert_int_equal(number_by(FIRST_MS), late.wall_ms);
    assert_int_equal(number_by(SECOND_MS), late.wall_ms);
}

/* Such as after a jump ahead that is over: the device cannot tell. */
static void test_hub_boots__a_bad_clock_that_is_right_is_left_alone(void **state) {
    (void)state;
    struct moment near = at_minute(10, CLOCK_BAD);
    near.wall_ms += 30000;
    hear();
    add(BOOT, near);
    take_all(LANE_NORMAL);
    assert_int_equal(number_by(FIRST_MS), near.wall_ms);
}

static void test_hub_boots__what_cannot_be_is_not_made_up(void **state) {
    (void)state;
    struct moment lie = of_1970(10);
    lie.boot_ns = INT64_MAX;
    hear();
    add(BOOT, lie);
    lie.boot_ns = INT64_MIN;
    lie.wall_ms = INT64_MIN;
    add(BOOT, lie);
    add((struct id){0}, of_1970(10));
    take_all(LANE_NORMAL);
    assert_int_equal(number_by(FIRST_MS), 600000);
    assert_int_equal(
        number_by("SELECT wall_ms = -9223372036854775808 FROM record WHERE number = 2"), 1);
    assert_int_equal(number_by("SELECT wall_ms FROM record WHERE number = 3"), 600000);
    assert_int_equal(number_by(COUNT_UNCLEAR), 0);
}

static void test_hub_boots__the_newest_boots_of_a_device_are_kept(void **state) {
    (void)state;
    begin_work();
    for (uint8_t i = 0; i < 10; i++) {
        hear_of(DEVICE, (struct id){{0xb0, i}}, NOW_MS + i * HOUR_MS);
        hear_of((struct id){{9}}, (struct id){{0xb0, i}}, NOW_MS - i * HOUR_MS);
    }
    end_work();
    assert_int_equal(number_by(COUNT_BOOTS), 2 * HUB_BOOTS_KEPT);
    assert_int_equal(number_by("SELECT count(*) FROM boot WHERE id >= x'b006' OR id < x'b004'"),
                     2 * HUB_BOOTS_KEPT);
}

/* --- afterwards --- */

static void test_hub_boots__what_came_before_its_boot_greeted_is_dated_then(void **state) {
    (void)state;
    for (int64_t minute = 1; minute <= 250; minute++) { /* more than one step dates */
        add(BOOT, of_1970(minute % 60));
    }
    add((struct id){{0xb0, 2}}, of_1970(5));
    take_all(LANE_NORMAL);
    begin_work();
    hear_of((struct id){{9}}, BOOT, NOW_MS - 2 * HOUR_MS); /* another device's */
    end_work();
    (void)mend(NOW_MS);
    assert_int_equal(number_by(FIRST_MS), 60000);
    hear();
    assert_true(mend(NOW_MS) > 2);
    assert_int_equal(number_by("SELECT count(*) FROM record WHERE wall_ms > 1000000000000"), 250);
    assert_int_equal(number_by(FIRST_MS), true_ms(1));
    assert_int_equal(number_by("SELECT wall_ms FROM record WHERE number = 250"), true_ms(10));
    assert_int_equal(number_by("SELECT wall_ms FROM record WHERE number = 251"), 300000);
    assert_int_equal(number_by(COUNT_UNCLEAR), 1);
    assert_int_equal(mend(NOW_MS), 1);
}

static void test_hub_boots__what_came_in_the_same_transaction_is_dated_too(void **state) {
    struct hub_boots_place place = {0};
    bool more = true;
    (void)state;
    add(BOOT, of_1970(10));
    begin_work();
    bring(LANE_NORMAL, 1, CLOCK_GOOD);
    hear_of(DEVICE, BOOT, NOW_MS - HOUR_MS);
    assert_int_equal(session->kind->mend_times(session, NOW_MS, &place, &more, NULL), STATUS_OK);
    end_work();
    assert_false(more);
    assert_int_equal(number_by(FIRST_MS), true_ms(10));
    assert_int_equal(number_by(COUNT_UNCLEAR), 0);
}

/* The clock was set while the hub was away, and the device has booted again since. */
static void test_hub_boots__a_good_record_behind_them_dates_those_of_its_boot(void **state) {
    (void)state;
    add(BOOT, of_1970(10));
    take_all(LANE_URGENT); /* which nothing good follows */
    add(BOOT, of_1970(11));
    take_all(LANE_NORMAL);
    (void)mend(NOW_MS);
    assert_int_equal(number_by(COUNT_BOOTS), 0);
    add(BOOT, at_minute(12, CLOCK_UNSURE));
    take_from(LANE_NORMAL, 3, CLOCK_GOOD);
    (void)mend(NOW_MS); /* the boot is known by the end of it ... */
    (void)mend(NOW_MS); /* ... and to all of it now */
    assert_int_equal(number_by(FIRST_MS), true_ms(10));
    assert_int_equal(number_by(SECOND_MS), true_ms(10));
    assert_int_equal(number_by("SELECT wall_ms FROM record WHERE number = 3"), true_ms(11));
    assert_int_equal(number_by("SELECT wall_ms FROM record WHERE number = 4"), true_ms(12));
    assert_int_equal(number_by(COUNT_UNCLEAR), 0);
}

static void test_hub_boots__a_good_record_before_them_dates_those_of_its_boot(void **state) {
    (void)state;
    add((struct id){{0xb0, 2}}, of_1970(10));
    add(BOOT, at_minute(11, CLOCK_GOOD));
    add(BOOT, of_1970(12)); /* it was set wrong */
    take_all(LANE_NORMAL);
    (void)mend(NOW_MS);
    assert_int_equal(number_by(FIRST_MS), 600000); /* the next one is of another boot */
    assert_int_equal(number_by("SELECT wall_ms FROM record WHERE number = 3"), true_ms(12));
    assert_int_equal(number_by(COUNT_UNCLEAR), 1);
}

static void test_hub_boots__after_a_week_nobody_looks_any_more(void **state) {
    (void)state;
    add(BOOT, of_1970(10));
    take_all(LANE_NORMAL);
    (void)mend(NOW_MS + 7 * 24 * HOUR_MS);
    assert_int_equal(number_by(COUNT_UNCLEAR), 1);
    (void)mend(NOW_MS + 7 * 24 * HOUR_MS + 1);
    assert_int_equal(number_by(COUNT_UNCLEAR), 0);
    assert_int_equal(number_by(FIRST_MS), 600000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST_HUB(test_hub_boots__a_boot_that_greeted_dates_what_it_made_in_1970),
        TEST_HUB(test_hub_boots__a_clock_that_is_years_ahead_is_not_believed),
        TEST_HUB(test_hub_boots__a_hub_with_a_bad_clock_judges_nobody),
        TEST_HUB(test_hub_boots__a_clock_that_is_not_bad_is_left_alone),
        TEST_HUB(test_hub_boots__a_bad_clock_that_is_right_is_left_alone),
        TEST_HUB(test_hub_boots__what_cannot_be_is_not_made_up),
        TEST_HUB(test_hub_boots__the_newest_boots_of_a_device_are_kept),
        TEST_HUB(test_hub_boots__what_came_before_its_boot_greeted_is_dated_then),
        TEST_HUB(test_hub_boots__what_came_in_the_same_transaction_is_dated_too),
        TEST_HUB(test_hub_boots__a_good_record_behind_them_dates_those_of_its_boot),
        TEST_HUB(test_hub_boots__a_good_record_before_them_dates_those_of_its_boot),
        TEST_HUB(test_hub_boots__after_a_week_nobody_looks_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

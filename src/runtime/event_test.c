// SPDX-License-Identifier: Apache-2.0
#include "runtime/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/blob_file.h"
#include "platform/hash.h"
#include "platform/json.h"

enum { JSON_BYTES = 1 << 20 };

static int settled[EVENT_REFUSED + 1];

static void note(struct event *event, enum event_outcome outcome) {
    (void)event;
    settled[outcome]++;
}

static struct event *make(void) {
    struct event *event = event_new();
    assert_non_null(event);
    event->id = SLICE("a.txt:3:1");
    event->source = SLICE("inbox");
    event->type = SLICE("file");
    event->settle = note;
    (void)memset(settled, 0, sizeof(settled));
    return event;
}

static void seal(struct event *event, const struct event_extra *extras, uint32_t count) {
    struct error err;
    assert_int_equal(event_seal(event, extras, count, &err), STATUS_OK);
}

static void assert_json(const struct event *event, const char *expected) {
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, JSON_BYTES);
    json_write(&json, event->value);
    buffer_add_byte(&json, 0);
    assert_string_equal(json.bytes, expected);
}

static void test_event__is_settled_once(void **state) {
    (void)state;
    struct event *event = make();
    event_settle(event, EVENT_STORED);
    event_settle(event, EVENT_DROPPED);
    event_destroy(event);
    assert_int_equal(settled[EVENT_STORED], 1);
    assert_int_equal(settled[EVENT_DROPPED] + settled[EVENT_REFUSED], 0);
}

static void test_event__that_nobody_settles_is_refused(void **state) {
    (void)state;
    event_destroy(make());
    assert_int_equal(settled[EVENT_REFUSED], 1);
    event_destroy(NULL);
}

static void test_event__shows_what_it_knows_and_nothing_empty(void **state) {
    (void)state;
    struct event *event = make();
    event->arrived = (struct moment){.wall_ms = 1000, .boot_ns = 1, .quality = CLOCK_UNSURE};
    event->time = event->arrived;
    event->time.wall_ms = 500;
    const struct event_extra extras[] = {
        {.name = "bytes", .value = value_of_integer(3)},
        {.name = "cut", .value = {0}},
        {.name = "text", .value = value_of_text(SLICE(""))},
    };
    seal(event, extras, 3);
    assert_json(event, "{\"id\":\"a.txt:3:1\",\"source\":\"inbox\",\"type\":\"file\","
                       "\"time\":\"1970-01-01T00:00:00.500Z\",\"time_quality\":\"unsure\","
                       "\"arrived\":\"1970-01-01T00:00:01.000Z\",\"bytes\":3}");
    event_destroy(event);
}

static void test_event__without_a_time_happened_when_it_arrived(void **state) {
    (void)state;
    struct event *event = make();
    event->id = (struct slice){0};
    seal(event, NULL, 0);
    assert_true(event->arrived.boot_ns > 0);
    assert_int_equal(event->time.wall_ms, event->arrived.wall_ms);
    assert_true(id_equal(event->boot, clock_boot_id()));
    assert_int_equal(event->seen_hash, 0); /* no id, nothing to know again */
    event_destroy(event);
}

static void test_event__comes_back_from_its_row_as_it_was(void **state) {
    (void)state;
    struct error err;
    CLEANUP(buffer_done) struct buffer json;
    buffer_init(&json, JSON_BYTES);
    struct event *event = make();
    const struct event_extra extra = {.name = "text", .value = value_of_text(SLICE("a\n\"b\""))};
    event->repeatable = true;
    seal(event, &extra, 1);
    event->seen_hash = 0xfedcba9876543210; /* a source may hash its own way */
    event->seen_mask = 0xffffff;
    assert_int_equal(event_write(event, &json, &err), STATUS_OK);
    struct event *back = NULL;
    assert_int_equal(event_read(buffer_slice(&json), &back, &err), STATUS_OK);
    assert_true(slice_equal(back->id, event->id));
    assert_true(slice_equal(back->source, event->source));
    assert_true(slice_equal(back->type, event->type));
    assert_true(id_equal(back->boot, event->boot));
    assert_true(back->repeatable);
    assert_int_equal(back->seen_hash, event->seen_hash);
    assert_int_equal(back->seen_mask, event->seen_mask);
    assert_int_equal(back->arrived.wall_ms, event->arrived.wall_ms);
    assert_int_equal(back->arrived.boot_ns, event->arrived.boot_ns);
    assert_int_equal(back->time.wall_ms, event->time.wall_ms);
    assert_int_equal(back->arrived.quality, event->arrived.quality);
    CLEANUP(buffer_done) struct buffer again;
    buffer_init(&again, JSON_BYTES);
    assert_int_equal(event_write(back, &again, &err), STATUS_OK);
    assert_true(slice_equal(buffer_slice(&json), buffer_slice(&again)));
    event_destroy(event);
    event_destroy(back);
}

static void test_event__that_is_no_row_is_corrupt(void **state) {
    (void)state;
    static const char *const ROWS[] = {"[]",
                                       "{}",
                                       "{\"event\":3}",
                                       "{\"event\":{},\"seen\":\"xyz\"}",
                                       "{\"event\":{},\"seen\":\"00000000000000001\"}",
                                       "{\"event\":{},\"mask\":\"1\"}"};
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct event *event = NULL;
        struct error err;
        assert_int_equal(event_read(slice_of(ROWS[i]), &event, &err), STATUS_CORRUPT);
        assert_null(event);
        assert_non_null(strstr(err.text, "kept event"));
    }
    struct event *event = NULL;
    struct error err;
    assert_int_not_equal(event_read(SLICE("{\"event\""), &event, &err), STATUS_OK);
}

/* Within a boot the wall clock is not asked; across boots it is all there is. */
static void test_event__has_the_age_that_can_be_known(void **state) {
    (void)state;
    const struct id other = {.bytes = {1}};
    const struct moment now = clock_now();
    const int64_t hour_ms = 3600 * 1000;
    struct event event = {.boot = clock_boot_id(), .arrived = now, .time = now};

    event.arrived.boot_ns -= hour_ms * 1000000;
    assert_in_range(event_age_ms(&event), hour_ms, hour_ms + 60000);
    event.arrived.wall_ms += 10 * hour_ms; /* the clock jumped since; the event did not */
    event.time.wall_ms = event.arrived.wall_ms;
    event.arrived.quality = CLOCK_BAD;
    assert_in_range(event_age_ms(&event), hour_ms, hour_ms + 60000);

    event.arrived = now;
    event.time.wall_ms = now.wall_ms - hour_ms; /* it had happened before it came */
    assert_in_range(event_age_ms(&event), hour_ms, hour_ms + 60000);
    event.time.wall_ms = now.wall_ms + hour_ms; /* by a clock that is ahead of ours */
    assert_in_range(event_age_ms(&event), 0, 60000);

    event.boot = other;
    event.arrived.wall_ms = now.wall_ms - hour_ms;
    event.time = event.arrived;
    event.arrived.quality = CLOCK_UNSURE;
    if (now.quality != CLOCK_BAD) {
        assert_in_range(event_age_ms(&event), hour_ms, hour_ms + 60000);
    }
    event.arrived.quality = CLOCK_BAD;
    assert_int_equal(event_age_ms(&event), INT64_MAX);
    event.arrived.quality = CLOCK_GOOD;
    event.arrived.wall_ms = now.wall_ms + hour_ms; /* from the future: the clock was set back */
    event.time = event.arrived;
    assert_int_equal(event_age_ms(&event), INT64_MAX);
}

static void test_event__of_another_boot_is_as_old_as_can_be_when_the_clock_is_bad(void **state) {
    (void)state;
    clock_set_floor(clock_wall_ms() + 3600 * 1000); /* the store has seen a later time */
    const struct moment now = clock_now();
    struct event event = {.boot = {.bytes = {1}}, .arrived = now, .time = now};
    event.arrived.quality = CLOCK_GOOD;
    event.arrived.wall_ms -= 1000;
    const int64_t age_ms = event_age_ms(&event);
    clock_set_floor(0);
    assert_int_equal(now.quality, CLOCK_BAD);
    assert_int_equal(age_ms, INT64_MAX);
}

static void test_event__of_a_file_shows_the_file_again_when_it_comes_back(void **state) {
    (void)state;
    char path[] = "/tmp/event_test.XXXXXX";
    const int file = mkstemp(path);
    assert_int_equal(write(file, "RIFF....WAVE", 12), 12);
    assert_int_equal(close(file), 0);
    struct event *event = make();
    struct event *back = NULL;
    struct blob *blob = NULL;
    struct slice bytes;
    struct value value;
    struct buffer json;
    buffer_init(&json, JSON_BYTES);
    assert_int_equal(blob_of_file(path, SLICE("audio/wav"), &blob, NULL), STATUS_OK);
    assert_true(value_of_blob(&event->arena, blob, &value));
    blob_release(blob);
    const struct event_extra extras[] = {
        {"path", value_of_text(slice_of(path))}, {"file", value}, {"audio", value}};
    seal(event, extras, 3);
    assert_int_equal(event_write(event, &json, NULL), STATUS_OK);
    event_destroy(event);

    assert_int_equal(event_read(buffer_slice(&json), &back, NULL), STATUS_OK);
    const struct value *audio = value_get(back->value, SLICE("audio"));
    assert_int_equal(audio->kind, VALUE_BLOB);
    assert_true(slice_is(blob_type(audio->blob), "audio/wav"));
    assert_int_equal(blob_open(audio->blob, &bytes, NULL), STATUS_OK);
    assert_true(slice_is(bytes, "RIFF....WAVE"));
    event_destroy(back);

    assert_int_equal(unlink(path), 0);
    assert_int_equal(event_read(buffer_slice(&json), &back, NULL), STATUS_OK);
    assert_int_equal(value_get(back->value, SLICE("audio"))->kind, VALUE_OBJECT);
    event_destroy(back);
    buffer_done(&json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event__is_settled_once),
        cmocka_unit_test(test_event__that_nobody_settles_is_refused),
        cmocka_unit_test(test_event__shows_what_it_knows_and_nothing_empty),
        cmocka_unit_test(test_event__without_a_time_happened_when_it_arrived),
        cmocka_unit_test(test_event__comes_back_from_its_row_as_it_was),
        cmocka_unit_test(test_event__that_is_no_row_is_corrupt),
        cmocka_unit_test(test_event__of_a_file_shows_the_file_again_when_it_comes_back),
        cmocka_unit_test(test_event__has_the_age_that_can_be_known),
        cmocka_unit_test(test_event__of_another_boot_is_as_old_as_can_be_when_the_clock_is_bad),
    };
    return cmocka_run_group_tests_name("runtime/event", tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
/* What `schema:` and `event:` make of an event, and of one that does not fit. */
#include "runtime/triggers/event_shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "platform/json.h"

enum { TEXT_BYTES = 4096 };

static const struct shape_scope NOWHERE;
static struct workflow *workflow;
static struct event *event;

static int tear_down(void **state) {
    (void)state;
    event_destroy(event);
    event = NULL;
    if (workflow != NULL) {
        workflow_release(workflow);
        workflow = NULL;
    }
    return 0;
}

/* The first trigger of a workflow, of which `rest` is said beside `stdin: json`. */
static const struct trigger *trigger_of(const char *rest) {
    char text[TEXT_BYTES];
    struct fault_list *faults = NULL;
    struct error err = {.text = ""};
    const struct workflow_doors doors = {0};
    (void)snprintf(text, sizeof(text),
                   "ebb: 1\nworkflow: w\ntrigger:\n  stdin: json\n%s"
                   "results: [ { name: r, from: { a: 1 } } ]\n",
                   rest);
    const status code =
        workflow_read(SLICE("w.yaml"), slice_of(text), &doors, &workflow, &faults, &err);
    if (code != STATUS_OK) {
        struct buffer said;
        buffer_init(&said, 1 << 16);
        fault_list_write(faults, &said);
        fail_msg("%.*s", SLICE_ARGS(buffer_slice(&said)));
    }
    fault_list_release(faults);
    return &workflow->triggers[0];
}

static void come(const char *json) {
    struct event_extra extra = {.name = "data"};
    event_destroy(event);
    event = event_new();
    event->source = SLICE("stdin");
    event->type = SLICE("message");
    event->arrived = (struct moment){.wall_ms = 1000, .boot_ns = 1, .quality = CLOCK_GOOD};
    assert_int_equal(json_read(&event->arena, slice_of(json), &extra.value, NULL), STATUS_OK);
    assert_int_equal(event_seal(event, &extra, 1, NULL), STATUS_OK);
}

static void expect_event(const char *json) {
    struct buffer text;
    buffer_init(&text, TEXT_BYTES);
    json_write(&text, event->value);
    buffer_add_byte(&text, 0);
    assert_string_equal(text.bytes, json);
    buffer_done(&text);
}

static void expect_unfit(const struct trigger *trigger, const char *json, const char *sentence) {
    struct error err = {.text = ""};
    come(json);
    const struct value came = event->value;
    assert_int_equal(event_shape(trigger, &NOWHERE, event, &err), STATUS_INVALID);
    assert_string_equal(err.text, sentence);
    assert_true(value_equal(came, event->value));
    assert_int_equal(event->id.count, 0);
}

static const char ROOM[] = "  schema:\n"
                           "    t: { type: number, min: -60, max: 60 }\n"
                           "    n: integer\n"
                           "    ts: { type: time, optional: true }\n"
                           "    room: { type: string, default: hall }\n"
                           "  event:\n"
                           "    id: ${ \"\\(.data.room)#\\(.data.n)\" }\n"
                           "    time: ${ .data.ts }\n"
                           "    key: ${ .data.room }\n"
                           "    set:\n"
                           "      cold: ${ .data.t < 0 }\n"
                           "      of: ${ $device.name }\n";

static void test_event_shape__gives_id_time_key_and_more(void **state) {
    (void)state;
    const struct trigger *trigger = trigger_of(ROOM);
    struct member name = {.name = SLICE("name"), .value = value_of_text(SLICE("plant"))};
    const struct shape_scope plant = {
        .device = {.kind = VALUE_OBJECT, .count = 1, .members = &name}};
    struct error err = {.text = ""};
    come("{\"t\":-1.5,\"n\":7,\"ts\":\"2026-11-23T10:00:00.120Z\",\"room\":\"a1\",\"more\":[1]}");
    assert_int_equal(event_shape(trigger, &plant, event, &err), STATUS_OK);
    expect_event("{\"id\":\"a1#7\",\"source\":\"stdin\",\"type\":\"message\","
                 "\"time\":\"2026-11-23T10:00:00.120Z\",\"time_quality\":\"unsure\","
                 "\"arrived\":\"1970-01-01T00:00:01.000Z\",\"key\":\"a1\","
                 "\"data\":{\"t\":-1.5,\"n\":7,\"ts\":\"2026-11-23T10:00:00.120Z\",\"room\":\"a1\","
                 "\"more\":[1]},\"cold\":true,\"of\":\"plant\"}");
    assert_int_equal(event->time.wall_ms, INT64_C(1795428000120));
    assert_true(event->seen_hash != 0);
    const uint64_t hash = event->seen_hash;
    come("{\"n\":7,\"t\":3,\"room\":\"a1\"}"); /* the same id is the same event */
    assert_int_equal(event_shape(trigger, &plant, event, &err), STATUS_OK);
    assert_true(event->seen_hash == hash);
    assert_int_equal(event->time.wall_ms, 1000); /* no time came: that of its arrival */
}

static void test_event_shape__puts_defaults_in(void **state) {
    (void)state;
    const struct trigger *trigger = trigger_of(ROOM);
    struct error err = {.text = ""};
    come("{\"n\":7,\"t\":3}");
    assert_int_equal(event_shape(trigger, &NOWHERE, event, &err), STATUS_OK);
    assert_true(slice_is(event->id, "hall#7"));
    assert_true(slice_is(event->key, "hall"));
}

static void test_event_shape__says_what_does_not_fit_and_leaves_it_as_it_came(void **state) {
    (void)state;
    const struct trigger *trigger = trigger_of(ROOM);
    expect_unfit(trigger, "{\"n\":7}", "field 't' is missing");
    expect_unfit(trigger, "{\"n\":7,\"t\":61}", "field 't' is 61: from -60 to 60");
    expect_unfit(trigger, "{\"n\":7.5,\"t\":1}", "field 'n' is a whole number, not a fraction");
    expect_unfit(trigger, "[1]", "an object with fields, not a list");
    expect_unfit(trigger, "null", "field 't' is missing");
    expect_unfit(trigger, "{\"n\":7,\"t\":1,\"ts\":\"soon\"}",
                 "field 'ts' is a time such as 2026-11-23T10:00:00Z, not another string");
}

static void test_event_shape__judges_what_event_says(void **state) {
    (void)state;
    const struct trigger *trigger =
        trigger_of("  event: { id: \"${ .data.id }\", time: \"${ .data.at }\" }\n");
    struct error err = {.text = ""};
    expect_unfit(trigger, "{\"id\":[1]}", "`event`: `id` is a list, not text");
    expect_unfit(trigger, "{\"at\":\"noon\"}",
                 "`event`: `time` is no time such as 2026-11-23T10:00:00Z, nor seconds since 1970");
    expect_unfit(
        trigger, "{\"at\":1795428000120}",
        "`event`: `time` is 1.79543e+12: a number is seconds since 1970, not milliseconds");
    expect_unfit(trigger, "{\"at\":-5}",
                 "`event`: `time` is -5: a number is seconds since 1970, not milliseconds");
    come("{\"id\":9007199254740993,\"at\":1795428000.5}");
    assert_int_equal(event_shape(trigger, &NOWHERE, event, &err), STATUS_OK);
    assert_true(slice_is(event->id, "9007199254740993"));
    assert_int_equal(event->time.wall_ms, INT64_C(1795428000500));
    come("{}");
    assert_int_equal(event_shape(trigger, &NOWHERE, event, &err), STATUS_OK);
    assert_int_equal(event->id.count, 0);
    assert_int_equal(event->seen_hash, 0);
    char json[2 * EVENT_ID_BYTES_MAX] = "{\"id\":\"";
    memset(json + 7, 'x', EVENT_ID_BYTES_MAX + 1);
    (void)strcat(json, "\"}");
    expect_unfit(trigger, json, "`event`: `id` has at most 1024 bytes");
}

static void test_event_shape__leaves_alone_what_nothing_is_said_of(void **state) {
    (void)state;
    const struct trigger *trigger = trigger_of("");
    struct error err;
    come("3");
    const struct member *members = event->value.members;
    assert_int_equal(event_shape(trigger, &NOWHERE, event, &err), STATUS_OK);
    assert_ptr_equal(event->value.members, members);
}

int main(void) {
#define UNIT(test) cmocka_unit_test_teardown(test, tear_down)
    const struct CMUnitTest tests[] = {
        UNIT(test_event_shape__gives_id_time_key_and_more),
        UNIT(test_event_shape__puts_defaults_in),
        UNIT(test_event_shape__says_what_does_not_fit_and_leaves_it_as_it_came),
        UNIT(test_event_shape__judges_what_event_says),
        UNIT(test_event_shape__leaves_alone_what_nothing_is_said_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
/* One event of a key at a time, different keys at once. */
#include "runtime/key_order.h"

#include "runtime/test_stage.h"

enum { KEYS = 5, EVENTS = 60 };

static const char RESULT[] = "results:\n"
                             "  - { name: out, from: '${ .event.data.k } ${ .event.data.n }' }\n";

/* A call takes as long as its input says, in milliseconds. */
static void write_flow(struct stage *stage, const char *rest) {
    char text[2048];
    stage_script(stage, "sleepy", "mode: once\ninstances: 8\ninputs: { ms: integer }\n",
                 "#!/bin/sh\nread -r line\nms=${line#*:}\nms=${ms%\\}*}\n"
                 "sleep $(printf 0.%03d $ms)\necho '{}'\n");
    (void)snprintf(text, sizeof(text),
                   "%s"
                   "steps:\n"
                   "  - id: sleep\n"
                   "    agent: sleepy\n"
                   "    with: { ms: '${ .event.data.ms }' }\n"
                   "%s",
                   rest, RESULT);
    stage_flow(stage, "flow", text);
}

/* An event with a key, as a trigger gives it that knows keys. */
static void offer(struct stage *stage, const char *key, int n, int ms) {
    char json[64];
    struct error err;
    (void)snprintf(json, sizeof(json), "{\"k\":\"%s\",\"n\":%d,\"ms\":%d}", key, n, ms);
    struct event *event = event_new();
    assert_non_null(event);
    struct event_extra extras[] = {{.name = "data"}, {.name = "key"}};
    event->source = SLICE("test");
    event->type = SLICE("message");
    assert_int_equal(json_read(&event->arena, slice_of(json), &extras[0].value, &err), STATUS_OK);
    extras[1].value = key[0] != '\0' ? value_of_text(arena_copy(&event->arena, slice_of(key)))
                                     : (struct value){0};
    assert_int_equal(event_seal(event, extras, 2, &err), STATUS_OK);
    orchestrator_offer(stage_slot(stage, "flow"), event);
}

/* Where a result is said, or NULL. */
static const char *said(struct stage *stage, const char *key, int n) {
    char line[64];
    (void)snprintf(line, sizeof(line), "out \"%s %d\"\n", key, n);
    buffer_add_byte(&stage->said, 0);
    stage->said.count--;
    return strstr(stage->said.bytes, line);
}

static void test_key_order__keeps_the_order_of_each_key_and_no_other(void **state) {
    struct stage *stage = *state;
    int next[KEYS] = {0};
    unsigned dice = 7;
    write_flow(stage, "trigger: { stdin: json, queue: { order: key } }\nconcurrency: 4\n");
    stage_open(stage);
    for (int i = 0; i < EVENTS; i++) {
        dice = dice * 1103515245 + 12345;
        const unsigned key = dice >> 16 & 0xff;
        const char name[] = {(char)('a' + key % KEYS), '\0'};
        offer(stage, name, next[key % KEYS]++, (int)(dice >> 24) % 12);
    }
    assert_int_equal(stage_slot(stage, "flow")->running, 4);
    stage_until_ended(stage, EVENTS);
    assert_int_equal(stage->results, EVENTS);
    for (int key = 0; key < KEYS; key++) {
        const char name[] = {(char)('a' + key), '\0'};
        const char *before = said(stage, name, 0);
        for (int n = 1; n < next[key]; n++) {
            const char *at = said(stage, name, n);
            assert_true(before != NULL && at > before);
            before = at;
        }
    }
}

static void test_key_order__others_pass_the_events_of_a_key_that_is_taken(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "trigger: { stdin: json, queue: { order: key } }\nconcurrency: 4\n");
    stage_open(stage);
    offer(stage, "a", 0, 500);
    offer(stage, "a", 1, 1);
    offer(stage, "b", 0, 1);
    offer(stage, "a", 2, 1);
    assert_int_equal(stage_slot(stage, "flow")->running, 2);
    assert_int_equal(stage_slot(stage, "flow")->queued, 2);
    stage_until_ended(stage, 4);
    assert_text(&stage->said, "normal out \"b 0\"\nnormal out \"a 0\"\n"
                              "normal out \"a 1\"\nnormal out \"a 2\"\n");
}

static void test_key_order__events_without_a_key_wait_for_nobody(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "trigger: { stdin: json, queue: { order: key } }\nconcurrency: 3\n");
    stage_open(stage);
    offer(stage, "", 0, 100);
    offer(stage, "", 1, 100);
    offer(stage, "", 2, 100);
    assert_int_equal(stage_slot(stage, "flow")->running, 3);
    stage_until_ended(stage, 3);
}

static void test_key_order__one_at_a_time_is_the_order_of_events(void **state) {
    struct stage *stage = *state;
    stage_agent(stage, "keeps", "kind: jq\nfilter: '{ state: { n: 1 } }'\n");
    stage_flow(stage, "flow",
               "trigger: { stdin: json, queue: { order: key } }\n"
               "steps: [ { id: one, agent: keeps, state: { by: '${ .event.data.k }' } } ]\n"
               "results:\n"
               "  - { name: out, from: '${ .event.data.k } ${ .event.data.n }' }\n");
    stage_open(stage);
    offer(stage, "a", 0, 0);
    offer(stage, "a", 1, 0);
    offer(stage, "b", 0, 0);
    offer(stage, "a", 2, 0);
    offer(stage, "b", 1, 0);
    stage_until_ended(stage, 5);
    assert_text(&stage->said, "normal out \"a 0\"\nnormal out \"a 1\"\nnormal out \"b 0\"\n"
                              "normal out \"a 2\"\nnormal out \"b 1\"\n");
}

/* What waits is told apart by what stands in the file now. */
static void test_key_order__a_new_version_tells_waiting_events_apart_its_own_way(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "trigger: { stdin: json }\n");
    stage_open(stage);
    offer(stage, "a", 0, 300);
    offer(stage, "a", 1, 1);
    offer(stage, "a", 2, 1);
    assert_int_equal(stage_slot(stage, "flow")->running, 1);
    write_flow(stage, "trigger: { stdin: json, queue: { order: key } }\nconcurrency: 4\n");
    stage_reload(stage);
    stage_until_ended(stage, 3);
    const char *first = said(stage, "a", 1);
    assert_non_null(first);
    assert_true(said(stage, "a", 2) > first);
    assert_int_equal(stage_slot(stage, "flow")->held.count, 0);
}

static void test_key_order__a_dropped_event_leaves_the_others_in_order(void **state) {
    struct stage *stage = *state;
    write_flow(stage, "trigger: { stdin: json, queue: { order: key, max: 2, full: drop_oldest } }\n"
                      "concurrency: 2\n");
    stage_open(stage);
    offer(stage, "a", 0, 200);
    offer(stage, "a", 1, 1);
    offer(stage, "a", 2, 1);
    offer(stage, "a", 3, 1); /* and 1 goes */
    assert_int_equal(stage_slot(stage, "flow")->counts.dropped, 1);
    stage_until_ended(stage, 3);
    assert_text(&stage->said, "normal out \"a 0\"\nnormal out \"a 2\"\nnormal out \"a 3\"\n");
    offer(stage, "b", 0, 1);
    stage_until_ended(stage, 4);
}

int main(void) {
    log_set_level(LOG_ERROR);
#define STAGED(test) cmocka_unit_test_setup_teardown(test, stage_make, stage_end)
    const struct CMUnitTest tests[] = {
        STAGED(test_key_order__keeps_the_order_of_each_key_and_no_other),
        STAGED(test_key_order__others_pass_the_events_of_a_key_that_is_taken),
        STAGED(test_key_order__events_without_a_key_wait_for_nobody),
        STAGED(test_key_order__one_at_a_time_is_the_order_of_events),
        STAGED(test_key_order__a_new_version_tells_waiting_events_apart_its_own_way),
        STAGED(test_key_order__a_dropped_event_leaves_the_others_in_order),
    };
    return cmocka_run_group_tests_name("runtime/key_order", tests, NULL, NULL);
}

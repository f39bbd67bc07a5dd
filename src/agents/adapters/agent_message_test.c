// SPDX-License-Identifier: Apache-2.0
#include "agents/adapters/agent_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "platform/json.h"

static struct arena arena;

static int begin(void **state) {
    (void)state;
    arena_init(&arena, AGENT_MESSAGE_ARENA_BYTES_MAX);
    return 0;
}

static int end(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

static struct agent_message read_line(const char *line) {
    struct agent_message message;
    struct error err = {0};
    if (agent_message_read(&arena, slice_of(line), &message, &err) != STATUS_OK) {
        fail_msg("%s: %s", line, err.text);
    }
    return message;
}

static void assert_json(struct value value, const char *json) {
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, 4096);
    json_write(&text, value);
    buffer_add_byte(&text, 0);
    assert_string_equal(text.bytes, json);
}

static void test_agent_message__answers_are_told_apart(void **state) {
    (void)state;
    struct agent_message message = read_line("{\"id\":7,\"out\":{\"n\":1},\"state\":{\"s\":2}}");
    assert_int_equal(message.kind, MESSAGE_OUT);
    assert_int_equal(message.id, 7);
    assert_json(message.body, "{\"n\":1}");
    assert_json(message.state, "{\"s\":2}");
    message = read_line("{\"part\":{\"t\":\"a\"},\"id\":9007199254740993,\"later\":true}");
    assert_int_equal(message.kind, MESSAGE_PART);
    assert_true(message.id == INT64_C(9007199254740993));
    assert_json(message.body, "{\"t\":\"a\"}");
    message = read_line("{\"id\":8,\"error\":{\"class\":\"offline\",\"text\":\"no line\"}}");
    assert_int_equal(message.kind, MESSAGE_ERROR);
    assert_int_equal(message.class, STATUS_OFFLINE);
    assert_true(message.class_known && slice_is(message.text, "no line"));
}

static void test_agent_message__an_error_has_one_of_seven_classes(void **state) {
    (void)state;
    static const struct {
        const char *word;
        status code;
    } CLASSES[] = {{"timeout", STATUS_TIMEOUT}, {"crash", STATUS_CRASH},
                   {"invalid", STATUS_INVALID}, {"offline", STATUS_OFFLINE},
                   {"busy", STATUS_BUSY},       {"denied", STATUS_DENIED},
                   {"full", STATUS_FULL}};
    for (size_t i = 0; i < sizeof(CLASSES) / sizeof(CLASSES[0]); i++) {
        char line[128];
        (void)snprintf(line, sizeof(line), "{\"id\":1,\"error\":{\"class\":\"%s\"}}",
                       CLASSES[i].word);
        const struct agent_message message = read_line(line);
        assert_true(message.class_known);
        assert_int_equal(message.class, CLASSES[i].code);
    }
    static const char *const OTHERS[] = {"{\"class\":\"ok\"}",
                                         "{\"class\":\"system\"}",
                                         "{\"class\":7}",
                                         "{\"class\":\"a word that is long\"}",
                                         "{}",
                                         "null",
                                         "\"down\""};
    for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++) {
        char line[128];
        (void)snprintf(line, sizeof(line), "{\"id\":1,\"error\":%s}", OTHERS[i]);
        const struct agent_message message = read_line(line);
        assert_int_equal(message.kind, MESSAGE_ERROR);
        assert_false(message.class_known);
        assert_int_equal(message.class, STATUS_INVALID);
    }
}

static void test_agent_message__logs_metrics_and_ready(void **state) {
    (void)state;
    struct agent_message message = read_line("{\"log\":{\"level\":\"warn\",\"text\":\"hot\"}}");
    assert_int_equal(message.kind, MESSAGE_LOG);
    assert_int_equal(message.level, LOG_WARN);
    assert_true(slice_is(message.text, "hot"));
    assert_int_equal(read_line("{\"log\":{\"text\":\"x\"}}").level, LOG_INFO);
    message = read_line("{\"metric\":{\"name\":\"tokens\",\"add\":2.5}}");
    assert_int_equal(message.kind, MESSAGE_METRIC);
    assert_true(message.adds && message.number == 2.5 && slice_is(message.name, "tokens"));
    message = read_line("{\"metric\":{\"name\":\"heat\",\"value\":3}}");
    assert_true(!message.adds && message.number == 3);
    message = read_line("{\"ebb\":2,\"ready\":true,\"more\":[]}");
    assert_int_equal(message.kind, MESSAGE_READY);
    assert_true(message.ready && message.version == 2);
    assert_int_equal(read_line("{\"ready\":true}").version, 0);
}

static void test_agent_message__what_is_not_known_is_passed_over(void **state) {
    (void)state;
    assert_int_equal(read_line("{}").kind, MESSAGE_OTHER);
    assert_int_equal(read_line("{\"progress\":{\"id\":7}}").kind, MESSAGE_OTHER);
}

static void test_agent_message__a_known_one_that_is_not_right_says_what_would_be(void **state) {
    (void)state;
    static const char *const LINES[][2] = {
        {"{\"id\":7}", "`out`, `error` or `part`"},
        {"{\"id\":7,\"output\":{}}", "`out`, `error` or `part`"},
        {"{\"id\":\"7\",\"out\":{}}", "the number of a request"},
        {"{\"id\":7.5,\"out\":{}}", "the number of a request"},
        {"{\"log\":\"text\"}", "a `log` has a `text`"},
        {"{\"log\":{\"level\":\"loud\",\"text\":\"a\"}}", "a `log` has a `text`"},
        {"{\"metric\":{\"name\":\"a b\",\"value\":1}}", "a `metric` has a `name`"},
        {"{\"metric\":{\"name\":\"a\",\"value\":\"1\"}}", "a `metric` has a `name`"},
        {"{\"metric\":{\"name\":\"a\"}}", "a `metric` has a `name`"},
    };
    for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
        const struct agent_message message = read_line(LINES[i][0]);
        char text[256];
        (void)snprintf(text, sizeof(text), "%.*s", SLICE_ARGS(message.text));
        assert_int_equal(message.kind, MESSAGE_WRONG);
        assert_non_null(strstr(text, LINES[i][1]));
    }
}

static void test_agent_message__what_is_no_object_is_refused(void **state) {
    (void)state;
    static const char *const LINES[] = {"", "Hello", "[1]", "7", "{\"id\":7", "{} {}"};
    for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
        struct agent_message message;
        struct error err = {0};
        assert_int_equal(agent_message_read(&arena, slice_of(LINES[i]), &message, &err),
                         STATUS_INVALID);
    }
}

static void test_agent_message__a_request_says_what_is_known_of_the_call(void **state) {
    (void)state;
    struct agent_call call = {.attempt = 2, .deadline_ns = 5000000000, .run_folder = "/w/\"x"};
    call.run.bytes[0] = 0xab;
    (void)value_new_object(&arena, 0, &call.with);
    CLEANUP(buffer_done) struct buffer line;
    buffer_init(&line, 4096);
    agent_message_write_request(&line, 7, &call, 0, 3160000000);
    buffer_add_byte(&line, 0);
    assert_string_equal(line.bytes, "{\"id\":7,\"run\":\"ab000000000000000000000000000000\","
                                    "\"key\":\"00000000000000000000000000000000\","
                                    "\"dir\":\"/w/\\\"x\",\"deadline_ms\":1840,\"attempt\":2,"
                                    "\"with\":{}}\n");
    buffer_clear(&line);
    call.run_folder = NULL;
    call.state = value_of_integer(3);
    agent_message_write_request(&line, 8, &call, 2, 9000000000); /* late already */
    buffer_add_byte(&line, 0);
    assert_non_null(
        strstr(line.bytes, "\"deadline_ms\":0,\"attempt\":2,\"fds\":2,\"with\":{},\"state\":3}\n"));
    assert_null(strstr(line.bytes, "dir"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agent_message__answers_are_told_apart),
        cmocka_unit_test(test_agent_message__an_error_has_one_of_seven_classes),
        cmocka_unit_test(test_agent_message__logs_metrics_and_ready),
        cmocka_unit_test(test_agent_message__what_is_not_known_is_passed_over),
        cmocka_unit_test(test_agent_message__a_known_one_that_is_not_right_says_what_would_be),
        cmocka_unit_test(test_agent_message__what_is_no_object_is_refused),
        cmocka_unit_test(test_agent_message__a_request_says_what_is_known_of_the_call),
    };
    return cmocka_run_group_tests(tests, begin, end);
}

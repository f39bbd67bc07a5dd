// SPDX-License-Identifier: Apache-2.0
/* Lines of standard input: the test puts a pipe, a file or nothing there. */
#include "runtime/triggers/feed.h"

#include <errno.h>
#include <fcntl.h>

#include "runtime/test_stage.h"

static int kept_input = -1; /* the test's own */
static int writer = -1;

static int make(void **state) {
    int ends[2];
    kept_input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
    if (pipe2(ends, O_CLOEXEC) != 0 || dup2(ends[0], STDIN_FILENO) < 0 || close(ends[0]) != 0) {
        return -1;
    }
    writer = ends[1];
    const int made = stage_make(state);
    struct stage *stage = *state;
    stage->options.stdin_allowed = true;
    stage->options.feeds_closed = false;
    return made;
}

static int clear(void **state) {
    const int ended = stage_end(state);
    if (writer >= 0) {
        (void)close(writer);
    }
    writer = -1;
    (void)close(STDIN_FILENO);
    if (kept_input >= 0) {
        (void)dup2(kept_input, STDIN_FILENO);
        (void)close(kept_input);
    }
    return ended;
}

static void say(const char *text) {
    assert_int_equal(write(writer, text, strlen(text)), strlen(text));
}

static void say_end(void) {
    assert_int_equal(close(writer), 0);
    writer = -1;
}

static bool is_idle(struct stage *stage) {
    return stage->idles > 0;
}

static const char JSON_FLOW[] = "trigger: { stdin: json }\n"
                                "results: [ { name: out, from: { d: '${ .event.data }' } } ]\n";
static const char TEXT_FLOW[] =
    "trigger: { stdin: text }\n"
    "results:\n"
    "  - { name: out, from: { t: '${ .event.text }', of: '${ .event.source }' } }\n";

static void test_stdin_feed__takes_a_value_a_line(void **state) {
    struct stage *stage = *state;
    stage_flow(stage, "flow", JSON_FLOW);
    stage_open(stage);
    say("{\"a\":1}\n\n   \n[2]\n{oops\n\"three\"\r\n9007199254740993\n1 2\nnull\ntrue");
    stage_until_ended(stage, 5);
    assert_false(is_idle(stage)); /* the last line may not be at its end */
    say_end();
    stage_until(stage, is_idle);
    assert_text(
        &stage->said,
        "normal out {\"d\":{\"a\":1}}\nnormal out {\"d\":[2]}\nnormal out {\"d\":\"three\"}\n"
        "normal out {\"d\":9007199254740993}\nnormal out {\"d\":null}\n"
        "normal out {\"d\":true}\n");
    assert_int_equal(stage->refusals, 2);
    assert_part(&stage->refused, "flow: standard input, line 5: ");
    assert_part(&stage->refused, "flow: standard input, line 8: ");
    assert_int_equal(stage_slot(stage, "flow")->counts.refused, 2);
    assert_int_equal(stage_slot(stage, "flow")->counts.events, 6);
}

static void test_stdin_feed__takes_lines_of_text_as_they_are(void **state) {
    struct stage *stage = *state;
    stage_flow(stage, "flow", TEXT_FLOW);
    stage_open(stage);
    say("\xef\xbb\xbfone \"1\"\r\n{\n\xff"
        "a\xc3\n");
    say_end();
    stage_until(stage, is_idle);
    assert_text(&stage->said, "normal out {\"t\":\"one \\\"1\\\"\",\"of\":\"stdin\"}\n"
                              "normal out {\"t\":\"{\",\"of\":\"stdin\"}\n"
                              "normal out {\"t\":\"\xef\xbf\xbd"
                              "a\xef\xbf\xbd\",\"of\":\"stdin\"}\n");
}

static void test_stdin_feed__skips_a_line_that_is_too_long(void **state) {
    struct stage *stage = *state;
    char x[64 * 1024];
    (void)memset(x, 'x', sizeof(x));
    stage_flow(stage, "flow", TEXT_FLOW);
    stage_open(stage);
    const pid_t child = fork(); /* a pipe is shorter than the line */
    assert_true(child >= 0);
    if (child == 0) {
        bool said = write(writer, "before\n", 7) == 7;
        for (int i = 0; said && i < 20; i++) {
            said = write(writer, x, sizeof(x)) == sizeof(x);
        }
        said = said && write(writer, "\nafter\n", 7) == 7;
        _exit(said ? 0 : 1);
    }
    say_end();
    stage_until(stage, is_idle);
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_int_equal(how, 0);
    assert_int_equal(stage->refusals, 1);
    assert_part(&stage->refused, "flow: standard input, line 2: longer than 1048576 bytes");
    assert_int_equal(stage->results, 2);
    assert_part(&stage->said, "{\"t\":\"after\"");
}

/* A queue that is full keeps the rest in the pipe, and whoever writes waits. */
static void test_stdin_feed__reads_no_more_than_there_is_room_for(void **state) {
    struct stage *stage = *state;
    stage_script(stage, "waits", "",
                 "#!/bin/sh\nwhile read -r line; do\n"
                 "while ! test -e go; do sleep 0.01; done; echo '{}'; done\n");
    stage_flow(stage, "flow",
               "trigger: { stdin: json, queue: { max: 3 } }\n"
               "steps: [ { id: one, agent: waits } ]\n"
               "results: [ { name: out, from: { n: '${ .event.data }' } } ]\n");
    stage_open(stage);
    assert_int_equal(fcntl(writer, F_SETFL, O_NONBLOCK), 0);
    int written = 0;
    for (int quiet = 0; quiet < 20;) {
        char line[16];
        const int count = snprintf(line, sizeof(line), "%07d\n", written + 1000000);
        if (write(writer, line, (size_t)count) == count) {
            written++;
            quiet = 0;
        } else {
            assert_int_equal(errno, EAGAIN);
            quiet++;
            stage_let_pass(stage, 4);
        }
    }
    /* A pipe's 64 KiB, what was read at once, and the queue. */
    assert_in_range(written, 1000, 3 * 64 * 1024 / 8 + 10);
    assert_int_equal(stage_slot(stage, "flow")->queued, 3);
    assert_int_equal(stage_slot(stage, "flow")->counts.events, 4);
    assert_int_equal(stage->ends, 0);
    stage_write(stage, "flows/agents/waits/go", "");
    say_end();
    stage_until(stage, is_idle);
    assert_int_equal(stage->results, written);
    char last[64];
    (void)snprintf(last, sizeof(last), "{\"n\":%d}\n", written - 1 + 1000000);
    assert_part(&stage->said, last);
}

static void test_stdin_feed__reads_files_and_nothing(void **state) {
    struct stage *stage = *state;
    stage_flow(stage, "flow", JSON_FLOW);
    stage_write(stage, "input", "1\n2\n3");
    const char *const inputs[] = {stage_path(stage, "input"), "/dev/null"};
    for (int i = 0; i < 2; i++) {
        (void)close(STDIN_FILENO);
        assert_int_equal(open(inputs[i], O_RDONLY | O_CLOEXEC), STDIN_FILENO);
        stage->idles = 0;
        stage_open(stage);
        stage_until(stage, is_idle);
        assert_int_equal(stage->results, 3);
        stage_close(stage);
    }
}

static void test_stdin_feed__is_for_a_desk_alone(void **state) {
    struct stage *stage = *state;
    stage->options.stdin_allowed = false;
    stage_flow(stage, "flow", JSON_FLOW);
    stage_open(stage);
    assert_int_equal(stage_slot(stage, "flow")->state, SLOT_FAULTY);
    assert_part(&stage->refused, "a daemon has none");
}

/* Without memory for a while: nothing is lost, it comes later. */
static void test_stdin_feed__waits_for_memory(void **state) {
    enum { LINES = 50 };
    struct stage *stage = *state;
    stage_flow(stage, "flow", JSON_FLOW);
    stage_open(stage);
    struct slot *slot = stage_slot(stage, "flow");
    for (int i = 0; i < LINES; i++) {
        char line[64];
        (void)snprintf(line, sizeof(line), "{\"number\":%d}\n", i);
        say(line);
    }
    say_end();
    (void)memory_fail_at(0, 1);
    feed_resume(slot->feeds[0]);
    (void)memory_fail_at(-1, 0);
    stage_until(stage, is_idle);
    assert_int_equal(stage->results, LINES);
    assert_int_equal(stage->refusals, 0);
}

static void test_stdin_feed__keeps_aside_what_does_not_fit_or_cannot_be_read(void **state) {
    struct stage *stage = *state;
    stage_flow(stage, "flow",
               "trigger:\n  stdin: json\n  schema: { n: integer }\n"
               "  event: { id: \"${ .data.n }\", key: \"k${ .data.n }\" }\n"
               "results: [ { name: out, from: { k: '${ .event.key }' } } ]\n");
    stage_open(stage);
    say("{\"n\":1}\n{\"n\":1}\n{\"m\":2}\n{oops\n{\"n\":3}\n");
    say_end();
    stage_until(stage, is_idle);
    assert_text(&stage->said, "normal out {\"k\":\"k1\"}\nnormal out {\"k\":\"k3\"}\n");
    assert_int_equal(stage_slot(stage, "flow")->counts.quarantined, 2);
    const char *list = stage_list(stage, READ_EVENTS, LANE_COUNT)->bytes;
    assert_non_null(strstr(list, "\"reason\":\"field 'n' is missing\""));
    assert_non_null(strstr(list, "\"reason\":\"line 4: not JSON at 1:2"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_stdin_feed__takes_a_value_a_line, make, clear),
        cmocka_unit_test_setup_teardown(test_stdin_feed__takes_lines_of_text_as_they_are, make,
                                        clear),
        cmocka_unit_test_setup_teardown(test_stdin_feed__skips_a_line_that_is_too_long, make,
                                        clear),
        cmocka_unit_test_setup_teardown(test_stdin_feed__reads_no_more_than_there_is_room_for, make,
                                        clear),
        cmocka_unit_test_setup_teardown(test_stdin_feed__reads_files_and_nothing, make, clear),
        cmocka_unit_test_setup_teardown(test_stdin_feed__is_for_a_desk_alone, make, clear),
        cmocka_unit_test_setup_teardown(test_stdin_feed__waits_for_memory, make, clear),
        cmocka_unit_test_setup_teardown(
            test_stdin_feed__keeps_aside_what_does_not_fit_or_cannot_be_read, make, clear),
    };
    return cmocka_run_group_tests_name("runtime/triggers/stdin_feed", tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "platform/process_test.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { MANY_BYTES = 10 << 20 };

static void test_process__gives_output_and_exit_code(void **state) {
    struct stage *stage = *state;
    start_shell(stage, "echo hello; echo oh >&2; exit 7");
    loop_run(stage->loop);
    assert_output(stage, "hello\n");
    assert_true(slice_is(buffer_slice(&stage->log), "oh\n"));
    assert_int_equal(stage->exit_code, 7);
    assert_int_equal(stage->signal, 0);
}

static void test_process__ended_by_a_signal_says_which(void **state) {
    struct stage *stage = *state;
    start_shell(stage, "kill -TERM $$");
    loop_run(stage->loop);
    assert_int_equal(stage->exit_code, -1);
    assert_int_equal(stage->signal, SIGTERM);
}

static void test_process__reads_what_is_written_until_its_end(void **state) {
    struct stage *stage = *state;
    const char *const arguments[] = {"cat", NULL};
    const struct process_options options = options_of(stage, arguments);
    start(stage, &options);
    write_text(stage, "one\n");
    write_text(stage, "two\n");
    process_close_input(stage->process);
    loop_run(stage->loop);
    assert_output(stage, "one\ntwo\n");
    assert_int_equal(stage->exit_code, 0);
}

static void test_process__is_not_read_while_it_is_held(void **state) {
    struct stage *stage = *state;
    start_shell(stage, "head -c 1000000 /dev/zero; echo done >&2");
    process_hold_output(stage->process, true);
    timer_set(stage->patience, 200);
    loop_run(stage->loop);
    assert_true(stage->impatient); /* it waits with what it has to say */
    assert_int_equal(stage->output.count, 0);
    assert_int_equal(stage->log.count, 0);
    stage->impatient = false;
    timer_set(stage->patience, PATIENCE_MS);
    process_hold_output(stage->process, false);
    loop_run(stage->loop);
    assert_int_equal(stage->output.count, 1000000);
    assert_true(slice_is(buffer_slice(&stage->log), "done\n"));
}

static void test_process__what_is_in_the_pipe_at_its_end_is_told_though_held(void **state) {
    struct stage *stage = *state;
    start_shell(stage, "echo last words");
    process_hold_output(stage->process, true);
    loop_run(stage->loop);
    assert_output(stage, "last words\n");
}

/* Keeps the input of a child full until all bytes are written. */
struct feed {
    struct stage *stage;
    struct timer *timer;
    char *bytes;
    size_t written;
};

static void feed_more(void *owner) {
    struct feed *feed = owner;
    struct error err;
    const size_t piece = 1 << 20;
    while (feed->written < MANY_BYTES) {
        const struct slice bytes = {.bytes = feed->bytes + feed->written, .count = piece};
        const status code = process_write(feed->stage->process, bytes, &err);
        if (code != STATUS_OK) {
            assert_int_equal(code, STATUS_FULL);
            timer_set(feed->timer, 1);
            return;
        }
        feed->written += piece;
    }
    process_close_input(feed->stage->process);
}

static void test_process__carries_ten_megabytes_both_ways(void **state) {
    struct stage *stage = *state;
    struct error err;
    struct feed feed = {.stage = stage, .bytes = memory_new(MANY_BYTES, 1)};
    assert_non_null(feed.bytes);
    for (size_t i = 0; i < MANY_BYTES; i++) {
        feed.bytes[i] = (char)(i * 2654435761U >> 24);
    }
    assert_int_equal(timer_open(stage->loop, feed_more, &feed, &feed.timer, &err), STATUS_OK);
    const char *const arguments[] = {"cat", NULL};
    const struct process_options options = options_of(stage, arguments);
    start(stage, &options);
    feed_more(&feed);
    loop_run(stage->loop);
    assert_true(stage->ended);
    assert_int_equal(stage->output.count, MANY_BYTES);
    assert_memory_equal(stage->output.bytes, feed.bytes, MANY_BYTES);
    timer_close(feed.timer);
    memory_free(feed.bytes);
}

static void test_process__that_reads_nothing_fills_its_input(void **state) {
    struct stage *stage = *state;
    struct error err = {0};
    start_shell(stage, "sleep 1000");
    char *bytes = memory_new(PROCESS_INPUT_BYTES_MAX, 1);
    assert_non_null(bytes);
    const struct slice all = {.bytes = bytes, .count = PROCESS_INPUT_BYTES_MAX};
    assert_int_equal(process_write(stage->process, all, &err), STATUS_OK);
    assert_int_equal(process_write(stage->process, all, &err), STATUS_FULL);
    assert_non_null(strstr(err.text, "wait already"));
    memory_free(bytes);
}

static void test_process__write_without_memory_leaves_what_was_written_whole(void **state) {
    struct stage *stage = *state;
    struct error err = {0};
    const char *const arguments[] = {"cat", NULL};
    const struct process_options options = options_of(stage, arguments);
    start(stage, &options);
    (void)memory_fail_at(0, 0);
    const status code = process_write(stage->process, SLICE("lost\n"), &err);
    (void)memory_fail_at(-1, 0);
    assert_int_equal(code, STATUS_NO_MEMORY);
    write_text(stage, "kept\n");
    process_close_input(stage->process);
    loop_run(stage->loop);
    assert_output(stage, "kept\n");
}

static void test_process__that_closed_its_input_ends_as_it_likes(void **state) {
    struct stage *stage = *state;
    start_shell(stage, "trap 'exit 3' TERM; exec <&-; echo closed; sleep 1000 & wait");
    stage->stop_at = "closed";
    loop_run(stage->loop);
    write_text(stage, "nobody reads this\n");
    write_text(stage, "nor this\n");
    process_signal(stage->process, SIGTERM);
    loop_run(stage->loop);
    assert_int_equal(stage->exit_code, 3);
}

static void test_process__unknown_is_said_before_it_starts(void **state) {
    struct stage *stage = *state;
    struct error err = {0};
    const char *const unknown[] = {"no-such-program-here", NULL};
    struct process_options options = options_of(stage, unknown);
    assert_int_equal(process_start(stage->loop, &options, &stage->process, &err), STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, "no such program in PATH (/usr/bin:/bin)"));

    const char *const missing[] = {"./no-such-file", NULL};
    options.arguments = missing;
    assert_int_equal(process_start(stage->loop, &options, &stage->process, &err), STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, "no such file"));

    const char *const empty[] = {"", NULL};
    options.arguments = empty;
    assert_int_equal(process_start(stage->loop, &options, &stage->process, &err), STATUS_NOT_FOUND);
    assert_null(stage->process);
}

static void test_process__not_executable_is_denied(void **state) {
    struct stage *stage = *state;
    struct error err = {0};
    const char *const file[] = {"/etc/passwd", NULL};
    struct process_options options = options_of(stage, file);
    assert_int_equal(process_start(stage->loop, &options, &stage->process, &err), STATUS_DENIED);
    assert_non_null(strstr(err.text, "may be executed"));

    const char *const folder[] = {"/etc", NULL};
    options.arguments = folder;
    assert_int_equal(process_start(stage->loop, &options, &stage->process, &err), STATUS_DENIED);
}

static void test_process__without_its_folder_is_refused(void **state) {
    struct stage *stage = *state;
    struct error err = {0};
    const char *const arguments[] = {"cat", NULL};
    struct process_options options = options_of(stage, arguments);
    options.folder = "/no/such/folder";
    assert_int_equal(process_start(stage->loop, &options, &stage->process, &err), STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, "/no/such/folder"));
}

static void test_process__killed_takes_its_descendants_along(void **state) {
    skip_if_emulated(EMULATOR_KEEPS_NO_ORPHANS);
    struct stage *stage = *state;
    start_shell(stage, "sleep 1000 & echo $!; wait");
    stage->stop_at = "\n";
    loop_run(stage->loop);
    process_kill(stage->process);
    loop_run(stage->loop);
    assert_int_equal(stage->signal, SIGKILL);
    assert_killed(said_number(stage));
}

static void test_process__leaves_nobody_behind_when_it_ends(void **state) {
    skip_if_emulated(EMULATOR_KEEPS_NO_ORPHANS);
    struct stage *stage = *state;
    start_shell(stage, "sleep 1000 & echo $!");
    loop_run(stage->loop);
    assert_int_equal(stage->exit_code, 0);
    assert_killed(said_number(stage));
}

static void test_process__ends_although_a_descendant_keeps_its_output(void **state) {
    skip_if_emulated(EMULATOR_KEEPS_NO_ORPHANS);
    struct stage *stage = *state;
    start_shell(stage, "setsid sh -c 'echo $$; while :; do echo more; sleep 0.01; done' &"
                       "read line; echo last; kill -KILL $$");
    stage->stop_at = "more\n";
    loop_run(stage->loop);
    stage->stop_at = NULL;
    write_text(stage, "go\n");
    loop_run(stage->loop);
    assert_true(stage->ended);
    assert_true(holds(&stage->output, "last\n"));
    const pid_t left = said_number(stage);
    (void)kill(-left, SIGKILL); /* it may have met the closed pipe already */
    assert_int_equal(waitpid(left, NULL, 0), left);
}

static void test_process__gets_a_signal_with_its_group(void **state) {
    struct stage *stage = *state;
    start_shell(stage, "trap 'wait; exit 5' TERM;"
                       "sh -c 'trap \"echo term; exit\" TERM; echo ready; sleep 1000 & wait' &"
                       "wait");
    stage->stop_at = "ready\n";
    loop_run(stage->loop);
    stage->stop_at = NULL;
    process_signal(stage->process, SIGTERM);
    loop_run(stage->loop);
    assert_int_equal(stage->exit_code, 5);
    assert_true(holds(&stage->output, "term\n"));
}

static void test_process__may_be_destroyed_in_its_own_event(void **state) {
    struct stage *stage = *state;
    start_shell(stage, "echo hello; sleep 1000");
    stage->destroy_at_output = true;
    loop_run(stage->loop);
    assert_null(stage->process);
    assert_false(stage->ended);
}

static void test_process__destroyed_while_it_runs_is_reaped(void **state) {
    struct stage *stage = *state;
    start_shell(stage, "sleep 1000");
    const pid_t number = process_number(stage->process);
    process_destroy(stage->process);
    stage->process = NULL;
    timer_clear(stage->patience);
    loop_run(stage->loop);
    assert_false(stage->ended);
    assert_int_equal(kill(number, 0), -1);
    assert_int_equal(errno, ESRCH);
}

static void test_process__without_memory_or_descriptors_is_refused_whole(void **state) {
    struct stage *stage = *state;
    struct error err = {0};
    const char *const arguments[] = {"cat", NULL};
    const struct process_options options = options_of(stage, arguments);
    for (long index = 0; index < 3; index++) {
        (void)memory_fail_at(index, 0);
        const status code = process_start(stage->loop, &options, &stage->process, &err);
        (void)memory_fail_at(-1, 0);
        assert_int_equal(code, STATUS_NO_MEMORY);
    }
    assert_null(stage->process);
}

/* The parent of the next test: starts a child, says its number and waits. */
static int parent_main(void) {
    struct stage stage = {0};
    struct error err;
    if (loop_create(&stage.loop, &err) != STATUS_OK) {
        return 1;
    }
    const char *const arguments[] = {"sh", "-c", "echo ready; exec sleep 1000", NULL};
    struct process_options options = options_of(&stage, arguments);
    options.events.output_ended = NULL;
    options.events.ended = NULL;
    buffer_init(&stage.output, SAID_BYTES_MAX);
    stage.stop_at = "ready\n";
    if (process_start(stage.loop, &options, &stage.process, &err) != STATUS_OK) {
        return 1;
    }
    loop_run(stage.loop);
    (void)printf("%d\n", process_number(stage.process));
    (void)fflush(stdout);
    for (;;) {
        (void)pause();
    }
}

static void test_process__dies_with_a_daemon_that_was_killed(void **state) {
    skip_if_emulated(EMULATOR_KEEPS_NO_ORPHANS);
    struct stage *stage = *state;
    char self[256] = {0};
    assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    const char *const arguments[] = {self, "parent", NULL};
    const struct process_options options = options_of(stage, arguments);
    start(stage, &options);
    stage->stop_at = "\n";
    loop_run(stage->loop);
    const pid_t child = said_number(stage);
    stage->stop_at = NULL;
    assert_int_equal(kill(process_number(stage->process), SIGKILL), 0);
    loop_run(stage->loop);
    assert_int_equal(stage->signal, SIGKILL);
    assert_killed(child);
}

int main(int count, char **words) {
    if (count > 1 && strcmp(words[1], "parent") == 0) {
        return parent_main();
    }
#define STAGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STAGED(test_process__gives_output_and_exit_code),
        STAGED(test_process__ended_by_a_signal_says_which),
        STAGED(test_process__reads_what_is_written_until_its_end),
        STAGED(test_process__is_not_read_while_it_is_held),
        STAGED(test_process__what_is_in_the_pipe_at_its_end_is_told_though_held),
        STAGED(test_process__carries_ten_megabytes_both_ways),
        STAGED(test_process__that_reads_nothing_fills_its_input),
        STAGED(test_process__write_without_memory_leaves_what_was_written_whole),
        STAGED(test_process__that_closed_its_input_ends_as_it_likes),
        STAGED(test_process__unknown_is_said_before_it_starts),
        STAGED(test_process__not_executable_is_denied),
        STAGED(test_process__without_its_folder_is_refused),
        STAGED(test_process__killed_takes_its_descendants_along),
        STAGED(test_process__leaves_nobody_behind_when_it_ends),
        STAGED(test_process__ends_although_a_descendant_keeps_its_output),
        STAGED(test_process__gets_a_signal_with_its_group),
        STAGED(test_process__may_be_destroyed_in_its_own_event),
        STAGED(test_process__destroyed_while_it_runs_is_reaped),
        STAGED(test_process__without_memory_or_descriptors_is_refused_whole),
        STAGED(test_process__dies_with_a_daemon_that_was_killed),
    };
    return cmocka_run_group_tests(tests, open_what_stays, NULL);
}

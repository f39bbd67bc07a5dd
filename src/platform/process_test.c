// SPDX-License-Identifier: Apache-2.0
#include "platform/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"

enum { SAID_BYTES_MAX = 16 << 20, PATIENCE_MS = 60000, MANY_BYTES = 10 << 20, NOT_COUNTED = -1 };

static const char *const PLAIN[] = {"PATH=/usr/bin:/bin", NULL};

/* What a child did, as told. */
struct stage {
    struct loop *loop;
    struct timer *patience;
    struct process *process;
    struct buffer output;
    struct buffer log;
    bool output_ended;
    bool ended;
    bool impatient;
    bool destroy_at_output;
    const char *stop_at; /* stops the loop when the output holds it */
    int exit_code;
    int signal;
    int files_before;
};

static int open_files(void) {
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    int count = 0;
    while (readdir(folder) != NULL) {
        count++;
    }
    (void)closedir(folder);
    return count;
}

static void out_of_patience(void *owner) {
    struct stage *stage = owner;
    stage->impatient = true;
    loop_stop(stage->loop);
}

static int set_up(void **state) {
    struct stage *stage = memory_new(1, sizeof *stage);
    assert_non_null(stage);
    struct error err;
    stage->files_before = open_files();
    assert_int_equal(loop_create(&stage->loop, &err), STATUS_OK);
    assert_int_equal(timer_open(stage->loop, out_of_patience, stage, &stage->patience, &err),
                     STATUS_OK);
    timer_set(stage->patience, PATIENCE_MS);
    buffer_init(&stage->output, SAID_BYTES_MAX);
    buffer_init(&stage->log, SAID_BYTES_MAX);
    *state = stage;
    return 0;
}

static int tear_down(void **state) {
    struct stage *stage = *state;
    process_destroy(stage->process);
    timer_close(stage->patience);
    loop_destroy(stage->loop);
    buffer_done(&stage->output);
    buffer_done(&stage->log);
    if (stage->files_before != NOT_COUNTED) {
        assert_int_equal(open_files(), stage->files_before);
    }
    assert_false(stage->impatient);
    memory_free(stage);
    return 0;
}

static bool holds(const struct buffer *buffer, const char *text) {
    return buffer->count > 0 && memmem(buffer->bytes, buffer->count, text, strlen(text)) != NULL;
}

static void output(void *owner, struct slice bytes) {
    struct stage *stage = owner;
    assert_false(stage->output_ended);
    buffer_add(&stage->output, bytes);
    if (stage->destroy_at_output) {
        process_destroy(stage->process);
        stage->process = NULL;
        loop_stop(stage->loop);
    } else if (stage->stop_at != NULL && holds(&stage->output, stage->stop_at)) {
        loop_stop(stage->loop);
    }
}

static void output_ended(void *owner) {
    struct stage *stage = owner;
    assert_false(stage->output_ended);
    stage->output_ended = true;
}

static void said(void *owner, struct slice bytes) {
    struct stage *stage = owner;
    buffer_add(&stage->log, bytes);
}

static void ended(void *owner, int exit_code, int signal) {
    struct stage *stage = owner;
    assert_false(stage->ended);
    assert_true(stage->output_ended);
    stage->ended = true;
    stage->exit_code = exit_code;
    stage->signal = signal;
    loop_stop(stage->loop);
}

static struct process_options options_of(struct stage *stage, const char *const *arguments) {
    return (struct process_options){
        .arguments = arguments,
        .environment = PLAIN,
        .descriptor = -1,
        .events = {.output = output, .output_ended = output_ended, .log = said, .ended = ended},
        .owner = stage,
    };
}

static void start(struct stage *stage, const struct process_options *options) {
    struct error err = {0};
    if (process_start(stage->loop, options, &stage->process, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

static void start_shell(struct stage *stage, const char *script) {
    const char *const arguments[] = {"sh", "-c", script, NULL};
    const struct process_options options = options_of(stage, arguments);
    start(stage, &options);
}

static void write_text(struct stage *stage, const char *text) {
    struct error err = {0};
    assert_int_equal(process_write(stage->process, slice_of(text), &err), STATUS_OK);
}

static void assert_output(const struct stage *stage, const char *wanted) {
    const struct slice had = buffer_slice(&stage->output);
    if (!slice_is(had, wanted)) {
        fail_msg("output is '%.*s', not '%s'", SLICE_ARGS(had), wanted);
    }
}

/* The number on the first line of the output. */
static pid_t said_number(const struct stage *stage) {
    char text[32] = {0};
    memcpy(text, stage->output.bytes,
           stage->output.count < sizeof text - 1 ? stage->output.count : sizeof text - 1);
    const long number = strtol(text, NULL, 10);
    assert_true(number > 1);
    return (pid_t)number;
}

/* Waits for a descendant that became ours when its parent went. */
static void assert_killed(pid_t number) {
    int how = 0;
    assert_int_equal(waitpid(number, &how, 0), number);
    assert_true(WIFSIGNALED(how));
    assert_int_equal(WTERMSIG(how), SIGKILL);
}

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

static void test_process__that_closed_its_input_ends_as_it_likes(void **state) {
    struct stage *stage = *state;
    start_shell(stage, "exec <&-; echo closed; read line <&3; exit 3");
    stage->stop_at = "closed";
    loop_run(stage->loop);
    write_text(stage, "nobody reads this\n");
    write_text(stage, "nor this\n");
    loop_run(stage->loop);
    assert_true(stage->ended);
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

/* A script in a folder of its own, run by a relative path. */
static void write_script(const char *path, const char *text) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0755), 0);
}

static void test_process__is_looked_up_from_its_folder(void **state) {
    struct stage *stage = *state;
    char folder[] = "/tmp/ebb-process-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char script[64];
    (void)snprintf(script, sizeof script, "%s/say", folder);
    write_script(script, "#!/bin/sh\npwd\n");
    const char *const arguments[] = {"./say", NULL};
    struct process_options options = options_of(stage, arguments);
    options.folder = folder;
    start(stage, &options);
    loop_run(stage->loop);
    char wanted[64];
    (void)snprintf(wanted, sizeof wanted, "%s\n", folder);
    assert_output(stage, wanted);
    assert_int_equal(unlink(script), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void test_process__whose_interpreter_is_missing_ends_with_127(void **state) {
    struct stage *stage = *state;
    char folder[] = "/tmp/ebb-process-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char script[64];
    (void)snprintf(script, sizeof script, "%s/say", folder);
    write_script(script, "#!/no/such/interpreter\n");
    const char *const arguments[] = {script, NULL};
    const struct process_options options = options_of(stage, arguments);
    start(stage, &options);
    loop_run(stage->loop);
    assert_int_equal(stage->exit_code, 127);
    assert_true(holds(&stage->log, "ebb-launch: run '"));
    assert_true(holds(&stage->log, "No such file or directory"));
    assert_int_equal(unlink(script), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void test_process__sees_its_environment_and_nothing_else(void **state) {
    struct stage *stage = *state;
    const char *const arguments[] = {"env", NULL};
    const char *const environment[] = {"PATH=/usr/bin:/bin", "ANSWER=42", NULL};
    struct process_options options = options_of(stage, arguments);
    options.environment = environment;
    start(stage, &options);
    loop_run(stage->loop);
    assert_output(stage, "PATH=/usr/bin:/bin\nANSWER=42\n");
}

static void test_process__has_only_its_own_descriptors(void **state) {
    struct stage *stage = *state;
    const int leaked = open("/dev/null", O_RDONLY);
    const int high = fcntl(leaked, F_DUPFD, 100);
    assert_true(leaked >= 0 && high >= 100);
    start_shell(stage, "for f in /proc/$$/fd/*; do echo ${f##*/}; done");
    loop_run(stage->loop);
    assert_int_equal(close(leaked), 0);
    assert_int_equal(close(high), 0);
    assert_true(holds(&stage->output, "0\n1\n2\n"));
    assert_false(holds(&stage->output, "100"));
}

static void test_process__has_default_signals(void **state) {
    struct stage *stage = *state;
    start_shell(stage, "grep -E '^Sig(Blk|Ign)' /proc/self/status | cut -f2");
    loop_run(stage->loop);
    assert_output(stage, "0000000000000000\n0000000000000000\n");
}

static void test_process__leads_a_session_of_its_own(void **state) {
    struct stage *stage = *state;
    start_shell(stage, "read -r a b c d group session rest < /proc/$$/stat;"
                       "[ $group = $$ ] && [ $session = $$ ] && echo yes");
    loop_run(stage->loop);
    assert_output(stage, "yes\n");
}

static void test_process__gets_descriptor_three(void **state) {
    struct stage *stage = *state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const char *const arguments[] = {"sh", "-c", "read line <&3; echo got $line >&3", NULL};
    struct process_options options = options_of(stage, arguments);
    options.descriptor = ends[1];
    start(stage, &options);
    assert_int_equal(close(ends[1]), 0);
    assert_int_equal(write(ends[0], "it\n", 3), 3);
    loop_run(stage->loop);
    char answer[32] = {0};
    assert_int_equal(read(ends[0], answer, sizeof answer - 1), 7);
    assert_string_equal(answer, "got it\n");
    assert_int_equal(close(ends[0]), 0);
}

static void test_process__may_not_have_more_memory_than_its_limit(void **state) {
    struct stage *stage = *state;
    const char *const arguments[] = {"dd",      "if=/dev/zero", "of=/dev/null",
                                     "bs=512M", "count=1",      NULL};
    struct process_options options = options_of(stage, arguments);
    options.limits.memory_bytes = 256 << 20;
    start(stage, &options);
    loop_run(stage->loop);
    assert_int_equal(stage->exit_code, 1);
    assert_true(holds(&stage->log, "memory exhausted"));
}

static void test_process__has_the_limits_that_were_asked_for(void **state) {
    struct stage *stage = *state;
    const char *const arguments[] = {"sh", "-c", "ulimit -n; ulimit -c; ulimit -t; ulimit -f",
                                     NULL};
    struct process_options options = options_of(stage, arguments);
    options.limits.files = 33;
    options.limits.cpu_seconds = 5;
    options.limits.file_bytes = 1 << 20;
    start(stage, &options);
    loop_run(stage->loop);
    assert_output(stage, "33\n0\n5\n2048\n");
}

static void test_process__over_its_file_size_is_ended(void **state) {
    struct stage *stage = *state;
    char path[] = "/tmp/ebb-process-XXXXXX";
    const int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(close(file), 0);
    const char *const arguments[] = {"sh", "-c", "exec head -c 100000 /dev/zero > \"$0\"", path,
                                     NULL};
    struct process_options options = options_of(stage, arguments);
    options.limits.file_bytes = 4096;
    start(stage, &options);
    loop_run(stage->loop);
    assert_int_equal(stage->signal, SIGXFSZ);
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_size, 4096);
    assert_int_equal(unlink(path), 0);
}

static void test_process__killed_takes_its_descendants_along(void **state) {
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
    struct stage *stage = *state;
    start_shell(stage, "sleep 1000 & echo $!");
    loop_run(stage->loop);
    assert_int_equal(stage->exit_code, 0);
    assert_killed(said_number(stage));
}

static void test_process__ends_although_a_descendant_keeps_its_output(void **state) {
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

static void test_process__without_ebb_launch_says_where_it_was_sought(void **state) {
    struct stage *stage = *state;
    struct error err = {0};
    const char *const arguments[] = {"cat", NULL};
    const struct process_options options = options_of(stage, arguments);
    assert_int_equal(setenv("EBB_LAUNCH", "/no/such/ebb-launch", 1), 0);
    const status code = process_start(stage->loop, &options, &stage->process, &err);
    assert_int_equal(unsetenv("EBB_LAUNCH"), 0);
    assert_int_equal(code, STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, "'/no/such/ebb-launch'"));
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

/* What libuv opens once for the whole process is not counted as a leak. */
static int open_what_stays(void **state) {
    void *stage = NULL;
    (void)state;
    assert_int_equal(set_up(&stage), 0);
    start_shell(stage, "exit 0");
    loop_run(((struct stage *)stage)->loop);
    ((struct stage *)stage)->files_before = NOT_COUNTED;
    return tear_down(&stage);
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
    /* Orphans become ours, so that their end can be waited for. */
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        return 1;
    }
#define STAGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        STAGED(test_process__gives_output_and_exit_code),
        STAGED(test_process__ended_by_a_signal_says_which),
        STAGED(test_process__reads_what_is_written_until_its_end),
        STAGED(test_process__carries_ten_megabytes_both_ways),
        STAGED(test_process__that_reads_nothing_fills_its_input),
        STAGED(test_process__that_closed_its_input_ends_as_it_likes),
        STAGED(test_process__unknown_is_said_before_it_starts),
        STAGED(test_process__not_executable_is_denied),
        STAGED(test_process__without_its_folder_is_refused),
        STAGED(test_process__is_looked_up_from_its_folder),
        STAGED(test_process__whose_interpreter_is_missing_ends_with_127),
        STAGED(test_process__sees_its_environment_and_nothing_else),
        STAGED(test_process__has_only_its_own_descriptors),
        STAGED(test_process__has_default_signals),
        STAGED(test_process__leads_a_session_of_its_own),
        STAGED(test_process__gets_descriptor_three),
        STAGED(test_process__may_not_have_more_memory_than_its_limit),
        STAGED(test_process__has_the_limits_that_were_asked_for),
        STAGED(test_process__over_its_file_size_is_ended),
        STAGED(test_process__killed_takes_its_descendants_along),
        STAGED(test_process__leaves_nobody_behind_when_it_ends),
        STAGED(test_process__ends_although_a_descendant_keeps_its_output),
        STAGED(test_process__gets_a_signal_with_its_group),
        STAGED(test_process__may_be_destroyed_in_its_own_event),
        STAGED(test_process__destroyed_while_it_runs_is_reaped),
        STAGED(test_process__without_ebb_launch_says_where_it_was_sought),
        STAGED(test_process__without_memory_or_descriptors_is_refused_whole),
        STAGED(test_process__dies_with_a_daemon_that_was_killed),
    };
    return cmocka_run_group_tests(tests, open_what_stays, NULL);
}

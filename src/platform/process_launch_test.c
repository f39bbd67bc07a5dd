// SPDX-License-Identifier: Apache-2.0
#include "platform/file.h"
#include "platform/process_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

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
    assert_true(holds(&stage->output, "PATH=/usr/bin:/bin\n")); /* in whichever order */
    assert_true(holds(&stage->output, "ANSWER=42\n"));
    assert_int_equal(stage->output.count, strlen("PATH=/usr/bin:/bin\nANSWER=42\n"));
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
    skip_if_emulated(EMULATOR_LIMITS_NO_MEMORY);
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

/* ebb-launch itself, started like any program. */
static void launch(struct stage *stage, const char *const *arguments) {
    const struct process_options options = options_of(stage, arguments);
    start(stage, &options);
    loop_run(stage->loop);
}

static const char *launcher(void) {
    static char path[512];
    (void)snprintf(path, sizeof path, "%.400s/ebb-launch", file_program_folder());
    return path;
}

static void test_launch__refuses_options_that_it_does_not_know(void **state) {
    struct stage *stage = *state;
    const char *const arguments[] = {launcher(), "--colour", "red", "--", "echo", "run", NULL};
    launch(stage, arguments);
    assert_int_equal(stage->exit_code, 126);
    assert_output(stage, "");
    assert_true(slice_is(buffer_slice(&stage->log),
                         "ebb-launch: read option '--colour': not an option with such a value\n"));
}

static void test_launch__refuses_numbers_that_are_none(void **state) {
    struct stage *stage = *state;
    const char *const arguments[] = {launcher(), "--memory", "12x", "--", "echo", "run", NULL};
    launch(stage, arguments);
    assert_int_equal(stage->exit_code, 126);
    assert_output(stage, "");
    assert_true(holds(&stage->log, "'--memory'"));
}

static void test_launch__without_a_program_says_so(void **state) {
    struct stage *stage = *state;
    const char *const arguments[] = {launcher(), "--files", "10", NULL};
    launch(stage, arguments);
    assert_int_equal(stage->exit_code, 126);
    assert_true(holds(&stage->log, "PROGRAM"));
}

static void test_launch__whose_parent_went_before_runs_nothing(void **state) {
    struct stage *stage = *state;
    const char *const arguments[] = {launcher(), "--parent", "1", "--", "echo", "run", NULL};
    launch(stage, arguments);
    assert_int_equal(stage->exit_code, 126);
    assert_output(stage, "");
}

static void test_launch__of_a_folder_that_went_says_which(void **state) {
    struct stage *stage = *state;
    const char *const arguments[] = {launcher(), "--folder", "/no/such/folder", "--", "true", NULL};
    launch(stage, arguments);
    assert_int_equal(stage->exit_code, 126);
    assert_true(holds(&stage->log, "enter folder '/no/such/folder': No such file or directory"));
}

int main(void) {
#define STAGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
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
        STAGED(test_process__without_ebb_launch_says_where_it_was_sought),
        STAGED(test_launch__refuses_options_that_it_does_not_know),
        STAGED(test_launch__refuses_numbers_that_are_none),
        STAGED(test_launch__without_a_program_says_so),
        STAGED(test_launch__whose_parent_went_before_runs_nothing),
        STAGED(test_launch__of_a_folder_that_went_says_which),
    };
    return cmocka_run_group_tests(tests, open_what_stays, NULL);
}

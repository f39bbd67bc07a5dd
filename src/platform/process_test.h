/*
 * process_test: what the tests of process share: a loop, a child, and what was told of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/memory.h"
#include "platform/process.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cmocka.h> /* after error.h, whose fail() it makes a macro */

#include "platform/test_emulator.h"

enum { SAID_BYTES_MAX = 16 << 20, PATIENCE_MS = 60000, NOT_COUNTED = -1 };

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

static inline int open_files(void) {
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    int count = 0;
    while (readdir(folder) != NULL) {
        count++;
    }
    (void)closedir(folder);
    return count;
}

static inline void out_of_patience(void *owner) {
    struct stage *stage = owner;
    stage->impatient = true;
    loop_stop(stage->loop);
}

static inline int set_up(void **state) {
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

static inline int tear_down(void **state) {
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

static inline bool holds(const struct buffer *buffer, const char *text) {
    return buffer->count > 0 && memmem(buffer->bytes, buffer->count, text, strlen(text)) != NULL;
}

static inline void output(void *owner, struct slice bytes) {
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

static inline void output_ended(void *owner) {
    struct stage *stage = owner;
    assert_false(stage->output_ended);
    stage->output_ended = true;
}

static inline void said(void *owner, struct slice bytes) {
    struct stage *stage = owner;
    buffer_add(&stage->log, bytes);
}

static inline void ended(void *owner, int exit_code, int signal) {
    struct stage *stage = owner;
    assert_false(stage->ended);
    assert_true(stage->output_ended);
    stage->ended = true;
    stage->exit_code = exit_code;
    stage->signal = signal;
    loop_stop(stage->loop);
}

static inline struct process_options options_of(struct stage *stage, const char *const *arguments) {
    return (struct process_options){
        .arguments = arguments,
        .environment = PLAIN,
        .descriptor = -1,
        .events = {.output = output, .output_ended = output_ended, .log = said, .ended = ended},
        .owner = stage,
    };
}

static inline void start(struct stage *stage, const struct process_options *options) {
    struct error err = {0};
    if (process_start(stage->loop, options, &stage->process, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
}

static inline void start_shell(struct stage *stage, const char *script) {
    const char *const arguments[] = {"sh", "-c", script, NULL};
    const struct process_options options = options_of(stage, arguments);
    start(stage, &options);
}

static inline void write_text(struct stage *stage, const char *text) {
    struct error err = {0};
    assert_int_equal(process_write(stage->process, slice_of(text), &err), STATUS_OK);
}

static inline void assert_output(const struct stage *stage, const char *wanted) {
    const struct slice had = buffer_slice(&stage->output);
    if (!slice_is(had, wanted)) {
        fail_msg("output is '%.*s', not '%s'", SLICE_ARGS(had), wanted);
    }
}

/* The number on the first line of the output. */
static inline pid_t said_number(const struct stage *stage) {
    char text[32] = {0};
    memcpy(text, stage->output.bytes,
           stage->output.count < sizeof text - 1 ? stage->output.count : sizeof text - 1);
    const long number = strtol(text, NULL, 10);
    assert_true(number > 1);
    return (pid_t)number;
}

/* Waits for a descendant that became ours when its parent went. */
static inline void assert_killed(pid_t number) {
    int how = 0;
    assert_int_equal(waitpid(number, &how, 0), number);
    assert_true(WIFSIGNALED(how));
    assert_int_equal(WTERMSIG(how), SIGKILL);
}

/* Orphans become ours, so that their end can be waited for. What libuv opens once for the whole
 * process is not counted as a leak. */
static inline int open_what_stays(void **state) {
    void *stage = NULL;
    (void)state;
    assert_true(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 || is_emulated());
    assert_int_equal(set_up(&stage), 0);
    start_shell(stage, "exit 0");
    loop_run(((struct stage *)stage)->loop);
    ((struct stage *)stage)->files_before = NOT_COUNTED;
    return tear_down(&stage);
}

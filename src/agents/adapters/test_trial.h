/*
 * test_trial: an agent on a loop of its own, with a folder for its manifest and its programs, and
 * calls to it. For unit tests alone.
 *
 * Thread: the test's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agents/agent.h"
#include "agents/test_folder.h"
#include "base/memory.h"
#include "platform/clock.h"
#include "platform/json.h"

enum { TRIAL_PATIENCE_MS = 60 * 1000, TRIAL_TIMEOUT_MS = 30 * 1000, TRIAL_CALL_BYTES = 16 << 20 };

struct trial {
    struct test_folder folder;
    struct loop *loop;
    struct timer *patience;
    struct agent_manifest *manifest;
    const struct agent_kind *kind;
    struct agent *agent;
    int pending;    /* calls that have not ended */
    int ended;      /* calls that have, for the order of their ends */
    int stop_after; /* how many ends the loop is run for */
    bool impatient;
    const char *run_folder; /* of the next calls */
    const char *state;      /* of the next calls: JSON, they are keyed; NULL: they are not */
    long fail_allocation;   /* which one of the next run is to fail, from 1; 0: none */
    bool inside;            /* run, cancel or close is on the stack */
};

struct trial_call {
    struct agent_call call;
    struct arena arena;
    struct trial *trial;
    int ended_as; /* 0: not yet; else the place in the order of ends */
};

static inline void trial_gives_up(void *owner) {
    struct trial *trial = owner;
    trial->impatient = true;
    loop_stop(trial->loop);
}

static inline int trial_make(void **state) {
    struct trial *trial = memory_new(1, sizeof(*trial));
    if (trial == NULL || loop_create(&trial->loop, NULL) != STATUS_OK ||
        timer_open(trial->loop, trial_gives_up, trial, &trial->patience, NULL) != STATUS_OK) {
        return -1;
    }
    test_folder_make(&trial->folder);
    *state = trial;
    return 0;
}

static inline void trial_close(struct trial *trial) {
    if (trial->agent != NULL) {
        trial->inside = true;
        trial->kind->close(trial->agent);
        trial->inside = false;
        trial->agent = NULL;
    }
    agent_manifest_release(trial->manifest);
    trial->manifest = NULL;
}

static inline int trial_end(void **state) {
    struct trial *trial = *state;
    trial_close(trial);
    timer_close(trial->patience);
    loop_run(trial->loop); /* until processes that were told to end have ended */
    loop_destroy(trial->loop);
    test_folder_remove(&trial->folder);
    memory_free(trial);
    return 0;
}

/* Opens an agent of this kind; `rest` is what its manifest has beside ebb, agent, version, kind. */
static inline void trial_open(struct trial *trial, const struct agent_kind *kind,
                              const char *rest) {
    char text[4096];
    (void)snprintf(text, sizeof(text), "ebb: 1\nagent: under-test\nversion: 1.0.0\nkind: %s\n%s",
                   kind->name, rest);
    test_folder_write(&trial->folder, "agent.yaml", text);
    struct fault_list *faults = NULL;
    struct error err = {0};
    if (agent_manifest_read(trial->folder.path, &trial->manifest, &faults, &err) != STATUS_OK ||
        kind->open(trial->loop, trial->manifest, &trial->agent, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    trial->kind = kind;
}

static inline void trial_call_done(struct agent_call *call) {
    struct trial_call *one = call->owner;
    struct trial *trial = one->trial;
    assert_false(trial->inside);
    assert_int_equal(one->ended_as, 0);
    one->ended_as = ++trial->ended;
    trial->pending--;
    if (trial->ended >= trial->stop_after) {
        loop_stop(trial->loop);
    }
}

static inline void trial_ask(struct trial *trial, struct trial_call *one, const char *json,
                             int64_t timeout_ms) {
    *one = (struct trial_call){.trial = trial};
    arena_init(&one->arena, TRIAL_CALL_BYTES);
    struct error err = {0};
    if (json_read(&one->arena, slice_of(json), &one->call.with, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    one->call.keyed = trial->state != NULL;
    if (one->call.keyed &&
        json_read(&one->arena, slice_of(trial->state), &one->call.state, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    one->call.step = "step_one";
    one->call.workflow = "flow";
    one->call.attempt = 1;
    one->call.run_folder = trial->run_folder;
    one->call.run.bytes[0] = 0xab;
    one->call.key.bytes[15] = 0xcd;
    one->call.arena = &one->arena;
    one->call.deadline_ns = clock_boot_ns() + timeout_ms * 1000 * 1000;
    one->call.owner = one;
    one->call.done = trial_call_done;
    trial->pending++;
    trial->inside = true;
    if (trial->fail_allocation > 0) {
        (void)memory_fail_at(trial->fail_allocation - 1, 0);
    }
    trial->kind->run(trial->agent, &one->call);
    trial->inside = false;
}

/* Runs the loop until `count` more calls have ended. */
static inline void trial_wait(struct trial *trial, int count) {
    assert_true(count <= trial->pending);
    trial->stop_after = trial->ended + count;
    timer_set(trial->patience, TRIAL_PATIENCE_MS);
    loop_run(trial->loop);
    timer_clear(trial->patience);
    assert_false(trial->impatient);
    assert_true(trial->ended >= trial->stop_after);
}

/* Runs the loop for a while, for what has no call to wait for. */
static inline void trial_let_pass(struct trial *trial, int64_t ms) {
    timer_set(trial->patience, ms);
    trial->stop_after = INT32_MAX;
    loop_run(trial->loop);
    trial->impatient = false;
}

static inline void trial_call_done_with(struct trial_call *one) {
    assert_true(one->ended_as > 0);
    arena_done(&one->arena);
}

/* The call has ended with this output, written as JSON. */
static inline void assert_answer(struct trial_call *one, const char *json) {
    if (one->call.error.code != STATUS_OK) {
        fail_msg("%s: %s", status_name(one->call.error.code), one->call.error.text);
    }
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, TRIAL_CALL_BYTES);
    json_write(&text, one->call.out);
    buffer_add_byte(&text, 0);
    assert_string_equal(text.bytes, json);
    trial_call_done_with(one);
}

/* The state that the call left, as JSON, before assert_answer. */
static inline void assert_state(const struct trial_call *one, const char *json) {
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, TRIAL_CALL_BYTES);
    json_write(&text, one->call.state_out);
    buffer_add_byte(&text, 0);
    assert_string_equal(text.bytes, json);
}

/* The call has ended with this class and a sentence that has this part. */
static inline void assert_failure(struct trial_call *one, status code, const char *part) {
    if (one->call.error.code != code || strstr(one->call.error.text, part) == NULL) {
        fail_msg("%s: %s\n  instead of %s: %s", status_name(one->call.error.code),
                 one->call.error.text, status_name(code), part);
    }
    trial_call_done_with(one);
}

/* Asks once and waits. */
static inline void trial_ask_and_wait(struct trial *trial, struct trial_call *one,
                                      const char *json) {
    trial_ask(trial, one, json, TRIAL_TIMEOUT_MS);
    trial_wait(trial, 1);
}

static inline struct agent_stats trial_health(const struct trial *trial) {
    struct agent_stats stats = {0};
    trial->kind->health(trial->agent, &stats);
    return stats;
}

/* A file of the agent's folder; empty when it is not there. */
static inline const char *trial_read_file(const struct trial *trial, const char *name) {
    static char text[4096];
    char path[2 * TEST_PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/%s", trial->folder.path, name);
    FILE *file = fopen(path, "r");
    const size_t count = file != NULL ? fread(text, 1, sizeof(text) - 1, file) : 0;
    text[count] = '\0';
    if (file != NULL) {
        (void)fclose(file);
    }
    return text;
}

/* Waits until the process whose number the script wrote to a file is no more. */
static inline void assert_gone(struct trial *trial, const char *name) {
    const int number = (int)strtol(trial_read_file(trial, name), NULL, 10);
    assert_true(number > 1);
    for (int i = 0; i < 1000; i++) {
        if (kill(number, 0) != 0 && errno == ESRCH) {
            return;
        }
        trial_let_pass(trial, 10);
    }
    fail_msg("process %d of %s still runs", number, name);
}

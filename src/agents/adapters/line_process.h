/*
 * line_process: one process that reads and prints lines: an object on a line in, one out.
 *
 * Under `protocol: lines` it has one request at a time. What it prints is an answer only while it
 * is asked; anything else (a second line, a line that is too long, a first line that is not
 * {"ready":true}) puts it out of step, and it is killed, so that no line can be taken for the
 * answer of another request. Under `protocol: messages` (`events->said` is there) it may print when
 * it likes, what its lines mean is message_process' business, and it is never BUSY. Which calls
 * there are, and when a new process is started, is process_agent's.
 *
 *   none --start--> starting --first line--> idle --ask--> busy --line--> idle
 *            (without `ready: first_line` straight to idle)
 *   any of them --it fails--> none, and `failed` is told once;  --stop--> none, nobody is told
 *
 * Thread: loop.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agents/adapters/log_relay.h"
#include "agents/agent_manifest.h"
#include "platform/process.h"

enum {
    READY_MS_MAX = 10 * 1000,    /* from its start to its first line */
    OUTPUT_CLOSED_MS_MAX = 1000, /* that it may live on without a standard output */
    HANDED_FILES_MAX = 1280      /* descriptors that one may have open which is handed blobs */
};

enum line_process_state {
    LINE_PROCESS_NONE,
    LINE_PROCESS_STARTING,
    LINE_PROCESS_IDLE,
    LINE_PROCESS_BUSY
};

/* Told on the loop, never inside a call of ours. */
struct line_process_events {
    void (*ready)(void *owner);
    /* The answer; it is idle again. The owner may stop it in here. */
    void (*answered)(void *owner, struct slice line);
    /* NULL under `protocol: lines`; else every line is told here, and `answered` is not called. The
     * owner may stop it in here. */
    void (*said)(void *owner, struct slice line);
    /* It is gone (no state is left). `by_itself`: it ended, or never became ready; not when it was
     * killed for what it said. */
    void (*failed)(void *owner, const struct error *why, bool by_itself);
    /* line_process_check wants to be called at this moment. */
    void (*until)(void *owner, int64_t moment_ns);
};

struct line_process {
    struct loop *loop;                     /* not owned */
    const struct agent_manifest *manifest; /* not owned */
    const struct line_process_events *events;
    void *owner;
    enum line_process_state state;
    struct process *process; /* owned */
    struct line_splitter lines;
    struct log_relay log;
    int64_t until_ns; /* when it must be ready, or gone; 0: no such moment */
    bool spoke;       /* it has printed something since it was started */
};

void line_process_init(struct line_process *process, struct loop *loop,
                       const struct agent_manifest *manifest, struct log_budget *budget,
                       const struct line_process_events *events, void *owner);
void line_process_done(struct line_process *process);

/* Starts it; from LINE_PROCESS_NONE only. */
status line_process_start(struct line_process *process, int64_t now_ns, struct error *err);

/* Writes one line to it; from LINE_PROCESS_IDLE only. `json` has no line end. */
status line_process_ask(struct line_process *process, struct slice json, struct error *err);

/* Writes bytes to it, whatever it is at; descriptors with them where the manifest wants that
 * (process_hand). */
status line_process_write(struct line_process *process, struct slice bytes, struct error *err);
status line_process_hand(struct line_process *process, struct slice bytes,
                         struct process_descriptors *descriptors, struct error *err);

/* It has said that it is ready: STARTING becomes IDLE, and `ready` is told. */
void line_process_get_ready(struct line_process *process);

/* Fails it for what it said, killed: INVALID "agent 'x' WHAT: LINE". */
void line_process_refuse(struct line_process *process, struct slice line, const char *what);

/* Gives the process itself away, NULL when there is none; afterwards there is none. */
struct process *line_process_release(struct line_process *process);

/* Kills it. Nobody is told. */
void line_process_stop(struct line_process *process);

/* False when bytes came behind its last answer: the begin of a line that nobody asked for. */
bool line_process_is_quiet(const struct line_process *process);

/* To be called at line_process.until_ns or later: fails it when it is still not ready, or not gone.
 */
void line_process_check(struct line_process *process, int64_t now_ns);

/* What became of a process that ended: NOT_FOUND and DENIED for a program that could not be
 * started, else CRASH; with its last words. `spoke`: it had printed something. */
status process_ending(const struct agent_manifest *manifest, int exit_code, int signal, bool spoke,
                      const char *last_words, struct error *err);

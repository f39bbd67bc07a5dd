/*
 * process: children of the daemon, started through ebb-launch.
 *
 * A child gets a clean environment, its own session and process group, limits and a parent-death
 * signal; those are set by ebb-launch, not between fork and exec. Its standard input, output and
 * error are pipes, read and written without blocking on the loop; its input is a socket where it is
 * to be handed descriptors. What it started itself and left
 * in its group when it ended is killed then. Starting one stops the loop for about a millisecond,
 * however large the daemon is (docs/decisions/0006-child-processes.md).
 *
 * Thread: loop. A child never outlives the daemon, not even after SIGKILL: the kernel kills it when
 * the thread that started it ends, and that is the loop's, which lives as long as the daemon. Who
 * runs a loop on another thread ends its children with that thread. The kernel forgets this when
 * the child changes its user or executes a set-user-id program, and it does not hold for what the
 * child started itself: that goes with its group, when the child's end is seen.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "platform/loop.h"

enum {
    PROCESS_INPUT_BYTES_MAX = 4 << 20, /* that wait for a child to read them */
    PROCESS_ARGUMENTS_MAX = 256,
    PROCESS_FILES_DEFAULT = 256,  /* descriptors that a child may have open */
    PROCESS_DESCRIPTORS_MAX = 16, /* handed over at once */
    PROCESS_HANDED_MAX = 16       /* such writings that wait for a child to read them */
};

struct process;

struct process_limits {
    int64_t memory_bytes; /* address space; 0: none */
    int64_t cpu_seconds;  /* 0: none */
    int64_t file_bytes;   /* largest file it may write; 0: none */
    int files;            /* open descriptors; 0: PROCESS_FILES_DEFAULT */
};

/* Descriptors on their way to a child; owned. */
struct process_descriptors {
    int list[PROCESS_DESCRIPTORS_MAX];
    uint32_t count;
};
void process_descriptors_close(struct process_descriptors *descriptors);

/* All called on the loop; any may be NULL. Bytes are valid during the call only. Any of them may
 * call process_destroy. */
struct process_events {
    void (*output)(void *owner, struct slice bytes); /* some of its standard output */
    void (*output_ended)(void *owner);               /* nothing more comes from there */
    void (*log)(void *owner, struct slice bytes);    /* some of its standard error */
    /* It is gone and reaped, its output read to the end; exit_code is -1 when a signal ended it
     * (signal > 0). Last call. What a descendant that left the group writes afterwards is lost. */
    void (*ended)(void *owner, int exit_code, int signal);
};

struct process_options {
    const char *const *arguments;   /* argv, ended by NULL; [0] is looked up in PATH or is a path */
    const char *const *environment; /* "NAME=value", ended by NULL; nothing else is passed on */
    const char *folder;             /* working directory; NULL: ours */
    struct process_limits limits;
    int descriptor; /* >= 0: the child's descriptor 3 (the caller closes its copy); -1: none */
    bool takes_descriptors; /* its standard input is a socket, and process_hand may be called */
    struct process_events events;
    void *owner;
};

/* NOT_FOUND when the program or the folder does not exist, DENIED when the program may not be run:
 * said before this returns where that is known then, else by a log line and exit code 127 or 126.
 * The environment variable EBB_LAUNCH names another ebb-launch than the one beside our program. */
status process_start(struct loop *loop, const struct process_options *options,
                     struct process **out_process, struct error *err);

/* Queues bytes (copied) for its standard input. FULL when over PROCESS_INPUT_BYTES_MAX would wait.
 * Bytes for a child that reads no more are dropped: that it ended, or its answer, tells. */
status process_write(struct process *process, struct slice bytes, struct error *err);

/* The same, and the descriptors go with the first of these bytes, of which there is one at least:
 * they are the process' on success, unless it reads no more. FULL also when PROCESS_HANDED_MAX such
 * writings wait. */
status process_hand(struct process *process, struct slice bytes,
                    struct process_descriptors *descriptors, struct error *err);

/* Closes its standard input once what was queued has been read. */
void process_close_input(struct process *process);

/* While it is held, its standard output is not read, and it waits with what it writes. What is in
 * the pipe when it ends is told all the same. */
void process_hold_output(struct process *process, bool hold);

/* From now on others are told of it. Not from within one of its events. */
void process_hand_over(struct process *process, const struct process_events *events, void *owner);

/* Kills the whole group with SIGKILL; `ended` still comes. */
void process_kill(struct process *process);

/* Sends a signal to the whole group. */
void process_signal(struct process *process, int signal);

/* Its process id. */
int process_number(const struct process *process);

/* Kills it if it still runs; no event comes afterwards. NULL is fine. */
void process_destroy(struct process *process);

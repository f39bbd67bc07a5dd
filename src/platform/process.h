/*
 * process: children of the daemon, started through ebb-launch (libuv).
 *
 * A child gets a clean environment, its own process group, limits and a parent-death signal; those are set by
 * ebb-launch, not between fork and exec. Its standard input and output are pipes read and written without
 * blocking on the loop; its standard error comes in lines.
 *
 * Thread: loop. A child never outlives the daemon, not even after SIGKILL.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "platform/loop.h"

struct process;

struct process_limits {
    int64_t memory_bytes;    /* address space; 0: none */
    int64_t cpu_seconds;     /* 0: none */
    int64_t file_bytes;      /* largest file it may write; 0: none */
    int files;               /* open descriptors; 0: 256 */
};

/* All called on the loop. Bytes are valid during the call only. */
struct process_events {
    void (*output)(void *owner, struct slice bytes);     /* some of its standard output */
    void (*output_ended)(void *owner);                   /* it closed standard output */
    void (*log)(void *owner, struct slice bytes);        /* some of its standard error */
    /* It is gone and reaped, its output read to the end; exit_code is -1 when a signal ended it (signal > 0). Last call. */
    void (*ended)(void *owner, int exit_code, int signal);
};

struct process_options {
    const char *const *arguments;   /* argv, ended by NULL; arguments[0] is looked up in PATH or is a path */
    const char *const *environment; /* "NAME=value", ended by NULL; nothing else is passed on */
    const char *folder;             /* working directory; NULL: ours */
    struct process_limits limits;
    int descriptor;                 /* >= 0: handed to the child as descriptor 3 (the caller closes its copy); -1: none */
    struct process_events events;
    void *owner;
};

/* NOT_FOUND when the program does not exist, DENIED when it may not be run: said before this returns
 * where that is known then, else by a log line and exit code 127 or 126. */
status process_start(struct loop *loop, const struct process_options *options,
                     struct process **out_process, struct error *err);

/* Queues bytes (copied) for its standard input. FULL when over 4 MiB already wait. */
status process_write(struct process *process, struct slice bytes, struct error *err);
void process_close_input(struct process *process);

/* Kills the whole group with SIGKILL; `ended` still comes. */
void process_kill(struct process *process);
void process_signal(struct process *process, int signal);
int process_number(const struct process *process);

/* Kills it if it still runs; no event comes afterwards. NULL is fine. */
void process_destroy(struct process *process);

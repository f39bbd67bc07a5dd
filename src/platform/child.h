/*
 * child: a process at the other end of a socket pair, started from any thread, asked with a
 * deadline.
 *
 * For the children that a worker or a command waits for (ebb-jq, ebb-measure). What the loop waits
 * for is platform/process. The child's descriptor 0 is the socket, 1 and 2 are /dev/null. It has no
 * parent-death signal, which would be tied to the thread that started it: it ends itself when the
 * socket does.
 *
 * Thread: any; one at a time for each child.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/slice.h"

enum { CHILD_WORDS_BYTES_MAX = 64 };

struct child {
    int socket; /* owned; -1: none */
    pid_t pid;  /* 0: none */
};

/* How it ended. */
struct child_end {
    int exit_code; /* -1 when a signal ended it */
    int signal;    /* 0 when it ended by itself */
};

/* Runs the program at `path` without arguments, in an environment that NULL ends; NULL: an empty
 * one. */
status child_start(const char *path, char *const *environment, struct child *out_child,
                   struct error *err);

/* True when it has ended, or has closed its end, while nobody asked. */
bool child_is_gone(const struct child *child);

/* Writes all of the two slices. TIMEOUT after `deadline_ns` (CLOCK_BOOTTIME), CRASH when the child
 * is gone. */
status child_send(struct child *child, struct slice head, struct slice body, int64_t deadline_ns,
                  struct error *err);

/* Reads at least `least` bytes and what else is there, `most` at most. TIMEOUT, CRASH. */
status child_receive(struct child *child, char *bytes, size_t least, size_t most,
                     int64_t deadline_ns, size_t *out_count, struct error *err);

/* Kills it if it still runs, waits for it, says how it ended. A child that was never started is
 * fine. */
struct child_end child_stop(struct child *child);

/* "ended with code 3", "was killed by signal 9 (Killed)". */
void child_end_write(struct child_end end, char out_words[CHILD_WORDS_BYTES_MAX]);

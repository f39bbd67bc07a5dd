/*
 * child_environment: a child's variables with its secrets put in, for as long as it takes to start
 * it.
 *
 * The entries of a manifest say `NAME=secret:DESK`; a child must be given the secret itself. It
 * stands in memory between open and close alone, and is overwritten then.
 *
 * Thread: loop (reads small files).
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>

#include "base/error.h"

struct child_environment {
    const char **entries; /* owned; "NAME=value", ended by NULL */
    char **secrets;       /* owned, as what it holds: those entries that were made here */
    size_t secret_count;
};

/* `entries` must outlive it. What secret_read says where a secret cannot be read; INVALID also when
 * one has a zero byte. */
status child_environment_open(const char *const *entries, struct child_environment *out,
                              struct error *err);

/* One of zeroes may be closed as well. */
void child_environment_close(struct child_environment *environment);

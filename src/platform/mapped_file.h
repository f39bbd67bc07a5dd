/*
 * mapped_file: a whole file as bytes that the kernel brings in when they are looked at.
 *
 * For files that may be larger than memory and are looked at a part at a time. The file must keep
 * its length while it is mapped: whoever cuts it ends the process that reads on (SIGBUS), so this
 * is for tools at a desk and not for a daemon. What is read whole goes through file_read.
 *
 * Thread: any, each its own.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "base/slice.h"

struct mapped_file {
    struct slice bytes; /* owned */
};

/* NOT_FOUND, INVALID: there is no such file, or it is none. An empty file gives the empty slice. */
status mapped_file_open(const char *path, struct mapped_file *out_file, struct error *err);

/* One of zeroes is fine. */
void mapped_file_close(struct mapped_file *file);

/*
 * resident: how much memory this process has in RAM, and the most that it had.
 *
 * What the kernel counts, code of libraries and shared pages included; from /proc, so it costs a
 * few system calls. The most begins anew with the program: what started it does not count.
 *
 * Thread: any.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

struct resident {
    int64_t now_bytes;
    int64_t most_bytes;
};

/* SYSTEM when /proc does not say. */
status resident_read(struct resident *out_resident, struct error *err);

/*
 * labels: the names of what a model tells apart, a file with one a line.
 *
 * The line's number, from 0, is what the model counts. Blank lines at the end do not count.
 *
 * Thread: any; reading blocks on the disk.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

enum { LABELS_MAX = 65536, LABELS_BYTES_MAX = 4 << 20, LABEL_BYTES_MAX = 1024 };

struct labels {
    const struct slice *names; /* in the arena, each ended by a zero */
    uint32_t count;
};

/* INVALID: it is empty, not UTF-8, or beyond the bounds. */
status labels_read_file(const char *path, struct arena *arena, struct labels *out_labels,
                        struct error *err);

/* The name of a number; the number itself where the labels have none. Empty: no room. */
struct slice labels_name(const struct labels *labels, size_t number, struct arena *arena);

/*
 * anchors: the boxes that a detector's boxes are relative to, a file with one a line.
 *
 * A line has four numbers, blanks or commas between them: centre and size in fractions of the
 * tensor. Empty lines and those that begin with # do not count.
 *
 * Foreign bytes. Thread: any; reading blocks on the disk.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

enum { ANCHORS_MAX = 1 << 16, ANCHORS_BYTES_MAX = 8 << 20, ANCHOR_NUMBERS = 4 };

/* Four numbers for each anchor, in the arena. INVALID names the line that is none. */
status anchors_parse(struct slice text, struct arena *arena, const float **out_anchors,
                     uint32_t *out_count, struct error *err);

status anchors_read(const char *path, struct arena *arena, const float **out_anchors,
                    uint32_t *out_count, struct error *err);

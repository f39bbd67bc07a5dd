/*
 * text_diff: two texts as a unified diff, three lines of context around each change.
 *
 * The shortest change by lines, as `diff -u` shows it; where the texts are so long that finding it
 * would take too much, all that lies between what is equal at both ends is shown as changed.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"

enum { TEXT_DIFF_CONTEXT = 3, TEXT_DIFF_CELLS_MAX = 4 << 20 };

/* Appends the hunks, without a head; nothing where the texts are equal. The arena is for working
 * in. */
status text_diff_write(struct buffer *out, struct arena *arena, struct slice old_text,
                       struct slice new_text, struct error *err);

/*
 * pairs: "name=value" as people type it: labels of devices, in options and arguments.
 *
 * Thread: the CLI's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"

/* Appends a JSON object of the texts, the last of a name. "name=" gives null where `may_clear`,
 * which takes a label away, and else an empty text. INVALID names the text that is none. */
status pairs_write(struct buffer *out, const char *const *texts, size_t count, bool may_clear,
                   struct error *err);

/* The text as it may stand in a query; .bytes NULL: no memory. */
struct slice pairs_encode(struct arena *arena, struct slice text);

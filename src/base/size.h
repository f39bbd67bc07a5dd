/*
 * size: counts of bytes as text. A size carries a unit in text, always; only 0 needs none.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum { SIZE_TEXT_BYTES = 32 };

/* "64KiB", "4MiB", "2GiB", "512B" or "0"; false for anything else or beyond 2^53. */
bool size_read(struct slice text, int64_t *out_bytes);

/* For people: "812 B", "4.0 KiB", "1.3 GiB". */
void size_write(int64_t bytes, char out_text[SIZE_TEXT_BYTES]);

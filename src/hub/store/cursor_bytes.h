/*
 * cursor_bytes: the intervals of a lane's cursor as bytes of its row: from, to, the chain values
 * before and at the end of each.
 *
 * Pure: any thread. Bytes of a damaged file are refused.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "sync/receiver.h"

enum { CURSOR_BYTES_MAX = RANGES_MAX * (16 + 2 * ID_BYTES) };

void cursor_bytes_write(const struct lane_cursor *cursor, struct buffer *out);

/* Fills in `held` and the chain values. false: the bytes are none. */
bool cursor_bytes_read(struct slice bytes, struct lane_cursor *out_cursor);

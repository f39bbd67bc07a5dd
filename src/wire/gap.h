/*
 * gap: the body of a record that stands in a lane for records that were dropped.
 *
 * {"reason","from","to","count","bytes","t0","t1","chain_before","chain_end"}: how many, from when
 * to when, why, and the two chain values by which the lane can be checked across it.
 *
 * Pure: any thread. Foreign bytes: read strictly, a range that cannot be is refused.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "wire/record.h"

enum { GAP_BODY_BYTES_MAX = 512 };

/* Appends the body's JSON. */
void gap_write(struct buffer *out, const struct gap *gap);

/* Reads it back; INVALID says what is wrong. */
status gap_read(struct slice body, struct gap *out_gap, struct error *err);

/* Makes `gap` stand for what follows it as well: `after` begins where it ends. */
void gap_join(struct gap *gap, const struct gap *after);

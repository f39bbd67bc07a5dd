/*
 * json: text to values and values to text (yyjson).
 *
 * Strict RFC 8259 JSON: UTF-8, no comments, no NaN, depth at most VALUE_DEPTH_MAX. Integers that an
 * int64 does not hold and reals that a double would change in magnitude (overflow) become VALUE_RAW and are
 * written back digit for digit.
 *
 * Thread: any; an arena belongs to one thread at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/value.h"

/* Reads exactly one value; the result lives in the arena and shares nothing with `text`. INVALID names
 * line, column and what is wrong; FULL when the arena's bound is met. */
status json_read(struct arena *arena, struct slice text, struct value *out_value,
                 struct error *err);

/* Appends the value on one line, members in their order, no blanks; reals as the shortest text
 * that reads back the same. Failure stays in the buffer. */
void json_write(struct buffer *out, struct value value);

/* The same for people: two blanks of indent a level. */
void json_write_pretty(struct buffer *out, struct value value);

/* Appends one JSON string, quotes included; ill-formed UTF-8 is replaced. */
void json_write_text(struct buffer *out, struct slice text);

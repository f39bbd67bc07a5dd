/*
 * json: text to values and values to text (yyjson).
 *
 * Strict RFC 8259 JSON: UTF-8, no comments, no NaN, lists and objects at most VALUE_DEPTH_MAX deep.
 * Integers that an int64 does not hold and reals beyond a double's range become VALUE_RAW and are
 * written back digit for digit. A name that stands twice is kept twice; value_get finds the last.
 * What an event, an input or an output is allowed to be is the business of wire/ and runtime/.
 *
 * Thread: any; an arena belongs to one thread at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/value.h"

/* The member of a blob's JSON that says the hash under which its bytes lie. */
#define JSON_BLOB "$blob"

enum {
    JSON_BYTES_MAX = 64 << 20,
    /* What we wrap around a value that was within VALUE_DEPTH_MAX: an answer, a row, a journal. */
    JSON_WRAPPED_DEPTH_MAX = VALUE_DEPTH_MAX + 32
};

/* Reads exactly one value; the result lives in the arena and shares nothing with `text`. INVALID
 * names line, column and what is wrong; FULL when the arena's bound is met. */
status json_read(struct arena *arena, struct slice text, struct value *out_value,
                 struct error *err);

/* The same for what ebb itself wrote: at most JSON_WRAPPED_DEPTH_MAX deep. */
status json_read_wrapped(struct arena *arena, struct slice text, struct value *out_value,
                         struct error *err);

/* Appends the value on one line, members in their order, no blanks; reals as the shortest text
 * that reads back the same, 1.0 as 1.0. Failure stays in the buffer: FULL, NO_MEMORY, or INVALID
 * for what is deeper than JSON_WRAPPED_DEPTH_MAX. A blob is written as an object of its type and
 * the count of its bytes, with its hash once it has one. */
void json_write(struct buffer *out, struct value value);

/* The same for people: two blanks of indent a level. */
void json_write_pretty(struct buffer *out, struct value value);

/* Appends one JSON string, quotes included; ill-formed UTF-8 is replaced. */
void json_write_text(struct buffer *out, struct slice text);

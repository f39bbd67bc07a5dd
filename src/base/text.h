/*
 * text: UTF-8 and the words that a person meant.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

/* True for well-formed UTF-8: no overlong form, no surrogate, nothing above U+10FFFF. */
bool text_is_utf8(struct slice text);

/* Bytes of the well-formed code point that `text` starts with; 0 when it starts with none. */
size_t text_next(struct slice text);

/* Appends the text with every ill-formed byte as U+FFFD; returns how many were replaced. */
size_t text_repair(struct buffer *out, struct slice text);

/* The longest start of `text` of at most `bytes_max` bytes that does not cut a code point. */
struct slice text_cut(struct slice text, size_t bytes_max);

/* The word of `words` (ended by NULL) nearest to `word`, or NULL when none is near enough to be
 * worth naming: at most a third of the letters differ, a swap of two counting once. */
const char *text_nearest(struct slice word, const char *const words[]);

/* Takes the next parameter off `query`, which begins as what slice_find(url, '?') leaves: "?token="
 * or "&token=" and its value, or the value alone where there is no '='. False when none is left. */
bool text_next_parameter(struct slice *query, struct slice *out_name, struct slice *out_value);

/* Appends the URL with "..." for each value in its query, which may be a secret. */
void text_mask_query(struct buffer *out, struct slice url);

/* A whole number in decimal digits alone, at most `most`; false for anything else. */
bool text_number(struct slice text, uint64_t most, uint64_t *out_number);

/* [a-z][a-z0-9-]{0,62}: names of workflows, agents, results, sources, destinations. */
bool text_is_name(struct slice text);

/* [A-Za-z_][A-Za-z0-9_]{0,62}: ids of steps, names of variables and fields. */
bool text_is_field(struct slice text);

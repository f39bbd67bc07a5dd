/*
 * slice: counted bytes that belong to somebody else.
 *
 * Borrowed, never freed through the slice, not ended by a zero byte. Pure: any thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct slice {
    const char *bytes; /* not owned; may be NULL when count is 0 */
    size_t count;
};

/* For printf's "%.*s". Counts beyond what an int holds are cut. */
#define SLICE_ARGS(s)                                                                              \
    ((s).count > 0x7fffffff ? 0x7fffffff : (int)(s).count), ((s).bytes != NULL ? (s).bytes : "")

/* A slice of a string literal. */
#define SLICE(literal) ((struct slice){.bytes = "" literal, .count = sizeof(literal) - 1})

/* A slice of a C string; NULL gives the empty slice. */
struct slice slice_of(const char *text);

bool slice_equal(struct slice a, struct slice b);
bool slice_is(struct slice a, const char *text);
bool slice_starts(struct slice a, const char *text);
bool slice_ends(struct slice a, const char *text);

/* Bytes `from` up to but not including `to`; both are clamped to the slice. */
struct slice slice_part(struct slice a, size_t from, size_t to);

/* Index of the first `byte`, or the count when there is none. */
size_t slice_find(struct slice a, char byte);

/* Takes the first line off the rest, without its line end and the blanks around it; false when none
 * is left. */
bool slice_next_line(struct slice *rest, struct slice *out_line);

/* Without leading and trailing blanks, tabs and line ends. */
struct slice slice_trim(struct slice a);

/* Like strcmp over bytes: negative, 0, positive. */
int slice_compare(struct slice a, struct slice b);

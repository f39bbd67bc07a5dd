/*
 * line_splitter: a stream of bytes as lines, each of at most so many bytes.
 *
 * Holds at most one unfinished line, never more than its bound. What the bytes mean, UTF-8 or not,
 * is the caller's business.
 *
 * Pure: one thread at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "base/slice.h"

enum line_found {
    LINE_NONE,     /* all bytes are used up; the rest of a line may be held */
    LINE_WHOLE,    /* without its line end */
    LINE_TOO_LONG, /* its first bytes; the rest up to the line end is passed over */
    LINE_NO_MEMORY /* as LINE_TOO_LONG, with nothing to show */
};

struct line_splitter {
    struct buffer held; /* the start of a line whose end has not come */
    bool given;         /* what is held was given as a line */
    bool skipping;      /* inside a line that was too long */
};

/* A line has at most `line_bytes_max` bytes, its end not counted. Allocates nothing yet. */
void line_splitter_init(struct line_splitter *splitter, size_t line_bytes_max);
void line_splitter_done(struct line_splitter *splitter);

/* Forgets what is held: the stream begins anew. */
void line_splitter_reset(struct line_splitter *splitter);

/* Takes bytes off the front of *bytes up to the next line's end. Call it until LINE_NONE. The line
 * is valid until the next call, and as long as the bytes that it may lie in. */
enum line_found line_splitter_next(struct line_splitter *splitter, struct slice *bytes,
                                   struct slice *out_line);

/* What is held at the end of the stream: a last line without an end, or nothing. */
struct slice line_splitter_rest(const struct line_splitter *splitter);

/*
 * line_file: a file of lines that grows at its end, whole line by whole line, whatever happens.
 *
 * What a write left unfinished (a power cut, a full disk) is cut off at the next opening, so that
 * the last line that stands is the last one that was written whole; its beginning tells which one
 * that was. Others may read the file meanwhile, and move it away between two openings.
 *
 * Thread: any that may block on the disk. Survives: what line_file_append said OK to.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

enum {
    LINE_FILE_LINE_BYTES_MAX = 4 << 20, /* a longer last line is none of ours */
    LINE_FILE_START_BYTES = 64
};

struct line_file {
    int descriptor; /* owned; -1: none */
    int64_t bytes;
    char last[LINE_FILE_START_BYTES + 1]; /* how the last line begins; "" where there is none */
};

/* Opens the file, or makes it; its folder must be there. INVALID when it does not end with a line
 * of at most LINE_FILE_LINE_BYTES_MAX, or is no file. */
status line_file_open(const char *path, struct line_file *out_file, struct error *err);

/* Writes whole lines, and returns when they are on disk. After a failure none stands, unless the
 * file cannot even be cut. */
status line_file_append(struct line_file *file, struct slice lines, struct error *err);

/* Moves the file to PATH.1, in the place of the one that is there, and opens a new one. */
status line_file_rotate(struct line_file *file, const char *path, struct error *err);

/* One that never was opened may be closed when its descriptor is -1. */
void line_file_close(struct line_file *file);

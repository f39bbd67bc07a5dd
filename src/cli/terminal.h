/*
 * terminal: whether a person is looking, and what may be shown to them then.
 *
 * Colours and progress appear on a terminal only, and not under NO_COLOR or TERM=dumb. Text that
 * came from elsewhere is made harmless before it is shown: no control character passes.
 *
 * Thread: the CLI's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/slice.h"

enum { TERMINAL_WIDTH_DEFAULT = 80, TERMINAL_WIDTH_MAX = 1000 };

struct terminal {
    bool out_colour;  /* standard output may be coloured */
    bool talk_colour; /* standard error may be */
    bool progress;    /* a line that is drawn over may stand on standard error */
    size_t width;     /* columns of standard output; 0: nobody looks, cut nothing */
};

enum terminal_colour { COLOUR_NONE, COLOUR_BOLD, COLOUR_RED, COLOUR_GREEN, COLOUR_YELLOW };

/* Looks at the process's own standard output and standard error. */
void terminal_look(struct terminal *out_terminal);

/* Writes text in a colour, or plainly where `coloured` is false. */
void terminal_paint(FILE *out, bool coloured, enum terminal_colour colour, struct slice text);

/* Writes foreign text: control characters (those of C1 too) and broken UTF-8 become '?', tabs and
 * line ends blanks. */
void terminal_write(FILE *out, struct slice text);

/* How many columns the text takes: its code points; wide letters are not known here. */
size_t terminal_columns(struct slice text);

/* Draws "doing [####    ] 40 %  note" over the line before; nothing where there is no progress. */
void terminal_progress(const struct terminal *terminal, FILE *talk, const char *doing, double share,
                       const char *note);

/* Takes the progress line away. */
void terminal_progress_done(const struct terminal *terminal, FILE *talk);

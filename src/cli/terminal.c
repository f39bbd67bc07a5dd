// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"

enum { BAR_COLUMNS = 24 };

static size_t look_at_width(void) {
    struct winsize size = {0};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col < TERMINAL_WIDTH_MAX ? size.ws_col : TERMINAL_WIDTH_MAX;
    }
    return TERMINAL_WIDTH_DEFAULT;
}

void terminal_look(struct terminal *out_terminal) {
    const char *no_colour = getenv("NO_COLOR");
    const char *kind = getenv("TERM");
    const bool plain =
        (no_colour != NULL && *no_colour != '\0') || (kind != NULL && strcmp(kind, "dumb") == 0);
    const bool out_seen = isatty(STDOUT_FILENO) == 1;
    const bool talk_seen = isatty(STDERR_FILENO) == 1;
    *out_terminal = (struct terminal){.out_colour = out_seen && !plain,
                                      .talk_colour = talk_seen && !plain,
                                      .progress = talk_seen && !plain,
                                      .width = out_seen ? look_at_width() : 0};
}

void terminal_paint(FILE *out, bool coloured, enum terminal_colour colour, struct slice text) {
    static const char *const CODES[] = {[COLOUR_NONE] = "0",
                                        [COLOUR_BOLD] = "1",
                                        [COLOUR_RED] = "31",
                                        [COLOUR_GREEN] = "32",
                                        [COLOUR_YELLOW] = "33"};
    const bool painted = coloured && colour != COLOUR_NONE;
    if (painted) {
        (void)fprintf(out, "\033[%sm", CODES[colour]);
    }
    terminal_write(out, text);
    if (painted) {
        (void)fputs("\033[0m", out);
    }
}

/* How many bytes the code point that begins here takes; 0 where none does. */
static size_t point_bytes(struct slice text, size_t from) {
    const uint8_t first = (uint8_t)text.bytes[from];
    const size_t count = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    const struct slice point = slice_part(text, from, from + count);
    return point.count == count && text_is_utf8(point) ? count : 0;
}

/* True for what a terminal might obey instead of show: C0, DEL and C1. */
static bool is_control(struct slice point) {
    const uint8_t first = (uint8_t)point.bytes[0];
    if (point.count == 1) {
        return first < 0x20 || first == 0x7f;
    }
    return point.count == 2 && first == 0xc2 && (uint8_t)point.bytes[1] < 0xa0;
}

void terminal_write(FILE *out, struct slice text) {
    size_t at = 0;
    while (at < text.count) {
        const size_t bytes = point_bytes(text, at);
        const struct slice point = slice_part(text, at, at + (bytes > 0 ? bytes : 1));
        if (text.bytes[at] == '\t' || text.bytes[at] == '\n' || text.bytes[at] == '\r') {
            (void)fputc(' ', out);
        } else if (bytes == 0 || is_control(point)) {
            (void)fputc('?', out);
        } else {
            (void)fwrite(point.bytes, 1, point.count, out);
        }
        at += point.count;
    }
}

size_t terminal_columns(struct slice text) {
    size_t columns = 0;
    size_t at = 0;
    while (at < text.count) {
        const size_t bytes = point_bytes(text, at);
        at += bytes > 0 ? bytes : 1;
        columns++;
    }
    return columns;
}

void terminal_progress(const struct terminal *terminal, FILE *talk, const char *doing, double share,
                       const char *note) {
    if (!terminal->progress) {
        return;
    }
    const double within = share < 0 ? 0 : share > 1 ? 1 : share;
    const int filled = (int)(within * (double)BAR_COLUMNS);
    (void)fprintf(talk, "\r\033[K%s [", doing);
    for (int i = 0; i < BAR_COLUMNS; i++) {
        (void)fputc(i < filled ? '#' : ' ', talk);
    }
    (void)fprintf(talk, "] %3d %%  %s", (int)(within * 100), note);
    (void)fflush(talk);
}

void terminal_progress_done(const struct terminal *terminal, FILE *talk) {
    if (terminal->progress) {
        (void)fputs("\r\033[K", talk);
        (void)fflush(talk);
    }
}

// SPDX-License-Identifier: Apache-2.0
#include "platform/yaml_guard.h"

#include <stdbool.h>
#include <string.h>

#include "base/media_type.h"
#include "base/text.h"

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static bool is_break(char c) {
    return c == '\n' || c == '\r';
}

/* The byte at `index`, a line end where there is none. */
static char byte_at(struct slice text, size_t index) {
    return index < text.count ? text.bytes[index] : '\n';
}

static bool ends_word(char c) {
    return is_blank(c) || is_break(c);
}

/* Whether an indicator of a block stands here: alone between blanks or line ends. */
static bool is_indicator(struct slice text, size_t index, char indicator) {
    return byte_at(text, index) == indicator && ends_word(byte_at(text, index + 1)) &&
           (index == 0 || ends_word(text.bytes[index - 1]));
}

/* Whether the blanks that begin here hold a tab and stand behind an indicator or before an entry:
 * "key:<tab>value", "<tab>- item". */
static bool is_tabbed(struct slice text, size_t index) {
    const char before = index > 0 ? text.bytes[index - 1] : '\n';
    const bool behind = before == ':' || before == '-' || before == '?';
    if (!behind && !is_break(before)) {
        return false;
    }
    bool tab = false;
    size_t next = index;
    while (next < text.count && is_blank(text.bytes[next])) {
        tab = tab || text.bytes[next] == '\t';
        next++;
    }
    return tab && (behind || is_indicator(text, next, '-') || is_indicator(text, next, '?'));
}

/* What one look at the whole text has met so far. */
struct look {
    struct place place;
    int breaks;        /* since a byte that is not blank; two to a line that ends in \r\n */
    bool explicit_key; /* '?' as an indicator */
    struct place tab;  /* of the first blanks with a tab, line 0: none */
};

static status refuse(const struct look *look, struct place *out_place, struct error *err,
                     const char *what) {
    *out_place = look->place;
    return fail(err, STATUS_INVALID, "%s", what);
}

/* Of a file that is no text at all one sentence says more than the place where that shows. */
static status refuse_bytes(const struct look *look, struct slice text, size_t index,
                           struct place *out_place, struct error *err) {
    static const char UNKNOWN[] = "application/octet-stream";
    const unsigned byte = (unsigned char)text.bytes[index];
    const char *type =
        media_type_guess(slice_part(text, 0, MEDIA_TYPE_START_BYTES), (struct slice){0});
    if (slice_starts(text, "\xFF\xFE") || slice_starts(text, "\xFE\xFF")) {
        return refuse(look, out_place, err, "this is UTF-16: save it as UTF-8");
    }
    if (slice_find(text, '\0') < text.count) {
        const bool known = strcmp(type, UNKNOWN) != 0;
        *out_place = (struct place){.line = 1, .column = 1};
        return fail(err, STATUS_INVALID, "this is no text but %s: a file in YAML is wanted",
                    known ? type : "bytes, a program or data");
    }
    *out_place = look->place;
    return byte < 0x80 ? fail(err, STATUS_INVALID, "a control character (0x%02X)", byte)
                       : fail(err, STATUS_INVALID,
                              "this is not UTF-8 (0x%02X): save the file as UTF-8", byte);
}

static status look_at(struct look *look, struct slice text, size_t index, size_t step,
                      struct place *out_place, struct error *err) {
    const char c = text.bytes[index];
    const unsigned char byte = (unsigned char)c;
    if (step == 0 || ((byte < 0x20 || byte == 0x7F) && c != '\t' && !is_break(c))) {
        return refuse_bytes(look, text, index, out_place, err);
    }
    if (c == '%' && look->place.column == 1) {
        return refuse(look, out_place, err,
                      "'%' at the start of a line is a directive, which is not used here");
    }
    look->breaks = is_break(c) ? look->breaks + 1 : is_blank(c) ? look->breaks : 0;
    if (look->breaks > 2 * YAML_EMPTY_LINES_MAX) {
        return refuse(look, out_place, err, "more than 100 empty lines in a row");
    }
    look->explicit_key = look->explicit_key || is_indicator(text, index, '?');
    const bool first_blank = is_blank(c) && (index == 0 || !is_blank(text.bytes[index - 1]));
    if (look->tab.line == 0 && first_blank && is_tabbed(text, index)) {
        look->tab = look->place;
    }
    return STATUS_OK;
}

status yaml_guard(struct slice text, struct place *out_place, struct error *err) {
    struct look look = {.place = {.line = 1, .column = 1}};
    for (size_t i = 0; i < text.count;) {
        const size_t step = text_next(slice_part(text, i, text.count));
        TRY(look_at(&look, text, i, step, out_place, err));
        look.place.column++;
        if (text.bytes[i] == '\n') {
            look.place = (struct place){.line = look.place.line + 1, .column = 1};
        }
        i += step;
    }
    /* Either alone is harmless; together they corrupt the library's list of indents. */
    if (look.explicit_key && look.tab.line > 0) {
        look.place = look.tab;
        return refuse(&look, out_place, err,
                      "a tab beside an indicator, in a file with a key behind '?': use blanks");
    }
    return STATUS_OK;
}

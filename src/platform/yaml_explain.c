// SPDX-License-Identifier: Apache-2.0
#include "platform/yaml_explain.h"

#include <string.h>

#include "base/text.h"

struct slice yaml_line(struct slice text, int number) {
    size_t from = 0;
    for (int line = 1; line < number && from < text.count; line++) {
        from += slice_find(slice_part(text, from, text.count), '\n') + 1;
    }
    const struct slice rest = slice_part(text, from, text.count);
    return slice_part(rest, 0, slice_find(rest, '\n'));
}

bool yaml_key_takes_expression(struct slice key) {
    static const char *const KEYS[] = {"when", "from", "with", "open", "close", "where"};
    for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++) {
        if (slice_is(key, KEYS[i])) {
            return true;
        }
    }
    return false;
}

/* What stands on the line behind its indent and the dashes of lists. */
static struct slice first_word(struct slice line) {
    struct slice start = slice_trim(line);
    while (slice_starts(start, "- ")) {
        start = slice_trim(slice_part(start, 2, start.count));
    }
    return start;
}

bool yaml_has_expression(struct slice line) {
    const struct slice start = first_word(line);
    const size_t colon = slice_find(start, ':');
    if (colon < start.count && yaml_key_takes_expression(slice_part(start, 0, colon))) {
        return true;
    }
    return line.count > 0 && memmem(line.bytes, line.count, "${", 2) != NULL;
}

const char *yaml_mistake(struct slice line) {
    for (size_t i = 0; i < line.count && (line.bytes[i] == ' ' || line.bytes[i] == '\t'); i++) {
        if (line.bytes[i] == '\t') {
            return "a tab stands in the indent: use blanks";
        }
    }
    const struct slice start = first_word(line);
    const size_t colon = slice_find(start, ':');
    const bool glued =
        colon + 1 < start.count && start.bytes[colon + 1] != ' ' && start.bytes[colon + 1] != '\r';
    if (glued && text_is_field(slice_part(start, 0, colon))) {
        return "a blank is missing behind the ':' of the key";
    }
    return NULL;
}

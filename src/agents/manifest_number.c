// SPDX-License-Identifier: Apache-2.0
#include "agents/manifest_number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_BYTES = 40 };

/* What strtod takes, but for its words, blanks and hexadecimals. */
static bool read_plain(struct slice text, double *out_number) {
    char copy[NUMBER_BYTES];
    if (text.count == 0 || text.count >= sizeof(copy)) {
        return false;
    }
    (void)memcpy(copy, text.bytes, text.count);
    copy[text.count] = 0;
    if (strspn(copy, "0123456789+-.eE") != text.count) {
        return false;
    }
    char *end;
    *out_number = strtod(copy, &end);
    return *end == 0 && isfinite(*out_number);
}

static bool read_number(const struct yaml *node, double *out_number) {
    const size_t slash = slice_find(node->text, '/');
    if (node->kind != YAML_SCALAR || node->quoted) {
        return false;
    }
    if (slash == node->text.count) {
        return read_plain(node->text, out_number);
    }
    double above, below;
    if (!read_plain(slice_part(node->text, 0, slash), &above) ||
        !read_plain(slice_part(node->text, slash + 1, node->text.count), &below) || below == 0.0) {
        return false;
    }
    *out_number = above / below;
    return isfinite(*out_number);
}

bool manifest_number(struct reading *reading, const char *name, const struct yaml *node,
                     double least, double most, double *out_number) {
    double number;
    if (!read_number(node, &number) || number < least || number > most) {
        const bool is_text = node->kind == YAML_SCALAR && node->text.count > 0;
        faults_add(reading->faults, node->place, "`%s` is a number from %g to %g, not %.*s", name,
                   least, most, QUOTED(is_text ? node->text : slice_of(yaml_what(node))));
        return false;
    }
    *out_number = number;
    return true;
}

bool manifest_numbers(struct reading *reading, const char *name, const struct yaml *node,
                      double least, double most, uint32_t count, double *out_numbers) {
    if (node->kind == YAML_LIST && node->count != count) {
        faults_add(reading->faults, node->place, "`%s` is a number, or a list of %u", name, count);
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct yaml *item = node->kind == YAML_LIST ? &node->items[i] : node;
        if (!manifest_number(reading, name, item, least, most, &out_numbers[i])) {
            return false;
        }
    }
    return true;
}

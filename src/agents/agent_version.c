// SPDX-License-Identifier: Apache-2.0
#include "agents/agent_version.h"

#include <stdio.h>

enum { PARTS = 3 };

/* Takes one number off the front of the text; false when there is none, or it is too large. */
static bool take_number(struct slice *text, int *out_number) {
    size_t count = 0;
    long number = 0;
    while (count < text->count && text->bytes[count] >= '0' && text->bytes[count] <= '9') {
        number = number * 10 + (text->bytes[count] - '0');
        if (number > AGENT_VERSION_PART_MAX) {
            return false;
        }
        count++;
    }
    if (count == 0 || (count > 1 && text->bytes[0] == '0')) {
        return false;
    }
    *text = slice_part(*text, count, text->count);
    *out_number = (int)number;
    return true;
}

/* Reads one to three numbers with dots between; returns how many there are, 0 when it is wrong. */
static int read_parts(struct slice text, int parts[PARTS]) {
    int count = 0;
    while (count < PARTS) {
        if (!take_number(&text, &parts[count])) {
            return 0;
        }
        count++;
        if (text.count == 0) {
            return count;
        }
        if (text.bytes[0] != '.') {
            return 0;
        }
        text = slice_part(text, 1, text.count);
    }
    return 0;
}

bool agent_version_read(struct slice text, struct agent_version *out_version) {
    int parts[PARTS] = {0};
    if (read_parts(text, parts) != PARTS) {
        return false;
    }
    *out_version = (struct agent_version){parts[0], parts[1], parts[2]};
    return true;
}

void agent_version_write(struct agent_version version, char out_text[AGENT_VERSION_TEXT_BYTES]) {
    (void)snprintf(out_text, AGENT_VERSION_TEXT_BYTES, "%d.%d.%d", version.major, version.minor,
                   version.patch);
}

int agent_version_compare(struct agent_version a, struct agent_version b) {
    if (a.major != b.major) {
        return a.major < b.major ? -1 : 1;
    }
    if (a.minor != b.minor) {
        return a.minor < b.minor ? -1 : 1;
    }
    return a.patch < b.patch ? -1 : a.patch > b.patch;
}

/* The first version above everything that has the same first `kept` numbers. */
static struct agent_version above(const int parts[PARTS], int kept) {
    struct agent_version end = {parts[0], parts[1], parts[2]};
    if (kept <= 1) {
        return (struct agent_version){end.major + 1, 0, 0};
    }
    if (kept == 2) {
        return (struct agent_version){end.major, end.minor + 1, 0};
    }
    return (struct agent_version){end.major, end.minor, end.patch + 1};
}

/* "^": everything up to and including the first number that is not 0 is kept. */
static int kept_by_caret(const int parts[PARTS], int count) {
    for (int i = 0; i < count; i++) {
        if (parts[i] != 0) {
            return i + 1;
        }
    }
    return count;
}

bool agent_version_in(struct agent_version version, struct slice range, bool *out_valid) {
    *out_valid = true;
    range = slice_trim(range);
    if (range.count == 0 || slice_is(range, "*")) {
        return true;
    }
    const bool caret = slice_starts(range, "^");
    const bool tilde = slice_starts(range, "~");
    const bool open = slice_starts(range, ">=");
    const size_t sign = open ? 2 : caret || tilde ? 1 : 0;
    int parts[PARTS] = {0};
    const int count = read_parts(slice_trim(slice_part(range, sign, range.count)), parts);
    if (count == 0) {
        *out_valid = false;
        return false;
    }
    const struct agent_version first = {parts[0], parts[1], parts[2]};
    if (agent_version_compare(version, first) < 0) {
        return false;
    }
    if (open) {
        return true;
    }
    int kept = count;
    if (caret) {
        kept = kept_by_caret(parts, count);
    } else if (tilde) {
        kept = count > 2 ? 2 : count;
    }
    return agent_version_compare(version, above(parts, kept)) < 0;
}

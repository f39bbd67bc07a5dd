// SPDX-License-Identifier: Apache-2.0
#include "base/size.h"

#include <stddef.h>
#include <stdio.h>

static const int64_t SIZE_MOST = INT64_C(1) << 53;

/* Longest unit first: every unit ends in the shortest. */
static const struct {
    const char *name;
    int64_t bytes;
} UNITS[] = {
    {"GiB", INT64_C(1) << 30}, {"MiB", INT64_C(1) << 20}, {"KiB", INT64_C(1) << 10}, {"B", 1}};

bool size_read(struct slice text, int64_t *out_bytes) {
    int64_t number = 0;
    size_t i = 0;
    for (; i < text.count && text.bytes[i] >= '0' && text.bytes[i] <= '9'; i++) {
        number = number * 10 + (text.bytes[i] - '0');
        if (number > SIZE_MOST) {
            return false;
        }
    }
    if (i == 0) {
        return false;
    }
    const struct slice unit = slice_part(text, i, text.count);
    if (unit.count == 0 && number == 0) {
        *out_bytes = 0;
        return true;
    }
    for (size_t u = 0; u < sizeof(UNITS) / sizeof(UNITS[0]); u++) {
        if (slice_is(unit, UNITS[u].name)) {
            if (number > SIZE_MOST / UNITS[u].bytes) {
                return false;
            }
            *out_bytes = number * UNITS[u].bytes;
            return true;
        }
    }
    return false;
}

void size_write(int64_t bytes, char out_text[SIZE_TEXT_BYTES]) {
    static const char *const NAMES[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes > -1024 && bytes < 1024) {
        (void)snprintf(out_text, SIZE_TEXT_BYTES, "%d B", (int)bytes);
        return;
    }
    double shown = (double)bytes / 1024;
    size_t unit = 0;
    /* 1023.95 would be rounded to 1024.0 of a unit that is one too small. */
    while ((shown >= 1023.95 || shown <= -1023.95) && unit + 1 < sizeof(NAMES) / sizeof(NAMES[0])) {
        shown /= 1024;
        unit++;
    }
    (void)snprintf(out_text, SIZE_TEXT_BYTES, "%.1f %s", shown, NAMES[unit]);
}

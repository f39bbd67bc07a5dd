// SPDX-License-Identifier: Apache-2.0
#include "wire/lane.h"

#include <stddef.h>

static const char *const NAMES[LANE_COUNT] = {
    [LANE_CONTROL] = "control", [LANE_URGENT] = "urgent", [LANE_HIGH] = "high",
    [LANE_NORMAL] = "normal",   [LANE_LOW] = "low",       [LANE_TELEMETRY] = "telemetry",
    [LANE_BULK] = "bulk",       [LANE_LOCAL] = "local",
};

/* What a word alone stands for. */
static const struct {
    const char *word;
    int priority;
} WORDS[] = {{"urgent", 7}, {"high", 4}, {"normal", 1}, {"low", 0}};

const char *lane_name(enum lane lane) {
    return lane < LANE_COUNT ? NAMES[lane] : "unknown";
}

enum lane lane_from_name(struct slice word) {
    for (int i = 0; i < LANE_COUNT; i++) {
        if (slice_is(word, NAMES[i])) {
            return (enum lane)i;
        }
    }
    return LANE_COUNT;
}

enum lane lane_of_priority(int priority) {
    if (priority >= 7) {
        return LANE_URGENT;
    }
    if (priority >= 4) {
        return LANE_HIGH;
    }
    return priority >= 1 ? LANE_NORMAL : LANE_LOW;
}

static bool read_number(struct slice text, int *out_priority, bool *out_clamped) {
    const bool negative = text.count > 1 && text.bytes[0] == '-';
    int number = 0;
    for (size_t i = negative ? 1 : 0; i < text.count; i++) {
        const char c = text.bytes[i];
        if (c < '0' || c > '9') {
            return false;
        }
        number = number > PRIORITY_MAX ? number : number * 10 + (c - '0');
    }
    const int wanted = negative ? -number : number;
    const int least = wanted < 0 ? 0 : wanted;
    *out_priority = least > PRIORITY_MAX ? PRIORITY_MAX : least;
    *out_clamped = *out_priority != wanted;
    return true;
}

bool priority_read(struct slice text, int *out_priority, bool *out_clamped) {
    for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++) {
        if (slice_is(text, WORDS[i].word)) {
            *out_priority = WORDS[i].priority;
            *out_clamped = false;
            return true;
        }
    }
    return text.count > 0 && read_number(text, out_priority, out_clamped);
}

// SPDX-License-Identifier: Apache-2.0
#include "base/status.h"

#include <string.h>

static const struct {
    const char *name;
    int exit_code;
} CLASSES[STATUS_COUNT] = {
    [STATUS_OK] = {"ok", 0},
    [STATUS_SYSTEM] = {"system", 1},
    [STATUS_INVALID] = {"invalid", 2},
    [STATUS_NOT_FOUND] = {"not_found", 3},
    [STATUS_OFFLINE] = {"offline", 4},
    [STATUS_BUSY] = {"busy", 5},
    [STATUS_CONFLICT] = {"conflict", 6},
    [STATUS_FULL] = {"full", 7},
    [STATUS_CORRUPT] = {"corrupt", 8},
    [STATUS_DENIED] = {"denied", 9},
    [STATUS_TIMEOUT] = {"timeout", 10},
    [STATUS_CRASH] = {"crash", 11},
    [STATUS_NO_MEMORY] = {"no_memory", 12},
    [STATUS_INTERRUPTED] = {"interrupted", 130}, /* as a shell says it of SIGINT */
};

const char *status_name(status code) {
    return code < STATUS_COUNT ? CLASSES[code].name : "unknown";
}

status status_from_name(const char *word) {
    for (int i = 0; i < STATUS_COUNT; i++) {
        if (strcmp(word, CLASSES[i].name) == 0) {
            return (status)i;
        }
    }
    return STATUS_COUNT;
}

int status_exit_code(status code) {
    return code < STATUS_COUNT ? CLASSES[code].exit_code : 1;
}

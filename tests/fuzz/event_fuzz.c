// SPDX-License-Identifier: Apache-2.0
/* A kept event that can be read is written and read again the same. */
#include <stdint.h>
#include <stdlib.h>

#include "runtime/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void compare(const struct event *a, const struct event *b) {
    if (!value_equal(a->value, b->value) || a->seen_hash != b->seen_hash ||
        !slice_equal(a->id, b->id) || a->time.wall_ms != b->time.wall_ms ||
        a->repeatable != b->repeatable) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    const struct slice input = {.bytes = (const char *)bytes, .count = count};
    struct event *event = NULL;
    struct event *again = NULL;
    struct buffer json;
    struct error err;
    if (event_read(input, &event, &err) != STATUS_OK) {
        return 0;
    }
    buffer_init(&json, EVENT_BYTES_MAX);
    if (event_write(event, &json, &err) == STATUS_OK) {
        if (event_read(buffer_slice(&json), &again, &err) != STATUS_OK) {
            abort();
        }
        compare(event, again);
        event_destroy(again);
    }
    event_destroy(event);
    buffer_done(&json);
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
/* Any text as a cron expression: what is taken has a next moment, on a minute, in three zones. */
#include <stdint.h>
#include <stdlib.h>

#include "wire/schedule.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    static const char *const RULES[] = {"UTC0", "CET-1CEST,M3.5.0,M10.5.0/3",
                                        "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"};
    struct schedule schedule;
    struct error err;
    struct arena arena;
    const struct slice text = {.bytes = (const char *)bytes, .count = count};
    if (schedule_read(text, &schedule, &err) != STATUS_OK) {
        if (err.text[0] == '\0') {
            abort();
        }
        return 0;
    }
    arena_init(&arena, 1 << 16);
    for (int i = 0; i < 3; i++) {
        const struct zone *zone = NULL;
        int64_t at_ms = INT64_C(1767225600000);
        if (zone_read_rule(&arena, slice_of(RULES[i]), &zone, &err) != STATUS_OK) {
            abort();
        }
        for (int k = 0; k < 3; k++) {
            const int64_t before_ms = at_ms;
            if (schedule_next(&schedule, zone, at_ms, &at_ms) &&
                (at_ms <= before_ms || at_ms % 60000 != 0)) {
                abort();
            }
        }
    }
    arena_done(&arena);
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
#include "cli/moment.h"

#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "platform/clock.h"

enum { DAY_BYTES = 10 };

status moment_option(const struct call *call, const char *name, int64_t *out_ms,
                     struct error *err) {
    const char *text = call_option(call, name);
    char day[TIME_TEXT_BYTES] = "";
    int64_t ms = 0;
    *out_ms = 0;
    if (text == NULL) {
        return STATUS_OK;
    }
    (void)snprintf(day, sizeof(day), "%.10sT00:00:00Z", text);
    if (time_read_span(slice_of(text), &ms)) {
        ms = clock_wall_ms() - ms;
    } else if (!time_read(slice_of(strlen(text) == DAY_BYTES ? day : text), &ms)) {
        return fail(err, STATUS_INVALID,
                    "--%s wants a day, a moment or a span, such as 2026-11-23, "
                    "2026-11-23T10:00:00Z or 2h, not '%.40s'",
                    name, text);
    }
    *out_ms = ms > 0 ? ms : 1;
    return STATUS_OK;
}

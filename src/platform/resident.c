// SPDX-License-Identifier: Apache-2.0
#include "platform/resident.h"

#include <stdlib.h>
#include <string.h>

#include "platform/file.h"

enum { STATUS_FILE_BYTES_MAX = 16 << 10, BYTES_A_KIB = 1024 };

/* "VmRSS:	    2076 kB"; -1 where there is no such line. */
static int64_t line_of(const char *text, const char *name) {
    const char *line = strstr(text, name);
    return line != NULL ? strtoll(line + strlen(name), NULL, 10) * BYTES_A_KIB : -1;
}

status resident_read(struct resident *out_resident, struct error *err) {
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, STATUS_FILE_BYTES_MAX);
    TRY(file_read("/proc/self/status", &text, err));
    buffer_add_byte(&text, 0);
    TRY(buffer_status(&text, err));
    const struct resident resident = {.now_bytes = line_of(text.bytes, "\nVmRSS:"),
                                      .most_bytes = line_of(text.bytes, "\nVmHWM:")};
    if (resident.now_bytes < 0 || resident.most_bytes < 0) {
        return fail(err, STATUS_SYSTEM, "/proc/self/status has no VmRSS and VmHWM");
    }
    *out_resident = resident;
    return STATUS_OK;
}

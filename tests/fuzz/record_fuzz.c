// SPDX-License-Identifier: Apache-2.0
/* What record_read accepts of a known kind, record_write writes back byte for byte; a gap's body is
 * read without harm. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/gap.h"
#include "wire/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    const struct slice input = {.bytes = (const char *)bytes, .count = count};
    struct record record;
    struct gap gap;
    struct error err;
    struct buffer again;
    (void)gap_read(input, &gap, &err);
    if (record_read(input, &record, &err) != STATUS_OK || record.kind > RECORD_TELEMETRY ||
        record.kind == 0 || record.version != 1) {
        return 0;
    }
    buffer_init(&again, RECORD_BYTES_MAX);
    if (record_write(&again, &record, &err) == STATUS_OK &&
        !slice_equal(buffer_slice(&again), input)) {
        abort();
    }
    buffer_done(&again);
    return 0;
}

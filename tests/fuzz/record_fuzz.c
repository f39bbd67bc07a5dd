// SPDX-License-Identifier: Apache-2.0
/* What record_read accepts, known or not, record_write writes back byte for byte; a gap's body that
 * is read is written and read again to the same gap. */
#include <stdint.h>
#include <stdlib.h>

#include "wire/gap.h"
#include "wire/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

static void check_record(struct slice input, struct buffer *again) {
    struct record record;
    struct error err;
    if (record_read(input, &record, &err) != STATUS_OK) {
        need(err.text[0] != '\0');
        return;
    }
    need(record_write(again, &record, &err) == STATUS_OK);
    need(slice_equal(buffer_slice(again), input));
}

static void check_gap(struct slice input, struct buffer *again) {
    struct gap gap;
    struct gap read;
    struct error err;
    if (gap_read(input, &gap, &err) != STATUS_OK) {
        need(err.text[0] != '\0');
        return;
    }
    need(gap.from_seq >= 1 && gap.to_seq >= gap.from_seq);
    gap_write(again, &gap);
    need(gap_read(buffer_slice(again), &read, &err) == STATUS_OK);
    need(gap.reason == read.reason && gap.from_seq == read.from_seq && gap.to_seq == read.to_seq);
    need(gap.count == read.count && gap.bytes == read.bytes);
    need(gap.from_wall_ms == read.from_wall_ms && gap.to_wall_ms == read.to_wall_ms);
    need(id_equal(gap.chain_before, read.chain_before) && id_equal(gap.chain_end, read.chain_end));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    const struct slice input = {.bytes = (const char *)bytes, .count = count};
    struct buffer again;
    buffer_init(&again, 2 * RECORD_BYTES_MAX);
    check_record(input, &again);
    buffer_clear(&again);
    check_gap(input, &again);
    buffer_done(&again);
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a TZif file and as a rule: what is taken has pieces that hold what is asked for. */
#include <stdint.h>
#include <stdlib.h>

#include "platform/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void look(const struct zone *zone) {
    int64_t at_s = INT64_C(-5000000000);
    for (int i = 0; i < 200 && at_s < INT64_C(8000000000); i++) {
        const struct zone_piece piece = zone_piece_at(zone, at_s);
        char text[TIME_TEXT_BYTES];
        if (piece.begins_s > at_s || piece.ends_s <= at_s || piece.offset_s > ZONE_OFFSET_S_MAX ||
            piece.offset_s < -ZONE_OFFSET_S_MAX) {
            abort();
        }
        zone_write_local(zone, at_s * 1000, text);
        at_s = piece.ends_s < at_s + 40000000 ? piece.ends_s : at_s + 40000000;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    const struct slice input = {.bytes = (const char *)bytes, .count = count};
    const struct zone *zone = NULL;
    struct error err;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    if (zone_read(&arena, input, &zone, &err) == STATUS_OK ||
        zone_read_rule(&arena, input, &zone, &err) == STATUS_OK) {
        look(zone);
    }
    arena_done(&arena);
    return 0;
}

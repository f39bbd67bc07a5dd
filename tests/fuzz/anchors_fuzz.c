// SPDX-License-Identifier: Apache-2.0
/* What anchors_parse accepts are boxes of finite numbers with a size; what it refuses has one
 * sentence. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agents/anchors.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, 4 << 20);
    const struct slice text = {.bytes = (const char *)bytes, .count = count};
    const float *anchors = NULL;
    uint32_t found = 0;
    struct error err = {0};
    if (anchors_parse(text, &arena, &anchors, &found, &err) != STATUS_OK) {
        need(err.text[0] != '\0' && strchr(err.text, '\n') == NULL);
        return 0;
    }
    need(found >= 1 && found <= ANCHORS_MAX);
    for (uint32_t i = 0; i < found * ANCHOR_NUMBERS; i++) {
        need(isfinite(anchors[i]) && (i % ANCHOR_NUMBERS < 2 || anchors[i] > 0));
    }
    return 0;
}

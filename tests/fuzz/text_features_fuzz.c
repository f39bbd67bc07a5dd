// SPDX-License-Identifier: Apache-2.0
/* A text has at most three features a byte, and the same ones when its ill-formed bytes are
 * repaired first. The first byte of the input chooses the settings. */
#include <stdint.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/text.h"
#include "model/text_features.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { TEXT_BYTES = 4096, LETTERS_CHOICES = 8 };

struct seen {
    uint64_t digest;
    size_t count;
};

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

static void take(void *owner, const uint32_t *hashes, size_t count) {
    struct seen *seen = owner;
    need(count > 0 && count <= TEXT_BATCH);
    for (size_t i = 0; i < count; i++) {
        need(hashes[i] < UINT32_C(1) << TEXT_HASH_BITS);
        seen->digest = (seen->digest ^ hashes[i]) * UINT64_C(0x9e3779b97f4a7c15);
    }
    seen->count += count;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    if (count < 1 || count > TEXT_BYTES) {
        return 0;
    }
    struct text_settings settings = {.bytes_max = TEXT_BYTES_MAX,
                                     .pairs = bytes[0] / LETTERS_CHOICES % 2 == 1,
                                     .letters = bytes[0] % LETTERS_CHOICES};
    if (text_settings_fault(&settings) != NULL) {
        settings.letters = 0;
    }
    const struct slice text = {.bytes = (const char *)bytes + 1, .count = count - 1};
    struct seen raw = {0};
    text_features(&settings, text, take, &raw);
    need(raw.count <= 3 * text.count);
    CLEANUP(buffer_done) struct buffer repaired;
    buffer_init(&repaired, 3 * TEXT_BYTES);
    (void)text_repair(&repaired, text);
    need(buffer_status(&repaired, NULL) == STATUS_OK);
    struct seen clean = {0};
    text_features(&settings, buffer_slice(&repaired), take, &clean);
    need(raw.count == clean.count && raw.digest == clean.digest);
    return 0;
}

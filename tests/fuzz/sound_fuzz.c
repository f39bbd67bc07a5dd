// SPDX-License-Identifier: Apache-2.0
/* Bytes are a sound or are refused with a sentence; every sample of a sound can be read. The first
 * byte of the input chooses how the bytes are called. */
#include <stdint.h>
#include <stdlib.h>

#include "agents/sound.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    static const char *const TYPES[] = {"audio/wav", "audio/L16; rate=16000",
                                        "audio/L16;channels=3", "audio/vnd.wave; codecs=1"};
    if (count == 0) {
        return 0;
    }
    const struct slice type = slice_of(TYPES[bytes[0] % (sizeof(TYPES) / sizeof(TYPES[0]))]);
    const struct slice rest = {.bytes = (const char *)bytes + 1, .count = count - 1};
    /* The bytes may be a type as well. */
    struct sound sound = {0};
    struct error err = {0};
    (void)sound_read(rest, type, &sound, &err);
    if (sound_read(type, rest, &sound, &err) != STATUS_OK) {
        need(err.text[0] != '\0');
        return 0;
    }
    need(sound.channels > 0 && sound.count <= rest.count / 2);
    for (size_t i = 0; i < sound.count * sound.channels; i++) {
        const int sample = sound_sample(&sound, i);
        need(sample >= INT16_MIN && sample <= INT16_MAX);
    }
    return 0;
}

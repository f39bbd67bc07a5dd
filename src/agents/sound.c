// SPDX-License-Identifier: Apache-2.0
#include "agents/sound.h"

#include <string.h>

enum {
    CODING_PCM = 1,
    CODING_EXTENDED = 0xfffe, /* the coding stands further behind */
    CODING_EXTENDED_AT = 24,
    FORMAT_BYTES = 16,
    CHUNK_HEAD_BYTES = 8,
    RIFF_HEAD_BYTES = 12,
    SAMPLE_BYTES = 2,
    CHANNELS_MAX = 64
};

static uint32_t read_u32(const char *bytes) {
    uint32_t number = 0;
    for (int i = 3; i >= 0; i--) {
        number = number << 8 | (uint8_t)bytes[i];
    }
    return number;
}

static uint32_t read_u16(const char *bytes) {
    return (uint32_t)(uint8_t)bytes[0] | (uint32_t)(uint8_t)bytes[1] << 8;
}

static status read_format(struct slice chunk, struct sound *sound, struct error *err) {
    if (chunk.count < FORMAT_BYTES) {
        return fail(err, STATUS_INVALID, "the WAV file is cut short in its head");
    }
    uint32_t coding = read_u16(chunk.bytes);
    if (coding == CODING_EXTENDED && chunk.count >= CODING_EXTENDED_AT + 2) {
        coding = read_u16(chunk.bytes + CODING_EXTENDED_AT);
    }
    const uint32_t bits = read_u16(chunk.bytes + 14);
    sound->channels = read_u16(chunk.bytes + 2);
    sound->rate = read_u32(chunk.bytes + 4);
    if (coding != CODING_PCM || bits != 8 * SAMPLE_BYTES) {
        return fail(err, STATUS_INVALID,
                    "the WAV file has coding %u with %u bits: PCM with 16 bits is wanted", coding,
                    bits);
    }
    if (sound->channels == 0 || sound->channels > CHANNELS_MAX) {
        return fail(err, STATUS_INVALID, "the WAV file says that it has %u channels",
                    sound->channels);
    }
    return STATUS_OK;
}

static void take_samples(struct slice bytes, struct sound *sound) {
    sound->bytes = (const uint8_t *)bytes.bytes;
    sound->count = bytes.count / SAMPLE_BYTES / sound->channels;
}

/* Chunk behind chunk: a name, a count of bytes, the bytes, one more where that is odd. */
static status read_wav(struct slice bytes, struct sound *sound, struct error *err) {
    if (bytes.count < RIFF_HEAD_BYTES || memcmp(bytes.bytes, "RIFF", 4) != 0 ||
        memcmp(bytes.bytes + 8, "WAVE", 4) != 0) {
        return fail(err, STATUS_INVALID, "the bytes are no WAV file");
    }
    struct slice rest = slice_part(bytes, RIFF_HEAD_BYTES, bytes.count);
    while (rest.count >= CHUNK_HEAD_BYTES) {
        const uint32_t said = read_u32(rest.bytes + 4);
        const bool data = memcmp(rest.bytes, "data", 4) == 0;
        const bool format = memcmp(rest.bytes, "fmt ", 4) == 0;
        const struct slice behind = slice_part(rest, CHUNK_HEAD_BYTES, rest.count);
        const bool open = data && said == UINT32_MAX; /* who wrote it did not know yet */
        if (!open && said > behind.count) {
            return fail(err, STATUS_INVALID, "the WAV file is cut short: %zu of %u bytes are there",
                        behind.count, said);
        }
        const struct slice chunk = slice_part(behind, 0, open ? behind.count : said);
        if (format) {
            TRY(read_format(chunk, sound, err));
        } else if (data && sound->channels > 0) {
            take_samples(chunk, sound);
            return STATUS_OK;
        }
        rest = slice_part(behind, (size_t)said + said % 2, behind.count);
    }
    return fail(err, STATUS_INVALID, "the WAV file has no samples");
}

/* The number behind `name=` among a type's parameters; 0: there is none. */
static uint32_t parameter(struct slice type, const char *name) {
    size_t at = slice_find(type, ';');
    while (at < type.count) {
        const struct slice rest = slice_trim(slice_part(type, at + 1, type.count));
        const size_t end = slice_find(rest, ';');
        const struct slice item = slice_part(rest, 0, end);
        const size_t equals = slice_find(item, '=');
        if (slice_is(slice_trim(slice_part(item, 0, equals)), name)) {
            uint32_t number = 0;
            for (size_t i = equals + 1; i < item.count && number < 100000000; i++) {
                if (item.bytes[i] < '0' || item.bytes[i] > '9') {
                    return 0;
                }
                number = number * 10 + (uint32_t)(item.bytes[i] - '0');
            }
            return number;
        }
        type = rest;
        at = end;
    }
    return 0;
}

status sound_read(struct slice type, struct slice bytes, struct sound *out_sound,
                  struct error *err) {
    const struct slice name = slice_trim(slice_part(type, 0, slice_find(type, ';')));
    struct sound sound = {0};
    if (slice_is(name, "audio/L16") || slice_is(name, "audio/l16")) {
        const uint32_t channels = parameter(type, "channels");
        if (channels > CHANNELS_MAX) {
            return fail(err, STATUS_INVALID, "the sound says that it has %u channels", channels);
        }
        sound.channels = channels > 0 ? channels : 1;
        sound.rate = parameter(type, "rate");
        sound.big_endian = true;
        take_samples(bytes, &sound);
    } else if (slice_is(name, "audio/wav") || slice_is(name, "audio/x-wav") ||
               slice_is(name, "audio/wave") || slice_is(name, "audio/vnd.wave")) {
        TRY(read_wav(bytes, &sound, err));
    } else {
        return fail(err, STATUS_INVALID, "it is %.*s: audio/wav or audio/L16 is wanted",
                    SLICE_ARGS(name.count > 0 ? name : SLICE("of no type")));
    }
    *out_sound = sound;
    return STATUS_OK;
}

int sound_sample(const struct sound *sound, size_t index) {
    const uint8_t *at = sound->bytes + index * SAMPLE_BYTES;
    const unsigned high = at[sound->big_endian ? 0 : 1];
    const unsigned low = at[sound->big_endian ? 1 : 0];
    const int number = (int)(high << 8 | low);
    return number < 0x8000 ? number : number - 0x10000;
}

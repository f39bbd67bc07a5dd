/*
 * sound: samples of 16 bits in the bytes of a blob: a WAV file, or raw as audio/L16 has them.
 *
 * Foreign bytes: every count in them is held against what is there. Other codings than PCM of 16
 * bits are refused by name; nothing is resampled or mixed.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

struct sound {
    uint32_t rate;        /* samples a second of one channel; 0: the bytes do not say */
    uint32_t channels;    /* at least 1 */
    size_t count;         /* samples of one channel */
    const uint8_t *bytes; /* not owned */
    bool big_endian;
};

/* `type` is the blob's: audio/wav (also x-wav, wave, vnd.wave), or audio/L16 with `rate` and
 * `channels` as its parameters. INVALID: no such sound, or cut short. */
status sound_read(struct slice type, struct slice bytes, struct sound *out_sound,
                  struct error *err);

/* A sample, from -32768 to 32767; `index` counts those of all channels. */
int sound_sample(const struct sound *sound, size_t index);

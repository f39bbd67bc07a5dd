// SPDX-License-Identifier: Apache-2.0
#include "platform/exif.h"

#include <stdbool.h>

enum { ORIENTATION_TAG = 0x0112, TYPE_SHORT = 3, HEADER_BYTES = 8, ENTRY_BYTES = 12 };

/* Two or four bytes at `at`, which must be there. */
static uint32_t number_at(struct slice tiff, size_t at, uint32_t bytes, bool big_endian) {
    uint32_t number = 0;
    for (uint32_t i = 0; i < bytes; i++) {
        const uint32_t byte = (uint8_t)tiff.bytes[at + i];
        number |= byte << 8 * (big_endian ? bytes - 1 - i : i);
    }
    return number;
}

uint8_t exif_orientation(struct slice tiff) {
    const bool big_endian = slice_starts(tiff, "MM");
    if (tiff.count < HEADER_BYTES || (!big_endian && !slice_starts(tiff, "II")) ||
        number_at(tiff, 2, 2, big_endian) != 42) {
        return 1;
    }
    const size_t directory = number_at(tiff, 4, 4, big_endian);
    if (directory > tiff.count - 2) {
        return 1;
    }
    const uint32_t entries = number_at(tiff, directory, 2, big_endian);
    for (uint32_t i = 0; i < entries; i++) {
        const size_t at = directory + 2 + (size_t)i * ENTRY_BYTES;
        if (at + ENTRY_BYTES > tiff.count) {
            break;
        }
        if (number_at(tiff, at, 2, big_endian) == ORIENTATION_TAG) {
            const uint32_t value = number_at(tiff, at + 8, 2, big_endian);
            const bool is_short = number_at(tiff, at + 2, 2, big_endian) == TYPE_SHORT;
            return is_short && value >= 1 && value <= 8 ? (uint8_t)value : 1;
        }
    }
    return 1;
}

/*
 * jpeg_head: what a JPEG says about itself in front of its first scan: size, kind, orientation.
 *
 * It is read before a library is let near the bytes, since it decides what decoding would cost.
 * Decoding is platform/image_jpeg.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

struct jpeg_head {
    uint32_t width, height;
    uint8_t orientation;        /* of EXIF, 1 to 8 */
    uint32_t scans;             /* at least 1 */
    uint64_t coefficient_bytes; /* what a decoder keeps of all scans; 0 when there is one scan */
};

/* INVALID: it is cut off before its first scan, or a part of it makes no sense. */
status jpeg_head_read(struct slice encoded, struct jpeg_head *out_head, struct error *err);

/*
 * image_jpeg: the door to libjpeg-turbo; platform/image alone goes through it.
 *
 * Baseline and progressive, grey, colour, CMYK and YCCK (inverted, as all programs write them).
 * What libjpeg calls a warning (a picture that ends too early) is a failure here.
 *
 * Thread: any.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "platform/image.h"

enum { IMAGE_JPEG_SCAN_PIXELS_MAX = 1 << 30 }; /* pixels times scans: what decoding may take */

/* NOT_FOUND: the library is not installed. */
status image_jpeg_check(struct error *err);

status image_jpeg_look(struct slice encoded, struct image_facts *facts, struct error *err);

status image_jpeg_decode(struct slice encoded, const struct image_facts *facts, uint32_t shrink,
                         struct image *out_image, struct error *err);

status image_jpeg_encode(const struct image *image, int quality, char **out_bytes,
                         size_t *out_count, struct error *err);

/*
 * image_png: the door to libspng; platform/image alone goes through it.
 *
 * All that PNG has: 1 to 16 bits, grey, colour, palette, transparency, interlaced. Sixteen bits
 * become eight. Gamma and colour profiles are not looked at.
 *
 * Thread: any.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "platform/image.h"

enum { IMAGE_PNG_CHUNK_BYTES_MAX = 1 << 20 }; /* of what lies beside the pixels */

/* NOT_FOUND: the library is not installed. */
status image_png_check(struct error *err);

status image_png_look(struct slice encoded, struct image_facts *facts, struct error *err);

status image_png_decode(struct slice encoded, const struct image_facts *facts,
                        struct image_colour ground, struct image *out_image, struct error *err);

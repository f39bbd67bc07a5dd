/*
 * image: a picture as pixels, out of the bytes of a JPEG or PNG, and a JPEG again.
 *
 * What the bytes are is told by their content, not by a name. image_look costs little and says what
 * decoding would give; image_decode gives rows of red, green and blue. Both judge bytes of
 * strangers: sides and pixels are bounded before anything is allocated, and a picture that is cut
 * off or damaged is refused with a sentence, never half shown. What a camera held turned comes as
 * it lies in the file; image_way says where its pixels belong.
 *
 * Not here: other sizes (agents/resample), tensors (agents/picture_tensor). libjpeg-turbo and
 * libspng have their doors beside this file and are loaded with the first picture.
 *
 * Thread: any; decoding takes milliseconds: never on the loop.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

enum {
    IMAGE_SIDE_MAX = 32767,
    IMAGE_PIXELS_MAX = 64 << 20,
    IMAGE_WORK_BYTES_MAX = 256 << 20, /* of pixels, and of what a JPEG of many scans keeps */
    IMAGE_CHANNELS = 3,
    IMAGE_SHRINK_MAX = 8
};

enum image_format { IMAGE_JPEG, IMAGE_PNG };

struct image_facts {
    enum image_format format;
    uint32_t width, height; /* as the file holds them */
    uint8_t orientation;    /* of EXIF, 1 to 8; from 5 on width and height change places */
};

struct image_colour {
    uint8_t red, green, blue;
};

struct image {
    uint32_t width, height;
    uint32_t shrunk; /* 1, 2, 4 or 8: a pixel stands for so many of the file, squared */
    uint8_t *pixels; /* owned: red, green, blue; rows from the top, without gaps */
};

/* Whether pictures can be read here at all: loads the libraries. NOT_FOUND names the package that
 * is not installed. */
status image_check(struct error *err);

/* What the bytes are. INVALID: nothing that we read, too large, or damaged in its head. NOT_FOUND:
 * a library is not installed. */
status image_look(struct slice encoded, struct image_facts *out_facts, struct error *err);

/* The pixels of what image_look said about the same bytes. A JPEG may be asked for `shrink` times
 * smaller (1, 2, 4 or 8), which is much faster; a PNG comes whole whatever is asked. What is
 * transparent lies on `ground`. INVALID: it is damaged or cut off. */
status image_decode(struct slice encoded, const struct image_facts *facts, uint32_t shrink,
                    struct image_colour ground, struct image *out_image, struct error *err);

/* Black. INVALID when that is beyond the bounds. */
status image_create(uint32_t width, uint32_t height, struct image *out_image, struct error *err);

/* A part of it, in whole pixels that it has. */
status image_cut(const struct image *image, uint32_t x, uint32_t y, uint32_t width, uint32_t height,
                 struct image *out_image, struct error *err);

/* An image of zeroes may be done away with as well. */
void image_done(struct image *image);

/* A JPEG of it in *out_bytes (of memory_new; the caller's). Quality from 1 to 100. */
status image_encode_jpeg(const struct image *image, int quality, char **out_bytes,
                         size_t *out_count, struct error *err);

/* Where pixel (x, y) of the file belongs in the upright picture: at first + x * right + y * down,
 * in a grid whose rows are `pitch` long. Width and height are the file's, or of what it was
 * resampled to before it was turned. */
struct image_way {
    ptrdiff_t first, right, down;
};
struct image_way image_way(uint8_t orientation, uint32_t width, uint32_t height, size_t pitch);

/* Turns the pixels as the orientation says. */
status image_turn_upright(struct image *image, uint8_t orientation, struct error *err);

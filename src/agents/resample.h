/*
 * resample: a part of a picture in another size, a row at a time.
 *
 * Bilinear, and where it shrinks each pixel is the weighted mean of all those that it stands for:
 * nothing flickers, nothing is lost between the rows. The same numbers as Pillow's BILINEAR but for
 * rounding, which is left to whoever takes a row.
 *
 * Thread: any; one resampler at a time belongs to one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "platform/image.h"

/* A part of a picture, in pixels; it may begin and end within one. */
struct resample_part {
    double x, y, width, height;
};

/* For each pixel of the result: where the first one lies of which it is made, how many there are
 * (at most `reach`), and how much each weighs. */
struct resample_taps {
    uint32_t reach;
    uint32_t *starts; /* owned */
    uint32_t *counts; /* owned */
    float *weights;   /* owned; `reach` for each */
};

struct resampler {
    const struct image *image; /* not owned */
    uint32_t width, height;    /* of the result */
    struct resample_taps across, down;
    uint32_t left, columns; /* of the picture, the only ones that are looked at */
    float *between;         /* owned: those columns of one row of the result */
    float *row;             /* owned */
};

/* A pixel of a row is red, green, blue and a number without meaning. */
enum { RESAMPLE_STEP = 4 };

/* `part` lies within the picture; width and height of the result are at most IMAGE_SIDE_MAX. */
status resampler_init(struct resampler *resampler, const struct image *image,
                      const struct resample_part *part, uint32_t width, uint32_t height,
                      struct error *err);

/* Row y of the result, numbers from 0 to 255; good until the next row is asked for. */
const float *resampler_row(struct resampler *resampler, uint32_t y);

/* A resampler of zeroes may be done away with as well. */
void resampler_done(struct resampler *resampler);

/* The part as a picture of its own. */
status resample_image(const struct image *image, const struct resample_part *part, uint32_t width,
                      uint32_t height, struct image *out_image, struct error *err);

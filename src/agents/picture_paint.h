/*
 * picture_paint: what ebb draws into pictures: boxes with their labels, dots, and blur.
 *
 * Places are fractions of the upright picture, as detectors give them; what reaches beyond it is
 * cut. Lines and letters grow with the picture.
 *
 * Thread: any; blurring takes memory and time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "agents/resample.h"
#include "base/value.h"
#include "platform/image.h"

/* A part of a picture, in fractions of its width and height. */
struct picture_box {
    double x, y, width, height;
};

/* A list [x, y, width, height], or an object whose `box` is one. false: neither, or not four finite
 * numbers, or an empty box. */
bool picture_box_read(struct value value, struct picture_box *out_box);

/* The part of the image, in pixels, with `margin` times its own size more on each side, cut to what
 * the image has. false: nothing of it lies within. */
bool picture_box_part(const struct picture_box *box, double margin, const struct image *image,
                      struct resample_part *out_part);

/* The colour of a label, always the same for the same one. */
struct image_colour paint_colour_of(struct slice label);

void paint_box(struct image *image, const struct picture_box *box, struct image_colour colour);
void paint_dot(struct image *image, double x, double y, struct image_colour colour);

/* The text on ground of the colour, above the box or, where there is no room, within. */
void paint_label(struct image *image, const struct picture_box *box, struct image_colour colour,
                 struct slice text);

/* Leaves of what lies in the box no more than a few patches of colour. */
status paint_blur(struct image *image, const struct picture_box *box, struct error *err);

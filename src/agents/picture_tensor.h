/*
 * picture_tensor: a picture as the tensor that a model looks at.
 *
 * Decoded no larger than it must be, turned upright, brought to the tensor's size, and each channel
 * (v * scale + offset - mean) / deviation, where v is 0 to 255. The picture's rows go through one
 * after another; nothing of its size is kept but its pixels.
 *
 * What the model finds is in pixels of the tensor: picture_fit says where in the picture that is.
 *
 * Thread: any, several at once; takes milliseconds.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "base/slice.h"
#include "base/tensor.h"
#include "platform/image.h"

/* How a picture of another shape than the tensor's is fitted in. */
enum picture_resize {
    PICTURE_LETTERBOX, /* whole, in the middle, with `fill` beside it */
    PICTURE_STRETCH,   /* whole, out of shape */
    PICTURE_CROP       /* its middle, without what is too wide or too high */
};

enum picture_layout { PICTURE_NCHW, PICTURE_NHWC };
enum picture_colours { PICTURE_RGB, PICTURE_BGR, PICTURE_GREY };

struct picture_before {
    enum picture_resize resize;
    enum picture_layout layout;
    enum picture_colours colours;
    uint32_t width, height; /* of a tensor whose shape the model leaves open; 0: not said */
    double scale, offset;
    double mean[IMAGE_CHANNELS], deviation[IMAGE_CHANNELS]; /* of the tensor's channels in order */
    struct image_colour fill; /* where there is no picture: beside it, and what is transparent */
};

/* What is done when nothing is said: letterbox, nchw, rgb, 0 to 255 as they are. */
extern const struct picture_before PICTURE_BEFORE_DEFAULT;

/* Where the picture lies in the tensor: its part (fractions of the upright picture) fills the
 * area (pixels of the tensor). */
struct picture_fit {
    uint32_t picture_width, picture_height; /* upright, in the file's pixels */
    uint32_t width, height;                 /* of the tensor */
    double part_x, part_y, part_width, part_height;
    uint32_t area_x, area_y, area_width, area_height;
};

/* Whether a tensor of that type and shape can be filled; its bytes are not looked at. INVALID says
 * what is wrong with it. */
status picture_tensor_check(const struct picture_before *before, const struct tensor *tensor,
                            struct error *err);

/* Fills a tensor whose type, shape and bytes are there: [1, C, H, W] or [1, H, W, C] as the layout
 * says, with or without the 1; C is 3, or 1 for grey. float32, float16, uint8 or int8, these two
 * rounded and cut to what they hold. INVALID: the picture is none, damaged or too large, or the
 * tensor is not of that shape or type. */
status picture_tensor_fill(const struct picture_before *before, struct slice encoded,
                           struct tensor *tensor, struct picture_fit *out_fit, struct error *err);

/* A place in the tensor, in its pixels, as a fraction of the upright picture; not cut to it. */
double picture_fit_x(const struct picture_fit *fit, double x);
double picture_fit_y(const struct picture_fit *fit, double y);

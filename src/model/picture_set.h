/*
 * picture_set: small pictures of one size in memory, each with a label or without, for training.
 *
 * A picture is bytes, channel after channel, rows from the top. They come from IDX files (the
 * format of MNIST and its kin: unsigned bytes, count x height x width) or from a caller that has
 * decoded and resized them. Memory is bounded at birth.
 *
 * Reading a file blocks: programs and tools. Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

enum {
    PICTURE_SIDE_MAX = 256,
    PICTURE_CHANNELS_MAX = 4,
    PICTURE_LABELS_MAX = 1000,
    PICTURE_COUNT_MAX = 4 << 20,
    PICTURE_NO_LABEL = -1,
    IDX_NO_LABEL = 255, /* in a file of labels */
    IDX_FILE_BYTES_MAX = 1 << 30
};

struct picture_shape {
    uint32_t channels, height, width;
};

/* Plain to read; changed by the functions below alone. */
struct picture_set {
    struct picture_shape shape;
    uint8_t *pixels; /* owned: picture after picture */
    int16_t *labels; /* owned: PICTURE_NO_LABEL where there is none */
    size_t count, room;
    size_t bytes_max;
};

size_t picture_bytes(const struct picture_shape *shape);

/* INVALID for a shape that is none. */
status picture_set_init(struct picture_set *set, const struct picture_shape *shape,
                        size_t bytes_max, struct error *err);
void picture_set_done(struct picture_set *set);

/* Copies one picture of the set's shape. FULL at the bound. */
status picture_set_add(struct picture_set *set, const uint8_t *pixels, int16_t label,
                       struct error *err);

/* The pictures of an IDX file's bytes, grey, with the labels of another (bytes NULL: without), as a
 * new set. CORRUPT, INVALID: what is wrong with them; FULL: more than `bytes_max`. */
status picture_set_parse_idx(struct slice pictures, struct slice labels, size_t bytes_max,
                             struct picture_set *out_set, struct error *err);

/* The same from files. */
status picture_set_read_idx(const char *pictures_path, const char *labels_path, size_t bytes_max,
                            struct picture_set *out_set, struct error *err);

// SPDX-License-Identifier: Apache-2.0
#include "agents/manifest_picture.h"

#include <stddef.h>
#include <string.h>

#include "agents/manifest_numbers.h"

static const struct number_range ANY = {-1e9, 1e9};

static const char *const RESIZES[] = {"letterbox", "stretch", "crop", NULL};
static const char *const LAYOUTS[] = {"nchw", "nhwc", NULL};
static const char *const COLOURS[] = {"rgb", "bgr", "grey", NULL};

/* A number of 1 to IMAGE_SIDE_MAX, the whole slice. */
static bool read_side(struct slice text, uint32_t *out_side) {
    uint32_t side = 0;
    for (size_t i = 0; i < text.count; i++) {
        const char digit = text.bytes[i];
        if (digit < '0' || digit > '9' || side > IMAGE_SIDE_MAX) {
            return false;
        }
        side = side * 10 + (uint32_t)(digit - '0');
    }
    *out_side = side;
    return side >= 1 && side <= IMAGE_SIDE_MAX;
}

static void read_size(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct picture_before *before = &((struct manifest_picture *)target)->before;
    struct slice text;
    if (!keys_scalar(reading, key->name, "width x height, such as 320x320", node, &text)) {
        return;
    }
    const size_t by = slice_find(text, 'x');
    if (!read_side(slice_part(text, 0, by), &before->width) ||
        !read_side(slice_part(text, by + 1, text.count), &before->height)) {
        faults_add(reading->faults, node->place,
                   "`%s: %.*s`: width x height in pixels, such as 320x320, at most %d each",
                   key->name, QUOTED(text), IMAGE_SIDE_MAX);
    }
}

static int hex_digit(char c) {
    static const char DIGITS[] = "0123456789abcdef";
    const char *found = c != 0 ? strchr(DIGITS, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;
    return found != NULL ? (int)(found - DIGITS) : -1;
}

static void read_fill(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    struct slice text;
    uint32_t number = 0;
    if (!keys_scalar(reading, key->name, "a colour such as \"#727272\"", node, &text)) {
        return;
    }
    bool right = text.count == 7 && text.bytes[0] == '#';
    for (size_t i = 1; right && i < text.count; i++) {
        const int digit = hex_digit(text.bytes[i]);
        right = digit >= 0;
        number = number << 4 | (uint32_t)(digit & 15);
    }
    if (!right) {
        faults_add(reading->faults, node->place,
                   "`%s: %.*s`: a colour is # and six digits, in quotes, such as \"#727272\"",
                   key->name, QUOTED(text));
        return;
    }
    ((struct manifest_picture *)target)->before.fill = (struct image_colour){
        (uint8_t)(number >> 16), (uint8_t)(number >> 8 & 255), (uint8_t)(number & 255)};
}

static void read_layout(struct reading *reading, const struct key *key, const struct yaml *node,
                        void *target) {
    ((struct manifest_picture *)target)->has_layout = true;
    keys_read_word(reading, key, node, target);
}

/* One number, of `scale` and `offset`. */
static void read_one(struct reading *reading, const struct key *key, const struct yaml *node,
                     void *target) {
    double number;
    if (manifest_number(reading, key->name, node, ANY, &number)) {
        (void)memcpy((char *)target + key->offset, &number, sizeof(number));
        ((struct manifest_picture *)target)->scaled = true;
    }
}

/* A number for each channel, of `mean` and `std`. */
static void read_each(struct reading *reading, const struct key *key, const struct yaml *node,
                      void *target) {
    double numbers[IMAGE_CHANNELS];
    if (!manifest_numbers(reading, key->name, node, ANY, IMAGE_CHANNELS, numbers)) {
        return;
    }
    for (int i = 0; key->least > 0 && i < IMAGE_CHANNELS; i++) {
        if (!(numbers[i] > 0)) {
            faults_add(reading->faults, node->place, "`%s` is above 0: numbers are divided by it",
                       key->name);
            return;
        }
    }
    (void)memcpy((char *)target + key->offset, numbers, sizeof(numbers));
    ((struct manifest_picture *)target)->scaled = true;
}

static const struct key PICTURE_KEYS[] = {
    {.name = "from",
     .read = keys_read_text,
     .offset = offsetof(struct manifest_picture, from),
     .help = "The input of the agent that is the picture; image.",
     .form = FORM_TEXT},
    {.name = "to",
     .read = keys_read_text,
     .offset = offsetof(struct manifest_picture, to),
     .help = "The input of the model that it becomes.",
     .form = FORM_TEXT},
    {.name = "resize",
     .read = keys_read_word,
     .offset = offsetof(struct manifest_picture, before.resize),
     .words = RESIZES,
     .help = "How another shape is fitted in: letterbox (whole, with margins), stretch or crop."},
    {.name = "size",
     .read = read_size,
     .help = "Width x height where the model takes any: 320x320.",
     .form = FORM_TEXT},
    {.name = "layout",
     .read = read_layout,
     .offset = offsetof(struct manifest_picture, before.layout),
     .words = LAYOUTS,
     .help = "The order of channels, rows and columns; as the model's input shows."},
    {.name = "colour",
     .read = keys_read_word,
     .offset = offsetof(struct manifest_picture, before.colours),
     .words = COLOURS,
     .help = "The channels: rgb, bgr or grey."},
    {.name = "scale",
     .read = read_one,
     .offset = offsetof(struct manifest_picture, before.scale),
     .help = "What each number, 0 to 255, is multiplied with, such as 1/255; 1.",
     .form = FORM_TEXT},
    {.name = "offset",
     .read = read_one,
     .offset = offsetof(struct manifest_picture, before.offset),
     .help = "What is added then; 0.",
     .form = FORM_TEXT},
    {.name = "mean",
     .read = read_each,
     .offset = offsetof(struct manifest_picture, before.mean),
     .help = "What is taken off then: a number, or one for each channel; 0.",
     .form = FORM_ANYTHING},
    {.name = "std",
     .read = read_each,
     .offset = offsetof(struct manifest_picture, before.deviation),
     .least = 1,
     .help = "What it is divided by at last: a number, or one for each channel; 1.",
     .form = FORM_ANYTHING},
    {.name = "fill",
     .read = read_fill,
     .help = "The colour of margins and of what is transparent: \"#727272\"; black.",
     .form = FORM_TEXT},
    {0}};
const struct key_table MANIFEST_PICTURE_TABLE = {
    .what = "`image`", .keys = PICTURE_KEYS, .example = "{ resize: letterbox, scale: 1/255 }"};

void manifest_read_picture(struct reading *reading, const struct key *key, const struct yaml *node,
                           void *target) {
    struct manifest_picture *picture = arena_get(reading->arena, 1, sizeof(*picture));
    if (picture == NULL) {
        reading->faults->no_memory = true;
        return;
    }
    picture->before = PICTURE_BEFORE_DEFAULT;
    if (keys_read(reading, &MANIFEST_PICTURE_TABLE, node, picture)) {
        (void)memcpy((char *)target + key->offset, &picture, sizeof(picture));
    }
}

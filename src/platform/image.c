// SPDX-License-Identifier: Apache-2.0
#include "platform/image.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "platform/image_jpeg.h"
#include "platform/image_png.h"

/* How files begin, those that we read first. */
static const struct {
    const char *name;
    const char *begins;
    size_t count;
} FORMATS[] = {
    [IMAGE_JPEG] = {"a JPEG", "\xff\xd8\xff", 3},
    [IMAGE_PNG] = {"a PNG", "\x89PNG\r\n\x1a\n", 8},
    {"a GIF", "GIF8", 4},
    {"a WebP", "RIFF", 4},
    {"a TIFF", "II*\0", 4},
    {"a TIFF", "MM\0*", 4},
    {"a BMP", "BM", 2},
};
enum { FORMATS_READ = IMAGE_PNG + 1 };

status image_check(struct error *err) {
    TRY(image_jpeg_check(err));
    return image_png_check(err);
}

static status find_format(struct slice encoded, enum image_format *out_format, struct error *err) {
    if (encoded.count == 0) {
        return fail(err, STATUS_INVALID, "no picture: it has no bytes at all");
    }
    for (size_t i = 0; i < sizeof(FORMATS) / sizeof(FORMATS[0]); i++) {
        if (encoded.count < FORMATS[i].count ||
            memcmp(encoded.bytes, FORMATS[i].begins, FORMATS[i].count) != 0) {
            continue;
        }
        if (i >= FORMATS_READ) {
            return fail(err, STATUS_INVALID, "this is %s: pictures are JPEG or PNG",
                        FORMATS[i].name);
        }
        *out_format = (enum image_format)i;
        return STATUS_OK;
    }
    return fail(err, STATUS_INVALID, "no picture: it begins like no JPEG and no PNG");
}

static status check_size(uint32_t width, uint32_t height, struct error *err) {
    if (width == 0 || height == 0) {
        return fail(err, STATUS_INVALID, "a picture of %u x %u pixels is none", width, height);
    }
    if (width > IMAGE_SIDE_MAX || height > IMAGE_SIDE_MAX ||
        (uint64_t)width * height > IMAGE_PIXELS_MAX) {
        return fail(err, STATUS_INVALID,
                    "a picture of %u x %u pixels is too large: a side has at most %d, all of it "
                    "at most %d million",
                    width, height, IMAGE_SIDE_MAX, IMAGE_PIXELS_MAX >> 20);
    }
    return STATUS_OK;
}

status image_look(struct slice encoded, struct image_facts *out_facts, struct error *err) {
    struct image_facts facts = {.orientation = 1};
    TRY(find_format(encoded, &facts.format, err));
    TRY(facts.format == IMAGE_JPEG ? image_jpeg_look(encoded, &facts, err)
                                   : image_png_look(encoded, &facts, err));
    TRY(check_size(facts.width, facts.height, err));
    *out_facts = facts;
    return STATUS_OK;
}

status image_decode(struct slice encoded, const struct image_facts *facts, uint32_t shrink,
                    struct image_colour ground, struct image *out_image, struct error *err) {
    return facts->format == IMAGE_JPEG ? image_jpeg_decode(encoded, facts, shrink, out_image, err)
                                       : image_png_decode(encoded, facts, ground, out_image, err);
}

status image_create(uint32_t width, uint32_t height, struct image *out_image, struct error *err) {
    TRY(check_size(width, height, err));
    uint8_t *pixels = memory_new((size_t)width * height, IMAGE_CHANNELS);
    if (pixels == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a picture of %u x %u pixels", width,
                    height);
    }
    *out_image = (struct image){.width = width, .height = height, .shrunk = 1, .pixels = pixels};
    return STATUS_OK;
}

status image_cut(const struct image *image, uint32_t x, uint32_t y, uint32_t width, uint32_t height,
                 struct image *out_image, struct error *err) {
    assert(width <= image->width && x <= image->width - width);
    assert(height <= image->height && y <= image->height - height);
    const size_t row = (size_t)width * IMAGE_CHANNELS;
    struct image cut;
    TRY(image_create(width, height, &cut, err));
    for (uint32_t i = 0; i < height; i++) {
        const size_t from = ((size_t)(y + i) * image->width + x) * IMAGE_CHANNELS;
        (void)memcpy(cut.pixels + i * row, image->pixels + from, row);
    }
    *out_image = cut;
    return STATUS_OK;
}

void image_done(struct image *image) {
    memory_free(image->pixels);
    *image = (struct image){0};
}

status image_encode_jpeg(const struct image *image, int quality, char **out_bytes,
                         size_t *out_count, struct error *err) {
    return image_jpeg_encode(image, quality, out_bytes, out_count, err);
}

struct image_way image_way(uint8_t orientation, uint32_t width, uint32_t height, size_t pitch) {
    const ptrdiff_t row = (ptrdiff_t)pitch;
    const ptrdiff_t right = (ptrdiff_t)width - 1;
    const ptrdiff_t bottom = (ptrdiff_t)height - 1;
    switch (orientation) {
    case 2:
        return (struct image_way){right, -1, row};
    case 3:
        return (struct image_way){right + bottom * row, -1, -row};
    case 4:
        return (struct image_way){bottom * row, 1, -row};
    case 5:
        return (struct image_way){0, row, 1};
    case 6:
        return (struct image_way){bottom, row, -1};
    case 7:
        return (struct image_way){bottom + right * row, -row, -1};
    case 8:
        return (struct image_way){right * row, -row, 1};
    default:
        return (struct image_way){0, 1, row};
    }
}

status image_turn_upright(struct image *image, uint8_t orientation, struct error *err) {
    if (orientation <= 1) {
        return STATUS_OK;
    }
    const bool swaps = orientation >= 5;
    struct image turned;
    TRY(image_create(swaps ? image->height : image->width, swaps ? image->width : image->height,
                     &turned, err));
    turned.shrunk = image->shrunk;
    const struct image_way way = image_way(orientation, image->width, image->height, turned.width);
    const uint8_t *from = image->pixels;
    for (uint32_t y = 0; y < image->height; y++) {
        ptrdiff_t to = way.first + (ptrdiff_t)y * way.down;
        for (uint32_t x = 0; x < image->width; x++) {
            (void)memcpy(turned.pixels + to * IMAGE_CHANNELS, from, IMAGE_CHANNELS);
            from += IMAGE_CHANNELS;
            to += way.right;
        }
    }
    image_done(image);
    *image = turned;
    return STATUS_OK;
}

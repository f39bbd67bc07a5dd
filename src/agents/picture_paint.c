// SPDX-License-Identifier: Apache-2.0
#include "agents/picture_paint.h"

#include <math.h>
#include <string.h>

#include "agents/picture_font.h"

enum {
    SIDE_OF_A_LINE = 200, /* pixels of the shorter side for each pixel of a line */
    SIDE_OF_A_DOT = 256,  /* and for each pixel that a dot of a letter is wide */
    BLUR_PATCHES = 5,     /* of a blurred box, along its longer side */
    LETTER_ADVANCE = PICTURE_FONT_WIDTH + 1
};

static const struct image_colour COLOURS[] = {{46, 204, 64},  {255, 65, 54},  {0, 116, 217},
                                              {255, 133, 27}, {177, 13, 201}, {57, 204, 204},
                                              {255, 220, 0},  {240, 18, 190}};

/* Pixels from (left, top) up to but not including (right, bottom). */
struct area {
    int64_t left, top, right, bottom;
};

static int64_t shorter_side(const struct image *image) {
    return image->width < image->height ? image->width : image->height;
}

static int64_t thickness(const struct image *image, int64_t side) {
    return 1 + shorter_side(image) / side;
}

static void fill_area(struct image *image, struct area area, struct image_colour colour) {
    const int64_t left = area.left > 0 ? area.left : 0;
    const int64_t top = area.top > 0 ? area.top : 0;
    const int64_t right = area.right < image->width ? area.right : image->width;
    const int64_t bottom = area.bottom < image->height ? area.bottom : image->height;
    for (int64_t y = top; y < bottom; y++) {
        uint8_t *to = image->pixels + (y * image->width + left) * IMAGE_CHANNELS;
        for (int64_t x = left; x < right; x++) {
            *to++ = colour.red;
            *to++ = colour.green;
            *to++ = colour.blue;
        }
    }
}

bool picture_box_read(struct value value, struct picture_box *out_box) {
    const struct value *member = value_get(value, SLICE("box"));
    const struct value list = member != NULL ? *member : value;
    double numbers[4];
    if (list.kind != VALUE_LIST || list.count != 4) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        numbers[i] = value_number(list.items[i]);
        if (!value_is_number(list.items[i]) || !isfinite(numbers[i])) {
            return false;
        }
    }
    *out_box = (struct picture_box){numbers[0], numbers[1], numbers[2], numbers[3]};
    return out_box->width > 0 && out_box->height > 0;
}

static double within(double number, double most) {
    return number < 0 ? 0 : number > most ? most : number;
}

bool picture_box_part(const struct picture_box *box, double margin, const struct image *image,
                      struct resample_part *out_part) {
    const double across = box->width * margin;
    const double down = box->height * margin;
    const double left = floor(within(box->x - across, 1) * image->width);
    const double top = floor(within(box->y - down, 1) * image->height);
    const double right = ceil(within(box->x + box->width + across, 1) * image->width);
    const double bottom = ceil(within(box->y + box->height + down, 1) * image->height);
    *out_part = (struct resample_part){left, top, right - left, bottom - top};
    return right - left >= 1 && bottom - top >= 1;
}

/* The whole pixels that a box covers; of one that lies outside, none. */
static struct area area_of(const struct image *image, const struct picture_box *box) {
    struct resample_part part;
    if (!picture_box_part(box, 0, image, &part)) {
        return (struct area){0};
    }
    return (struct area){(int64_t)part.x, (int64_t)part.y, (int64_t)(part.x + part.width),
                         (int64_t)(part.y + part.height)};
}

struct image_colour paint_colour_of(struct slice label) {
    uint32_t sum = 0;
    for (size_t i = 0; i < label.count; i++) {
        sum = sum * 31 + (uint8_t)label.bytes[i];
    }
    return COLOURS[sum % (sizeof(COLOURS) / sizeof(COLOURS[0]))];
}

void paint_box(struct image *image, const struct picture_box *box, struct image_colour colour) {
    const struct area area = area_of(image, box);
    const int64_t line = thickness(image, SIDE_OF_A_LINE);
    fill_area(image, (struct area){area.left, area.top, area.right, area.top + line}, colour);
    fill_area(image, (struct area){area.left, area.bottom - line, area.right, area.bottom}, colour);
    fill_area(image, (struct area){area.left, area.top, area.left + line, area.bottom}, colour);
    fill_area(image, (struct area){area.right - line, area.top, area.right, area.bottom}, colour);
}

void paint_dot(struct image *image, double x, double y, struct image_colour colour) {
    if (!(x >= 0 && x <= 1 && y >= 0 && y <= 1)) {
        return;
    }
    const int64_t across = (int64_t)(x * image->width);
    const int64_t down = (int64_t)(y * image->height);
    const int64_t radius = thickness(image, SIDE_OF_A_LINE);
    fill_area(image, (struct area){across - radius, down - radius, across + radius, down + radius},
              colour);
}

/* Black or white, whichever is seen better on the colour. */
static struct image_colour ink_on(struct image_colour colour) {
    const int luma = (299 * colour.red + 587 * colour.green + 114 * colour.blue) / 1000;
    return luma > 127 ? (struct image_colour){0, 0, 0} : (struct image_colour){255, 255, 255};
}

static void write_letter(struct image *image, char letter, int64_t left, int64_t top, int64_t dot,
                         struct image_colour ink) {
    for (uint32_t y = 0; y < PICTURE_FONT_HEIGHT; y++) {
        for (uint32_t x = 0; x < PICTURE_FONT_WIDTH; x++) {
            if (picture_font_dot(letter, x, y)) {
                const int64_t at = left + x * dot;
                const int64_t down = top + y * dot;
                fill_area(image, (struct area){at, down, at + dot, down + dot}, ink);
            }
        }
    }
}

void paint_label(struct image *image, const struct picture_box *box, struct image_colour colour,
                 struct slice text) {
    const struct area area = area_of(image, box);
    const int64_t dot = thickness(image, SIDE_OF_A_DOT);
    const int64_t height = (PICTURE_FONT_HEIGHT + 2) * dot;
    const int64_t top = area.top >= height ? area.top - height : area.top;
    if (area.right == area.left) {
        return;
    }
    int64_t left = area.left + dot;
    for (size_t i = 0; i < text.count && left < image->width; i++) {
        /* Of a letter of several bytes the first one is shown, as a question mark. */
        if (((uint8_t)text.bytes[i] & 0xc0) == 0x80) {
            continue;
        }
        const int64_t next = left + LETTER_ADVANCE * dot;
        fill_area(image, (struct area){left - dot, top, next, top + height}, colour);
        write_letter(image, text.bytes[i], left, top + dot, dot, ink_on(colour));
        left = next;
    }
}

/* The few pixels that are left of a box, stretched over it again. */
static void lay_over(struct image *image, struct resampler *patches, struct area area) {
    for (int64_t y = area.top; y < area.bottom; y++) {
        const float *row = resampler_row(patches, (uint32_t)(y - area.top));
        uint8_t *to = image->pixels + (y * image->width + area.left) * IMAGE_CHANNELS;
        for (int64_t x = 0; x < area.right - area.left; x++) {
            for (int64_t c = 0; c < IMAGE_CHANNELS; c++) {
                *to++ = (uint8_t)(row[x * RESAMPLE_STEP + c] + 0.5f);
            }
        }
    }
}

status paint_blur(struct image *image, const struct picture_box *box, struct error *err) {
    struct resample_part part;
    if (!picture_box_part(box, 0, image, &part)) {
        return STATUS_OK;
    }
    const double longer = part.width > part.height ? part.width : part.height;
    const double patch = ceil(longer / BLUR_PATCHES);
    CLEANUP(image_done) struct image few = {0};
    TRY(resample_image(image, &part, (uint32_t)ceil(part.width / patch),
                       (uint32_t)ceil(part.height / patch), &few, err));
    const struct resample_part whole = {0, 0, few.width, few.height};
    CLEANUP(resampler_done) struct resampler patches = {0};
    TRY(resampler_init(&patches, &few, &whole, (uint32_t)part.width, (uint32_t)part.height, err));
    lay_over(image, &patches, area_of(image, box));
    return STATUS_OK;
}

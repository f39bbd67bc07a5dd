// SPDX-License-Identifier: Apache-2.0
#include "agents/picture_tensor.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "agents/resample.h"
#include "base/float16.h"
#include "base/memory.h"

enum { FILL_AT_ONCE = 32 /* pixels */ };
typedef float floats4 __attribute__((vector_size(16)));

const struct picture_before PICTURE_BEFORE_DEFAULT = {.scale = 1, .deviation = {1, 1, 1}};

/* A tensor that is being filled. Places in it are counted in numbers. */
struct canvas {
    const struct picture_before *before;
    const struct tensor *tensor;
    uint32_t width, height, channels;
    size_t channel_step, pixel_step;
    floats4 times, plus; /* what becomes of a pixel's channels, in the tensor's order */
};

/* One channel's numbers go through one multiplication and one addition. */
static void set_numbers(struct canvas *canvas) {
    const struct picture_before *before = canvas->before;
    for (int c = 0; c < IMAGE_CHANNELS; c++) {
        canvas->times[c] = (float)(before->scale / before->deviation[c]);
        canvas->plus[c] = (float)((before->offset - before->mean[c]) / before->deviation[c]);
    }
}

static status open_canvas(struct canvas *canvas, struct error *err) {
    const bool is_nchw = canvas->before->layout == PICTURE_NCHW;
    const struct tensor *tensor = canvas->tensor;
    canvas->channels = canvas->before->colours == PICTURE_GREY ? 1 : IMAGE_CHANNELS;
    const bool has_batch = tensor->rank == 4;
    const int64_t *shape = tensor->shape + has_batch; /* without the 1 */
    const int64_t *rows = shape + is_nchw;            /* height and width */
    if ((tensor->rank != 3 && !has_batch) || (has_batch && tensor->shape[0] != 1) ||
        shape[is_nchw ? 0 : 2] != canvas->channels || rows[0] < 1 || rows[0] > IMAGE_SIDE_MAX ||
        rows[1] < 1 || rows[1] > IMAGE_SIDE_MAX) {
        char text[TENSOR_TYPE_TEXT_BYTES];
        tensor_write_type(tensor, text);
        return fail(err, STATUS_INVALID,
                    "the model takes %s, and a picture in the layout %s with %u channels is %s",
                    text, is_nchw ? "nchw" : "nhwc", canvas->channels,
                    is_nchw ? "1 x channels x height x width" : "1 x height x width x channels");
    }
    if (tensor->type != TENSOR_FLOAT32 && tensor->type != TENSOR_FLOAT16 &&
        tensor->type != TENSOR_UINT8 && tensor->type != TENSOR_INT8) {
        return fail(err, STATUS_INVALID,
                    "a picture becomes float32, float16, uint8 or int8, not %s",
                    tensor_type_name(tensor->type));
    }
    canvas->height = (uint32_t)rows[0];
    canvas->width = (uint32_t)rows[1];
    const size_t pixels = (size_t)canvas->height * canvas->width;
    assert(tensor->byte_count == pixels * canvas->channels * tensor_type_bytes(tensor->type));
    canvas->channel_step = is_nchw ? pixels : 1;
    canvas->pixel_step = is_nchw ? 1 : canvas->channels;
    set_numbers(canvas);
    return STATUS_OK;
}

/* The part and the area of a letterbox or a crop: the picture keeps its shape. */
static void keep_shape(struct picture_fit *fit, bool is_crop) {
    const double across = (double)fit->width / fit->picture_width;
    const double down = (double)fit->height / fit->picture_height;
    const double times = is_crop ? fmax(across, down) : fmin(across, down);
    const double width = fmin(round(fit->picture_width * times), fit->width);
    const double height = fmin(round(fit->picture_height * times), fit->height);
    if (is_crop) {
        fit->part_width = fmin(fit->width / (fit->picture_width * times), 1);
        fit->part_height = fmin(fit->height / (fit->picture_height * times), 1);
        fit->part_x = (1 - fit->part_width) / 2;
        fit->part_y = (1 - fit->part_height) / 2;
        return;
    }
    fit->area_width = width >= 1 ? (uint32_t)width : 1;
    fit->area_height = height >= 1 ? (uint32_t)height : 1;
    fit->area_x = (fit->width - fit->area_width) / 2;
    fit->area_y = (fit->height - fit->area_height) / 2;
}

static struct picture_fit find_fit(const struct canvas *canvas, const struct image_facts *facts) {
    const bool swaps = facts->orientation >= 5;
    struct picture_fit fit = {.picture_width = swaps ? facts->height : facts->width,
                              .picture_height = swaps ? facts->width : facts->height,
                              .width = canvas->width,
                              .height = canvas->height,
                              .part_width = 1,
                              .part_height = 1,
                              .area_width = canvas->width,
                              .area_height = canvas->height};
    if (canvas->before->resize != PICTURE_STRETCH) {
        keep_shape(&fit, canvas->before->resize == PICTURE_CROP);
    }
    return fit;
}

double picture_fit_x(const struct picture_fit *fit, double x) {
    return fit->part_x + (x - fit->area_x) / fit->area_width * fit->part_width;
}

double picture_fit_y(const struct picture_fit *fit, double y) {
    return fit->part_y + (y - fit->area_y) / fit->area_height * fit->part_height;
}

/* The smallest JPEG that still has all the pixels that are asked for. */
static uint32_t find_shrink(const struct picture_fit *fit) {
    uint32_t shrink = IMAGE_SHRINK_MAX;
    while (shrink > 1 && (fit->part_width * fit->picture_width / shrink < fit->area_width ||
                          fit->part_height * fit->picture_height / shrink < fit->area_height)) {
        shrink /= 2;
    }
    return shrink;
}

static void put_number(const struct tensor *tensor, size_t at, float number) {
    const float whole = rintf(number);
    switch (tensor->type) {
    case TENSOR_FLOAT32:
        ((float *)tensor->bytes)[at] = number;
        break;
    case TENSOR_FLOAT16:
        ((uint16_t *)tensor->bytes)[at] = float16_from_float(number);
        break;
    case TENSOR_UINT8:
        ((uint8_t *)tensor->bytes)[at] = (uint8_t)(whole < 0 ? 0 : whole > 255 ? 255 : whole);
        break;
    default:
        ((int8_t *)tensor->bytes)[at] = (int8_t)(whole < -128 ? -128 : whole > 127 ? 127 : whole);
        break;
    }
}

static floats4 order_channels(enum picture_colours colours, floats4 pixel) {
    switch (colours) {
    case PICTURE_BGR:
        return (floats4){pixel[2], pixel[1], pixel[0], 0};
    case PICTURE_GREY:
        return (floats4){0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2], 0, 0, 0};
    default:
        return pixel;
    }
}

static floats4 make_pixel(const struct canvas *canvas, const float *from) {
    floats4 pixel;
    (void)memcpy(&pixel, from, sizeof(pixel));
    return order_channels(canvas->before->colours, pixel) * canvas->times + canvas->plus;
}

/* Four pixels into three planes of float32, side by side. */
static void put_four(const struct canvas *canvas, const float *row, float *to) {
    const floats4 a = make_pixel(canvas, row);
    const floats4 b = make_pixel(canvas, row + RESAMPLE_STEP);
    const floats4 c = make_pixel(canvas, row + 2 * RESAMPLE_STEP);
    const floats4 d = make_pixel(canvas, row + 3 * RESAMPLE_STEP);
    const floats4 ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    const floats4 cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    const floats4 last =
        __builtin_shufflevector(__builtin_shufflevector(a, b, 2, 6, 3, 7),
                                __builtin_shufflevector(c, d, 2, 6, 3, 7), 0, 1, 4, 5);
    const floats4 first = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
    const floats4 second = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    (void)memcpy(to, &first, sizeof(first));
    (void)memcpy(to + canvas->channel_step, &second, sizeof(second));
    (void)memcpy(to + 2 * canvas->channel_step, &last, sizeof(last));
}

/* One row of resampled pixels; the first goes to `at`, each next one `step` pixels further. */
static void put_row(const struct canvas *canvas, const float *row, uint32_t count, ptrdiff_t at,
                    ptrdiff_t step) {
    const struct tensor *tensor = canvas->tensor;
    const bool is_plain = tensor->type == TENSOR_FLOAT32 && canvas->channels == IMAGE_CHANNELS &&
                          canvas->pixel_step == 1 && step == 1;
    uint32_t x = 0;
    for (; is_plain && x + 4 <= count; x += 4, at += 4) {
        put_four(canvas, row + (size_t)x * RESAMPLE_STEP, (float *)tensor->bytes + at);
    }
    for (; x < count; x++, at += step) {
        const floats4 pixel = make_pixel(canvas, row + (size_t)x * RESAMPLE_STEP);
        const size_t first = (size_t)at * canvas->pixel_step;
        for (uint32_t c = 0; c < canvas->channels; c++) {
            put_number(tensor, first + c * canvas->channel_step, pixel[c]);
        }
    }
}

/* `width` x `height` pixels of the fill's colour from (x, y) on. */
static void fill_area(const struct canvas *canvas, uint32_t x, uint32_t y, uint32_t width,
                      uint32_t height) {
    const struct image_colour fill = canvas->before->fill;
    float pixels[FILL_AT_ONCE * RESAMPLE_STEP];
    for (uint32_t i = 0; i < FILL_AT_ONCE; i++) {
        pixels[i * RESAMPLE_STEP] = fill.red;
        pixels[i * RESAMPLE_STEP + 1] = fill.green;
        pixels[i * RESAMPLE_STEP + 2] = fill.blue;
        pixels[i * RESAMPLE_STEP + 3] = 0;
    }
    for (uint32_t down = y; down < y + height; down++) {
        for (uint32_t across = 0; across < width; across += FILL_AT_ONCE) {
            const uint32_t left = width - across;
            put_row(canvas, pixels, left < FILL_AT_ONCE ? left : FILL_AT_ONCE,
                    (ptrdiff_t)down * canvas->width + x + across, 1);
        }
    }
}

static void fill_margins(const struct canvas *canvas, const struct picture_fit *fit) {
    const uint32_t below = fit->area_y + fit->area_height;
    const uint32_t behind = fit->area_x + fit->area_width;
    fill_area(canvas, 0, 0, fit->width, fit->area_y);
    fill_area(canvas, 0, below, fit->width, fit->height - below);
    fill_area(canvas, 0, fit->area_y, fit->area_x, fit->area_height);
    fill_area(canvas, behind, fit->area_y, fit->width - behind, fit->area_height);
}

/* The picture is resampled as it lies in the file, and each row goes where it belongs upright. */
static status put_picture(const struct canvas *canvas, const struct image *image,
                          const struct image_facts *facts, const struct picture_fit *fit,
                          struct error *err) {
    const bool swaps = facts->orientation >= 5;
    const double across = (double)facts->width / image->shrunk;
    const double down = (double)facts->height / image->shrunk;
    /* A part lies in the middle, so mirroring does not move it. */
    const struct resample_part part = {(swaps ? fit->part_y : fit->part_x) * across,
                                       (swaps ? fit->part_x : fit->part_y) * down,
                                       (swaps ? fit->part_height : fit->part_width) * across,
                                       (swaps ? fit->part_width : fit->part_height) * down};
    const uint32_t width = swaps ? fit->area_height : fit->area_width;
    const uint32_t height = swaps ? fit->area_width : fit->area_height;
    CLEANUP(resampler_done) struct resampler resampler = {0};
    TRY(resampler_init(&resampler, image, &part, width, height, err));
    const struct image_way way = image_way(facts->orientation, width, height, fit->width);
    const ptrdiff_t corner = (ptrdiff_t)fit->area_y * fit->width + fit->area_x;
    for (uint32_t y = 0; y < height; y++) {
        put_row(canvas, resampler_row(&resampler, y), width,
                corner + way.first + (ptrdiff_t)y * way.down, way.right);
    }
    return STATUS_OK;
}

status picture_tensor_check(const struct picture_before *before, const struct tensor *tensor,
                            struct error *err) {
    struct canvas canvas = {.before = before, .tensor = tensor};
    return open_canvas(&canvas, err);
}

status picture_tensor_fill(const struct picture_before *before, struct slice encoded,
                           struct tensor *tensor, struct picture_fit *out_fit, struct error *err) {
    struct canvas canvas = {.before = before, .tensor = tensor};
    struct image_facts facts;
    TRY(open_canvas(&canvas, err));
    TRY(image_look(encoded, &facts, err));
    const struct picture_fit fit = find_fit(&canvas, &facts);
    CLEANUP(image_done) struct image image = {0};
    TRY(image_decode(encoded, &facts, find_shrink(&fit), before->fill, &image, err));
    TRY(put_picture(&canvas, &image, &facts, &fit, err));
    fill_margins(&canvas, &fit);
    *out_fit = fit;
    return STATUS_OK;
}

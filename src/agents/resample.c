// SPDX-License-Identifier: Apache-2.0
#include "agents/resample.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"

/* Vectors of the compiler: one instruction or several, on every machine. Bytes become numbers by
 * zeroes laid between them, which is the order of bytes of the machines that ebb runs on. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bytes are widened low byte first");
enum { LANES = 16, QUARTER = LANES / 4, CHANNELS = IMAGE_CHANNELS, SLACK = QUARTER };
typedef float floats4 __attribute__((vector_size(16)));
typedef int32_t numbers4 __attribute__((vector_size(16)));
typedef int16_t numbers8 __attribute__((vector_size(16)));
typedef int8_t bytes16 __attribute__((vector_size(16)));

static void taps_done(struct resample_taps *taps) {
    memory_free(taps->starts);
    memory_free(taps->counts);
    memory_free(taps->weights);
}

/* How much a pixel that lies `distance` from the centre counts: a triangle. */
static double weigh(double distance) {
    const double away = fabs(distance);
    return away < 1.0 ? 1.0 - away : 0.0;
}

/* Those of pixel `index` of the result, along one axis; their weights are 1 together. */
static void find_taps(struct resample_taps *taps, uint32_t index, double from, double scale,
                      uint32_t size) {
    const double spread = scale > 1.0 ? scale : 1.0;
    const double centre = from + ((double)index + 0.5) * scale;
    const double first = floor(centre - spread + 0.5);
    const uint32_t last_start = size - taps->reach;
    uint32_t start = first > 0 ? (uint32_t)first : 0;
    start = start < last_start ? start : last_start;
    float *weights = taps->weights + (size_t)index * taps->reach;
    double sum = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < taps->reach; i++) {
        const double weight = weigh(((double)(start + i) + 0.5 - centre) / spread);
        weights[i] = (float)weight;
        sum += weight;
        count = weight > 0 ? i + 1 : count;
    }
    for (uint32_t i = 0; i < count; i++) {
        weights[i] = (float)(weights[i] / sum);
    }
    taps->starts[index] = start;
    taps->counts[index] = count;
}

/* One axis: `count` pixels of the result show the picture's `from` to `from + extent`. */
static status make_taps(struct resample_taps *taps, double from, double extent, uint32_t size,
                        uint32_t count, struct error *err) {
    const double scale = extent / (double)count;
    const double reach = 2.0 * ceil(scale > 1.0 ? scale : 1.0) + 1.0;
    taps->reach = reach < (double)size ? (uint32_t)reach : size;
    taps->starts = memory_new(count, sizeof(*taps->starts));
    taps->counts = memory_new(count, sizeof(*taps->counts));
    taps->weights = memory_new((size_t)count * taps->reach, sizeof(*taps->weights));
    if (taps->starts == NULL || taps->counts == NULL || taps->weights == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory to resize a picture");
    }
    for (uint32_t i = 0; i < count; i++) {
        find_taps(taps, i, from, scale, size);
    }
    return STATUS_OK;
}

static status start(struct resampler *resampler, const struct resample_part *part,
                    struct error *err) {
    const struct image *image = resampler->image;
    TRY(make_taps(&resampler->across, part->x, part->width, image->width, resampler->width, err));
    TRY(make_taps(&resampler->down, part->y, part->height, image->height, resampler->height, err));
    const struct resample_taps *across = &resampler->across;
    resampler->left = across->starts[0];
    resampler->columns = across->starts[resampler->width - 1] + across->reach - across->starts[0];
    resampler->between = memory_new((size_t)resampler->columns * CHANNELS + SLACK, sizeof(float));
    resampler->row = memory_new((size_t)resampler->width * RESAMPLE_STEP, sizeof(float));
    if (resampler->between == NULL || resampler->row == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory to resize a picture");
    }
    return STATUS_OK;
}

status resampler_init(struct resampler *resampler, const struct image *image,
                      const struct resample_part *part, uint32_t width, uint32_t height,
                      struct error *err) {
    assert(width > 0 && width <= IMAGE_SIDE_MAX && height > 0 && height <= IMAGE_SIDE_MAX);
    *resampler = (struct resampler){.image = image, .width = width, .height = height};
    const status code = start(resampler, part, err);
    if (code != STATUS_OK) {
        resampler_done(resampler);
    }
    return code;
}

void resampler_done(struct resampler *resampler) {
    taps_done(&resampler->across);
    taps_done(&resampler->down);
    memory_free(resampler->between);
    memory_free(resampler->row);
    *resampler = (struct resampler){0};
}

static floats4 low_half(numbers8 numbers) {
    const numbers8 zero = {0};
    return __builtin_convertvector(
        (numbers4)__builtin_shufflevector(numbers, zero, 0, 8, 1, 9, 2, 10, 3, 11), floats4);
}

static floats4 high_half(numbers8 numbers) {
    const numbers8 zero = {0};
    return __builtin_convertvector(
        (numbers4)__builtin_shufflevector(numbers, zero, 4, 12, 5, 13, 6, 14, 7, 15), floats4);
}

/* Sixteen columns of so many rows, weighted, into `to`. */
static void add_sixteen(const uint8_t *from, size_t pitch, const float *weights, uint32_t count,
                        float *to) {
    const bytes16 zero = {0};
    floats4 sums[QUARTER] = {{0}};
    for (uint32_t tap = 0; tap < count; tap++, from += pitch) {
        bytes16 bytes;
        (void)memcpy(&bytes, from, sizeof(bytes));
        const numbers8 low = (numbers8)__builtin_shufflevector(bytes, zero, 0, 16, 1, 17, 2, 18, 3,
                                                               19, 4, 20, 5, 21, 6, 22, 7, 23);
        const numbers8 high = (numbers8)__builtin_shufflevector(
            bytes, zero, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        sums[0] += low_half(low) * weights[tap];
        sums[1] += high_half(low) * weights[tap];
        sums[2] += low_half(high) * weights[tap];
        sums[3] += high_half(high) * weights[tap];
    }
    (void)memcpy(to, sums, sizeof(sums));
}

/* Rows of the picture into one: `from` is the first of them at the first column. */
static void add_rows(const struct resampler *resampler, const uint8_t *from, const float *weights,
                     uint32_t taps) {
    const size_t pitch = (size_t)resampler->image->width * CHANNELS;
    const size_t count = (size_t)resampler->columns * CHANNELS;
    float *to = resampler->between;
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        add_sixteen(from + i, pitch, weights, taps, to + i);
    }
    for (; i < count; i++) {
        float sum = 0;
        for (uint32_t tap = 0; tap < taps; tap++) {
            sum += (float)from[tap * pitch + i] * weights[tap];
        }
        to[i] = sum;
    }
}

/* Pixels of that one row into those of the result. Three channels and the next pixel's first are
 * taken together. */
static void add_columns(const struct resampler *resampler) {
    const struct resample_taps *across = &resampler->across;
    const float *weights = across->weights;
    for (uint32_t x = 0; x < resampler->width; x++) {
        const float *from =
            resampler->between + (size_t)(across->starts[x] - resampler->left) * CHANNELS;
        floats4 sum = {0};
        for (uint32_t tap = 0; tap < across->counts[x]; tap++) {
            floats4 pixel;
            (void)memcpy(&pixel, from + (size_t)tap * CHANNELS, sizeof(pixel));
            sum += pixel * weights[tap];
        }
        (void)memcpy(resampler->row + (size_t)x * RESAMPLE_STEP, &sum, sizeof(sum));
        weights += across->reach;
    }
}

const float *resampler_row(struct resampler *resampler, uint32_t y) {
    const struct image *image = resampler->image;
    const size_t at = (size_t)resampler->down.starts[y] * image->width + resampler->left;
    add_rows(resampler, image->pixels + at * CHANNELS,
             resampler->down.weights + (size_t)y * resampler->down.reach,
             resampler->down.counts[y]);
    add_columns(resampler);
    return resampler->row;
}

status resample_image(const struct image *image, const struct resample_part *part, uint32_t width,
                      uint32_t height, struct image *out_image, struct error *err) {
    CLEANUP(resampler_done) struct resampler resampler = {0};
    TRY(resampler_init(&resampler, image, part, width, height, err));
    TRY(image_create(width, height, out_image, err));
    uint8_t *to = out_image->pixels;
    for (uint32_t y = 0; y < height; y++) {
        const float *row = resampler_row(&resampler, y);
        for (uint32_t x = 0; x < width; x++) {
            for (int c = 0; c < CHANNELS; c++) {
                *to++ = (uint8_t)(row[x * RESAMPLE_STEP + (uint32_t)c] + 0.5f);
            }
        }
    }
    return STATUS_OK;
}

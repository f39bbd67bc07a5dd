// SPDX-License-Identifier: Apache-2.0
#include "agents/jpeg_within.h"

#include "agents/resample.h"
#include "base/memory.h"
#include "platform/image.h"

enum { HALVINGS_MAX = 4 };

static const int QUALITIES[] = {85, 70, 50};

static status decode_upright(struct slice encoded, const struct image_facts *facts,
                             struct image *out_image, struct error *err) {
    static const struct image_colour WHITE = {255, 255, 255};
    TRY(image_decode(encoded, facts, 1, WHITE, out_image, err));
    const status code = image_turn_upright(out_image, facts->orientation, err);
    if (code != STATUS_OK) {
        image_done(out_image);
    }
    return code;
}

/* FULL when no quality makes it small enough. */
static status try_qualities(const struct image *image, int64_t bytes_max, struct blob **out_jpeg,
                            struct error *err) {
    for (size_t i = 0; i < sizeof(QUALITIES) / sizeof(QUALITIES[0]); i++) {
        char *bytes = NULL;
        size_t count = 0;
        TRY(image_encode_jpeg(image, QUALITIES[i], &bytes, &count, err));
        if ((int64_t)count <= bytes_max) {
            return blob_create(SLICE("image/jpeg"), bytes, count, out_jpeg, err);
        }
        memory_free(bytes);
    }
    return fail(err, STATUS_FULL, "not even a small JPEG of it has at most %lld bytes",
                (long long)bytes_max);
}

/* Half of what is left, until it fits. */
static status try_sizes(const struct image *image, int64_t bytes_max, struct blob **out_jpeg,
                        struct error *err) {
    const struct resample_part whole = {.width = image->width, .height = image->height};
    status code = try_qualities(image, bytes_max, out_jpeg, err);
    for (uint32_t i = 1; code == STATUS_FULL && i <= HALVINGS_MAX; i++) {
        const uint32_t width = image->width >> i;
        const uint32_t height = image->height >> i;
        struct image half;
        if (width == 0 || height == 0) {
            return code;
        }
        TRY(resample_image(image, &whole, width, height, &half, err));
        code = try_qualities(&half, bytes_max, out_jpeg, err);
        image_done(&half);
    }
    return code;
}

status jpeg_within(struct blob *picture, int64_t bytes_max, struct blob **out_jpeg,
                   struct error *err) {
    struct slice encoded;
    struct image_facts facts;
    struct image image;
    TRY(blob_open(picture, &encoded, err));
    TRY(image_look(encoded, &facts, err));
    if (facts.format == IMAGE_JPEG && (int64_t)encoded.count <= bytes_max) {
        if (slice_is(blob_type(picture), "image/jpeg")) {
            *out_jpeg = blob_share(picture);
            return STATUS_OK;
        }
        return blob_copy(SLICE("image/jpeg"), encoded, out_jpeg, err);
    }
    TRY(decode_upright(encoded, &facts, &image, err));
    const status code = try_sizes(&image, bytes_max, out_jpeg, err);
    image_done(&image);
    return code;
}

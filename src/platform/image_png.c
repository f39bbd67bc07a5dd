// SPDX-License-Identifier: Apache-2.0
#include "platform/image_png.h"

#include <spng.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "platform/exif.h"
#include "platform/library.h"

enum { RGBA_CHANNELS = 4 };

/* What we use of libspng, in the order of NAMES. */
static struct {
    spng_ctx *(*create)(struct spng_alloc *alloc, int flags);
    void (*free)(spng_ctx *png);
    int (*set_bytes)(spng_ctx *png, const void *bytes, size_t count);
    int (*limit_image)(spng_ctx *png, uint32_t width, uint32_t height);
    int (*limit_chunks)(spng_ctx *png, size_t chunk_bytes, size_t all_bytes);
    int (*head)(spng_ctx *png, struct spng_ihdr *head);
    int (*transparency)(spng_ctx *png, struct spng_trns *transparency);
    int (*exif)(spng_ctx *png, struct spng_exif *exif);
    int (*decode)(spng_ctx *png, void *pixels, size_t bytes, int format, int flags);
    const char *(*error_text)(int code);
} spng;

static const char *const NAMES[] = {"spng_ctx_new2",
                                    "spng_ctx_free",
                                    "spng_set_png_buffer",
                                    "spng_set_image_limits",
                                    "spng_set_chunk_limits",
                                    "spng_get_ihdr",
                                    "spng_get_trns",
                                    "spng_get_exif",
                                    "spng_decode_image",
                                    "spng_strerror",
                                    NULL};

static struct library library = {
    .file = "libspng.so.0", .package = "libspng0", .functions = NAMES, .table = &spng};

/* libspng's allocator knows no owner, and where zlib had no memory it says that the data is bad. */
static _Thread_local bool lacks_memory;

static void *noted(void *block) {
    lacks_memory = lacks_memory || block == NULL;
    return block;
}

static void *get(size_t bytes) {
    return noted(memory_resize(NULL, bytes));
}

static void *get_zeroed(size_t count, size_t bytes_each) {
    return noted(memory_new(count, bytes_each));
}

static void *resize(void *block, size_t bytes) {
    return noted(memory_resize(block, bytes));
}

status image_png_check(struct error *err) {
    return library_use(&library, err);
}

static void png_done(spng_ctx **png) {
    if (*png != NULL) {
        spng.free(*png);
    }
}

static status say_why(int code, struct error *err) {
    if (lacks_memory) {
        return fail(err, STATUS_NO_MEMORY, "no memory to read a picture");
    }
    if (code == SPNG_IO_EOF) {
        return fail(err, STATUS_INVALID, "a PNG that is cut off");
    }
    return fail(err, STATUS_INVALID, "a damaged PNG: %s", spng.error_text(code));
}

static status open_png(struct slice encoded, spng_ctx **out_png, struct spng_ihdr *out_head,
                       struct error *err) {
    TRY(library_use(&library, err));
    struct spng_alloc alloc = {get, resize, get_zeroed, memory_free};
    lacks_memory = false;
    spng_ctx *png = spng.create(&alloc, 0);
    if (png == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory to read a picture");
    }
    int code = spng.limit_image(png, INT32_MAX, INT32_MAX); /* image_look bounds it, in words */
    code = code != 0 ? code
                     : spng.limit_chunks(png, IMAGE_PNG_CHUNK_BYTES_MAX, IMAGE_PNG_CHUNK_BYTES_MAX);
    code = code != 0 ? code : spng.set_bytes(png, encoded.bytes, encoded.count);
    code = code != 0 ? code : spng.head(png, out_head);
    if (code != 0) {
        spng.free(png);
        return say_why(code, err);
    }
    *out_png = png;
    return STATUS_OK;
}

status image_png_look(struct slice encoded, struct image_facts *facts, struct error *err) {
    CLEANUP(png_done) spng_ctx *png = NULL;
    struct spng_ihdr head;
    struct spng_exif exif = {0};
    TRY(open_png(encoded, &png, &head, err));
    facts->width = head.width;
    facts->height = head.height;
    if (spng.exif(png, &exif) == 0) {
        facts->orientation =
            exif_orientation((struct slice){.bytes = exif.data, .count = exif.length});
    }
    return STATUS_OK;
}

/* In place: three bytes go where four were. */
static void lay_on_ground(uint8_t *pixels, size_t count, struct image_colour ground) {
    const uint8_t under[IMAGE_CHANNELS] = {ground.red, ground.green, ground.blue};
    for (size_t i = 0; i < count; i++) {
        const uint8_t *from = pixels + i * RGBA_CHANNELS;
        const uint32_t alpha = from[3];
        for (size_t c = 0; c < IMAGE_CHANNELS; c++) {
            pixels[i * IMAGE_CHANNELS + c] =
                (uint8_t)((from[c] * alpha + under[c] * (255 - alpha) + 127) / 255);
        }
    }
}

static status decode(spng_ctx *png, bool has_alpha, struct image_colour ground, struct image *image,
                     struct error *err) {
    const size_t count = (size_t)image->width * image->height;
    const size_t channels = has_alpha ? RGBA_CHANNELS : IMAGE_CHANNELS;
    image->pixels = memory_new(count, channels);
    if (image->pixels == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a picture of %u x %u pixels",
                    image->width, image->height);
    }
    const int code =
        spng.decode(png, image->pixels, count * channels,
                    has_alpha ? SPNG_FMT_RGBA8 : SPNG_FMT_RGB8, has_alpha ? SPNG_DECODE_TRNS : 0);
    if (code != 0) {
        return say_why(code, err);
    }
    if (has_alpha) {
        lay_on_ground(image->pixels, count, ground);
    }
    return STATUS_OK;
}

status image_png_decode(struct slice encoded, const struct image_facts *facts,
                        struct image_colour ground, struct image *out_image, struct error *err) {
    CLEANUP(png_done) spng_ctx *png = NULL;
    struct spng_ihdr head;
    struct spng_trns transparency;
    TRY(open_png(encoded, &png, &head, err));
    const bool has_alpha = head.color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA ||
                           head.color_type == SPNG_COLOR_TYPE_TRUECOLOR_ALPHA ||
                           spng.transparency(png, &transparency) == 0;
    struct image image = {.width = facts->width, .height = facts->height, .shrunk = 1};
    const status code = decode(png, has_alpha, ground, &image, err);
    if (code != STATUS_OK) {
        image_done(&image);
        return code;
    }
    *out_image = image;
    return STATUS_OK;
}

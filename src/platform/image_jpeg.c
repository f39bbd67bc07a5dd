// SPDX-License-Identifier: Apache-2.0
#include "platform/image_jpeg.h"

#include <assert.h>
#include <string.h>
#include <turbojpeg.h>

#include "base/blob.h"
#include "base/memory.h"
#include "platform/jpeg_head.h"
#include "platform/library.h"

enum { CMYK_CHANNELS = 4 };

/* What we use of libjpeg-turbo, in the order of NAMES. */
static struct {
    tjhandle (*init_decompress)(void);
    tjhandle (*init_compress)(void);
    int (*destroy)(tjhandle handle);
    int (*header)(tjhandle handle, const unsigned char *bytes, unsigned long count, int *width,
                  int *height, int *sampling, int *colours);
    int (*decompress)(tjhandle handle, const unsigned char *bytes, unsigned long count,
                      unsigned char *pixels, int width, int pitch, int height, int format,
                      int flags);
    int (*compress)(tjhandle handle, const unsigned char *pixels, int width, int pitch, int height,
                    int format, unsigned char **bytes, unsigned long *count, int sampling,
                    int quality, int flags);
    char *(*error_text)(tjhandle handle);
    void (*free)(unsigned char *bytes);
} turbo;

static const char *const NAMES[] = {"tjInitDecompress",    "tjInitCompress", "tjDestroy",
                                    "tjDecompressHeader3", "tjDecompress2",  "tjCompress2",
                                    "tjGetErrorStr2",      "tjFree",         NULL};

static struct library library = {
    .file = "libturbojpeg.so.0", .package = "libturbojpeg0", .functions = NAMES, .table = &turbo};

/* One decoder or encoder. */
static void handle_done(tjhandle *handle) {
    if (*handle != NULL) {
        (void)turbo.destroy(*handle);
    }
}

status image_jpeg_check(struct error *err) {
    return library_use(&library, err);
}

status image_jpeg_look(struct slice encoded, struct image_facts *facts, struct error *err) {
    struct jpeg_head head;
    TRY(jpeg_head_read(encoded, &head, err));
    const uint64_t pixels = (uint64_t)head.width * head.height;
    if (pixels * head.scans > IMAGE_JPEG_SCAN_PIXELS_MAX && head.scans > 1) {
        return fail(err, STATUS_INVALID,
                    "a JPEG of %u x %u pixels in %u scans would take too long: pixels times scans "
                    "are at most %d million",
                    head.width, head.height, head.scans, IMAGE_JPEG_SCAN_PIXELS_MAX >> 20);
    }
    if (head.coefficient_bytes > IMAGE_WORK_BYTES_MAX) {
        return fail(err, STATUS_INVALID,
                    "a JPEG of %u x %u pixels in several scans is too large: it would take more "
                    "than %d MiB",
                    head.width, head.height, IMAGE_WORK_BYTES_MAX >> 20);
    }
    facts->width = head.width;
    facts->height = head.height;
    facts->orientation = head.orientation;
    return STATUS_OK;
}

/* In place: three bytes go where four were. The four are inverted, which leaves a product. */
static void cmyk_to_rgb(uint8_t *pixels, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const uint8_t *from = pixels + i * CMYK_CHANNELS;
        const uint32_t key = from[3];
        const uint8_t colours[IMAGE_CHANNELS] = {(uint8_t)((from[0] * key + 127) / 255),
                                                 (uint8_t)((from[1] * key + 127) / 255),
                                                 (uint8_t)((from[2] * key + 127) / 255)};
        (void)memcpy(pixels + i * IMAGE_CHANNELS, colours, IMAGE_CHANNELS);
    }
}

static status decode(tjhandle handle, struct slice encoded, const struct image_facts *facts,
                     struct image *image, struct error *err) {
    const unsigned char *bytes = (const unsigned char *)encoded.bytes;
    int width = 0, height = 0, sampling = 0, colours = 0;
    if (turbo.header(handle, bytes, encoded.count, &width, &height, &sampling, &colours) != 0) {
        return fail(err, STATUS_INVALID, "a damaged JPEG: %.200s", turbo.error_text(handle));
    }
    if ((uint32_t)width != facts->width || (uint32_t)height != facts->height) {
        return fail(err, STATUS_INVALID, "a JPEG with two sizes: %u x %u and %d x %d", facts->width,
                    facts->height, width, height);
    }
    const bool is_cmyk = colours == TJCS_CMYK || colours == TJCS_YCCK;
    const size_t count = (size_t)image->width * image->height;
    /* Not zeroed: a picture that is not decoded whole is shown to nobody. */
    image->pixels = memory_resize(NULL, count * (is_cmyk ? CMYK_CHANNELS : IMAGE_CHANNELS));
    if (image->pixels == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a picture of %u x %u pixels",
                    image->width, image->height);
    }
    if (turbo.decompress(handle, bytes, encoded.count, image->pixels, (int)image->width, 0,
                         (int)image->height, is_cmyk ? TJPF_CMYK : TJPF_RGB,
                         TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS) != 0) {
        return fail(err, STATUS_INVALID, "a damaged JPEG: %.200s", turbo.error_text(handle));
    }
    if (is_cmyk) {
        cmyk_to_rgb(image->pixels, count);
    }
    return STATUS_OK;
}

status image_jpeg_decode(struct slice encoded, const struct image_facts *facts, uint32_t shrink,
                         struct image *out_image, struct error *err) {
    assert(shrink == 1 || shrink == 2 || shrink == 4 || shrink == IMAGE_SHRINK_MAX);
    TRY(library_use(&library, err));
    CLEANUP(handle_done) tjhandle handle = turbo.init_decompress();
    if (handle == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory to read a picture");
    }
    struct image image = {.width = (facts->width + shrink - 1) / shrink,
                          .height = (facts->height + shrink - 1) / shrink,
                          .shrunk = shrink};
    const status code = decode(handle, encoded, facts, &image, err);
    if (code != STATUS_OK) {
        image_done(&image);
        return code;
    }
    *out_image = image;
    return STATUS_OK;
}

static status take_bytes(const unsigned char *bytes, size_t count, char **out_bytes,
                         size_t *out_count, struct error *err) {
    if (count > BLOB_BYTES_MAX) {
        return fail(err, STATUS_INVALID, "the picture would have %zu bytes: at most %d", count,
                    BLOB_BYTES_MAX);
    }
    char *copy = memory_new(count, 1);
    if (copy == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a picture of %zu bytes", count);
    }
    (void)memcpy(copy, bytes, count);
    *out_bytes = copy;
    *out_count = count;
    return STATUS_OK;
}

status image_jpeg_encode(const struct image *image, int quality, char **out_bytes,
                         size_t *out_count, struct error *err) {
    assert(quality >= 1 && quality <= 100);
    TRY(library_use(&library, err));
    CLEANUP(handle_done) tjhandle handle = turbo.init_compress();
    unsigned char *bytes = NULL;
    unsigned long count = 0;
    if (handle == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory to write a picture");
    }
    status code;
    if (turbo.compress(handle, image->pixels, (int)image->width, 0, (int)image->height, TJPF_RGB,
                       &bytes, &count, TJSAMP_420, quality, 0) != 0) {
        code = fail(err, STATUS_NO_MEMORY, "write a picture of %u x %u pixels: %.200s",
                    image->width, image->height, turbo.error_text(handle));
    } else {
        code = take_bytes(bytes, count, out_bytes, out_count, err);
    }
    turbo.free(bytes);
    return code;
}

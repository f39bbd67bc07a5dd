// SPDX-License-Identifier: Apache-2.0
/*
 * crops_bench: the peer of `each_crops`: libjpeg-turbo as a program uses it that does nothing else:
 * a JPEG decoded once, pieces of it encoded, COUNT times.
 *
 *   crops_bench FILE COUNT PIECES
 *
 * Piece i of n is a quarter of the width and height, and begins i/n of the way to the other corner.
 */
#include <dlfcn.h>
#include <string.h>
#include <turbojpeg.h>

#include "base/buffer.h"
#include "platform/file.h"
#include "platform/image.h"

#include "measured.h"

enum { FILE_BYTES_MAX = 16 << 20, QUALITY = 85, PART = 4 };

struct library {
    tjhandle decoder, encoder;
    int (*decompress)(tjhandle handle, const unsigned char *bytes, unsigned long count,
                      unsigned char *pixels, int width, int pitch, int height, int format,
                      int flags);
    int (*compress)(tjhandle handle, const unsigned char *pixels, int width, int pitch, int height,
                    int format, unsigned char **bytes, unsigned long *count, int sampling,
                    int quality, int flags);
};

static int give_up(const char *why) {
    (void)fprintf(stderr, "crops_bench: %s\n", why);
    return 1;
}

static void find(void *library, const char *name, void *out_function) {
    void *function = library != NULL ? dlsym(library, name) : NULL;
    if (function == NULL) {
        exit(give_up("libturbojpeg.so.0 is not there"));
    }
    (void)memcpy(out_function, &function, sizeof(function));
}

static void open_library(struct library *turbo) {
    void *library = dlopen("libturbojpeg.so.0", RTLD_NOW);
    tjhandle (*init)(void);
    find(library, "tjInitDecompress", &init);
    turbo->decoder = init();
    find(library, "tjInitCompress", &init);
    turbo->encoder = init();
    find(library, "tjDecompress2", &turbo->decompress);
    find(library, "tjCompress2", &turbo->compress);
}

static void run(const struct library *turbo, struct slice encoded, const struct image_facts *facts,
                unsigned char *pixels, int pieces) {
    const int width = (int)facts->width / PART;
    const int height = (int)facts->height / PART;
    const int pitch = (int)facts->width * IMAGE_CHANNELS;
    unsigned char *bytes = NULL; /* the encoder's, which it uses again */
    unsigned long count = 0;
    (void)turbo->decompress(turbo->decoder, (const unsigned char *)encoded.bytes, encoded.count,
                            pixels, (int)facts->width, pitch, (int)facts->height, TJPF_RGB, 0);
    for (int i = 0; i < pieces; i++) {
        const int x = ((int)facts->width - width) * i / pieces;
        const int y = ((int)facts->height - height) * i / pieces;
        (void)turbo->compress(turbo->encoder, pixels + y * pitch + x * IMAGE_CHANNELS, width, pitch,
                              height, TJPF_RGB, &bytes, &count, TJSAMP_420, QUALITY, 0);
    }
    free(bytes); /* NOLINT: of a library that has malloc's */
}

int main(int count, char **words) {
    const long times = count == 4 ? strtol(words[2], NULL, 10) : 0;
    const long pieces = count == 4 ? strtol(words[3], NULL, 10) : 0;
    struct buffer file;
    struct error err;
    struct image_facts facts;
    struct library turbo = {0};
    if (times < 1 || pieces < 1) {
        return give_up("usage: crops_bench FILE COUNT PIECES");
    }
    buffer_init(&file, FILE_BYTES_MAX);
    if (file_read(words[1], &file, &err) != STATUS_OK ||
        image_look(buffer_slice(&file), &facts, &err) != STATUS_OK) {
        return give_up(err.text);
    }
    open_library(&turbo);
    unsigned char *pixels = memory_new((size_t)facts.width * facts.height, IMAGE_CHANNELS);
    struct measured measured;
    measured_begin(&measured, (uint32_t)times);
    for (long i = 0; i < times; i++) {
        const int64_t began_ns = clock_monotonic_ns();
        run(&turbo, buffer_slice(&file), &facts, pixels, (int)pieces);
        measured.latencies_ns[measured.count++] = clock_monotonic_ns() - began_ns;
    }
    measured_report(&measured);
    return 0;
}

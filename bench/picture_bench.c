// SPDX-License-Identifier: Apache-2.0
/*
 * picture_bench: a JPEG made ready for a model, beside libjpeg-turbo that decodes it and no more.
 *
 *   picture_bench ours FILE COUNT SIDE    letterboxed to SIDE x SIDE, nchw, float32, v / 255
 *   picture_bench peer FILE COUNT SIDE    one decoder, one buffer, all pixels; SIDE has no meaning
 */
#include <dlfcn.h>
#include <string.h>
#include <turbojpeg.h>

#include "agents/picture_tensor.h"
#include "base/buffer.h"
#include "platform/file.h"

#include "measured.h"

enum { FILE_BYTES_MAX = 16 << 20, SIDE_MAX = 4096 };

/* libjpeg-turbo as a program uses it that has nothing else to do. */
struct decoder {
    tjhandle handle;
    int (*decompress)(tjhandle handle, const unsigned char *bytes, unsigned long count,
                      unsigned char *pixels, int width, int pitch, int height, int format,
                      int flags);
    unsigned char *pixels;
    struct image_facts facts;
};

static int give_up(const char *why) {
    (void)fprintf(stderr, "picture_bench: %s\n", why);
    return 1;
}

static void *find(void *library, const char *name) {
    void *function = library != NULL ? dlsym(library, name) : NULL;
    if (function == NULL) {
        exit(give_up("libturbojpeg.so.0 is not there"));
    }
    return function;
}

static void open_decoder(struct decoder *decoder) {
    void *library = dlopen("libturbojpeg.so.0", RTLD_NOW);
    tjhandle (*init)(void);
    void *function = find(library, "tjInitDecompress");
    (void)memcpy(&init, &function, sizeof(function));
    function = find(library, "tjDecompress2");
    (void)memcpy(&decoder->decompress, &function, sizeof(function));
    decoder->handle = init();
    decoder->pixels =
        memory_new((size_t)decoder->facts.width * decoder->facts.height, IMAGE_CHANNELS);
}

static void run_peer(struct decoder *decoder, struct slice encoded) {
    (void)decoder->decompress(decoder->handle, (const unsigned char *)encoded.bytes, encoded.count,
                              decoder->pixels, (int)decoder->facts.width, 0,
                              (int)decoder->facts.height, TJPF_RGB, 0);
}

static void run_ours(struct tensor *tensor, struct slice encoded) {
    struct picture_before before = PICTURE_BEFORE_DEFAULT;
    struct picture_fit fit;
    struct error err;
    before.scale = 1.0 / 255;
    if (picture_tensor_fill(&before, encoded, tensor, &fit, &err) != STATUS_OK) {
        exit(give_up(err.text));
    }
}

int main(int count, char **words) {
    const long times = count == 5 ? strtol(words[3], NULL, 10) : 0;
    const long side = count == 5 ? strtol(words[4], NULL, 10) : 0;
    if (times < 1 || side < 1 || side > SIDE_MAX) {
        return give_up("usage: picture_bench ours|peer FILE COUNT SIDE");
    }
    struct buffer file;
    struct error err;
    struct decoder decoder = {0};
    buffer_init(&file, FILE_BYTES_MAX);
    if (file_read(words[2], &file, &err) != STATUS_OK ||
        image_look(buffer_slice(&file), &decoder.facts, &err) != STATUS_OK) {
        return give_up(err.text);
    }
    struct tensor tensor = {.rank = 4, .shape = {1, IMAGE_CHANNELS, side, side}};
    tensor.byte_count = (size_t)(side * side) * IMAGE_CHANNELS * sizeof(float);
    tensor.bytes = memory_new(tensor.byte_count, 1);
    open_decoder(&decoder);
    const bool is_ours = strcmp(words[1], "ours") == 0;
    struct measured measured;
    measured_begin(&measured, (uint32_t)times);
    for (long i = 0; i < times; i++) {
        const int64_t began_ns = clock_monotonic_ns();
        if (is_ours) {
            run_ours(&tensor, buffer_slice(&file));
        } else {
            run_peer(&decoder, buffer_slice(&file));
        }
        measured.latencies_ns[measured.count++] = clock_monotonic_ns() - began_ns;
    }
    measured_report(&measured);
    return 0;
}

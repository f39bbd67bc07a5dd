// SPDX-License-Identifier: Apache-2.0
/* What image_look accepts is within the bounds, and decoding gives just those pixels or one
 * sentence, whole and smaller. What came out can be turned upright and written as a JPEG, which is
 * read again; it fills a tensor, with numbers of its range. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agents/picture_tensor.h"
#include "base/memory.h"
#include "platform/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum {
    PIXELS_MAX = 1 << 20, /* larger ones cost the fuzzer its time */
    SIDE_MAX_WRITTEN = 256,
    TENSOR_ROWS = 9,
    TENSOR_COLUMNS = 14
};

static void need(int truth) {
    if (!truth) {
        abort();
    }
}

static void check_written(const struct image *image) {
    struct image_facts facts;
    struct image again = {0};
    char *bytes = NULL;
    size_t count = 0;
    need(image_encode_jpeg(image, 75, &bytes, &count, NULL) == STATUS_OK);
    const struct slice encoded = {.bytes = bytes, .count = count};
    need(image_look(encoded, &facts, NULL) == STATUS_OK);
    need(facts.width == image->width && facts.height == image->height && facts.orientation == 1);
    need(image_decode(encoded, &facts, 1, (struct image_colour){0}, &again, NULL) == STATUS_OK);
    image_done(&again);
    memory_free(bytes);
}

/* The last byte chooses how it is fitted in. */
static void check_tensor(struct slice encoded) {
    static float numbers[TENSOR_ROWS * TENSOR_COLUMNS * IMAGE_CHANNELS];
    const uint8_t choice = (uint8_t)encoded.bytes[encoded.count - 1];
    struct picture_before before = PICTURE_BEFORE_DEFAULT;
    before.resize = (enum picture_resize)(choice % 3);
    before.layout = (enum picture_layout)(choice / 3 % 2);
    before.colours = (enum picture_colours)(choice / 6 % 2);
    struct tensor tensor = {.rank = 3,
                            .shape = {IMAGE_CHANNELS, TENSOR_ROWS, TENSOR_COLUMNS},
                            .bytes = numbers,
                            .byte_count = sizeof(numbers)};
    if (before.layout == PICTURE_NHWC) {
        tensor.shape[0] = TENSOR_ROWS;
        tensor.shape[1] = TENSOR_COLUMNS;
        tensor.shape[2] = IMAGE_CHANNELS;
    }
    struct picture_fit fit;
    struct error err = {0};
    (void)memset(numbers, 0xff, sizeof(numbers)); /* no number */
    if (picture_tensor_fill(&before, encoded, &tensor, &fit, &err) != STATUS_OK) {
        need(err.code == STATUS_INVALID && err.text[0] != '\0');
        return;
    }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        need(numbers[i] >= -0.01f && numbers[i] <= 255.01f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    const struct slice encoded = {.bytes = (const char *)bytes, .count = count};
    struct image_facts facts;
    struct error err = {0};
    if (image_look(encoded, &facts, &err) != STATUS_OK) {
        need(err.code == STATUS_INVALID && err.text[0] != '\0' && strchr(err.text, '\n') == NULL);
        return 0;
    }
    need(facts.width >= 1 && facts.width <= IMAGE_SIDE_MAX);
    need(facts.height >= 1 && facts.height <= IMAGE_SIDE_MAX);
    need(facts.orientation >= 1 && facts.orientation <= 8);
    if ((uint64_t)facts.width * facts.height > PIXELS_MAX) {
        return 0;
    }
    for (uint32_t shrink = 1; shrink <= IMAGE_SHRINK_MAX; shrink *= 2) {
        struct image image = {0};
        err = (struct error){0};
        if (image_decode(encoded, &facts, shrink, (struct image_colour){1, 2, 3}, &image, &err) !=
            STATUS_OK) {
            need(err.code == STATUS_INVALID && err.text[0] != '\0' && image.pixels == NULL);
            continue;
        }
        need(image.width == (facts.width + image.shrunk - 1) / image.shrunk);
        need(image.height == (facts.height + image.shrunk - 1) / image.shrunk);
        need(image_turn_upright(&image, facts.orientation, NULL) == STATUS_OK);
        if (image.width <= SIDE_MAX_WRITTEN && image.height <= SIDE_MAX_WRITTEN) {
            check_written(&image);
        }
        image_done(&image);
    }
    check_tensor(encoded);
    return 0;
}

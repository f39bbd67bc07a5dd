/*
 * test_pictures: the pictures that tests/pictures/make writes, in a folder of the test's own.
 *
 * For unit tests alone. Beside each picture lie the pixels that another reader sees in it.
 *
 * Thread: the test's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "platform/file.h"
#include "platform/image.h"

enum { TEST_PICTURE_BYTES_MAX = 8 << 20 };

/* Of the group's setup and teardown; *state becomes the folder's path. */
static inline int test_pictures_make(void **state) {
    static char folder[64], command[160];
    (void)snprintf(folder, sizeof(folder), "/tmp/ebb-pictures-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(command, sizeof(command), "tests/pictures/make %s", folder);
    *state = folder;
    return system(command);
}

static inline int test_pictures_remove(void **state) {
    char command[96];
    (void)snprintf(command, sizeof(command), "rm -rf %s", (const char *)*state);
    return system(command);
}

/* Reads a file of the folder into an empty buffer that the caller does away with. */
static inline struct slice test_picture(void **state, const char *name, struct buffer *buffer) {
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/%s", (const char *)*state, name);
    buffer_init(buffer, TEST_PICTURE_BYTES_MAX);
    assert_int_equal(file_read(path, buffer, NULL), STATUS_OK);
    return buffer_slice(buffer);
}

/* Of what is in a `.rgb`. */
static inline uint32_t test_picture_size(struct slice seen, size_t at) {
    uint32_t number;
    (void)memcpy(&number, seen.bytes + at, sizeof(number));
    return number;
}

/* The scene of all those pictures, as it was drawn. */
static inline void test_picture_scene(void **state, struct image *out_image) {
    CLEANUP(buffer_done) struct buffer bytes;
    const struct slice encoded = test_picture(state, "rgb8-plain.png", &bytes);
    struct image_facts facts;
    assert_int_equal(image_look(encoded, &facts, NULL), STATUS_OK);
    assert_int_equal(image_decode(encoded, &facts, 1, (struct image_colour){0}, out_image, NULL),
                     STATUS_OK);
}

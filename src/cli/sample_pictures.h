/*
 * sample_pictures: small pictures of samples, in a folder of their own beside a report.
 *
 * They are DIR/changed/1.jpg and so on, a JPEG each, so that the report can be made again where the
 * samples are gone. What is no JPEG or PNG has none, and a report does without. Whoever reads them
 * takes no name on trust: a report may have been written by somebody else.
 *
 * Thread: the CLI's only one. Blocking.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"

#define SAMPLE_PICTURES_FOLDER "changed"

enum {
    SAMPLE_PICTURES_MAX = 96,
    SAMPLE_PICTURE_WIDTH_MAX = 320,
    SAMPLE_PICTURE_HEIGHT_MAX = 160,
    SAMPLE_PICTURE_BYTES_MAX = 128 << 10, /* of one that is made */
    SAMPLE_PICTURE_FILE_BYTES_MAX = 32 << 20,
    SAMPLE_PICTURE_NAME_BYTES = 32
};

struct sample_pictures {
    const char *folder;                     /* of the report; not owned, like the paths */
    const char *paths[SAMPLE_PICTURES_MAX]; /* of files that were asked for */
    uint32_t numbers[SAMPLE_PICTURES_MAX];  /* of their pictures; 0: there is none */
    uint32_t count, made;
};

/* Pictures of an earlier report are removed. */
status sample_pictures_begin(struct sample_pictures *pictures, const char *folder,
                             struct error *err);

/* Makes one of the file, unless there is one of it, and says what it is called beside the report:
 * "changed/7.jpg". False: the file is no picture, or this one is one too many. */
bool sample_pictures_take(struct sample_pictures *pictures, const char *path,
                          char out_name[SAMPLE_PICTURE_NAME_BYTES]);

/* Appends the picture of that name. False: it is no name of ours, or no such JPEG is there. */
bool sample_pictures_read(const char *folder, struct slice name, struct buffer *out);

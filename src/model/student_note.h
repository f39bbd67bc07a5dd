/*
 * student_note: what an ONNX file of a classifier of ours says of itself, as JSON: what its input
 * means, and what its outputs are called.
 *
 *     {"kind":"text","labels":["ham","spam"],"bytes_max":16384,"pairs":true,"letters":0,
 *      "buckets":89664}
 *     {"kind":"image","labels":["boot","coat"],"channels":1,"height":28,"width":28}
 *
 * Reading is strict and bounded: the file may be anybody's. The graph is model/student_file.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include "model/picture_set.h"
#include "model/text_features.h"

/* The name of the note in a file. */
#define STUDENT_NOTE "ebb.classifier"

enum { STUDENT_NOTE_BYTES_MAX = 256 * 1024 };

enum student_kind { STUDENT_TEXT, STUDENT_IMAGE };

struct student_note {
    enum student_kind kind;
    const struct slice *labels; /* in the order of the outputs */
    uint32_t labels_count;
    struct text_settings settings; /* of a text */
    uint32_t buckets;
    struct picture_shape input; /* of an image */
};

status student_note_write(const struct student_note *note, struct buffer *out, struct error *err);

/* Everything in it lies in the arena. CORRUPT says what is wrong with it. */
status student_note_read(struct slice json, struct arena *arena, struct student_note *out_note,
                         struct error *err);

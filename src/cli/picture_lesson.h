/*
 * picture_lesson: a folder of pictures and a teacher, made what model/distill_image learns from.
 *
 * The folder has a folder for each label with the pictures in it, JPEG or PNG, and `unlabelled` for
 * those whose label nobody knows; or it has IDX files, NAME-images-idx3-ubyte and perhaps
 * NAME-labels-idx1-ubyte, in which 255 is no label. Each picture is shown to the teacher in the
 * teacher's size, and kept in the student's. Of the folders that stand for classes the names are
 * in the order of the teacher's numbers, unless the teacher's note or a file says what those are.
 *
 * Blocking, as long as the teacher takes. Thread: the CLI's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "model/onnx_teacher.h"
#include "model/picture_set.h"

enum {
    LESSON_SIDE_DEFAULT = 32,
    LESSON_ARENA_BYTES = 4 << 20,
    LESSON_BYTES_MAX = 512 << 20, /* of pictures, and of the teacher's answers */
    LESSON_FILE_BYTES_MAX = 64 << 20
};

struct picture_lesson_options {
    const char *labels_path; /* a name on each line; NULL: none */
    uint32_t side;           /* of the student's pictures, unless the teacher's is smaller */
    struct teacher_scaling scaling;
    void (*progress)(void *owner, double share);
    void *owner;
};

struct picture_lesson {
    struct arena arena;
    struct picture_set set;
    float *logits;        /* owned: a row for each picture */
    double teacher_right; /* of the pictures with a label, from 0 to 1 */
    const struct slice *labels;
    uint32_t labels_count;
};

/* INVALID names what does not fit: the folder, a picture, the teacher, the labels; also when
 * classes were named by their order alone and the teacher gets labels right as by guessing. */
status picture_lesson_read(const char *folder, const char *teacher_path,
                           const struct picture_lesson_options *options,
                           struct picture_lesson *out_lesson, struct error *err);

/* A lesson of zeroes may be done away with as well. */
void picture_lesson_done(struct picture_lesson *lesson);

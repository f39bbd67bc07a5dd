/*
 * onnx_teacher: a classifier in an ONNX file as a teacher, asked through ONNX Runtime.
 *
 * Of pictures any file will do that takes one tensor [batch, channels, height, width] (or channels
 * last), float32 or uint8, and gives a number for each class. A teacher of texts takes the buckets
 * of model/text_buckets, and its note says how they are made: such files are ebb's own. Which class
 * is called what the note says, or the caller. One thread, so that answers are the same again.
 *
 * Thread: the one that opened it.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "base/tensor.h"
#include "model/picture_set.h"
#include "model/student_note.h"
#include "model/teacher.h"

struct onnx_teacher;

enum { ONNX_TEACHER_SIDE_MAX = 2048 };

/* As float32 a pixel becomes (byte / 255 - mean) / deviation of its channel; uint8 stays. */
struct teacher_scaling {
    double mean[PICTURE_CHANNELS_MAX], deviation[PICTURE_CHANNELS_MAX];
};

/* 0 to 1 as it is. */
extern const struct teacher_scaling TEACHER_SCALING_DEFAULT;

/* A teacher of pictures. `shape` is what pictures are where the file leaves it open; a 0: not
 * known. INVALID: the file takes or gives something else, or an open size is not known. */
status onnx_teacher_open_image(const char *path, const struct picture_shape *shape,
                               struct onnx_teacher **out_teacher, struct error *err);

/* A teacher of texts. INVALID: it has no note that says how buckets are made. */
status onnx_teacher_open_text(const char *path, struct onnx_teacher **out_teacher,
                              struct error *err);
void onnx_teacher_close(struct onnx_teacher *teacher); /* NULL is fine */

uint32_t onnx_teacher_classes(const struct onnx_teacher *teacher);

/* The names of its classes; NULL: it does not say. */
const struct slice *onnx_teacher_labels(const struct onnx_teacher *teacher);

/* The tensor that it takes for one picture, and whether channels come last. */
const struct tensor *onnx_teacher_input(const struct onnx_teacher *teacher, bool *out_last);
struct picture_shape onnx_teacher_shape(const struct onnx_teacher *teacher);

/* Before the first question; deviations are above 0. */
void onnx_teacher_scale(struct onnx_teacher *teacher, const struct teacher_scaling *scaling);

/* Asks about a tensor like its input. */
status onnx_teacher_run(struct onnx_teacher *teacher, const struct tensor *input,
                        float *out_numbers, struct error *err);

/* What a struct teacher's `ask` is, with the onnx_teacher as its owner. The pixels are those of a
 * picture_set of its shape. */
status onnx_teacher_ask_picture(void *owner, struct slice pixels, float *out_numbers,
                                struct error *err);
status onnx_teacher_ask_text(void *owner, struct slice text, float *out_numbers, struct error *err);

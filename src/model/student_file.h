/*
 * student_file: students as ONNX models, which give the same numbers as they do here.
 *
 * Of pictures: the input `picture`, float32 [batch, channels, height, width], a pixel from 0 to 1;
 * convolutions as Conv, Relu and MaxPool, then Gemm. Of texts: the input `buckets`, int64 [count],
 * what model/text_buckets finds in one text, each once; the table of weights stays in bytes. Both
 * give `logits`, float32 [batch, labels], and carry a note (model/student_note).
 *
 * The caller writes the model with model/onnx_file and closes it.
 *
 * Thread: any; the student must not change meanwhile.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include "model/graph.h"
#include "model/image_student.h"
#include "model/text_model.h"

/* `labels` has a name for each class. */
status student_file_of_image(const struct image_student *student, const struct slice *labels,
                             struct graph_model **out_model, struct error *err);

status student_file_of_text(const struct text_model *model, struct graph_model **out_model,
                            struct error *err);

/* Appends the ONNX file of a text model whose own file's bytes are given. */
status student_file_pack_text(struct slice model_bytes, struct buffer *out, struct error *err);

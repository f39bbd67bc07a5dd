/*
 * teacher: somebody who knows which label a sample has, asked one sample at a time.
 *
 * What distillation learns from: any function that gives a number for each label, the logarithms of
 * its odds or its chances. The caller connects a model behind it (cli/onnx_teacher has ONNX
 * Runtime); nothing here knows what it is.
 *
 * Thread: the learner's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

/* A text, or the bytes of a picture_set's picture: a number for each of the teacher's labels. */
typedef status teacher_ask(void *owner, struct slice sample, float *out_numbers, struct error *err);

struct teacher {
    teacher_ask *ask;
    void *owner;
    const struct slice *labels; /* the names, in the order of its numbers; not owned */
    uint32_t labels_count;
};

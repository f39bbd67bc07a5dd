/*
 * image_student: a small network that says which class a small picture is of, and learns it.
 *
 * Two convolutions of 3x3 with padding, each with ReLU and the largest of 2x2, one hidden layer
 * with ReLU and a last one; without the convolutions, and without the hidden layer, where the form
 * says so. A pixel counts as its byte / 255. Forward gives logits, backward the slope by every
 * weight for slopes by the logits. Numbers are added in one order: the same on every machine.
 *
 * What to learn is model/distill_image, how far to step model/adam, the file model/student_file.
 *
 * Thread: a student's weights any, while nobody changes them; a pass one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "model/picture_set.h"

enum {
    STUDENT_SIDE_MIN = 4, /* with convolutions: the sides are halved twice */
    STUDENT_FILTERS_MAX = 128,
    STUDENT_HIDDEN_MAX = 1024,
    STUDENT_BATCH_MAX = 256,
    STUDENT_WEIGHTS_MAX = 16 << 20,
    STUDENT_PASS_BYTES_MAX = 1 << 30
};

struct image_form {
    struct picture_shape input;
    uint32_t classes;    /* 2 .. PICTURE_LABELS_MAX */
    uint32_t filters[2]; /* multiples of 4; 0 and 0: no convolutions */
    uint32_t hidden;     /* 0: no hidden layer */
};

/* One layer's place among the weights: `inputs` rows of `outputs` numbers, then the biases. The
 * rows of a convolution go by window row, window column, channel of the input; those behind the
 * pictures by picture row, column, channel. No outputs: there is no such layer. */
struct image_layer {
    size_t weights, biases;
    uint32_t inputs, outputs;
};

enum { LAYER_FIRST, LAYER_SECOND, LAYER_HIDDEN, LAYER_LAST, LAYER_COUNT };

struct image_student {
    struct image_form form;
    struct image_layer layers[LAYER_COUNT];
    size_t weights_count;
    float *weights; /* owned */
};

/* What one forward and backward of at most `batch` pictures needs to remember. */
struct image_pass {
    struct arena arena; /* of all that follows */
    bool short_of_memory;
    uint32_t batch;
    float *pictures;        /* with a rim where they are convolved */
    float *given;           /* of one picture: what a convolution gives */
    float *given_slopes[2]; /* of one picture, with a rim */
    float *middle;          /* between the convolutions, with a rim */
    float *middle_slope;    /* of one picture */
    int32_t *peaks[2];      /* of each convolution */
    float *features;        /* behind the convolutions */
    float *features_slope;
    float *hidden, *hidden_slope;
    float *turned; /* the weights of a layer, transposed */
};

/* NULL, or what is wrong with a form, as half a sentence. */
const char *image_form_fault(const struct image_form *form);

/* A form whose weights fit `bytes` of a file: convolutions of 8 and 16 filters where the pictures
 * are large enough, and as large a hidden layer as there is room for. false: not even without. */
bool image_form_choose(const struct picture_shape *input, uint32_t classes, size_t bytes,
                       struct image_form *out_form);

/* How many numbers a student of that form has. */
size_t image_form_weights(const struct image_form *form);

/* The weights are thrown by the seed (He's spread), the biases 0. INVALID for a bad form. */
status image_student_init(struct image_student *student, const struct image_form *form,
                          uint64_t seed, struct error *err);
void image_student_done(struct image_student *student);

status image_pass_init(struct image_pass *pass, const struct image_student *student, uint32_t batch,
                       struct error *err);
void image_pass_done(struct image_pass *pass);

/* The logits of the pictures with these numbers, at most a batch of them. */
void image_student_forward(const struct image_student *student, struct image_pass *pass,
                           const struct picture_set *set, const uint32_t *rows, uint32_t count,
                           float *out_logits);

/* After forward: the slope by every weight, from the slope by every logit of these pictures. */
void image_student_backward(const struct image_student *student, struct image_pass *pass,
                            const float *logit_slopes, uint32_t count, float *out_slope);

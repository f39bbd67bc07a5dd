/*
 * layer_scene: what a layer is given and what it answers, as examples that its matrix is held
 * against.
 *
 * An example is a row of inputs (and a one, for the matrix's last column) and the outputs for it. A
 * Gemm or MatMul has one for each row that it is given, a Conv one for each position of its answer.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/tensor.h"
#include "model/layer_matrix.h"
#include "model/patch.h"

struct layer_scene {
    const float *given; /* not owned */
    bool is_picture;
    struct patch_shape shape; /* of a picture */
    uint32_t inputs;
    size_t positions; /* examples */
};

/* false: the layer cannot take that. */
bool layer_scene_of(const struct layer_matrix *layer, const struct tensor *given,
                    struct layer_scene *out_scene);

/* Writes the inputs of an example, and a one behind them. */
void layer_scene_inputs(const struct layer_scene *scene, size_t position, float *out_inputs);

/* Whether `answer` has an answer to each example; *out_outputs is how many numbers each has. */
bool layer_scene_fits(const struct layer_scene *scene, const struct tensor *answer,
                      uint32_t *out_outputs);

/* Where output `index` of `outputs` lies in an answer that fits. */
size_t layer_scene_place(const struct layer_scene *scene, size_t position, uint32_t index,
                         uint32_t outputs);

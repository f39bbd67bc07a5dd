/*
 * detector_families: how each family of detectors writes down what it found.
 *
 * Part of detector. Each reads the outputs that were found for it and adds what is as likely as
 * wanted to the candidates, in pixels of the tensor.
 *
 * Thread: any, several at once.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/candidates.h"
#include "agents/detector_outputs.h"

struct detector_work {
    struct detector_outputs *outputs;
    struct candidates *candidates;
    float score_least;
};

/* INVALID: the outputs are not of the family's shape. */
typedef status detector_family(struct detector_work *work, struct error *err);

detector_family detector_blazeface, detector_yolo8, detector_ssd, detector_centre, detector_boxes;

/* Point `index` of a candidate of BlazeFace, in pixels; false: there are no more. */
bool detector_blazeface_point(const struct detector_outputs *outputs,
                              const struct candidate *candidate, uint32_t index, float *out_x,
                              float *out_y);

/*
 * detector_outputs: which of a model's outputs is what, and their numbers as floats.
 *
 * Part of detector. By the names that the manifest gives, else by shape, type and words in names.
 *
 * Thread: any; one belongs to one call.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/detector.h"

/* An output as rows: the last dimension is a row's, all before it count them. */
struct detector_rows {
    const char *name;
    const struct tensor *tensor; /* its shape, for who wants more than rows */
    const float *numbers;
    uint32_t rows, columns;
};

struct detector_outputs {
    const struct detector_after *after;
    const struct detector_look *look;
    struct arena scratch; /* of the call; numbers that were no floats, and what a family needs */
    struct detector_rows parts[DETECTOR_PARTS][DETECTOR_OUTPUTS_MAX];
    uint32_t counts[DETECTOR_PARTS];
};

/* Finds the outputs of the family. INVALID names the one that is missing or is not finite. */
status detector_outputs_init(struct detector_outputs *outputs, const struct detector_after *after,
                             const struct detector_look *look, struct error *err);

/* Outputs of zeroes may be done away with as well. */
void detector_outputs_done(struct detector_outputs *outputs);

/* INVALID "output 'x' is 1x2x3: WANTED". */
status detector_outputs_wrong(const struct detector_rows *rows, const char *wanted,
                              struct error *err);

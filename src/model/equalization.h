/*
 * equalization: gives the channels between two layers ranges of one size.
 *
 * For a layer, a Relu, and a layer: a channel between them is divided in the first and multiplied
 * in the second by the same factor, so that the weights that make it and those that read it are
 * equally large (Nagel et al. 2019). It changes nothing but rounding as long as what lies between
 * is Relu or nothing: Relu6, hard swish and the like are not the same for a scaled channel. Whether
 * that is so, and that nobody else reads the channel, is for who knows the graph.
 *
 * Pure: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "model/channels.h"

/* A factor for each channel: sqrt(r1 * r2) / r2 of the largest weights before and behind. 1 where
 * one of them is zero or the factor is no normal float. */
void equalization_factors(const float *peaks_before, const float *peaks_behind, size_t count,
                          float *out_factors);

/* Weights of a layer: which dimension counts the channels between the two is in the layout, of as
 * many channels in both (Conv: 0 before, 1 behind; a depthwise one behind: 0). */
struct equalized {
    float *weights;
    struct channels layout;
};

/* Equalises; biases (NULL: none) are of the layer before. */
status equalize(struct equalized before, float *biases, struct equalized behind, struct error *err);

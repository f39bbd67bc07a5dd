/*
 * bias_correction: takes back what quantised weights change in the mean of a layer's outputs.
 *
 * The means of each output channel are collected twice over the same samples, from the layer as it
 * was and from the quantised one, whose inputs are quantised too; their difference goes into the
 * bias (fast bias correction, as NNCF has it). Running both models is somebody else's.
 *
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/channels.h"

struct channel_means {
    double *sums; /* owned */
    size_t channels;
    uint64_t count; /* of values of each channel */
};

status channel_means_init(struct channel_means *means, size_t channels, struct error *err);
void channel_means_done(struct channel_means *means);

/* The outputs of one run, seen as `channels` of the means. */
void channel_means_add(struct channel_means *means, const float *values, struct channels layout);

/* A bias that would change by twice its size or more was not meant to be corrected so. */
#define BIAS_CHANGE_MAX 2.0

/* Adds the difference, mean before - mean quantised, to the biases of a layer: all of them, or none
 * (false) when one would change too much or there are no means. */
bool bias_correct(const struct channel_means *before, const struct channel_means *quantized,
                  float *biases);

/*
 * kept_sample: one sample in memory, for what runs the same thing over and over.
 *
 * Thread: any; it never changes once taken.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "model/profile_inputs.h"
#include "model/samples.h"
#include "platform/inference.h"

struct kept_sample {
    struct arena arena;
    struct tensor *inputs; /* in the order of the model that it was made for */
    const char **names;    /* of that model's inputs */
    uint32_t count;
};

/* Copies the first sample for that model. NOT_FOUND: there is none. It is to be done with also
 * after a failure; one of zeroes is fine. */
status kept_sample_take(struct kept_sample *sample, const struct inference_model *model,
                        struct sample_source *samples, struct error *err);
void kept_sample_done(struct kept_sample *sample);

/* For a profile of models that take the same inputs, by name, or fewer. */
struct profile_samples kept_sample_profile(struct kept_sample *sample);

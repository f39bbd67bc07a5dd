/*
 * profile_inputs: what a model is measured with: real samples, or numbers by chance.
 *
 * Numbers by chance are the same for the same seed, name, type and shape of an input, so two files
 * of one model get the same ones. Dimensions that a model leaves open are 1 unless somebody says
 * more: what text and pictures a model really gets is known to whoever has them.
 *
 * Pure but for memory: any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "base/tensor.h"
#include "platform/inference.h"

/* What somebody says of an input. */
struct profile_input {
    struct slice name;
    bool has_shape;
    uint32_t rank;
    int64_t shape[TENSOR_RANK_MAX];
    bool has_number;
    double number; /* all of its numbers are this one */
};

/* Real samples in the place of numbers by chance. */
struct profile_samples {
    uint32_t count; /* at most MEASURE_SAMPLES_MAX */
    /* Fills a tensor for each port of a model; the bytes stay until the next call. */
    status (*sample)(void *owner, uint32_t index, const struct inference_port *ports,
                     uint32_t port_count, struct tensor *out_tensors, struct error *err);
    void *owner;
};

/* "input=1x3x48x320" gives a shape, "sr=16000" a number; the text outlives what is read. INVALID
 * says what is wrong. */
status profile_input_read_shape(struct slice text, struct profile_input *out_input,
                                struct error *err);
status profile_input_read_number(struct slice text, struct profile_input *out_input,
                                 struct error *err);

/* Makes a tensor for each port, whose bytes profile_inputs_done gives back, also after a failure.
 * Both a shape and a number may be said of one. INVALID: what is said does not fit a port. */
status profile_inputs_make(const struct inference_port *ports, uint32_t port_count,
                           const struct profile_input *said, uint32_t said_count, uint64_t seed,
                           struct tensor *out_tensors, struct error *err);
void profile_inputs_done(struct tensor *tensors, uint32_t count);

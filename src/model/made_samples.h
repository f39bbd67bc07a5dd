/*
 * made_samples: samples of numbers by chance, for who has none: the same ones for the same seed.
 *
 * They show that two models compute the same; what a model does with real data they do not.
 * Real samples are model/samples and agents/agent_samples.
 *
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "model/profile_inputs.h"
#include "model/samples.h"

/* `count` samples for the model, which stays the caller's, as are the inputs that something is said
 * of; all must live as long. */
status made_samples_open(const struct inference_model *model, const struct profile_input *said,
                         uint32_t said_count, uint32_t count, struct sample_source *out_source,
                         struct error *err);

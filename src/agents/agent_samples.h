/*
 * agent_samples: samples for a model out of a folder of what its agent takes: pictures, sounds, and
 * calls as JSON; made into tensors as the manifest's `before` says, by the code that serves calls.
 *
 *   NAME.png, NAME.jpg   where `before: { image: ... }` is
 *   NAME.wav             where `before: { audio: ... }` is: a sample for each stretch of so many
 *                        samples of sound as the agent's input says, in the order of time
 *   NAME.json            else: the inputs of a call, an object
 *
 * What a model carries from call to call is what it gave itself for the stretch before, so every
 * sample of a stream stands for itself: the model is run meanwhile. Which samples are for which
 * part of the work is model/sample_list.
 *
 * Blocking: programs and tools. Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/agent_manifest.h"
#include "model/samples.h"

/* Samples of the folder. The manifest, of kind onnx, and the model stay the caller's and must live
 * as long; the model need not be the file that the manifest names, but must take and give the same.
 * INVALID: manifest and model do not go together; NOT_FOUND: no sample is of that part. */
status agent_samples_open(const struct agent_manifest *manifest, struct inference_model *model,
                          const char *folder, enum sample_part part,
                          struct sample_source *out_source, struct error *err);

/*
 * samples: inputs for a model, one sample after another, in an order that never changes.
 *
 * Who measures or adapts a model takes a sample_source and does not ask where its samples come
 * from. This file offers one for folders of tensors:
 *
 *   NAME.npy             a sample of a model with one input
 *   NAME/INPUT.npy       a file for each input of the model; a / in its name is _ in the file's
 *   NAME/input_N.pb      the N-th input as a TensorProto, as ONNX's own test data has it
 *
 * One sample is in memory at a time. Pictures, sounds and what else an agent's manifest makes
 * tensors of is agents/agent_samples; which samples are for which part of the work, sample_list.
 *
 * Blocking: programs and tools. Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/tensor.h"
#include "model/sample_list.h"
#include "platform/inference.h"

enum { SAMPLE_BYTES_MAX = 2 * TENSOR_BYTES_MAX /* of all inputs together */ };

struct sample {
    const char *name;            /* of the file or folder, relative to the samples' folder */
    const char *path;            /* of the same */
    uint32_t moment;             /* which of several that one file gave, from 0 on */
    const struct tensor *inputs; /* of the model, in its order */
    uint32_t input_count;
};

/* Whoever gives samples. */
struct sample_source {
    void *owner;
    uint32_t count; /* of files; one of them may give several samples */
    /* The next sample, which stays until the next call; *out_more is false at the end. INVALID
     * names the sample that does not fit the model; the call after it goes on behind that one. */
    status (*next)(void *owner, struct sample *out_sample, bool *out_more, struct error *err);
    void (*rewind)(void *owner); /* to the first */
    void (*close)(void *owner);
};

/* One of zeroes may be closed as well. */
void sample_source_close(struct sample_source *source);

/* Samples of the folder for that model, which stays the caller's and must live as long. A tensor
 * may leave out the model's dimensions in front where those are 1 or open. NOT_FOUND: no sample is
 * of that part; INVALID: the model takes what no tensor is. */
status samples_open(const char *folder, enum sample_part part, const struct inference_model *model,
                    struct sample_source *out_source, struct error *err);

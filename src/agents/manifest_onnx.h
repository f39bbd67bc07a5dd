/*
 * manifest_onnx: the keys of a manifest that only `kind: onnx` has: the model, what becomes of a
 * call's inputs before it, and of its outputs after it.
 *
 * Part of agent_manifest; plain data in the manifest's arena. Whether the model has what is named
 * here is known when it is opened (onnx_plan).
 *
 * Thread: any; blocks on the disk.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/agent_manifest.h"
#include "agents/classifier.h"
#include "agents/manifest_picture.h"
#include "agents/manifest_variants.h"
#include "agents/number_tensor.h"
#include "agents/onnx_metadata.h"
#include "model/compiled.h"
#include "platform/inference.h"
#include "wire/keys.h"

/* How the names of compiled models end: made where they are used, they are not taken along. */
#define ONNX_COMPILED_ENDING COMPILED_ENDING

enum {
    ONNX_PARTS_MAX =
        64, /* of `set`, `carry`, `numbers`, `value`, `values`: what a model may have */
    ONNX_FEATURES_MAX = 4096,
    ONNX_CONTEXT_MAX = 1 << 20,
};
static const int64_t ONNX_MEMORY_BYTES_DEFAULT = (int64_t)1 << 30;

/* before: { numbers: ... }: numbers of the call that become an input of the model. */
struct numbers_before {
    struct slice from; /* an input of the agent; empty: all of them, or the one that there is */
    const struct slice *features; /* members in the order of the numbers; NULL: lists of numbers */
    uint32_t feature_count;
    struct slice to; /* an input of the model; empty: the one that is left */
    struct number_scaling scaling;
    bool scaling_given;
};

/* before: { audio: ... }: sound that becomes an input of the model. */
struct audio_before {
    bool given;
    struct slice from, to;
    int context; /* samples of the call before that stand in front */
    double scale;
};

/* after: { value: ... } and { values: ... }: an output of the model by a name of the agent. */
struct value_after {
    struct slice output, as;
    bool one; /* one number; else lists without the dimensions of 1 in front */
};

/* model: { carry: ... } */
struct carry_pair {
    struct slice output, input;
};

struct onnx_manifest {
    struct inference_options options;
    struct manifest_variants variants;
    const struct onnx_metadata *metadata; /* NULL: none was named */
    const struct member *set;             /* an input of the model and what it always is */
    uint32_t set_count;
    const struct carry_pair *carry;
    uint32_t carry_count;
    const struct numbers_before *numbers;
    uint32_t numbers_count;
    struct audio_before audio;
    const struct manifest_picture *picture; /* NULL: none */
    const struct value_after *values;
    uint32_t values_count;
    const struct classifier_after *classifier; /* NULL: none */
    const struct detector_after *detector;     /* NULL: none */
    bool compiled;    /* what is made of the model at the start is kept beside it */
    bool performance; /* the output says how long it took */
};

/* The keys of `model`, `before` and `after`. */
extern const struct key_table MANIFEST_MODEL_TABLE, MANIFEST_BEFORE_TABLE, MANIFEST_AFTER_TABLE;

/* Readers of one key each; the target is the manifest. Of `model` a text agent has `file` alone. */
void manifest_read_text_model(struct reading *reading, const struct key *key,
                              const struct yaml *node, void *target);
void manifest_read_onnx_model(struct reading *reading, const struct key *key,
                              const struct yaml *node, void *target);
void manifest_read_before(struct reading *reading, const struct key *key, const struct yaml *node,
                          void *target);
void manifest_read_after(struct reading *reading, const struct key *key, const struct yaml *node,
                         void *target);

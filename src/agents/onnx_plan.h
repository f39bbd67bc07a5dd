/*
 * onnx_plan: what each input of an agent's model is made of, and which of its outputs are for what.
 *
 * Made once, when the agent is opened, of the manifest and of what the model declares; everything
 * that does not go together is said then, with the names that would.
 *
 * Immutable afterwards: read on any thread.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/manifest_onnx.h"

enum { ONNX_PORTS_MAX = 64 /* inputs of the model, and those of its outputs that are wanted */ };

enum onnx_source {
    ONNX_FREE, /* none yet: only while the plan is made */
    ONNX_SET,
    ONNX_STATE,
    ONNX_NUMBERS,
    ONNX_AUDIO,
    ONNX_PICTURE
};

struct onnx_input {
    const char *name;
    enum onnx_source source;
    struct tensor tensor; /* type, rank and shape (-1: as given); of ONNX_SET the numbers too */
    uint32_t wanted;      /* of ONNX_STATE: index in the plan's `wanted` of what it becomes */
    const struct numbers_before *numbers;
    struct number_scaling scaling; /* of ONNX_NUMBERS */
    bool described;                /* the metadata is about it */
    const struct audio_before *audio;
    struct picture_before picture; /* of ONNX_PICTURE, as the model and the metadata complete it */
    struct slice field;            /* the input of the agent; empty: all of them */
    const struct field *sound;     /* of audio: what it must be; NULL: the manifest does not say */
};

/* An output that goes to the call. */
struct onnx_output {
    uint32_t wanted; /* index in the plan's `wanted` */
    struct slice as;
    bool one, raw; /* one number; lists in its whole shape */
};

struct onnx_plan {
    const struct agent_manifest *manifest;
    struct onnx_input inputs[ONNX_PORTS_MAX];
    uint32_t input_count;
    uint32_t wanted[ONNX_PORTS_MAX]; /* outputs of the model that are computed */
    const char *wanted_names[ONNX_PORTS_MAX];
    uint32_t wanted_count;
    struct onnx_output outputs[ONNX_PORTS_MAX];
    uint32_t output_count;
    const struct classifier_after *classifier; /* NULL: none */
    uint32_t classified;                       /* index in `wanted` */
    const struct detector_after *detector;     /* NULL: none; it looks at all that is wanted */
    bool has_state;
};

/* INVALID: manifest and model do not go together. Constants lie in the arena, names are the
 * model's and the manifest's. */
status onnx_plan_make(const struct agent_manifest *manifest, const struct inference_model *model,
                      struct arena *arena, struct onnx_plan *plan, struct error *err);

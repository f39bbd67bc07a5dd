/*
 * model_data: the samples that a command for models works with: --data, --agent, --shape, --set.
 *
 * --data DIR alone is tensors (.npy, ONNX's test data) or a file of small pictures (IDX); with
 * --agent DIR it is what that agent takes (pictures, sounds, calls as JSON), made into tensors by
 * its manifest. Without --data numbers are made up, with the sizes that --shape says and the
 * numbers that --set says.
 *
 * Thread: the CLI's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "agents/labels.h"
#include "cli/call.h"
#include "model/kept_sample.h"
#include "model/profile_inputs.h"
#include "model/samples.h"

enum { MODEL_DATA_INPUTS_MAX = 64, MODEL_DATA_MADE_COUNT = 4 };

#define MODEL_DATA_MEMORY_BYTES ((int64_t)2 << 30)

/* The options that it reads, for a command's table. */
#define MODEL_DATA_OPTIONS                                                                         \
    {"data", "DIR", "samples: .npy, IDX pictures, or with --agent what the agent takes"},          \
        {"agent", "DIR", "the agent whose manifest makes tensors of the samples"},                 \
        {"shape", "INPUT=SHAPE", "sizes that the model leaves open: x=1x3x48x320"}, {              \
        "set", "INPUT=NUMBER", "an input that is always the same number: sr=16000"                 \
    }

#define MODEL_DATA_MASK_OPTION                                                                     \
    { "mask-above", "NUMBER", "outputs above it are a mask, for drift.iou (0.5)" }

struct model_data;

/* Reads the options; the model at `path` is opened. */
status model_data_open(struct call *call, const char *path, struct model_data **out_data,
                       struct error *err);
void model_data_close(struct model_data *data); /* NULL is fine */

/* What is said of inputs by --shape and --set. */
const struct profile_input *model_data_inputs(const struct model_data *data, uint32_t *out_count);

/* Samples of that part (SAMPLE_PART_COUNT: all); sample_source_close ends them. Numbers that are
 * made up are of every part. */
status model_data_samples(struct model_data *data, enum sample_part part,
                          struct sample_source *out_source, struct error *err);

/* Labels of the classes that the agent's model tells apart, and the output that does (empty: the
 * only one). NULL: nothing is said of any. */
const struct labels *model_data_labels(const struct model_data *data, struct slice *out_output);

/* One of them, for who runs the same thing over and over. It is to be done with also after a
 * failure. */
status model_data_keep(struct model_data *data, struct kept_sample *out_sample, struct error *err);

/* --mask-above, or what is usual. INVALID: it is no number. */
status model_data_mask(const struct call *call, float *out_above, struct error *err);

/* Whether they are somebody's, not made up. */
bool model_data_is_real(const struct model_data *data);

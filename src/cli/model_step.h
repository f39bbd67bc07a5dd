/*
 * model_step: a command that makes one model file of another: read, changed, held against the
 * original, written.
 *
 * The command reads with model_step_begin, changes step->model and ends with model_step_end, which
 * runs both models on the same samples and says how far they are apart. What claims to lose nothing
 * and does is not written, nor what is to be faster or smaller and is not. Nothing is half-written:
 * the file is there, whole, or it is not.
 *
 * Thread: the CLI's only one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "cli/call.h"
#include "cli/model_data.h"
#include "model/graph.h"
#include "model/model_facts.h"

/* The options of every step, for a command's table. */
#define MODEL_STEP_OPTIONS                                                                         \
    {"out", "FILE", "the new model (NAME-STEP.onnx in this folder); -o is the same"},              \
        MODEL_DATA_OPTIONS

enum { MODEL_STEP_NOTES_MAX = 8 };

struct model_step {
    const char *name; /* of the step, as it ends the file's: "fold" */
    const char *path; /* of the original */
    struct slice out;
    struct graph_model *model; /* owned: the one that is changed */
    struct model_facts before;
    int64_t file_bytes;
    bool is_lossless;                           /* it says of itself */
    bool is_adapted;                            /* to samples: it is judged by others */
    bool must_be_smaller, must_be_faster;       /* than the original */
    struct slice notes[MODEL_STEP_NOTES_MAX];   /* sentences of the step's own */
    struct member extras[MODEL_STEP_NOTES_MAX]; /* the same for programs */
    uint32_t note_count, extra_count;
};

/* Reads the file that was typed. INVALID: --out is the file itself. */
status model_step_begin(struct call *call, const char *name, struct model_step *out_step,
                        struct error *err);
void model_step_done(struct model_step *step);

/* One more sentence, and one more member of the JSON. */
void model_step_note(struct model_step *step, struct slice sentence);
void model_step_extra(struct model_step *step, struct slice name, struct value value);

/* CONFLICT: it changes answers though it should not, or is not better where it should be. Writes
 * nothing with --dry-run. */
status model_step_end(struct call *call, struct model_step *step, struct error *err);

/*
 * train: labelled texts in, a text model and an honest account of it out.
 *
 * With a teacher some or all of the texts may be without a label: the model learns from what the
 * teacher says of them (distillation).
 *
 * Every text is held back once: it is scored by a model that was trained without its fifth of the
 * texts. Those answers choose the size of the learning step, make the scores honest chances, and
 * are what the report counts; then the model is trained on all texts. What the report says is
 * therefore about texts that are like these, not about the future.
 *
 * Blocking, seconds: programs. Memory is bounded by the options. Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "model/teacher.h"
#include "model/text_model.h"

/* The folder (or label) of texts whose label nobody knows but a teacher. */
#define TRAIN_UNLABELLED "unlabelled"

enum {
    TRAIN_MODEL_BYTES_DEFAULT = 256000,
    TRAIN_MODEL_BYTES_MIN = TEXT_MODEL_HEAD_MAX + 1024,
    TRAIN_MEMORY_BYTES_DEFAULT = 512 << 20,
    TRAIN_PASSES_DEFAULT = 10,
    TRAIN_PASSES_MAX = 1000,
    TRAIN_FOLDS = 5
};

struct train_options {
    uint64_t seed;
    int64_t model_bytes_max;  /* of the file */
    int64_t memory_bytes_max; /* of the features and what is learned from them */
    int64_t trained_at_ms;    /* wall clock, for the provenance; 0: now */
    uint32_t passes;
    uint32_t text_bytes_max; /* of a text, no more is looked at */
    bool pairs;              /* look at pairs of words */
    int letters;             /* at runs of so many letters; 0: at none; -1: where texts are short */
    const struct teacher *teacher; /* NULL: the labels alone teach */
    double temperature, share;     /* as in model/distill_loss; 0 and below 0: they are chosen */
    /* NULL, or told now and then how far the work is, from 0 to 1. */
    void (*progress)(void *owner, double share);
    void *owner;
};

/* One label as the held-back texts saw it; a text without one counts to the teacher's. */
struct train_label {
    char name[TEXT_LABEL_BYTES_MAX + 1];
    uint32_t texts;
    uint32_t said[TEXT_LABELS_MAX]; /* of these texts, how many were given each label */
    double precision, recall;       /* 0 where nothing was said or nothing is there */
};

struct train_report {
    uint32_t texts;
    uint32_t repeats; /* equal to another of their label */
    uint64_t text_bytes;
    uint32_t labels_count;
    struct train_label labels[TEXT_LABELS_MAX]; /* by name, as in the model */
    double accuracy;                            /* of held-back texts */
    double loss;                                /* mean of -log of the right label's chance */
    double step;                                /* the one that was chosen */
    uint32_t labelled;         /* texts whose label was given; all without a teacher */
    double agreement;          /* of held-back texts, with the teacher; 0 without one */
    double temperature, share; /* those that were chosen */
    int letters;
    uint32_t buckets;
    uint64_t model_bytes;
    double read_seconds, learn_seconds;
};

/* What is used when nobody says otherwise. */
void train_options_init(struct train_options *options);

/* Trains on a folder or a file of lines (see text_examples) and appends the model file to `out`. */
status train_text(const char *path, const struct train_options *options, struct buffer *out,
                  struct train_report *out_report, struct error *err);

/* The same into a file, which is replaced once the model is whole. */
status train_text_file(const char *path, const char *model_path,
                       const struct train_options *options, struct train_report *out_report,
                       struct error *err);

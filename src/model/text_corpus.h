/*
 * text_corpus: labelled texts as features in memory, for training.
 *
 * A text is added once and kept as the list of its features, so that many passes over it are cheap.
 * Equal texts of a label share a fold, so none is held back while its twin is trained on. Memory is
 * bounded at birth. Reading files is model/text_examples.
 *
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "model/text_features.h"
#include "model/text_model.h"

enum { CORPUS_TEXTS_MAX = 4 << 20 };

struct corpus_text {
    size_t first;   /* of the corpus's features */
    uint32_t count; /* of features; each stands once */
    uint16_t label;
    uint16_t fold;
    uint64_t digest; /* equal for equal texts */
};

struct corpus_label {
    char name[TEXT_LABEL_BYTES_MAX + 1];
    uint32_t texts;
};

/* Plain to read; changed by the functions below alone. */
struct text_corpus {
    struct text_settings settings;
    uint32_t buckets; /* 0 until text_corpus_bucket */
    uint32_t labels_count;
    struct corpus_label labels[TEXT_LABELS_MAX];
    uint32_t *features; /* owned: hashes, later bucket numbers, text after text */
    size_t features_count, features_room;
    struct corpus_text *texts; /* owned */
    size_t texts_count, texts_room;
    uint64_t *seen; /* owned: a bit for each hash of the text that is being added */
    size_t bytes_max;
    uint64_t text_bytes; /* of all texts, before they are cut */
    uint32_t repeats;    /* texts that are equal to another; known once folds are given */
};

/* Labels are numbered by the order of their names once text_corpus_settle was called. */
status text_corpus_init(struct text_corpus *corpus, const struct text_settings *settings,
                        size_t bytes_max, struct error *err);
void text_corpus_done(struct text_corpus *corpus);

/* Adds one text, which is not kept. INVALID for a label that is none, FULL at a bound. */
status text_corpus_add(struct text_corpus *corpus, struct slice text, struct slice label,
                       struct error *err);

/* After the last text: sorts the labels by name and deals the texts of each label to `folds` folds,
 * in an order that the seed alone decides. INVALID when there are too few labels or texts. */
status text_corpus_settle(struct text_corpus *corpus, uint32_t folds, uint64_t seed,
                          struct error *err);

/* How many different features all texts have together. */
uint32_t text_corpus_features(struct text_corpus *corpus);

/* Once, at the end: makes hashes bucket numbers, of which a text has each once again. */
void text_corpus_bucket(struct text_corpus *corpus, uint32_t buckets);

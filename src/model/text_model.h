/*
 * text_model: which label a text has, from a file of a few hundred kilobytes (.ebtm).
 *
 * A linear classifier over hashed features: a weight of one byte for each bucket (and label, when
 * there are more than two), the sum scaled so that it is the logarithm of the odds. Made by
 * model/train; here it is written, read with every length checked, and asked. The sums are whole
 * numbers, so a text gets the same answer on every machine.
 *
 * Thread: any, many at once; a model never changes. A file is written by file_replace alone.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"
#include "model/text_features.h"

enum {
    TEXT_MODEL_VERSION = 1,
    TEXT_LABELS_MAX = 64,
    TEXT_LABEL_BYTES_MAX = 64,
    TEXT_BUCKETS_MIN = 64,
    TEXT_BUCKETS_MAX = 1 << 24,
    TEXT_PROVENANCE_BYTES_MAX = 4096,
    TEXT_MODEL_HEAD_MAX = 10 * 1024, /* all but the weights */
    TEXT_MODEL_BYTES_MAX = TEXT_BUCKETS_MAX + TEXT_MODEL_HEAD_MAX
};

struct text_model;

/* A model in parts, for the writer. Nothing is owned. */
struct text_parts {
    struct text_settings settings;
    const struct slice *labels;
    uint32_t labels_count;
    uint32_t buckets;
    const double *scales;    /* of each vector: what a weight of 1 is worth */
    const double *biases;    /* of each vector */
    const int8_t *weights;   /* buckets * vectors, the vectors of a bucket side by side */
    struct slice provenance; /* a JSON object: when and from what it was trained */
};

/* How many vectors of weights there are: one speaks for and against the second of two labels,
 * otherwise each label has its own. */
uint32_t text_vectors(uint32_t labels_count);

/* NULL, or what is wrong with a label, as half a sentence. */
const char *text_label_fault(struct slice label);

/* Appends the file's bytes. INVALID when the parts are none that text_model_read takes. */
status text_model_write(const struct text_parts *parts, struct buffer *out, struct error *err);

/* Reads a model from bytes, which are copied. CORRUPT says what is wrong with them; INVALID names
 * both versions when they were written by a newer ebb. */
status text_model_read(struct slice bytes, struct text_model **out_model, struct error *err);

/* The same from a file. */
status text_model_open(const char *path, struct text_model **out_model, struct error *err);
void text_model_close(struct text_model *model);

/* What the model says of itself; the slices are the model's. */
uint32_t text_model_labels(const struct text_model *model);
struct slice text_model_label(const struct text_model *model, uint32_t index);
struct text_settings text_model_settings(const struct text_model *model);
uint32_t text_model_buckets(const struct text_model *model);
struct slice text_model_provenance(const struct text_model *model);
size_t text_model_bytes(const struct text_model *model); /* of the file, and about that in memory */

/* All of it in parts, which are the model's: for who writes it in another format. */
struct text_parts text_model_parts(const struct text_model *model);

/* The memory that a question needs, for the caller to bring; it need not be cleared. */
size_t text_model_scratch_bytes(const struct text_model *model);

/* Turns logarithms of odds into chances that add up to 1, in place; returns the likeliest. */
uint32_t text_chances(double *odds, uint32_t count);

/* How likely each label is; the chances (one for each label) add up to 1. Returns the index of the
 * likeliest. `scratch` is aligned as memory_new's. */
uint32_t text_model_ask(const struct text_model *model, struct slice text, void *scratch,
                        double *out_chances);

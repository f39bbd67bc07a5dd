/*
 * optimise: makes smaller and faster models of one, keeps those that are, and picks one of them.
 *
 * In stages: what loses nothing (model/simplify), the same with channels in whole blocks where the
 * processor has such (model/blocked), whole numbers of 8 bits with the layers left out that do harm
 * (model/quantize_search), large products and LSTMs with ranges found in each run
 * (model/dynamic_quantize), half-precision weights for a small file. What does not load, answers
 * too far from the original or is better in nothing is refused with the reason; the original is one
 * of the variants, and the answer when no other is better. Samples come in three parts: with one
 * ranges are measured, with one variants are searched, and only with the third they are judged.
 *
 * What the variants cost is model/profile's, which is taken model/choice's; how it all looks to a
 * person, model/report's.
 *
 * While the work goes on the folder holds .search.json and .ranges.json, what was found so far: the
 * same work, begun again after it was ended or killed, goes on from there. All done, they are gone.
 *
 * Blocking, for minutes. Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "model/budget.h"
#include "model/changed.h"
#include "model/choice.h"
#include "model/profile.h"
#include "model/proof.h"
#include "model/quantize_search.h"
#include "model/samples.h"

enum {
    OPTIMISE_VARIANTS_MAX = 8,
    OPTIMISE_NAME_BYTES = 24,
    OPTIMISE_PATH_BYTES = 4096,
    OPTIMISE_SEARCH_SAMPLES = 32 /* of the selection part, for each model that is tried */
};

/* When a budget says nothing of drift, a variant keeps to one of these. */
#define OPTIMISE_SQNR_DB_LEAST 20.0
#define OPTIMISE_ARGMAX_LEAST  0.97

struct optimise_options {
    const char *path;   /* the model */
    const char *folder; /* where variants go; it is there */
    const struct budget *budget;
    /* Samples of a part, as often as asked. */
    status (*samples)(void *owner, enum sample_part part, struct sample_source *out_source,
                      struct error *err);
    /* NULL, or told what is done and how far that is, from 0 to 1; false ends it: INTERRUPTED. */
    bool (*progress)(void *owner, const char *stage, double share);
    /* NULL, or told in a sentence where a search that was ended goes on. */
    void (*say)(void *owner, const char *sentence);
    void *owner;
    bool begins_anew;             /* what a search that was ended has found is not looked at */
    enum threshold_method method; /* of the ranges of activations */
    float mask_above;             /* outputs above it are a mask, for drift.iou */
    bool is_mask;                 /* and nothing else: their rows have no classes */
    int64_t time_ms;              /* to measure each variant in */
    int64_t memory_bytes;         /* of a model */
};

struct optimise_variant {
    char name[OPTIMISE_NAME_BYTES];
    char file[OPTIMISE_NAME_BYTES]; /* in the folder; "" when it was not made */
    char how[ERROR_TEXT_MAX];       /* what was done */
    char refused[ERROR_TEXT_MAX];   /* why it is not offered; "": it is */
    bool no_memory_pattern;         /* it is to be run so: less memory, and it costs no time here */
    struct proof proof;             /* on the evaluation part */
    struct changed *changed;        /* owned: samples of the same; NULL: nobody could look */
    struct profile_row row;
    struct choice choice;
};

struct optimised {
    struct optimise_variant variants[OPTIMISE_VARIANTS_MAX]; /* the first is the original */
    uint32_t variant_count;
    uint32_t picked;
    bool keeps;            /* the picked one keeps the budget */
    uint32_t sample_count; /* of the evaluation part, that were judged by */
    bool has_search;
    struct quantize_found search; /* layers and what was tried */
};

/* INVALID, CORRUPT: the model cannot be read or run; NOT_FOUND: there are no samples; INTERRUPTED:
 * progress ended it, and what the folder holds goes on from there. Whatever else goes wrong is a
 * variant's. */
status optimise(const struct optimise_options *options, struct optimised *out_optimised,
                struct error *err);
void optimised_done(struct optimised *optimised); /* one of zeroes is fine */

/*
 * optimise_inner: what the stages of optimise know together; part of optimise.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "model/kept_sample.h"
#include "model/optimise.h"
#include "model/search_journal.h"

struct optimising {
    const struct optimise_options *options;
    struct optimised *out;
    struct buffer original;    /* the file */
    struct buffer folded;      /* what loses nothing; empty: it could not be made */
    struct buffer base;        /* the same with scales per channel; empty: so */
    const char *data_folder;   /* of external data */
    struct graph_model *model; /* the original, for its folder */
    struct proof_reference *selection;
    struct budget drift;       /* what a search keeps to of the budget's limits of drift */
    struct kept_sample sample; /* that searches are timed with */
    const char *stage;         /* that was told last */
    double share;
    bool has_ranges; /* of before the work was ended */
    bool is_ended;   /* whoever is told wants no more */
    char base_path[OPTIMISE_PATH_BYTES], try_path[OPTIMISE_PATH_BYTES];
};

/* Whether the work goes on; optimise_ask says nothing new. */
bool optimise_tell(struct optimising *work, const char *stage, double share);
bool optimise_ask(struct optimising *work);

/* INTERRUPTED once it does not go on. */
status optimise_check(const struct optimising *work, struct error *err);

void optimise_refuse(struct optimise_variant *variant, const struct error *why);

/* Where a file of the folder is. */
void optimise_path(const struct optimising *work, const char *file,
                   char out_path[OPTIMISE_PATH_BYTES]);

/* A variant's file and external data of its, which has names that begin so. */
void optimise_remove(const struct optimising *work, const char *file);

/* Whether that is near enough to the original where no budget says what is; with that share of the
 * drift that is usual. */
bool optimise_is_near(const struct proof *proof, double share);

/* The ranges that were measured before the work was ended. The key is a hash of all that they hang
 * on, the samples' numbers included; false: there are none of that key, or they are damaged. */
status optimise_ranges_key(const struct optimising *work, struct sample_source *samples,
                           const struct quantize_options *quantizing, struct digest *out_key,
                           struct error *err);
bool optimise_ranges_read(const struct optimising *work, struct graph_model *model,
                          struct digest key, struct quantize_options *options);
void optimise_ranges_write(const struct optimising *work, struct digest key,
                           const struct quantize_options *options);
void optimise_ranges_remove(const struct optimising *work);

/* What an earlier search in the folder has found, if it was the same; said to who wants to know. */
status optimise_journal_open(const struct optimising *work,
                             const struct quantize_options *quantizing,
                             struct search_journal **out_journal, struct error *err);
void optimise_journal_remove(const struct optimising *work);

/* The model with products of matrices and LSTMs in whole numbers whose ranges each run finds, as a
 * file, and what was done. NOT_FOUND: it has none that are large enough. */
status optimise_dynamic(const struct optimising *work, struct buffer *out_bytes,
                        char out_how[ERROR_TEXT_MAX], struct error *err);

/* Holds the variants against the original, measures them and picks one. */
status optimise_judge(struct optimising *work, struct error *err);

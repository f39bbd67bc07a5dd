/*
 * sample_list: the names of a folder's samples, in an order that never changes, and which part of
 * the work each is for.
 *
 * What a model is adapted to must not be what it is judged by, so samples have three parts. A
 * folder that holds the folders calibration, selection and evaluation has split them itself. In any
 * other a hash of the name says where a sample belongs: one more, or one less, moves no other.
 *
 * Not here: what is in the files (model/samples, agents/agent_samples).
 *
 * Blocking: programs and tools. Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

enum {
    SAMPLE_NAMES_BYTES_MAX = 32 << 20, /* of all names of a list */
    SAMPLE_PATH_BYTES_MAX = 4096
};

enum sample_part {
    SAMPLE_CALIBRATION, /* what ranges of numbers are measured with: four of ten samples */
    SAMPLE_SELECTION,   /* what variants are chosen by: two of ten */
    SAMPLE_EVALUATION,  /* what is said of the chosen one: four of ten */
    SAMPLE_PART_COUNT   /* as a wish: all samples */
};

/* "calibration" and so on. */
const char *sample_part_name(enum sample_part part);

/* Where a hash puts a sample. Names that differ in their ending alone are of one part. */
enum sample_part sample_part_of(struct slice name);

/* Which entries of a folder are samples. */
struct sample_kind {
    const char *const *endings; /* ".npy" and so on, in lower case, ended by NULL */
    bool folders;               /* a folder is one as well */
    const char *wanted;         /* for sentences: "files NAME.npy" */
};

struct sample_list {
    char folder[SAMPLE_PATH_BYTES_MAX];
    struct buffer names; /* relative to the folder, a zero behind each */
    uint32_t count;
    size_t at; /* of the name that is next */
};

/* Looks at what is there; names that begin with a dot are passed over. NOT_FOUND: no sample is of
 * that part, with what would be one. The list is to be done with also then. */
status sample_list_open(const char *folder, const struct sample_kind *kind, enum sample_part part,
                        struct sample_list *out_list, struct error *err);
void sample_list_done(struct sample_list *list); /* one of zeroes is fine */

/* The next name, or NULL at the end. It is the list's. */
const char *sample_list_next(struct sample_list *list);
void sample_list_rewind(struct sample_list *list);

/* FOLDER/NAME. INVALID: longer than a path may be. */
status sample_list_path(const struct sample_list *list, const char *name,
                        char out_path[SAMPLE_PATH_BYTES_MAX], struct error *err);
